/*
 * What any peer can bring about is told, but once a minute. Any thread.
 */
#ifndef HTTPD_COMPLAIN_H
#define HTTPD_COMPLAIN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#define COMPLAIN_EVERY 60 /* seconds */

/* `silent_until` is of one complaint, and static. */
static inline bool complain_now(atomic_long *silent_until)
{
	long now = (long)time(NULL), until = atomic_load(silent_until);

	return now >= until &&
	       atomic_compare_exchange_strong(silent_until, &until,
					      now + COMPLAIN_EVERY);
}

#endif
