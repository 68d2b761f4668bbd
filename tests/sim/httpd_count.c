#include "tests/sim/httpd_count.h"

#include <time.h>

bool count_comes_to(struct httpd *httpd, size_t which, unsigned long value)
{
	const struct timespec pause = { .tv_nsec = 5000000 };
	struct httpd_counts counts;

	for (int i = 0; i < 1000; i++) {
		httpd_count(httpd, &counts);
		if (*(unsigned long *)((char *)&counts + which) == value)
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}
