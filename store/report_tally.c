#include "store/report_tally.h"

#include "store/internal.h"
#include "store/report_rows.h"
#include "store/report_standing.h"

_Static_assert(TALLY_BOX == 0 && TALLY_REPORTER == 1 && TALLY_DOMAIN == 2 &&
		       TALLY_RESULT == 3 && TALLY_MX == 4 &&
		       TALLY_STANDING == 5 && TALLY_STS == 6 &&
		       REPORT_UNTOLD == 1 && REPORT_CURRENT == 2 &&
		       REPORT_OLD == 3,
	       "the statements have numbers for these");

#define ADD_TO                                                                 \
	"INSERT INTO report_tally"                                             \
	"(kind, day, what, reports, successful, failed) "
#define ADD_UP                                                                 \
	" ON CONFLICT DO UPDATE SET reports = reports + excluded.reports,"     \
	" successful = successful + excluded.successful,"                      \
	" failed = failed + excluded.failed"
#define OF_REPORT " WHERE domain_id = ?3 AND day = ?4 AND report_id = ?1 "

/*
 * Both ways read the stored rows, so what is taken back is what was added. No
 * report adds more to one tally than it may have sessions.
 */
static bool count(struct store *s, const char *sql,
		  const struct report_place *at, int sign, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s), sql);
	bind_int(&q, at->id);
	bind_int(&q, sign);
	bind_int(&q, at->domain_id);
	bind_int(&q, at->day);
	bind_int(&q, REPORT_SESSIONS_MAX);
	return query_run(&q, err);
}

static bool count_sessions(struct store *s, const struct report_place *at,
			   int sign, struct err *err)
{
	return count(s,
		     ADD_TO "SELECT k.column1, r.day, CASE k.column1 WHEN 0"
			    " THEN 0 WHEN 1 THEN r.reporter_id"
			    " ELSE r.domain_id END, ?2, ?2 * r.successful,"
			    " ?2 * r.failed"
			    " FROM report r, (VALUES (0), (1), (2)) k"
			    " WHERE r.id = ?1 AND ?3 = r.domain_id"
			    "  AND ?4 = r.day AND ?5 > 0" ADD_UP,
		     at, sign, err);
}

static bool count_standings(struct store *s, const struct report_place *at,
			    int sign, struct err *err)
{
	return count(s,
		     ADD_TO "SELECT 5, day, standing, ?2,"
			    " ?2 * MIN(SUM(successful), ?5),"
			    " ?2 * MIN(SUM(failed), ?5)"
			    " FROM report_policy" OF_REPORT
			    " GROUP BY standing" ADD_UP,
		     at, sign, err);
}

static bool count_sts(struct store *s, const struct report_place *at, int sign,
		      struct err *err)
{
	return count(s,
		     ADD_TO "SELECT 6, day, domain_id, ?2,"
			    " ?2 * MIN(SUM(successful), ?5),"
			    " ?2 * MIN(SUM(failed), ?5)"
			    " FROM report_policy" OF_REPORT
			    " AND standing BETWEEN 1 AND 3"
			    " GROUP BY day, domain_id" ADD_UP,
		     at, sign, err);
}

static bool count_failures(struct store *s, const struct report_place *at,
			   int sign, struct err *err)
{
	return count(s,
		     ADD_TO "SELECT 3, day, result, ?2, 0,"
			    " ?2 * MIN(SUM(sessions), ?5)"
			    " FROM report_failure" OF_REPORT
			    " GROUP BY result" ADD_UP,
		     at, sign, err) &&
	       count(s,
		     ADD_TO "SELECT 4, day, mx_host, ?2, 0,"
			    " ?2 * MIN(SUM(sessions), ?5)"
			    " FROM report_failure" OF_REPORT
			    " GROUP BY mx_host" ADD_UP,
		     at, sign, err);
}

bool report_tally_count(struct store *s, const struct report_place *at,
			int sign, struct err *err)
{
	return count_sessions(s, at, sign, err) &&
	       count_standings(s, at, sign, err) &&
	       count_sts(s, at, sign, err) && count_failures(s, at, sign, err);
}

bool report_tally_sweep(struct store *s, struct err *err)
{
	return db_run(store_db_write(s),
		      "DELETE FROM report_tally WHERE reports <= 0", err);
}
