#include "tests/sim/date.h"

const char *sim_date(time_t at, char out[static SIM_DATE])
{
	struct tm tm;

	gmtime_r(&at, &tm);
	strftime(out, SIM_DATE, "%a, %d %b %Y %H:%M:%S GMT", &tm);
	return out;
}
