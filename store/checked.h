/*
 * What a look at a domain from outside ended with: table `checked`. The
 * findings are JSON, which the store does not read.
 */
#ifndef STORE_CHECKED_H
#define STORE_CHECKED_H

#include <time.h>

#include "store/domain.h"

struct checked {
	time_t at;		/* 0: never */
	time_t asked_at;	/* somebody waits for a new one; 0: nobody */
	time_t bad_since;	/* mail hosts were found bad in each look that
				   could tell; 0: they were not */
	char *findings;		/* owned; "[]" if there was none */
};

/* To be released in either case. */
bool checked_of(struct store *s, const struct domain *d, struct checked *c,
		struct err *err);
void checked_release(struct checked *c);

/*
 * Inside a transaction. A look answers who had asked before it began: whose
 * asked_at was no later than `answers`. Of two that ask within a second the
 * second has a later one.
 */
bool checked_ask(struct store *s, int64_t domain_id, time_t now,
		 struct err *err);
bool checked_write(struct store *s, int64_t domain_id, time_t now,
		   time_t answers, time_t bad_since, const char *findings,
		   struct err *err);

/* It could not be done: nobody waits any more. */
bool checked_give_up(struct store *s, int64_t domain_id, struct err *err);

/* Those that somebody waits for, longest first. */
size_t checked_asked(struct store *s, int64_t *ids, size_t limit,
		     struct err *err);

/*
 * Live domains that are due for a look. Those that DNS has said to be testing
 * since before `testing_since`, as policy_version_mode_since() has it: they may
 * be about to become ready. And those that enforce, for a mail host that has
 * become bad costs them mail. Neither was looked at after `before`; what of them
 * was found bad comes again after ten minutes, then ever later, up to an hour.
 */
struct checked_stale {
	int64_t after, up_to;	/* ids: a look through all at once is long */
	time_t testing_since, before, now;
};
size_t checked_stale(struct store *s, const struct checked_stale *which,
		     int64_t *ids, size_t limit, struct err *err);

#endif
