#include "store/alert.h"

#include "base/str.h"
#include "base/when.h"
#include "store/internal.h"
#include "store/notice.h"

#define NOT_TOLD	 (-1)
#define FLAP_WITHIN	 WHEN_DAY	/* begun again within: counted on */
#define ENDED_KEPT_FOR	 (30 * WHEN_DAY)
#define ENDED_KEPT	 200000		/* ids back from the newest */
#define AT_A_TIME	 200		/* rows in one turn of the loop */
#define GRAVE_LOOKED_AT	 1000

static const char *const level_names[] = {
	[ALERT_INFO] = "info",
	[ALERT_WARNING] = "warning",
	[ALERT_ERROR] = "error",
	[ALERT_CRITICAL] = "critical",
};

const char *alert_level_name(enum alert_level level)
{
	return level_names[level];
}

/* ---- telling ---- */

static bool is_silenced(struct store *s, const struct alert *a, time_t now)
{
	struct query q;
	bool yes;

	if (a->silenced_until > now)
		return true;
	query_open(&q, store_db(s), "SELECT 1 FROM silence WHERE kind = ?"
				    " AND until > ?");
	bind_text(&q, a->kind);
	bind_int(&q, now);
	yes = query_row(&q);
	query_close(&q, NULL);
	return yes;
}

static bool tell(struct store *s, const struct alert *a, enum notice_what what,
		 time_t now, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE alert SET told = max(told, ?) WHERE id = ?");
	bind_int(&q, a->level);
	bind_int(&q, a->id);
	return query_run(&q, err) && notice_add(s, a, what, now, err);
}

/* ---- raising ---- */

struct standing {
	int64_t id;		/* 0: it is not open */
	int told;
	bool is_same;
	time_t since;
	time_t silenced_until;
};

static bool find_open(struct store *s, const struct alert *a,
		      struct standing *out, struct err *err)
{
	struct query q;

	*out = (struct standing){ .told = NOT_TOLD };
	query_open(&q, store_db(s),
		   "SELECT * FROM alert WHERE kind = ? AND subject = ?"
		   " AND ended_at = 0");
	bind_text(&q, a->kind);
	bind_text(&q, a->subject);
	if (query_row(&q)) {
		out->id = col_int(&q, "id");
		out->told = (int)col_int(&q, "told");
		out->since = col_int(&q, "since");
		out->silenced_until = col_int(&q, "silenced_until");
		out->is_same = col_int(&q, "level") == (int)a->level &&
			       streq(col_text_peek(&q, "text"), a->text) &&
			       streq(col_text_peek(&q, "hint"),
				     a->hint ? a->hint : "");
	}
	return query_close(&q, err);
}

/* One that ended a short while ago and is back goes on counting. */
static bool insert(struct store *s, const struct alert *a, time_t now,
		   struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "INSERT INTO alert(kind, subject, level, text, hint, since,"
		   " count) VALUES(?1, ?2, ?3, ?4, ?5, ?6, 1 + coalesce("
		   " (SELECT count FROM alert WHERE id = (SELECT max(id)"
		   "   FROM alert WHERE subject = ?2 AND kind = ?1)"
		   "  AND ended_at > ?7), 0))");
	bind_text(&q, a->kind);
	bind_text(&q, a->subject);
	bind_int(&q, a->level);
	bind_text(&q, a->text);
	bind_text(&q, a->hint);
	bind_int(&q, a->since ? a->since : now);
	bind_int(&q, now - FLAP_WITHIN);
	return query_run(&q, err);
}

static bool refresh(struct store *s, const struct alert *a, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE alert SET level = ?, text = ?, hint = ?"
		   " WHERE id = ?");
	bind_int(&q, a->level);
	bind_text(&q, a->text);
	bind_text(&q, a->hint);
	bind_int(&q, a->id);
	return query_run(&q, err);
}

static bool put(struct store *s, struct alert *a, const struct standing *was,
		time_t now, struct err *err)
{
	if (!was->id) {
		if (!insert(s, a, now, err))
			return false;
		a->id = db_last_id(store_db(s));
		a->since = a->since ? a->since : now;
		return true;
	}
	a->id = was->id;
	a->since = was->since;
	a->silenced_until = was->silenced_until;
	return was->is_same || refresh(s, a, err);
}

static bool raise_it(struct store *s, const struct alert *raised, bool again,
		     time_t now, struct err *err)
{
	struct alert a = *raised;
	struct standing was;

	if (!find_open(s, &a, &was, err) || !put(s, &a, &was, now, err))
		return false;
	if (is_silenced(s, &a, now))
		return true;
	if ((int)a.level > was.told)
		return tell(s, &a, was.told == NOT_TOLD ? NOTICE_BEGUN
							: NOTICE_WORSE,
			    now, err);
	return !again || tell(s, &a, NOTICE_AGAIN, now, err);
}

bool alert_raise(struct store *s, const struct alert *a, time_t now,
		 struct err *err)
{
	return raise_it(s, a, false, now, err);
}

bool alert_raise_again(struct store *s, const struct alert *a, time_t now,
		       struct err *err)
{
	return raise_it(s, a, true, now, err);
}

bool alert_text(struct store *s, const char *kind, const char *subject,
		char *text, size_t size, struct err *err)
{
	struct query q;

	*text = '\0';
	query_open(&q, store_db(s),
		   "SELECT text FROM alert WHERE kind = ? AND subject = ?"
		   " AND ended_at = 0");
	bind_text(&q, kind);
	bind_text(&q, subject);
	if (query_row(&q))
		str_copy(text, size, col_text_peek(&q, "text"));
	return query_close(&q, err);
}

bool alert_is_open(struct store *s, const char *kind, const char *subject,
		   enum alert_level least, bool *is_open, struct err *err)
{
	struct query q;

	query_open(&q, store_db(s),
		   "SELECT 1 FROM alert WHERE kind = ? AND subject = ?"
		   " AND ended_at = 0 AND level >= ?");
	bind_text(&q, kind);
	bind_text(&q, subject);
	bind_int(&q, least);
	*is_open = query_row(&q);
	return query_close(&q, err);
}

/* ---- ending ---- */

static bool read_row(struct query *q, time_t now, struct alert *a)
{
	time_t own = col_int(q, "silenced_until");
	time_t whole = col_int(q, "kind_until");

	*a = (struct alert){
		.id = col_int(q, "id"),
		.kind = col_text_peek(q, "kind"),
		.subject = col_text_peek(q, "subject"),
		.level = (enum alert_level)col_enum(q, "level",
						    ALERT_CRITICAL),
		.text = col_text_peek(q, "text"),
		.hint = col_text_peek(q, "hint"),
		.since = col_int(q, "since"),
		.count = col_long(q, "count"),
		.silenced_until = own > whole ? own : whole,
		.ended_at = col_int(q, "ended_at"),
	};
	if (a->silenced_until <= now)
		a->silenced_until = 0;
	return query_row_is_good(q, "alert");
}

static bool mark_ended(struct store *s, int64_t id, time_t now,
		       struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s), "UPDATE alert SET ended_at = ?"
					  " WHERE id = ?");
	bind_int(&q, now);
	bind_int(&q, id);
	return query_run(&q, err);
}

/* The row of `q`, which stays open meanwhile: its texts are borrowed. */
static bool end_row(struct store *s, struct query *q, time_t now,
		    struct err *err)
{
	bool was_told = col_int(q, "told") != NOT_TOLD;
	struct alert a;

	if (!read_row(q, now, &a))
		return mark_ended(s, col_int(q, "id"), now, err);
	return mark_ended(s, a.id, now, err) &&
	       (!was_told || notice_add(s, &a, NOTICE_ENDED, now, err));
}

bool alert_end(struct store *s, const char *kind, const char *subject,
	       time_t now, struct err *err)
{
	struct query q;
	bool ok = true;

	query_open(&q, store_db(s),
		   "SELECT *, 0 AS kind_until FROM alert WHERE kind = ?"
		   " AND subject = ? AND ended_at = 0");
	bind_text(&q, kind);
	bind_text(&q, subject);
	if (query_row(&q))
		ok = end_row(s, &q, now, err);
	return query_close(&q, ok ? err : NULL) && ok;
}

/* By id from row to row, for each of them changes what is being read. */
static bool end_next(struct store *s, const char *subject, time_t now,
		     int64_t *id, struct err *err)
{
	struct query q;
	bool ok = true;

	query_open(&q, store_db(s),
		   "SELECT *, 0 AS kind_until FROM alert WHERE subject = ?"
		   " AND ended_at = 0 AND id > ? ORDER BY id LIMIT 1");
	bind_text(&q, subject);
	bind_int(&q, *id);
	*id = 0;
	if (query_row(&q)) {
		*id = col_int(&q, "id");
		ok = end_row(s, &q, now, err);
	}
	return query_close(&q, ok ? err : NULL) && ok;
}

bool alert_end_subject(struct store *s, const char *subject, time_t now,
		       struct err *err)
{
	int64_t id = 0;

	do {
		if (!end_next(s, subject, now, &id, err))
			return false;
	} while (id);
	return true;
}

/* ---- silence ---- */

bool alert_silence(struct store *s, int64_t id, time_t until, struct err *err)
{
	struct query q;

	/* 1, not 0: long ago, so that alert_wake() comes to it. */
	query_open(&q, store_db_write(s),
		   "UPDATE alert SET silenced_until = max(?, 1)"
		   " WHERE id = ? AND ended_at = 0");
	bind_int(&q, until);
	bind_int(&q, id);
	if (!query_run(&q, err))
		return false;
	if (db_changes(store_db(s)) == 1)
		return true;
	err_set(err, ERR_NOT_FOUND, "no alert %lld is open", (long long)id);
	return err_hint(err, "mtastsctl alert list shows those that are");
}

bool alert_silence_kind(struct store *s, const char *kind, time_t until,
			struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "INSERT INTO silence(kind, until) VALUES(?, ?)"
		   " ON CONFLICT(kind) DO UPDATE SET until = excluded.until");
	bind_text(&q, kind);
	bind_int(&q, until);
	return query_run(&q, err);
}

static bool unsilence(struct store *s, int64_t id, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s), "UPDATE alert SET silenced_until = 0"
					  " WHERE id = ?");
	bind_int(&q, id);
	return query_run(&q, err);
}

/* Its own silence is over: it is told unless its kind is silent. */
static bool wake_row(struct store *s, struct query *q, time_t now,
		     struct err *err)
{
	int told = (int)col_int(q, "told");
	struct alert a;

	if (!read_row(q, now, &a) || (int)a.level <= told ||
	    is_silenced(s, &a, now))
		return true;
	return tell(s, &a, told == NOT_TOLD ? NOTICE_BEGUN : NOTICE_WORSE, now,
		    err);
}

static bool wake_one(struct store *s, time_t now, bool *found,
		     struct err *err)
{
	struct query q;
	bool ok = true;

	query_open(&q, store_db(s),
		   "SELECT *, 0 AS kind_until FROM alert WHERE ended_at = 0"
		   " AND silenced_until > 0 AND silenced_until <= ? LIMIT 1");
	bind_int(&q, now);
	*found = query_row(&q);
	if (*found)
		ok = unsilence(s, col_int(&q, "id"), err) &&
		     wake_row(s, &q, now, err);
	return query_close(&q, ok ? err : NULL) && ok;
}

/* A kind whose silence is over, or "". */
static bool lapsed_kind(struct store *s, time_t now,
			char kind[static ALERT_KIND_SIZE], struct err *err)
{
	struct query q;

	kind[0] = '\0';
	query_open(&q, store_db(s), "SELECT kind FROM silence"
				    " WHERE until <= ? LIMIT 1");
	bind_int(&q, now);
	if (query_row(&q))
		col_text(&q, "kind", kind, ALERT_KIND_SIZE);
	return query_close(&q, err);
}

/* The next of the kind that was not told, unless a silence of its own holds. */
static bool wake_next_of(struct store *s, const char *kind, time_t now,
			 int64_t *id, struct err *err)
{
	struct query q;
	bool ok = true;

	query_open(&q, store_db(s),
		   "SELECT *, 0 AS kind_until FROM alert WHERE kind = ?"
		   " AND ended_at = 0 AND told < level AND id > ?"
		   " ORDER BY id LIMIT 1");
	bind_text(&q, kind);
	bind_int(&q, *id);
	*id = 0;
	if (query_row(&q)) {
		*id = col_int(&q, "id");
		if (col_int(&q, "silenced_until") <= now)
			ok = wake_row(s, &q, now, err);
	}
	return query_close(&q, ok ? err : NULL) && ok;
}

static bool forget_silence(struct store *s, const char *kind, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s), "DELETE FROM silence WHERE kind = ?");
	bind_text(&q, kind);
	return query_run(&q, err);
}

static bool wake_kind(struct store *s, const char *kind, time_t now,
		      bool *more, struct err *err)
{
	int64_t id = 0;

	for (int i = 0; i < AT_A_TIME; i++) {
		if (!wake_next_of(s, kind, now, &id, err))
			return false;
		if (!id)
			return forget_silence(s, kind, err);
	}
	*more = true;
	return true;
}

bool alert_wake(struct store *s, time_t now, bool *more, struct err *err)
{
	char kind[ALERT_KIND_SIZE];
	bool found = true;

	*more = false;
	for (int i = 0; i < AT_A_TIME && found; i++)
		if (!wake_one(s, now, &found, err))
			return false;
	*more = found;
	if (!lapsed_kind(s, now, kind, err))
		return false;
	return !*kind || wake_kind(s, kind, now, more, err);
}

static bool forget_with(struct store *s, const char *sql, int64_t bound,
			struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s), sql);
	bind_int(&q, bound);
	bind_int(&q, AT_A_TIME);
	return query_run(&q, err);
}

bool alert_forget(struct store *s, time_t now, struct err *err)
{
	return forget_with(s, "DELETE FROM alert WHERE id IN (SELECT id"
			      " FROM alert WHERE ended_at > 0"
			      " AND ended_at < ? ORDER BY ended_at LIMIT ?)",
			   now - ENDED_KEPT_FOR, err) &&
	       forget_with(s, "DELETE FROM alert WHERE id IN (SELECT id"
			      " FROM alert WHERE ended_at > 0 AND id <"
			      "  (SELECT max(id) FROM alert) - ?"
			      " ORDER BY id LIMIT ?)",
			   ENDED_KEPT, err);
}

/* ---- reading ---- */

#define COLUMNS                                                                \
	"SELECT *, coalesce((SELECT until FROM silence"                        \
	" WHERE silence.kind = alert.kind), 0) AS kind_until FROM alert "

static bool each_row(struct query *q, time_t now,
		     bool (*each)(const struct alert *a, void *arg), void *arg,
		     struct err *err)
{
	struct alert a;

	while (query_row(q))
		if (read_row(q, now, &a) && !each(&a, arg))
			break;
	return query_close(q, err);
}

static void bind_page(struct query *q, const struct alert_filter *f)
{
	if (f->kind)
		bind_text(q, f->kind);
	else
		bind_null(q);
	bind_int(q, f->after);
	bind_int(q, f->limit ? f->limit : -1);
}

bool alert_each(struct store *s, const struct alert_filter *f, time_t now,
		bool (*each)(const struct alert *a, void *arg), void *arg,
		struct err *err)
{
	struct query q;

	if (f->ended)
		query_open(&q, store_db(s),
			   COLUMNS "WHERE (?1 IS NULL OR kind = ?1)"
				   " AND (?2 = 0 OR id < ?2)"
				   " ORDER BY id DESC LIMIT ?3");
	else if (f->kind)
		query_open(&q, store_db(s),
			   COLUMNS "WHERE ended_at = 0 AND kind = ?1"
				   " AND id > ?2 ORDER BY id LIMIT ?3");
	else
		query_open(&q, store_db(s),
			   COLUMNS "WHERE ended_at = 0 AND ?1 IS NULL"
				   " AND (?2 = 0 OR (level, id) < (SELECT"
				   "  level, id FROM alert WHERE id = ?2))"
				   " ORDER BY level DESC, id DESC LIMIT ?3");
	bind_page(&q, f);
	return each_row(&q, now, each, arg, err);
}

size_t alert_subjects(struct store *s, const char *kind, const char *after,
		      char (*subjects)[ALERT_SUBJECT_SIZE], size_t limit,
		      struct err *err)
{
	struct query q;
	size_t n = 0;

	query_open(&q, store_db(s),
		   "SELECT subject FROM alert WHERE ended_at = 0 AND kind = ?"
		   " AND subject > ? ORDER BY subject LIMIT ?");
	bind_text(&q, kind);
	bind_text(&q, after);
	bind_int(&q, (int64_t)limit);
	while (n < limit && query_row(&q))
		col_text(&q, "subject", subjects[n++], ALERT_SUBJECT_SIZE);
	return query_close(&q, err) ? n : 0;
}

bool alert_count(struct store *s, const char *kind, struct alert_counts *counts,
		 struct err *err)
{
	struct query q;

	*counts = (struct alert_counts){ 0 };
	query_open(&q, store_db(s),
		   "SELECT COUNT(*) AS open,"
		   " COUNT(*) FILTER (WHERE level >= ?1) AS grave,"
		   " COUNT(*) FILTER (WHERE level <= ?2) AS news"
		   " FROM alert WHERE ended_at = 0 AND (?3 = '' OR kind = ?3)");
	bind_int(&q, ALERT_ERROR);
	bind_int(&q, ALERT_INFO);
	bind_text(&q, kind ? kind : "");
	if (query_row(&q)) {
		counts->open = col_long(&q, "open");
		counts->grave = col_long(&q, "grave");
		counts->news = col_long(&q, "news");
	}
	return query_close(&q, err);
}

bool alert_is_grave(struct store *s, time_t now, bool *grave, struct err *err)
{
	struct query q;
	int looked = 0;

	*grave = false;
	query_open(&q, store_db(s),
		   COLUMNS "WHERE ended_at = 0 AND level >= ?"
			   " ORDER BY level DESC, id DESC LIMIT ?");
	bind_int(&q, ALERT_ERROR);
	bind_int(&q, GRAVE_LOOKED_AT);
	while (!*grave && query_row(&q))
		*grave = ++looked == GRAVE_LOOKED_AT ||
			 (col_int(&q, "silenced_until") <= now &&
			  col_int(&q, "kind_until") <= now);
	return query_close(&q, err);
}
