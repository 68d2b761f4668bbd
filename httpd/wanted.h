/*
 * Telling control that a host of ours without a certificate was asked for,
 * seldom enough that nobody can flood it: a host shares one of a few slots
 * with others, and a slot speaks once in a while. Owning thread only.
 */
#ifndef HTTPD_WANTED_H
#define HTTPD_WANTED_H

#include <stdbool.h>
#include <stdint.h>

#define WANTED_SLOTS	 64
#define WANTED_PERIOD_MS 2000

/* All zero is the state before the first call. */
struct wanted {
	int64_t quiet_until_ms[WANTED_SLOTS];
};

bool wanted_may_tell(struct wanted *w, const char *host, int64_t now_ms);

#endif
