#include "store/checked.h"

#include <stdlib.h>

#include "base/mem.h"
#include "store/internal.h"

bool checked_of(struct store *s, const struct domain *d, struct checked *c,
		struct err *err)
{
	struct query q;

	*c = (struct checked){ .at = 0 };
	query_open(&q, store_db(s),
		   "SELECT * FROM checked WHERE domain_id = ?");
	bind_int(&q, d->id);
	if (query_row(&q)) {
		c->at = col_int(&q, "at");
		c->asked_at = col_int(&q, "asked_at");
		c->bad_since = col_int(&q, "bad_since");
		c->findings = xstrdup(col_text_peek(&q, "findings"));
	}
	if (!c->findings)
		c->findings = xstrdup("[]");
	return query_close(&q, err);
}

void checked_release(struct checked *c)
{
	free(c->findings);
	c->findings = NULL;
}

bool checked_ask(struct store *s, int64_t domain_id, time_t now,
		 struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "INSERT INTO checked(domain_id, asked_at) VALUES(?1, ?2)"
		   " ON CONFLICT(domain_id) DO UPDATE"
		   " SET asked_at = MAX(?2, asked_at + 1)");
	bind_int(&q, domain_id);
	bind_int(&q, now);
	return query_run(&q, err);
}

bool checked_write(struct store *s, int64_t domain_id, time_t now,
		   time_t answers, time_t bad_since, const char *findings,
		   struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "INSERT INTO checked(domain_id, at, findings, bad_since)"
		   " VALUES(?1, ?2, ?3, ?4) ON CONFLICT(domain_id) DO UPDATE"
		   " SET at = ?2, findings = ?3, bad_since = ?4,"
		   " asked_at = CASE WHEN asked_at > ?5 THEN asked_at"
		   "  ELSE 0 END");
	bind_int(&q, domain_id);
	bind_int(&q, now);
	bind_text(&q, findings);
	bind_int(&q, bad_since);
	bind_int(&q, answers);
	return query_run(&q, err);
}

bool checked_give_up(struct store *s, int64_t domain_id, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE checked SET asked_at = 0 WHERE domain_id = ?");
	bind_int(&q, domain_id);
	return query_run(&q, err);
}

size_t checked_asked(struct store *s, int64_t *ids, size_t limit,
		     struct err *err)
{
	struct query q;

	query_open(&q, store_db(s),
		   "SELECT domain_id AS id FROM checked WHERE asked_at > 0"
		   " ORDER BY asked_at LIMIT ?");
	bind_int(&q, (int64_t)limit);
	return query_ids(&q, ids, limit, err);
}

size_t checked_stale(struct store *s, const struct checked_stale *which,
		     int64_t *ids, size_t limit, struct err *err)
{
	struct query q;

	query_open(&q, store_db(s),
		   "SELECT d.id AS id FROM domain d"
		   " JOIN policy p ON p.id = d.policy_id"
		   " LEFT JOIN checked c ON c.domain_id = d.id"
		   " WHERE d.id > ?4 AND d.id <= ?5"
		   " AND d.state = 2 AND d.leaving = 0"
		   " AND (COALESCE(c.at, 0) < ?2 OR (p.mode = 2 AND "
		   "c.bad_since > 0"
		   "  AND c.at <"
		   "  ?6 - MAX(600, MIN(3600, c.at - c.bad_since))))"
		   " AND (p.mode = 2 OR (p.mode = 1 AND p.announced_at > 0"
		   "  AND EXISTS (SELECT 1 FROM policy t"
		   "  WHERE t.domain_id = d.id AND t.announced_at > 0"
		   "  AND t.announced_at < ?1 AND t.version >"
		   "   (SELECT COALESCE(MAX(n.version), 0) FROM policy n"
		   "    WHERE n.domain_id = d.id AND n.mode <> 1)))) LIMIT ?3");
	bind_int(&q, which->testing_since);
	bind_int(&q, which->before);
	bind_int(&q, (int64_t)limit);
	bind_int(&q, which->after);
	bind_int(&q, which->up_to);
	bind_int(&q, which->now);
	return query_ids(&q, ids, limit, err);
}
