#include "store/served.h"

#include "store/internal.h"

#define HELD_MAX 31557600L	/* RFC 8461, 3.2: no max_age is longer */

static bool run_at(struct store *s, const char *sql, int64_t at,
		   struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s), sql);
	bind_int(&q, at);
	return query_run(&q, err);
}

/* Older gaps say nothing of what a sender may still hold. */
static bool forget_old(struct store *s, time_t now, struct err *err)
{
	return run_at(s, "DELETE FROM uncounted WHERE until < ?",
		      now - 2 * HELD_MAX, err);
}

bool served_gap(struct store *s, time_t since, time_t until, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "INSERT INTO uncounted(since, until) VALUES(?1, ?2)"
		   " ON CONFLICT(since) DO UPDATE"
		   " SET until = MAX(until, excluded.until)");
	bind_int(&q, since);
	bind_int(&q, until);
	return query_run(&q, err) && forget_old(s, until, err);
}

static bool last_run(struct store *s, int64_t *since, struct err *err)
{
	struct query q;

	*since = 0;
	query_open(&q, store_db(s),
		   "SELECT value FROM meta WHERE key = 'serving_since'");
	if (query_row(&q))
		*since = col_int(&q, "value");
	return query_close(&q, err);
}

bool served_begin(struct store *s, time_t now, struct err *err)
{
	int64_t since;

	return last_run(s, &since, err) &&
	       (!since || served_gap(s, since, now, err)) &&
	       run_at(s, "INSERT OR REPLACE INTO meta"
			 " VALUES('serving_since', ?)", now, err);
}

bool served_end(struct store *s, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "DELETE FROM meta WHERE key = 'serving_since'");
	return query_run(&q, err);
}

static bool add_to(struct store *s, const char *sql,
		   const struct served_count *c, time_t now, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s), sql);
	bind_int(&q, c->policy_id);
	bind_int(&q, (int64_t)c->fetches);
	bind_int(&q, now);
	return query_run(&q, err);
}

/* Mostly there is a row. */
static bool add_one(struct store *s, const struct served_count *c, time_t now,
		    struct err *err)
{
	if (!add_to(s,
		    "UPDATE served SET fetches = fetches + ?2,"
		    " first_at = iif(first_at, first_at, ?3),"
		    " last_at = MAX(last_at, ?3) WHERE policy_id = ?1",
		    c, now, err))
		return false;
	return db_changes(store_db_write(s)) > 0 ||
	       add_to(s,
		      "INSERT INTO served SELECT id, ?2, ?3, ?3"
		      " FROM policy WHERE id = ?1",
		      c, now, err);
}

bool served_add(struct store *s, const struct served_count *counts, size_t n,
		time_t now, struct err *err)
{
	for (size_t i = 0; i < n; i++)
		if (!add_one(s, &counts[i], now, err))
			return false;
	return true;
}
