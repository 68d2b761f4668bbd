#include "policy/report_date.h"

#include <string.h>

#include "base/str.h"
#include "base/when.h"

#define ROOM	    64 /* far more than any fraction of a second needs */
#define TIME_AT	    11 /* "2026-11-23T" */
#define SECONDS_END 19 /* "2026-11-23T20:15:00" */
#define MIDNIGHT    "24:00:00"
#define DIGITS	    "0123456789"

/* Makes "", "z" and "+0100" what they should be. */
static void mend_zone(char *zone)
{
	if (!*zone || streq(zone, "z")) {
		zone[0] = 'Z';
		zone[1] = '\0';
	} else if (strlen(zone) == 5) {
		memmove(zone + 4, zone + 3, 3);
		zone[3] = ':';
	}
}

/* To the next day's 00:00:00, for which the caller adds the day. */
static bool mend_midnight(char *time)
{
	if (!str_starts(time, MIDNIGHT))
		return false;
	time[0] = time[1] = '0';
	return true;
}

bool report_date_parse(const char *text, time_t *at)
{
	char mended[ROOM], *zone = mended + SECONDS_END;
	bool is_next_day;
	time_t found;

	/* Two more bytes may come to stand in it. */
	if (!str_copy(mended, ROOM - 2, text) || strlen(mended) < SECONDS_END)
		return false;
	if (strchr("t ", mended[TIME_AT - 1]))
		mended[TIME_AT - 1] = 'T';
	is_next_day = mend_midnight(mended + TIME_AT);
	if (*zone == '.')
		zone += 1 + strspn(zone + 1, DIGITS);
	mend_zone(zone);
	if (!instant_parse(mended, &found))
		return false;
	*at = found + (is_next_day ? WHEN_DAY : 0);
	return true;
}
