/*
 * Fetches that the serving threads counted, written into the store.
 *
 * A count that cannot be written is no count: then it is noted, as soon as
 * there is a store that takes it, that fetches since then are not known.
 */
#ifndef DAEMON_COUNTING_H
#define DAEMON_COUNTING_H

#include <time.h>

#include "base/loop.h"
#include "store/served.h"

struct counting {
	struct loop *loop;		/* the control thread's */
	time_t (*now)(void *arg);	/* on the control thread */
	void *arg;
	/* Its own; all zero at first. */
	struct store *store;		/* NULL: there is none just now */
	bool is_begun;			/* the store knows that we serve */
	time_t lost_since;		/* 0: nothing is lost */
};

/* From any thread. `counts` are borrowed. */
void counting_hear(struct counting *c, const struct served_count *counts,
		   size_t n);

/* Control thread. From here on counts go into `s`, which outlives it. */
void counting_begin(struct counting *c, struct store *s);

/* The store is to be closed, and serving goes on. */
void counting_leave(struct counting *c);

/* Nobody serves any more: all that was counted is written. */
void counting_end(struct counting *c);

#endif
