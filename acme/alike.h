/*
 * Validations that fail for many names at once at a CA: then it is this box,
 * its network or the CA's, and not the names.
 *
 * Of the names that an order ended for of late, each counts once: whether it
 * was certified, or failed though it had been well. Those that fail for long
 * are left out, for they would look like many where little else is done.
 *
 * From then on, until one is certified, only a few try, so that what shows
 * whether it is over costs few orders: by turns, and those that have not
 * failed here have turns of their own, so that a handful of names which are
 * wrong for good hold nobody up.
 *
 * In memory only: after a restart it is learned anew. No I/O.
 */
#ifndef ACME_ALIKE_H
#define ACME_ALIKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define ALIKE_RECENT 16	    /* names */
#define ALIKE_FOR    1800L  /* s: what is older says nothing of now */
#define ALIKE_MANY   8	    /* that failed; and three in four did */
#define ALIKE_WELL   4	    /* that worked; and more than failed */
#define ALIKE_MOST   21600L /* s: for longer nobody is spared */
#define ALIKE_STALE  86400L /* s: without a failure it is over */

#define ALIKE_EVERY	600L /* s: one that has failed may try */
#define ALIKE_EVERY_NEW 300L /* ... and one that has not, just now */

/* All zero at first. */
struct alike {
	struct {
		int64_t domain_id; /* 0: none */
		time_t at;
		bool has_failed;
	} recent[ALIKE_RECENT];
	size_t next;
	bool is_held;	       /* since so many failed, nobody was certified */
	time_t turn, turn_new; /* the next to try */
	time_t since;	  /* so many fail; 0: they do not */
	time_t failed_at; /* last */
	time_t well_since; /* first to work since; 0: none has */
};

void alike_note(struct alike *a, int64_t domain_id, bool has_failed,
		time_t now);

/* Is it one of the names that failed with the others, just now? */
bool alike_has(const struct alike *a, int64_t domain_id, time_t now);

/* So many failed, and nobody was certified since, that it is not theirs. */
bool alike_holds(const struct alike *a, time_t now);

/* Is it one of the last few that an order ended for, and did it fail? */
bool alike_knows(const struct alike *a, int64_t domain_id);

/* While they are held: the moment from which this name may try; and it does. */
time_t alike_turn(const struct alike *a, int64_t domain_id, time_t now);
void alike_tries(struct alike *a, int64_t domain_id, time_t now);

/*
 * Since when so many fail; 0: they do not. It is over when, of those that
 * ended of late, most were certified, not when nobody tries any more.
 */
time_t alike_since(const struct alike *a, time_t now);

/*
 * Do so many work by now, or did one and none failed for so long, that it is
 * over? For who knows only from before a restart that it was.
 */
bool alike_is_over(const struct alike *a, time_t now);

#endif
