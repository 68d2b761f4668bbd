#include "store/report_holders.h"

#include "base/when.h"
#include "policy/sts_policy.h"
#include "store/internal.h"
#include "store/report_recent.h"
#include "store/report_tally.h"

/* Of two versions told of on one day, one that enforces counts. */
#define HOLDERS                                                                \
	"WITH seen AS (SELECT reporter_id, policy_id, day,"                    \
	"   successful + failed AS sessions FROM report_policy"                \
	"  WHERE domain_id = ?1 AND day BETWEEN ?2 AND ?3"                     \
	"  AND" REPORT_COUNTS "ORDER BY day DESC LIMIT ?4),"                   \
	" told AS (SELECT s.*, p.mode FROM seen s"                             \
	"  JOIN policy p ON p.id = s.policy_id),"                              \
	" last AS (SELECT reporter_id, MAX(day) AS day FROM told GROUP BY 1)," \
	" holder AS (SELECT reporter_id, SUM(sessions) AS sessions FROM told"  \
	"  WHERE mode = ?5 AND reporter_id IN (SELECT t.reporter_id"           \
	"   FROM told t JOIN last l ON l.reporter_id = t.reporter_id"          \
	"    AND l.day = t.day WHERE t.mode = ?5) GROUP BY 1)"

static void read_row(struct query *q, struct report_holders *out)
{
	char *name = out->name[out->count];

	col_text(q, "name", name, sizeof(out->name[0]));
	if (query_row_is_good(q, "reporter")) {
		out->count++;
		out->more = col_int(q, "holders") - (int64_t)out->count;
	}
}

bool report_holders(struct store *s, int64_t domain_id, time_t now,
		    struct report_holders *out, struct err *err)
{
	struct query q;

	*out = (struct report_holders){ .count = 0 };
	query_open(&q, store_db(s),
		   HOLDERS " SELECT r.name, COUNT(*) OVER () AS holders"
			   " FROM holder h JOIN reporter r"
			   "  ON r.id = h.reporter_id"
			   " ORDER BY h.sessions DESC, r.name LIMIT ?6");
	bind_int(&q, domain_id);
	bind_int(&q, now / WHEN_DAY - REPORT_HOLDERS_DAYS);
	bind_int(&q, now / WHEN_DAY);
	bind_int(&q, REPORT_RECENT_ROWS);
	bind_int(&q, STS_ENFORCE);
	bind_int(&q, REPORT_HOLDERS_NAMED);
	while (query_row(&q))
		read_row(&q, out);
	return query_close(&q, err);
}
