/*
 * Which CAs refuse a domain, and until when: table `refusal`.
 *
 * Each CA by itself, so that a name that two of three CAs do not want comes
 * to the third. A row that is over says nothing; all of a domain's go when it
 * is certified, or deleted.
 */
#ifndef STORE_REFUSAL_H
#define STORE_REFUSAL_H

#include <time.h>

#include "store/store.h"

/* In place of what was noted before. Inside a transaction. */
bool refusal_note(struct store *s, int64_t domain_id, int64_t ca_id,
		  time_t until, struct err *err);

/* False on failure too: then the CA itself will say so again. */
bool refusal_holds(struct store *s, int64_t domain_id, int64_t ca_id,
		   time_t now);

/* When the first of those that hold is over; 0: none does. */
time_t refusal_next_end(struct store *s, int64_t domain_id, time_t now);

/* Inside a transaction. */
bool refusal_forget(struct store *s, int64_t domain_id, struct err *err);

#endif
