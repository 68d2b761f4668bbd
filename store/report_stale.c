#include "store/report_stale.h"

#include "base/when.h"
#include "store/internal.h"
#include "store/report_recent.h"
#include "store/report_standing.h"
#include "store/report_tally.h"

#define GRACE WHEN_DAY /* until all have seen the new id */

_Static_assert(REPORT_OLD == 3, "the statement has a number for it");

/* Who held what: few pairs, however many reports. */
#define OLD                                                                    \
	"WITH seen AS (SELECT reporter_id, policy_id, day, standing"           \
	"  FROM report_policy WHERE domain_id = ?1 AND day BETWEEN ?2 AND ?3"  \
	"  AND" REPORT_COUNTS "ORDER BY day DESC LIMIT ?4),"                   \
	" old AS (SELECT reporter_id, policy_id, MAX(day) AS day FROM seen"    \
	"  WHERE standing = 3 GROUP BY reporter_id, policy_id),"               \
	" ended AS (SELECT old.*, p.version, p.max_age + ?5 +"                 \
	"   (SELECT MIN(n.announced_at) FROM policy n"                         \
	"    WHERE n.domain_id = ?1 AND n.version > p.version"                 \
	"     AND n.announced_at > 0) AS until"                                \
	"  FROM old JOIN policy p ON p.id = old.policy_id)"

static void read_row(struct query *q, struct report_stale *out)
{
	out->reporters = col_int(q, "reporters");
	out->version = col_long(q, "version");
	out->until = col_int(q, "until");
	out->last = col_int(q, "day") * WHEN_DAY;
	col_text(q, "name", out->reporter, sizeof(out->reporter));
}

bool report_stale(struct store *s, int64_t domain_id, time_t since,
		  time_t until, struct report_stale *out, struct err *err)
{
	struct query q;

	*out = (struct report_stale){ 0 };
	query_open(&q, store_db(s),
		   OLD " SELECT e.*, coalesce(r.name, '') AS name,"
		       " (SELECT COUNT(DISTINCT reporter_id) FROM ended"
		       "  WHERE day * 86400 >= until) AS reporters"
		       " FROM ended e LEFT JOIN reporter r"
		       "  ON r.id = e.reporter_id"
		       " WHERE e.day * 86400 >= e.until"
		       " ORDER BY e.day DESC, e.version LIMIT 1");
	bind_int(&q, domain_id);
	bind_int(&q, since / WHEN_DAY);
	bind_int(&q, until / WHEN_DAY);
	bind_int(&q, REPORT_RECENT_ROWS);
	bind_int(&q, GRACE);
	if (query_row(&q))
		read_row(&q, out);
	if (!query_row_is_good(&q, "report_policy"))
		*out = (struct report_stale){ 0 };
	return query_close(&q, err);
}
