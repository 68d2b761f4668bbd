/*
 * What was served, and when: how often each policy version was fetched, and
 * the stretches of time in which a fetch may have gone uncounted.
 *
 * Who removes a policy must know until when a sender may hold one (RFC 8461,
 * 8.3): the last time that it was served, and from then on its max_age. So
 * nothing here is ever too early. After a crash, and where a count could not
 * be written, whatever was published then counts as served to the end of it.
 *
 * Everything here goes inside a transaction.
 */
#ifndef STORE_SERVED_H
#define STORE_SERVED_H

#include <time.h>

#include "store/store.h"

/* A fetch is counted so many seconds after it, at the latest. */
#define SERVED_TOLD 10L

struct served_count {
	int64_t policy_id;
	unsigned long fetches;		/* since the last time: answers of 200 */
};

/* A run begins. One before it that did not end well has left a gap. */
bool served_begin(struct store *s, time_t now, struct err *err);

/* The run ends, and all of it is counted. */
bool served_end(struct store *s, struct err *err);

/* Versions that are gone by now are passed over. */
bool served_add(struct store *s, const struct served_count *counts, size_t n,
		time_t now, struct err *err);

/* What was fetched from `since` to `until` is not known. */
bool served_gap(struct store *s, time_t since, time_t until, struct err *err);

#endif
