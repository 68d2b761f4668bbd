#include "store/report_recent.h"

#include "base/when.h"
#include "store/internal.h"
#include "store/report_last.h"
#include "store/report_standing.h"
#include "store/report_tally.h"

_Static_assert(REPORT_UNTOLD == 1 && REPORT_CURRENT == 2 && REPORT_OLD == 3,
	       "the statements have numbers for these");

/* What is asked: of which domain, from which day to which. */
struct span {
	struct db *db;
	int64_t domain_id, first, last;
};

static void open_span(struct query *q, const struct span *of, const char *sql)
{
	query_open(q, of->db, sql);
	bind_int(q, of->domain_id);
	bind_int(q, of->first);
	bind_int(q, of->last);
}

/* A day at a time: between two of them lie those of all other domains. */
static bool add_tally(const struct span *of, enum report_tally kind,
		      int64_t day, struct report_told *to, int64_t *reports,
		      struct err *err)
{
	struct query q;

	*reports = 0;
	query_open(&q, of->db,
		   "SELECT reports, successful, failed FROM report_tally"
		   " WHERE kind = ? AND day = ? AND what = ? AND reports > 0");
	bind_int(&q, kind);
	bind_int(&q, day);
	bind_int(&q, of->domain_id);
	if (query_row(&q)) {
		int64_t count = col_int(&q, "reports");
		int64_t successful = col_int(&q, "successful");
		int64_t failed = col_int(&q, "failed");

		if (query_row_is_good(&q, "report_tally")) {
			*reports = count;
			to->successful += successful;
			to->failed += failed;
		}
	}
	return query_close(&q, err);
}

static bool add_day(const struct span *of, int64_t day,
		    struct report_recent *out, struct err *err)
{
	int64_t reports, by_sts;

	if (!add_tally(of, TALLY_DOMAIN, day, &out->all, &reports, err))
		return false;
	out->reports += reports;
	return !reports ||
	       add_tally(of, TALLY_STS, day, &out->sts, &by_sts, err);
}

static bool add_days(const struct span *of, struct report_recent *out,
		     struct err *err)
{
	for (int64_t day = of->first; day <= of->last; day++)
		if (!add_day(of, day, out, err))
			return false;
	return true;
}

static bool count_reporters(const struct span *of, struct report_recent *out,
			    struct err *err)
{
	struct query q;

	open_span(&q, of,
		  "SELECT COUNT(DISTINCT reporter_id) AS n,"
		  " COUNT(DISTINCT CASE WHEN standing BETWEEN 1 AND 3"
		  "  THEN reporter_id END) AS by_sts FROM"
		  " (SELECT reporter_id, standing FROM report_policy"
		  "  WHERE domain_id = ?1 AND day BETWEEN ?2 AND ?3"
		  "  AND" REPORT_COUNTS "ORDER BY day DESC LIMIT ?4)");
	bind_int(&q, REPORT_RECENT_ROWS);
	if (query_row(&q)) {
		out->all.reporters = col_int(&q, "n");
		out->sts.reporters = col_int(&q, "by_sts");
	}
	return query_close(&q, err);
}

static bool add_results(const struct span *of, struct report_recent *out,
			struct err *err)
{
	struct query q;

	open_span(
		&q, of,
		"SELECT f.result, SUM(f.sessions) AS n, SUM(CASE"
		"  WHEN p.standing BETWEEN 1 AND 3 THEN f.sessions ELSE 0"
		"  END) AS by_sts, COALESCE(MAX(p.standing BETWEEN 1 AND 3), 0)"
		" AS is_sts"
		" FROM"
		" (SELECT * FROM report_failure"
		"  WHERE domain_id = ?1 AND day BETWEEN ?2 AND ?3"
		"  AND" REPORT_COUNTS "ORDER BY day DESC LIMIT ?4) f"
		" LEFT JOIN report_policy p ON p.domain_id = f.domain_id"
		"  AND p.day = f.day AND p.report_id = f.report_id"
		"  AND p.n = f.n GROUP BY f.result");
	bind_int(&q, REPORT_RECENT_ROWS);
	while (query_row(&q)) {
		int result = col_enum(&q, "result", TLS_RESULT_COUNT - 1);
		bool is_sts = col_int(&q, "is_sts");

		if (!query_row_is_good(&q, "report_failure"))
			continue;
		out->all.results[result] = col_int(&q, "n");
		out->sts.results[result] = col_int(&q, "by_sts");
		out->all.kinds |= 1U << result;
		out->sts.kinds |= is_sts ? 1U << result : 0;
	}
	return query_close(&q, err);
}

static bool find_newest(struct store *s, int64_t domain_id,
			struct report_recent *out, struct err *err)
{
	struct report_last last;

	if (!report_last_of(s, domain_id, &last, err))
		return false;
	out->newest = last.day * WHEN_DAY;
	out->usual_days = last.usual_days;
	return true;
}

bool report_recent(struct store *s, int64_t domain_id, time_t since,
		   time_t until, struct report_recent *out, struct err *err)
{
	struct span of = { store_db(s), domain_id, since / WHEN_DAY,
			   until / WHEN_DAY };

	*out = (struct report_recent){ 0 };
	if (of.first <= of.last - REPORT_RECENT_DAYS)
		of.first = of.last - REPORT_RECENT_DAYS + 1;
	return find_newest(s, domain_id, out, err) &&
	       (out->newest / WHEN_DAY < of.first || /* most have none */
		(add_days(&of, out, err) && count_reporters(&of, out, err) &&
		 add_results(&of, out, err)));
}

bool report_told_has(const struct report_told *t, enum tls_result result)
{
	return t->kinds & 1U << result;
}

enum tls_result report_told_worst(const struct report_told *t)
{
	enum tls_result worst = TLS_RESULT_COUNT;
	int64_t most = -1;

	for (int i = 0; i < TLS_RESULT_COUNT; i++)
		if (report_told_has(t, (enum tls_result)i) &&
		    t->results[i] > most) {
			most = t->results[i];
			worst = (enum tls_result)i;
		}
	return worst;
}
