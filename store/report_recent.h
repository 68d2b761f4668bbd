/*
 * What TLS reports told of one domain of late, for the control thread: enough
 * to judge by, at a cost that no sender of reports can raise.
 *
 * Sessions come from daily tallies, whatever the number of reports. Who sent
 * them, and which results failures tell of, is read from the newest rows alone
 * if there are too many.
 */
#ifndef STORE_REPORT_RECENT_H
#define STORE_REPORT_RECENT_H

#include <time.h>

#include "policy/tls_result.h"
#include "store/report.h"

#define REPORT_RECENT_ROWS 2000 /* looked at for reporters, and for results */
#define REPORT_RECENT_DAYS 40	/* that may be asked for */

struct report_told {
	int64_t reporters;
	int64_t successful, failed;	   /* sessions */
	int64_t results[TLS_RESULT_COUNT]; /* sessions, as failures tell: may
					      be more than failed, or less */
	unsigned kinds; /* 1 << enum tls_result: these are told of, be it
			   without a number */
};

struct report_recent {
	int64_t reports;
	struct report_told all; /* by whatever policy, and by none */
	struct report_told sts; /* of them: by MTA-STS, and a version of ours or
				   one that is not said */
	time_t newest; /* the last day that any report told of, also before
			  then, and kept or not; 0: none ever came */
	unsigned usual_days; /* with reports, of the seven that end with it */
};

/*
 * Of the days from the one that `since` is in to the one that `until` is in,
 * both with. Inside a transaction or not; what it has changed counts.
 */
bool report_recent(struct store *s, int64_t domain_id, time_t since,
		   time_t until, struct report_recent *out, struct err *err);

bool report_told_has(const struct report_told *t, enum tls_result result);

/*
 * The result that most sessions failed by, or of those without a number the
 * first; TLS_RESULT_COUNT: none is told.
 */
enum tls_result report_told_worst(const struct report_told *t);

#endif
