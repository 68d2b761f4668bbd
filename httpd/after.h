/*
 * Milliseconds, for libevent's timers.
 */
#ifndef HTTPD_AFTER_H
#define HTTPD_AFTER_H

#include <sys/time.h>

static inline struct timeval after_ms(unsigned ms)
{
	return (struct timeval){ .tv_sec = ms / 1000,
				 .tv_usec = (long)(ms % 1000) * 1000 };
}

#endif
