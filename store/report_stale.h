/*
 * Reporters that go by a version of ours for longer than any sender may hold
 * it: DNS had announced a later one, and the old one's max_age was over since.
 */
#ifndef STORE_REPORT_STALE_H
#define STORE_REPORT_STALE_H

#include <time.h>

#include "store/report.h"

struct report_stale {
	int64_t reporters;
	char reporter[REPORTER_NAME_KEPT + 1]; /* one that did so last, */
	long version;			       /* by this version, */
	time_t until; /* which none was to hold any more since then */
	time_t last;  /* the day */
};

/*
 * Of the days from the one that `since` is in to the one that `until` is in;
 * the newest REPORT_RECENT_ROWS rows are looked at.
 */
bool report_stale(struct store *s, int64_t domain_id, time_t since,
		  time_t until, struct report_stale *out, struct err *err);

#endif
