/*
 * When TLS reports of a domain came last, and how often before: table
 * `report_last`. It stays when the reports go, for what came is not to be taken
 * for what never did; and goes with its domain.
 */
#ifndef STORE_REPORT_LAST_H
#define STORE_REPORT_LAST_H

#include "store/store.h"

#define REPORT_LAST_WEEK 7

struct report_last {
	int64_t day; /* the last that one told of, since 1970; 0: none */
	unsigned usual_days; /* with reports, of the seven that end with it */
};

bool report_last_of(struct store *s, int64_t domain_id,
		    struct report_last *last, struct err *err);

/* One came, of that day. Inside a transaction, of a domain that is there. */
bool report_last_note(struct store *s, int64_t domain_id, int64_t day,
		      struct err *err);

#endif
