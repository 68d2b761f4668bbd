/*
 * What TLS reports come to: of one domain, or of the box.
 *
 * Sessions are those of the reports' summaries. Only what is told by failures
 * alone, by result and by mail host, is added up from them: such sums say how
 * often something was told of, and are no shares of the sessions.
 *
 * Days are UTC; a report is of the day that the middle of its window is in.
 * Each list is bounded, and says what it left out. A row that does not decode
 * is logged and passed over.
 */
#ifndef STORE_REPORT_SUM_H
#define STORE_REPORT_SUM_H

#include <time.h>

#include "policy/sts_record.h"
#include "policy/tls_result.h"
#include "store/report.h"
#include "store/report_reader.h"
#include "store/report_standing.h"

#define REPORT_DAYS_MAX 1100 /* in one summary; the newest if they are more */

struct report_count {
	int64_t reports;
	int64_t successful, failed; /* sessions */
};

struct report_day {
	time_t at; /* its beginning */
	struct report_count n;
};

/* One reporter, result, host, domain or policy. */
struct report_line {
	char *name; /* reporter, host or domain, "" if it has none; the id
		       (RFC 8461, 3.1) of a policy of ours; else NULL */
	int64_t id; /* reporter.id; enum tls_result; 0; domain.id; policy.id */
	long version;		       /* of a policy of ours, else 0 */
	enum report_standing standing; /* of a policy that is not */
	struct report_count n;
	time_t first, last; /* days with such reports */
};

#define REPORT_TELLERS 3 /* of one result, in a summary */

/* Who tells of a result, those with the most sessions first. */
struct report_tellers {
	char *reporter[REPORT_TELLERS]; /* owned; "" if it has no name */
	struct report_count n[REPORT_TELLERS];
	size_t count, left_out;
};

/* Most failed sessions first, then most sessions. */
struct report_lines {
	struct report_line *line;
	size_t count;
	size_t left_out;	    /* so many lines more, */
	struct report_count others; /* ... and what they come to */
};

/* Who held which version of ours, the newest version first. */
struct report_holding {
	char *reporter;
	int64_t policy_id;
	long version;
	char sts_id[STS_ID_SIZE];
	struct report_count n;
	time_t first, last; /* days */
};

struct report_sum {
	struct report_count all;
	struct report_day *day; /* those with reports, the oldest first */
	size_t day_count;
	struct report_lines reporters;
	struct report_lines results; /* failed: as failures tell */
	struct report_lines hosts;   /* the same, by receiving mail host */
	struct report_lines domains; /* of the box only */
	/*
	 * By our version, or where it is none by how it stands; of the box by
	 * how they stood to the domains' own when the reports came.
	 */
	struct report_lines policies;
	struct report_tellers tellers[TLS_RESULT_COUNT]; /* of a domain only */
	struct report_holding *holding;			 /* the same */
	size_t holding_count;
	size_t holding_left_out;
};

/*
 * From the day that `since` is in to the one that `until` is in, if it is more
 * than its beginning. Each list has at most `most` lines. Of the box it is read
 * from tallies, whatever the number of reports.
 */
bool report_sum_domain(struct report_reader *r, int64_t domain_id, time_t since,
		       time_t until, size_t most, struct report_sum *sum,
		       struct err *err);
bool report_sum_box(struct report_reader *r, time_t since, time_t until,
		    size_t most, struct report_sum *sum, struct err *err);
void report_sum_release(struct report_sum *sum);

/* What was not taken since the box was set up; nothing is 0, 0. */
struct report_dropped {
	int64_t count;
	time_t last_at;
};
bool report_sum_drops(struct report_reader *r,
		      struct report_dropped out[static REPORT_DROP_COUNT],
		      struct err *err);

#endif
