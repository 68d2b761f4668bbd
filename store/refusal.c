#include "store/refusal.h"

#include "store/internal.h"

bool refusal_note(struct store *s, int64_t domain_id, int64_t ca_id,
		  time_t until, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "INSERT OR REPLACE INTO refusal(domain_id, ca_id, until)"
		   " VALUES(?, ?, ?)");
	bind_int(&q, domain_id);
	bind_int(&q, ca_id);
	bind_int(&q, until);
	return query_run(&q, err);
}

bool refusal_holds(struct store *s, int64_t domain_id, int64_t ca_id,
		   time_t now)
{
	struct query q;
	bool holds;

	query_open(&q, store_db(s),
		   "SELECT 1 FROM refusal"
		   " WHERE domain_id = ? AND ca_id = ? AND until > ?");
	bind_int(&q, domain_id);
	bind_int(&q, ca_id);
	bind_int(&q, now);
	holds = query_row(&q);
	return query_close(&q, NULL) && holds;
}

time_t refusal_next_end(struct store *s, int64_t domain_id, time_t now)
{
	struct query q;
	time_t end = 0;

	query_open(&q, store_db(s),
		   "SELECT MIN(until) AS end FROM refusal"
		   " WHERE domain_id = ? AND until > ?");
	bind_int(&q, domain_id);
	bind_int(&q, now);
	if (query_row(&q))
		end = col_int(&q, "end");
	return query_close(&q, NULL) ? end : 0;
}

bool refusal_forget(struct store *s, int64_t domain_id, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "DELETE FROM refusal WHERE domain_id = ?");
	bind_int(&q, domain_id);
	return query_run(&q, err);
}
