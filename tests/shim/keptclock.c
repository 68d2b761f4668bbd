/* A clock that a time service keeps, as the kernel would say it. */
#include <string.h>
#include <sys/timex.h>

int adjtimex(struct timex *t)
{
	memset(t, 0, sizeof(*t));
	return TIME_OK;
}
