/* A clock that a time service keeps, as the kernel would say it. */
#include <string.h>
#include <sys/timex.h>

int adjtimex(struct timex *__ntx) /* NOLINT: the header's name for it */
{
	memset(__ntx, 0, sizeof(*__ntx));
	return TIME_OK;
}
