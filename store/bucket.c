#include "store/bucket.h"

#include <limits.h>

#include "store/internal.h"

static void read_row(struct query *q, struct bucket *b)
{
	b->level = col_int(q, "level");
	b->at_ms = col_int(q, "at_ms");
}

bool bucket_read(struct store *s, int64_t ca_id, int kind, const char *subject,
		 struct bucket *b, struct err *err)
{
	struct query q;

	*b = BUCKET_FULL;
	query_open(&q, store_db(s), "SELECT * FROM bucket WHERE ca_id = ?"
				    " AND kind = ? AND subject = ?");
	bind_int(&q, ca_id);
	bind_int(&q, kind);
	bind_text(&q, subject);
	if (query_row(&q))
		read_row(&q, b);
	return query_close(&q, err);
}

bool bucket_write(struct store *s, int64_t ca_id, int kind,
		  const char *subject, const struct bucket *b,
		  struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "INSERT INTO bucket(ca_id, kind, subject, level, at_ms)"
		   " VALUES(?, ?, ?, ?, ?)"
		   " ON CONFLICT(ca_id, kind, subject) DO UPDATE"
		   " SET level = excluded.level, at_ms = excluded.at_ms");
	bind_int(&q, ca_id);
	bind_int(&q, kind);
	bind_text(&q, subject);
	bind_int(&q, b->level);
	bind_int(&q, b->at_ms);
	return query_run(&q, err);
}

bool bucket_each(struct store *s, int64_t ca_id,
		 bool (*each)(int kind, const struct bucket *b, void *arg),
		 void *arg, struct err *err)
{
	struct bucket b;
	struct query q;
	int kind;

	query_open(&q, store_db(s), "SELECT * FROM bucket WHERE ca_id = ?"
				    " AND subject = '' ORDER BY kind");
	bind_int(&q, ca_id);
	while (query_row(&q)) {
		kind = col_enum(&q, "kind", INT_MAX);
		read_row(&q, &b);
		if (query_row_is_good(&q, "bucket") && !each(kind, &b, arg))
			break;
	}
	return query_close(&q, err);
}

bool bucket_prune(struct store *s, int64_t before_ms, long limit,
		  long *forgotten, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "DELETE FROM bucket WHERE (ca_id, kind, subject) IN"
		   " (SELECT ca_id, kind, subject FROM bucket"
		   "  WHERE at_ms < ? ORDER BY at_ms LIMIT ?)");
	bind_int(&q, before_ms);
	bind_int(&q, limit);
	if (!query_run(&q, err))
		return false;
	if (forgotten)
		*forgotten = db_changes(store_db(s));
	return true;
}
