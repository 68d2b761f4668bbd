/*
 * What the operator's own zone was told of each domain, and of the box: table
 * `publication`. Whether DNS shows it is another question.
 *
 * While somebody publishes (publication_begin()), the database itself notes
 * which domains have changed: a new one, one that is gone, another state,
 * policy or rua makes its row due. So nobody who changes a domain has to think
 * of the zone, and a crash forgets nothing.
 *
 * A row holds the records that the zone may have of it: those that it was told
 * last and, while an update is under way or when nobody knows what became of
 * it, the ones before as well; then it is unsure, and is told again.
 */
#ifndef STORE_PUBLICATION_H
#define STORE_PUBLICATION_H

#include <time.h>

#include "policy/domain_name.h"
#include "store/store.h"

struct publication {
	char name[DOMAIN_NAME_SIZE]; /* a domain, hosted or gone; "": the box */
	char *told;	/* owned: lines, as daemon/zone.h has them */
	bool is_unsure; /* the zone may have some of `told` only */
	bool is_due;	/* to be looked at, and told if need be */
	long epoch;	/* counts changes of the domain */
	long tries;	/* that failed with it alone */
	time_t told_at; /* when it was taken last; 0: never */
};

void publication_release(struct publication *p);

/*
 * `zone` is published, and `by` says by whom. If that is so already, nothing
 * happens; else everything is due, and of another zone nothing is known. At
 * most `most` names are made ready at once: while there are *more it is to be
 * called again, if need be after a restart, and nothing is to be told.
 */
bool publication_begin(struct store *s, const char *zone, const char *by,
		       long most, bool *more, struct err *err);

/* Nobody publishes any more. What was told is kept, for a later begin. */
bool publication_end(struct store *s, struct err *err);

/*
 * Up to `most` that are due, in the order in which they are to be told: those
 * that failed alone after the others. Returns how many; each is to be
 * released.
 */
size_t publication_due(struct store *s, struct publication *out, size_t most,
		       struct err *err);

/* The row of a domain. ERR_NOT_FOUND: none, or nobody publishes. */
bool publication_of(struct store *s, const char *name, struct publication *p,
		    struct err *err);

/* It is to be looked at; or told again, whatever it was told before. */
bool publication_mark(struct store *s, const char *name, struct err *err);
bool publication_again(struct store *s, const char *name, struct err *err);

/* All are to be told again: the zone is ahead of us, or was made anew. */
bool publication_doubt(struct store *s, struct err *err);

/* Before the update goes out: the zone may have any of `may_have` from now. */
bool publication_sent(struct store *s, const struct publication *p,
		      const char *may_have, struct err *err);

/*
 * The zone has `told`, and no more. Due no longer, unless it has changed since
 * it was read; and the row of a domain that is gone goes with its last record.
 */
bool publication_taken(struct store *s, const struct publication *p,
		       const char *told, time_t now, struct err *err);

/*
 * What it is to have cannot be read: it stays as it is, and is not due until
 * it changes.
 */
bool publication_pass(struct store *s, const struct publication *p,
		      struct err *err);

/* It was not, or nobody knows. */
bool publication_failed(struct store *s, const struct publication *p,
			bool was_alone, struct err *err);

/* Is an update under way? After a start: one of the last process, perhaps. */
bool publication_is_sent(struct store *s);

/* Is there one that failed alone, and was not taken since? */
bool publication_has_failed(struct store *s);

/* How many are due. */
bool publication_waiting(struct store *s, long *count, struct err *err);

#endif
