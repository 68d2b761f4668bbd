/*
 * Who holds a version of mode enforce, as far as reporters say by which policy
 * they sent: of each, what it told of last.
 */
#ifndef STORE_REPORT_HOLDERS_H
#define STORE_REPORT_HOLDERS_H

#include <time.h>

#include "store/report.h"

#define REPORT_HOLDERS_NAMED 10
#define REPORT_HOLDERS_DAYS  30

struct report_holders {
	char name[REPORT_HOLDERS_NAMED][REPORTER_NAME_KEPT + 1]; /* those of
				the most sessions, these first */
	size_t count;
	long more; /* whose names have no room here */
};

/*
 * By the reports of the last REPORT_HOLDERS_DAYS; the newest
 * REPORT_RECENT_ROWS rows are looked at.
 */
bool report_holders(struct store *s, int64_t domain_id, time_t now,
		    struct report_holders *out, struct err *err);

#endif
