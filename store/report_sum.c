#include "store/report_sum.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/when.h"
#include "store/report_reading.h"
#include "store/report_tally.h"

_Static_assert(TALLY_BOX == 0 && TALLY_REPORTER == 1 && TALLY_DOMAIN == 2 &&
		       TALLY_RESULT == 3 && TALLY_MX == 4 &&
		       TALLY_STANDING == 5,
	       "the statements have numbers for these");

/* What each statement is asked: of what, from which day to which. */
struct scope {
	struct db *db;
	int64_t domain_id; /* 0: the box */
	int64_t first, last;
	size_t most;
};

static void open_query(struct query *q, const struct scope *in, const char *sql)
{
	query_open(q, in->db, sql);
	bind_int(q, in->domain_id);
	bind_int(q, in->first);
	bind_int(q, in->last);
}

static void read_count(struct query *q, struct report_count *n)
{
	n->reports = col_int(q, "reports");
	n->successful = col_int(q, "successful");
	n->failed = col_int(q, "failed");
}

static void add_count(struct report_count *to, const struct report_count *n)
{
	to->reports += n->reports;
	to->successful += n->successful;
	to->failed += n->failed;
}

/* Room for one more, from time to time. */
static void *grown(void *list, size_t count, size_t size)
{
	if (count & (count - 1))
		return list;
	return xrealloc_array(list, count ? 2 * count : 1, size);
}

/* ---- by day ---- */

static void add_day(struct report_sum *sum, const struct report_day *day)
{
	sum->day = grown(sum->day, sum->day_count, sizeof(*day));
	sum->day[sum->day_count++] = *day;
}

static void turn_round(struct report_sum *sum)
{
	for (size_t i = 0; i < sum->day_count / 2; i++) {
		struct report_day *a = &sum->day[i];
		struct report_day *b = &sum->day[sum->day_count - 1 - i];
		struct report_day one = *a;

		*a = *b;
		*b = one;
	}
}

/* The newest day comes first, and the sum is of all of them. */
static bool read_days(const struct scope *in, const char *sql,
		      struct report_sum *sum, struct err *err)
{
	struct query q;

	open_query(&q, in, sql);
	while (query_row(&q)) {
		struct report_day day = { .at = col_int(&q, "day") * WHEN_DAY };

		read_count(&q, &day.n);
		if (!query_row_is_good(&q, "report_policy"))
			continue;
		add_count(&sum->all, &day.n);
		if (sum->day_count < REPORT_DAYS_MAX)
			add_day(sum, &day);
	}
	turn_round(sum);
	return query_close(&q, err);
}

/* ---- lists ---- */

/* Takes line->name. */
static void add_line(struct report_lines *to, size_t most,
		     const struct report_line *line)
{
	if (to->count < most) {
		to->line = grown(to->line, to->count, sizeof(*line));
		to->line[to->count++] = *line;
		return;
	}
	to->left_out++;
	add_count(&to->others, &line->n);
	free(line->name);
}

static void read_line(struct query *q, struct report_line *line)
{
	*line = (struct report_line){
		.id = col_int(q, "id"),
		.version = col_long(q, "version"),
		.standing = (enum report_standing)col_enum(q, "standing",
							   REPORT_FOREIGN),
		.first = col_int(q, "first") * WHEN_DAY,
		.last = col_int(q, "last") * WHEN_DAY,
	};
	read_count(q, &line->n);
	if (!col_is_null(q, "name"))
		line->name = xstrdup(col_text_peek(q, "name"));
}

static bool read_lines(const struct scope *in, const char *sql,
		       struct report_lines *to, struct err *err)
{
	struct query q;

	open_query(&q, in, sql);
	while (query_row(&q)) {
		struct report_line line;

		read_line(&q, &line);
		if (query_row_is_good(&q, "report_tally"))
			add_line(to, in->most, &line);
		else
			free(line.name);
	}
	return query_close(&q, err);
}

static void lines_release(struct report_lines *lines)
{
	for (size_t i = 0; i < lines->count; i++)
		free(lines->line[i].name);
	free(lines->line);
}

/* ---- who tells of what ---- */

static void add_teller(struct report_tellers *to, struct query *q)
{
	if (to->count == REPORT_TELLERS) {
		to->left_out++;
		return;
	}
	read_count(q, &to->n[to->count]);
	to->reporter[to->count++] = xstrdup(col_text_peek(q, "reporter"));
}

static bool read_tellers(const struct scope *in, const char *sql,
			 struct report_sum *sum, struct err *err)
{
	struct query q;

	open_query(&q, in, sql);
	while (query_row(&q)) {
		int result = col_enum(&q, "result", TLS_RESULT_COUNT - 1);

		if (query_row_is_good(&q, "report_failure"))
			add_teller(&sum->tellers[result], &q);
	}
	return query_close(&q, err);
}

static void tellers_release(struct report_tellers *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->reporter[i]);
}

/* ---- who holds what ---- */

static void read_holding(struct query *q, struct report_holding *h)
{
	*h = (struct report_holding){
		.policy_id = col_int(q, "policy_id"),
		.version = col_long(q, "version"),
		.first = col_int(q, "first") * WHEN_DAY,
		.last = col_int(q, "last") * WHEN_DAY,
		.reporter = xstrdup(col_text_peek(q, "reporter")),
	};
	col_text(q, "sts_id", h->sts_id, sizeof(h->sts_id));
	read_count(q, &h->n);
}

static void add_holding(struct report_sum *sum, size_t most,
			const struct report_holding *h)
{
	if (sum->holding_count < most) {
		sum->holding = grown(sum->holding, sum->holding_count,
				     sizeof(*h));
		sum->holding[sum->holding_count++] = *h;
		return;
	}
	sum->holding_left_out++;
	free(h->reporter);
}

static bool read_holdings(const struct scope *in, const char *sql,
			  struct report_sum *sum, struct err *err)
{
	struct query q;

	open_query(&q, in, sql);
	while (query_row(&q)) {
		struct report_holding h;

		read_holding(&q, &h);
		if (query_row_is_good(&q, "policy"))
			add_holding(sum, in->most, &h);
		else
			free(h.reporter);
	}
	return query_close(&q, err);
}

void report_sum_release(struct report_sum *sum)
{
	lines_release(&sum->reporters);
	lines_release(&sum->results);
	lines_release(&sum->hosts);
	lines_release(&sum->domains);
	lines_release(&sum->policies);
	for (size_t i = 0; i < TLS_RESULT_COUNT; i++)
		tellers_release(&sum->tellers[i]);
	for (size_t i = 0; i < sum->holding_count; i++)
		free(sum->holding[i].reporter);
	free(sum->holding);
	free(sum->day);
	*sum = (struct report_sum){ .day = NULL };
}

/* ---- one domain, by its rows ---- */

#define MOST_FAILED " ORDER BY failed DESC, successful DESC, reports DESC, id"
#define THESE                                                                  \
	" WHERE domain_id = ?1 AND day BETWEEN ?2 AND ?3 AND" REPORT_COUNTS

/* Row 0 of each report is there, so to count these is to count reports. */
#define OF_POLICIES                                                            \
	" SUM(n = 0) AS reports, SUM(successful) AS successful,"               \
	" SUM(failed) AS failed, MIN(day) AS first, MAX(day) AS last FROM "    \
	"report_policy" THESE
#define OF_FAILURES                                                            \
	" COUNT(DISTINCT report_id) AS reports, 0 AS successful,"              \
	" SUM(sessions) AS failed, MIN(day) AS first, MAX(day) AS last, 0 AS " \
	"version,"                                                             \
	" 0 AS standing FROM report_failure" THESE

static bool sum_domain(const struct scope *in, struct report_sum *sum,
		       struct err *err)
{
	return read_days(in,
			 "SELECT day," OF_POLICIES
			 "GROUP BY day ORDER BY day DESC",
			 sum, err) &&
	       read_lines(in,
			  "SELECT r.name, t.*, 0 AS version, 0 AS standing FROM"
			  " (SELECT reporter_id AS id," OF_POLICIES
			  "  GROUP BY reporter_id) t"
			  " LEFT JOIN reporter r ON r.id = t.id" MOST_FAILED,
			  &sum->reporters, err) &&
	       read_lines(in,
			  "SELECT result AS id, NULL AS name," OF_FAILURES
			  "GROUP BY result" MOST_FAILED,
			  &sum->results, err) &&
	       read_lines(in,
			  "SELECT 0 AS id, mx_host AS name," OF_FAILURES
			  "GROUP BY mx_host" MOST_FAILED ", mx_host",
			  &sum->hosts, err);
}

static bool sum_tellers(const struct scope *in, struct report_sum *sum,
			struct err *err)
{
	return read_tellers(in,
			    "SELECT t.*, COALESCE(p.name, '') AS reporter FROM"
			    " (SELECT f.result, r.reporter_id,"
			    "  COUNT(DISTINCT f.report_id) AS reports,"
			    "  0 AS successful, SUM(f.sessions) AS failed FROM"
			    "  (SELECT result, report_id, sessions"
			    "   FROM report_failure" THESE ") f"
			    "  JOIN report r ON r.id = f.report_id"
			    "  GROUP BY f.result, r.reporter_id) t"
			    " LEFT JOIN reporter p ON p.id = t.reporter_id"
			    " ORDER BY failed DESC, reports DESC, reporter_id",
			    sum, err);
}

/* A policy of ours is one line, however it stood to the others. */
static bool sum_policies(const struct scope *in, struct report_sum *sum,
			 struct err *err)
{
	return read_lines(in,
			  "SELECT p.sts_id AS name, t.*,"
			  " COALESCE(p.version, 0) AS version FROM"
			  " (SELECT policy_id AS id, CASE policy_id WHEN 0"
			  "   THEN standing ELSE 0 END AS standing,"
			  "  COUNT(DISTINCT report_id) AS reports,"
			  "  SUM(successful) AS successful,"
			  "  SUM(failed) AS failed, MIN(day) AS first, "
			  "MAX(day) AS last"
			  "  FROM report_policy" THESE "  GROUP BY 1, 2) t"
			  " LEFT JOIN policy p ON p.id = t.id"
			  " ORDER BY version DESC, t.standing",
			  &sum->policies, err) &&
	       read_holdings(in,
			     "SELECT t.*, p.version, p.sts_id,"
			     " COALESCE(r.name, '') AS reporter FROM"
			     " (SELECT policy_id, reporter_id,"
			     "  COUNT(DISTINCT report_id) AS reports,"
			     "  SUM(successful) AS successful,"
			     "  SUM(failed) AS failed, MIN(day) AS first,"
			     "  MAX(day) AS last FROM report_policy" THESE
			     "  AND policy_id > 0"
			     "  GROUP BY policy_id, reporter_id) t"
			     " JOIN policy p ON p.id = t.policy_id"
			     " LEFT JOIN reporter r ON r.id = t.reporter_id"
			     " ORDER BY p.version DESC, t.last DESC,"
			     " successful + failed DESC, t.reporter_id",
			     sum, err);
}

/* ---- the box, by its tallies ---- */

#define TALLIED                                                                \
	" SUM(reports) AS reports, SUM(successful) AS successful,"             \
	" SUM(failed) AS failed, MIN(day) AS first, MAX(day) AS last, 0 AS "   \
	"version"                                                              \
	" FROM report_tally WHERE ?1 = 0 AND day BETWEEN ?2 AND ?3 AND kind "  \
	"= "

static bool sum_box(const struct scope *in, struct report_sum *sum,
		    struct err *err)
{
	return read_days(in,
			 "SELECT day," TALLIED
			 "0 GROUP BY day ORDER BY day DESC",
			 sum, err) &&
	       read_lines(in,
			  "SELECT r.name, t.*, 0 AS standing FROM"
			  " (SELECT what AS id," TALLIED "1 GROUP BY what) t"
			  " LEFT JOIN reporter r ON r.id = t.id" MOST_FAILED,
			  &sum->reporters, err) &&
	       read_lines(in,
			  "SELECT d.name, t.*, 0 AS standing FROM"
			  " (SELECT what AS id," TALLIED "2 GROUP BY what) t"
			  " JOIN domain d ON d.id = t.id" MOST_FAILED,
			  &sum->domains, err) &&
	       read_lines(
		       in,
		       "SELECT what AS id, NULL AS name, 0 AS standing," TALLIED
		       "3 GROUP BY what" MOST_FAILED,
		       &sum->results, err) &&
	       read_lines(in,
			  "SELECT 0 AS id, what AS name, 0 AS standing," TALLIED
			  "4 GROUP BY what" MOST_FAILED ", what",
			  &sum->hosts, err) &&
	       read_lines(
		       in,
		       "SELECT 0 AS id, NULL AS name, what AS standing," TALLIED
		       "5 GROUP BY what ORDER BY what",
		       &sum->policies, err);
}

/* ---- both ---- */

static struct scope scope_of(struct report_reader *r, int64_t domain_id,
			     time_t since, time_t until, size_t most)
{
	return (struct scope){ .db = report_reader_db(r),
			       .domain_id = domain_id,
			       .first = since / WHEN_DAY,
			       .last = (until - 1) / WHEN_DAY,
			       .most = most };
}

static bool finish(struct report_reader *r, bool ok, struct report_sum *sum)
{
	if (!ok)
		report_sum_release(sum);
	return report_reader_end(r, ok);
}

bool report_sum_domain(struct report_reader *r, int64_t domain_id, time_t since,
		       time_t until, size_t most, struct report_sum *sum,
		       struct err *err)
{
	struct scope in = scope_of(r, domain_id, since, until, most);

	*sum = (struct report_sum){ .day = NULL };
	if (!report_reader_begin(r, err))
		return false;
	return finish(r,
		      sum_domain(&in, sum, err) && sum_tellers(&in, sum, err) &&
			      sum_policies(&in, sum, err),
		      sum);
}

bool report_sum_box(struct report_reader *r, time_t since, time_t until,
		    size_t most, struct report_sum *sum, struct err *err)
{
	struct scope in = scope_of(r, 0, since, until, most);

	*sum = (struct report_sum){ .day = NULL };
	if (!report_reader_begin(r, err))
		return false;
	return finish(r, sum_box(&in, sum, err), sum);
}

bool report_sum_drops(struct report_reader *r,
		      struct report_dropped out[static REPORT_DROP_COUNT],
		      struct err *err)
{
	struct query q;

	memset(out, 0, REPORT_DROP_COUNT * sizeof(*out));
	query_open(&q, report_reader_db(r), "SELECT * FROM report_drop");
	while (query_row(&q)) {
		int why = col_enum(&q, "why", REPORT_DROP_COUNT - 1);
		struct report_dropped d = { col_int(&q, "count"),
					    col_int(&q, "last_at") };

		if (query_row_is_good(&q, "report_drop"))
			out[why] = d;
	}
	return query_close(&q, err);
}
