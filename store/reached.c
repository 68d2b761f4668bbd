#include "store/reached.h"

#include "store/internal.h"

static void read_row(struct query *q, struct reached *r)
{
	r->since = col_int(q, "since");
	r->at = col_int(q, "at");
	r->let_at = col_int(q, "let_at");
	r->due_at = col_int(q, "due_at");
	r->tries = col_long(q, "tries");
	r->led_at = col_int(q, "led_at");
	r->why = (enum reached_why)col_enum(q, "why", REACHED_BY_HAND);
	col_text(q, "problem", r->problem, sizeof(r->problem));
	col_text(q, "distrust", r->distrust, sizeof(r->distrust));
}

bool reached_of(struct store *s, const struct domain *d, struct reached *r,
		struct err *err)
{
	struct query q;

	*r = (struct reached){ .at = 0 };
	query_open(&q, store_db(s),
		   "SELECT * FROM reached WHERE domain_id = ?");
	bind_int(&q, d->id);
	if (query_row(&q)) {
		read_row(&q, r);
		if (!query_row_is_good(&q, "reached"))
			*r = (struct reached){ .at = 0 };
	}
	return query_close(&q, err);
}

bool reached_begin(struct store *s, int64_t domain_id, time_t now,
		   const char *distrust, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "INSERT INTO reached(domain_id, since, due_at, distrust)"
		   " VALUES(?1, ?2, ?2, ?3) ON CONFLICT(domain_id) DO UPDATE"
		   " SET since = iif(let_at > 0, since, ?2),"
		   " due_at = min(?2, due_at - 1),"
		   " tries = 0, distrust = ?3"
		   " WHERE at = 0 OR distrust <> ?3");
	bind_int(&q, domain_id);
	bind_int(&q, now);
	bind_text(&q, distrust ? distrust : "");
	return query_run(&q, err);
}

bool reached_soon(struct store *s, int64_t domain_id, time_t now,
		  struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE reached SET due_at = min(?2, due_at - 1)"
		   " WHERE domain_id = ?1 AND at = 0");
	bind_int(&q, domain_id);
	bind_int(&q, now);
	return query_run(&q, err);
}

bool reached_anew(struct store *s, int64_t domain_id, time_t now,
		  struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE reached SET due_at = min(?2, due_at - 1), tries = 0"
		   " WHERE domain_id = ?1 AND at = 0");
	bind_int(&q, domain_id);
	bind_int(&q, now);
	return query_run(&q, err);
}

bool reached_put_off(struct store *s, int64_t domain_id, time_t until,
		     struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE reached SET due_at = ?2"
		   " WHERE domain_id = ?1 AND at = 0");
	bind_int(&q, domain_id);
	bind_int(&q, until);
	return query_run(&q, err);
}

bool reached_led(struct store *s, int64_t domain_id, time_t now,
		 struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE reached SET led_at = ?2 WHERE domain_id = ?1");
	bind_int(&q, domain_id);
	bind_int(&q, now);
	return query_run(&q, err);
}

bool reached_note(struct store *s, int64_t domain_id, time_t now,
		  struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "INSERT INTO reached(domain_id, at) VALUES(?1, ?2)"
		   " ON CONFLICT(domain_id) DO UPDATE"
		   " SET at = ?2, why = 0, problem = '' WHERE at = 0");
	bind_int(&q, domain_id);
	bind_int(&q, now);
	return query_run(&q, err);
}

bool reached_told(struct store *s, int64_t domain_id, time_t now,
		  struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "INSERT INTO reached(domain_id, at) VALUES(?1, ?2)"
		   " ON CONFLICT(domain_id) DO UPDATE"
		   " SET at = ?2, why = 0, problem = ''"
		   " WHERE at = 0 AND why <> ?3");
	bind_int(&q, domain_id);
	bind_int(&q, now);
	bind_int(&q, REACHED_BY_HAND);
	return query_run(&q, err);
}

bool reached_let(struct store *s, int64_t domain_id, time_t now,
		 const char *reason, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE reached SET let_at = ?2, why = ?3, problem = ?4"
		   " WHERE domain_id = ?1 AND at = 0");
	bind_int(&q, domain_id);
	bind_int(&q, now);
	bind_int(&q, REACHED_BY_HAND);
	bind_text(&q, reason);
	return query_run(&q, err);
}

bool reached_is_by_hand(const struct reached *r)
{
	return !r->at && r->let_at && r->why == REACHED_BY_HAND;
}

bool reached_write(struct store *s, int64_t domain_id, const struct reached *r,
		   time_t was_due, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE reached SET let_at = ?,"
		   " due_at = iif(due_at = ?, ?, due_at), tries = ?,"
		   " why = ?, problem = ? WHERE domain_id = ? AND at = 0");
	bind_int(&q, r->let_at);
	bind_int(&q, was_due);
	bind_int(&q, r->due_at);
	bind_int(&q, r->tries);
	bind_int(&q, r->why);
	bind_text(&q, r->problem);
	bind_int(&q, domain_id);
	return query_run(&q, err);
}

bool reached_begun(struct store *s, int64_t ca_id, long *count, struct err *err)
{
	struct query q;

	*count = 0;
	query_open(&q, store_db(s),
		   "SELECT count(*) AS n FROM reached r"
		   " JOIN domain d ON d.id = r.domain_id"
		   " JOIN cert c ON c.id = d.cert_id"
		   " WHERE r.at = 0 AND r.since > 0 AND r.let_at = 0"
		   " AND r.distrust = '' AND r.tries < ?1"
		   " AND d.state = ?2 AND d.leaving <> ?3"
		   " AND ifnull(c.ca_id, 0) = ?4");
	bind_int(&q, REACHED_FIRST_TRIES);
	bind_int(&q, DOMAIN_LIVE);
	bind_int(&q, DOMAIN_HANDING_OVER);
	bind_int(&q, ca_id);
	if (query_row(&q))
		*count = col_long(&q, "n");
	return query_close(&q, err);
}

size_t reached_due(struct store *s, time_t now, int64_t *ids, size_t limit,
		   struct err *err)
{
	struct query q;

	query_open(&q, store_db(s),
		   "SELECT domain_id AS id FROM reached"
		   " WHERE at = 0 AND since > 0 AND distrust = ''"
		   " AND (due_at <= ?1 OR due_at > ?2)"
		   " ORDER BY due_at LIMIT ?3");
	bind_int(&q, now);
	bind_int(&q, now + REACHED_AHEAD_MAX);
	bind_int(&q, (int64_t)limit);
	return query_ids(&q, ids, limit, err);
}
