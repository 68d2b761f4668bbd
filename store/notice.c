#include "store/notice.h"

#include <stdio.h>

#include "store/internal.h"

static const char *const what_names[] = {
	[NOTICE_BEGUN] = "begun",
	[NOTICE_WORSE] = "worse",
	[NOTICE_AGAIN] = "again",
	[NOTICE_ENDED] = "ended",
};

const char *notice_what_name(enum notice_what what)
{
	return what_names[what];
}

/* ---- gathering ---- */

/* Counts up what gathers. *id stays 0 if nothing does yet. */
static bool join(struct store *s, const struct alert *a, enum notice_what what,
		 int64_t *id, long *count, struct err *err)
{
	struct query q;

	*id = 0;
	query_open(&q, store_db_write(s),
		   "UPDATE notice SET count = count + 1, level = max(level, ?)"
		   " WHERE kind = ? AND what = ? AND sealed = 0"
		   " RETURNING id, count");
	bind_int(&q, a->level);
	bind_text(&q, a->kind);
	bind_int(&q, what);
	while (query_row(&q)) {
		*id = col_int(&q, "id");
		*count = col_long(&q, "count");
	}
	return query_close(&q, err);
}

static bool begin(struct store *s, const struct alert *a,
		  enum notice_what what, time_t now, int64_t *id,
		  struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "INSERT INTO notice(what, kind, level, count, at)"
		   " VALUES(?, ?, ?, 1, ?)");
	bind_int(&q, what);
	bind_text(&q, a->kind);
	bind_int(&q, a->level);
	bind_int(&q, now);
	if (!query_run(&q, err))
		return false;
	*id = db_last_id(store_db(s));
	return true;
}

/* One that is in it already is renewed. */
static bool add_item(struct store *s, const struct alert *a, int64_t id,
		     struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "INSERT OR REPLACE INTO notice_item(notice_id, subject,"
		   " level, text, hint, since) VALUES(?, ?, ?, ?, ?, ?)");
	bind_int(&q, id);
	bind_text(&q, a->subject);
	bind_int(&q, a->level);
	bind_text(&q, a->text);
	bind_text(&q, a->hint);
	bind_int(&q, a->since);
	return query_run(&q, err);
}

bool notice_add(struct store *s, const struct alert *a, enum notice_what what,
		time_t now, struct err *err)
{
	int64_t id;
	long count = 1;

	if (!join(s, a, what, &id, &count, err) ||
	    (!id && !begin(s, a, what, now, &id, err)))
		return false;
	return count > NOTICE_ITEMS || add_item(s, a, id, err);
}

/* ---- reading ---- */

static void read_item(struct query *q, struct notice_item *item)
{
	*item = (struct notice_item){
		.level = (enum alert_level)col_enum(q, "level",
						    ALERT_CRITICAL),
		.since = col_int(q, "since"),
	};
	/* Longer than any of ours is cut, not lost. */
	snprintf(item->subject, sizeof(item->subject), "%s",
		 col_text_peek(q, "subject"));
	snprintf(item->text, sizeof(item->text), "%s",
		 col_text_peek(q, "text"));
	snprintf(item->hint, sizeof(item->hint), "%s",
		 col_text_peek(q, "hint"));
}

static bool read_items(struct store *s, struct notice *n, struct err *err)
{
	struct query q;

	query_open(&q, store_db(s),
		   "SELECT * FROM notice_item WHERE notice_id = ?"
		   " ORDER BY rowid LIMIT ?");
	bind_int(&q, n->id);
	bind_int(&q, NOTICE_ITEMS);
	while (n->item_count < NOTICE_ITEMS && query_row(&q)) {
		read_item(&q, &n->item[n->item_count]);
		n->item_count += query_row_is_good(&q, "notice_item");
	}
	return query_close(&q, err);
}

/* The row that the query is at, and what is in it. */
static bool read_one(struct store *s, struct query *q, struct notice *n,
		     bool *found, struct err *err)
{
	*n = (struct notice){ .id = 0 };
	*found = query_row(q);
	if (*found) {
		n->id = col_int(q, "id");
		n->what = (enum notice_what)col_enum(q, "what", NOTICE_ENDED);
		n->level = (enum alert_level)col_enum(q, "level",
						      ALERT_CRITICAL);
		n->count = col_long(q, "count");
		n->at = col_int(q, "at");
		n->attempts = col_long(q, "attempts");
		col_text(q, "kind", n->kind, sizeof(n->kind));
		query_row_is_good(q, "notice");
	}
	return query_close(q, err) && (!*found || read_items(s, n, err));
}

/* One from the future has seen the clock step back: it waits no longer. */
bool notice_gathered(struct store *s, const struct notice_pace *pace,
		     time_t now, struct notice *n, bool *found,
		     struct err *err)
{
	struct query q;

	query_open(&q, store_db(s),
		   "SELECT *, 0 AS attempts FROM notice WHERE sealed = 0"
		   " AND (at > ?1 OR at <= ?1 - iif(level = ?2, ?3, ?4))"
		   " ORDER BY at, id LIMIT 1");
	bind_int(&q, now);
	bind_int(&q, ALERT_CRITICAL);
	bind_int(&q, pace->gather_critical);
	bind_int(&q, pace->gather);
	return read_one(s, &q, n, found, err);
}

bool notice_due(struct store *s, int sink, time_t now, struct notice *n,
		bool *found, struct err *err)
{
	struct query q;

	query_open(&q, store_db(s),
		   "SELECT notice.*, attempts FROM delivery JOIN notice"
		   " ON notice.id = notice_id WHERE sink = ? AND due_at <= ?"
		   " ORDER BY due_at, notice_id LIMIT 1");
	bind_int(&q, sink);
	bind_int(&q, now);
	return read_one(s, &q, n, found, err);
}

bool notice_waiting(struct store *s, int sink, long *count, time_t *oldest,
		    struct err *err)
{
	struct query q;

	query_open(&q, store_db(s),
		   "SELECT COUNT(*) AS count, min(at) AS oldest FROM delivery"
		   " JOIN notice ON notice.id = notice_id WHERE sink = ?");
	bind_int(&q, sink);
	*count = 0;
	*oldest = 0;
	if (query_row(&q)) {
		*count = col_long(&q, "count");
		*oldest = col_int(&q, "oldest");
	}
	return query_close(&q, err);
}

/* ---- the outbox ---- */

static bool run_with(struct store *s, const char *sql, int64_t a, int64_t b,
		     struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s), sql);
	bind_int(&q, a);
	bind_int(&q, b);
	return query_run(&q, err);
}

/* What every sink has been given. */
static bool forget_told(struct store *s, struct err *err)
{
	return db_exec(store_db_write(s),
		       "DELETE FROM notice WHERE sealed = 1 AND NOT EXISTS"
		       " (SELECT 1 FROM delivery WHERE notice_id = id)", err);
}

static bool add_deliveries(struct store *s, int64_t id, unsigned sinks,
			   time_t now, struct err *err)
{
	struct query q;

	for (int sink = 0; sinks >> sink; sink++) {
		if (!(sinks >> sink & 1))
			continue;
		query_open(&q, store_db_write(s),
			   "INSERT INTO delivery(notice_id, sink, due_at)"
			   " VALUES(?, ?, ?)");
		bind_int(&q, id);
		bind_int(&q, sink);
		bind_int(&q, now);
		if (!query_run(&q, err))
			return false;
	}
	return true;
}

/* The oldest two that are alike; *into stays 0 if no two are. */
static bool find_alike(struct store *s, int64_t *from, int64_t *into,
		       struct err *err)
{
	struct query q;

	*into = 0;
	query_open(&q, store_db(s),
		   "SELECT a.id AS older, (SELECT min(b.id) FROM notice b"
		   "  WHERE b.kind = a.kind AND b.what = a.what"
		   "  AND b.sealed = 1 AND b.id > a.id) AS newer"
		   " FROM notice a WHERE a.sealed = 1 AND newer IS NOT NULL"
		   " ORDER BY a.id LIMIT 1");
	if (query_row(&q)) {
		*from = col_int(&q, "older");
		*into = col_int(&q, "newer");
	}
	return query_close(&q, err);
}

/*
 * The younger takes what the older has, under a new id: whoever is being told
 * of one of them at this moment has not heard of both.
 */
static bool merge(struct store *s, int64_t older, int64_t newer,
		  struct err *err)
{
	int64_t id;

	if (!run_with(s, "INSERT INTO notice(what, kind, level, count, at,"
			 " sealed) SELECT what, kind, max(level), sum(count),"
			 " min(at), 1 FROM notice WHERE id IN (?, ?)",
		      older, newer, err))
		return false;
	id = db_last_id(store_db(s));
	return run_with(s, "INSERT OR IGNORE INTO notice_item SELECT ?,"
			   " subject, level, text, hint, since"
			   " FROM notice_item WHERE notice_id = ?",
			id, newer, err) &&
	       run_with(s, "INSERT OR IGNORE INTO notice_item SELECT ?,"
			   " subject, level, text, hint, since"
			   " FROM notice_item WHERE notice_id = ?",
			id, older, err) &&
	       run_with(s, "INSERT OR IGNORE INTO delivery SELECT ?, sink,"
			   " attempts, due_at FROM delivery"
			   " WHERE notice_id = ?", id, newer, err) &&
	       run_with(s, "INSERT OR IGNORE INTO delivery SELECT ?, sink,"
			   " attempts, due_at FROM delivery"
			   " WHERE notice_id = ?", id, older, err) &&
	       run_with(s, "DELETE FROM notice_item WHERE notice_id = ?1"
			   " AND rowid NOT IN (SELECT rowid FROM notice_item"
			   "  WHERE notice_id = ?1 ORDER BY rowid LIMIT ?2)",
			id, NOTICE_ITEMS, err) &&
	       run_with(s, "DELETE FROM notice WHERE id IN (?, ?)", older,
			newer, err);
}

static bool keep_bounded(struct store *s, struct err *err)
{
	int64_t older = 0, newer = 0;
	long count = 0;
	struct query q;

	query_open(&q, store_db(s),
		   "SELECT COUNT(*) AS count FROM notice WHERE sealed = 1");
	if (query_row(&q))
		count = col_long(&q, "count");
	if (!query_close(&q, err))
		return false;
	if (count <= NOTICES_KEPT)
		return true;
	return find_alike(s, &older, &newer, err) &&
	       (!newer || merge(s, older, newer, err));
}

bool notice_seal(struct store *s, const struct notice *n, unsigned sinks,
		 time_t now, struct err *err)
{
	return run_with(s, "UPDATE notice SET sealed = ?2 WHERE id = ?1",
			n->id, 1, err) &&
	       add_deliveries(s, n->id, sinks, now, err) &&
	       forget_told(s, err) && keep_bounded(s, err);
}

bool notice_delivered(struct store *s, int64_t id, int sink, struct err *err)
{
	return run_with(s, "DELETE FROM delivery WHERE notice_id = ?"
			   " AND sink = ?", id, sink, err) &&
	       forget_told(s, err);
}

bool notice_failed(struct store *s, int64_t id, int sink, time_t due_at,
		   struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE delivery SET attempts = attempts + 1, due_at = ?"
		   " WHERE notice_id = ? AND sink = ?");
	bind_int(&q, due_at);
	bind_int(&q, id);
	bind_int(&q, sink);
	return query_run(&q, err);
}

bool notice_hurry(struct store *s, int sink, time_t now, struct err *err)
{
	return run_with(s, "UPDATE delivery SET due_at = ?2 WHERE sink = ?1"
			   " AND due_at > ?2", sink, now, err);
}

bool notice_keep_sinks(struct store *s, unsigned sinks, struct err *err)
{
	return run_with(s, "DELETE FROM delivery WHERE ((?1 >> sink) & 1) = ?2",
			(int64_t)sinks, 0, err) &&
	       forget_told(s, err);
}
