#include "store/watch.h"

#include "base/str.h"
#include "store/internal.h"

static const char *const reports_names[] = {
	[REPORTS_UNKNOWN] = "unknown", [REPORTS_NOTHING] = "nothing",
	[REPORTS_OURS] = "as-set",     [REPORTS_OTHER] = "other",
	[REPORTS_WHOLE] = "as-set",
};

static const char *const host_names[] = {
	[HOST_UNKNOWN] = "unknown",	[HOST_HERE] = "here",
	[HOST_PARTLY] = "partly",	[HOST_ELSEWHERE] = "elsewhere",
	[HOST_NOWHERE] = "nowhere",
};

const char *watch_reports_name(enum watch_reports r)
{
	return reports_names[r];
}

time_t watch_foreign_until(const struct watch *w, time_t now)
{
	time_t until = w->foreign_at + STS_MAX_AGE_MAX;

	return w->foreign_at && until > now ? until : 0;
}

long watch_cached(const struct watch *w)
{
	if (w->former_ttl < WATCH_CACHED_MIN)
		return WATCH_CACHED_MIN;
	return w->former_ttl < WATCH_CACHED_MAX ? w->former_ttl
						: WATCH_CACHED_MAX;
}

const char *watch_host_name(enum watch_host h)
{
	return host_names[h];
}

static void read_mx(struct query *q, struct mx_seen *mx)
{
	*mx = (struct mx_seen){
		.look = (enum mx_look)col_enum(q, "mx_look", MX_THERE),
		.voices = (unsigned)col_long(q, "mx_voices"),
		.agrees = col_int(q, "mx_agrees") != 0,
		.is_cut = col_int(q, "mx_cut") != 0,
		.ttl = col_long(q, "mx_ttl"),
	};
	mx_seen_parse(col_text_peek(q, "mx"), mx);
}

static void read_row(struct query *q, struct watch *w)
{
	w->due_at = col_int(q, "due_at");
	w->looked_at = col_int(q, "looked_at");
	w->news_at = col_int(q, "news_at");
	w->restless_until = col_int(q, "restless_until");
	w->failures = col_long(q, "failures");
	w->unanswered = col_long(q, "unanswered");
	w->is_slow = col_int(q, "is_slow") != 0;
	w->txt = (enum announced)col_enum(q, "txt", ANNOUNCED_FOREIGN);
	col_text(q, "txt_id", w->txt_id, sizeof(w->txt_id));
	w->txt_ttl = col_long(q, "txt_ttl");
	w->txt_at = col_int(q, "txt_at");
	w->txt_since = col_int(q, "txt_since");
	w->foreign_at = col_int(q, "foreign_at");
	w->host = (enum watch_host)col_enum(q, "host", HOST_NOWHERE);
	w->host_at = col_int(q, "host_at");
	w->host_since = col_int(q, "host_since");
	w->host_ttl = col_long(q, "host_ttl");
	w->former_ttl = col_long(q, "former_ttl");
	col_text(q, "host_problem", w->host_problem, sizeof(w->host_problem));
	w->reports = (enum watch_reports)col_enum(q, "reports", REPORTS_WHOLE);
	w->mx_at = col_int(q, "mx_at");
	w->mx_since = col_int(q, "mx_since");
	w->mx_left_at = col_int(q, "mx_left_at");
	w->strays_since = col_int(q, "strays_since");
	w->untold_host = col_long(q, "untold_host");
	w->untold_txt = col_long(q, "untold_txt");
	w->untold_mx = col_long(q, "untold_mx");
	w->trouble = col_enum(q, "trouble", 2);
	read_mx(q, &w->mx);
}

bool watch_of(struct store *s, const struct domain *d, struct watch *w,
	      struct err *err)
{
	struct query q;

	*w = (struct watch){ .domain_id = d->id };
	query_open(&q, store_db(s), "SELECT * FROM watch WHERE domain_id = ?");
	bind_int(&q, d->id);
	if (query_row(&q))
		read_row(&q, w);
	if (query_row_is_good(&q, "watch"))
		return query_close(&q, err);
	*w = (struct watch){ .domain_id = d->id };
	return query_close(&q, err);
}

/* In three parts, in the order of watch_write(). */
static void bind_times(struct query *q, const struct watch *w)
{
	bind_int(q, w->domain_id);
	bind_int(q, w->due_at);
	bind_int(q, w->looked_at);
	bind_int(q, w->news_at);
	bind_int(q, w->restless_until);
	bind_int(q, w->failures);
	bind_int(q, w->unanswered);
	bind_int(q, w->is_slow);
	bind_int(q, w->trouble);
}

static void bind_seen(struct query *q, const struct watch *w)
{
	bind_int(q, w->txt);
	bind_text(q, w->txt_id);
	bind_int(q, w->txt_ttl);
	bind_int(q, w->txt_at);
	bind_int(q, w->txt_since);
	bind_int(q, w->foreign_at);
	bind_int(q, w->untold_txt);
	bind_int(q, w->host);
	bind_int(q, w->host_at);
	bind_int(q, w->host_since);
	bind_int(q, w->host_ttl);
	bind_int(q, w->former_ttl);
	bind_text(q, w->host_problem);
	bind_int(q, w->untold_host);
	bind_int(q, w->reports);
}

static void bind_mx(struct query *q, const struct watch *w)
{
	char mx[MX_SEEN_TEXT];

	mx_seen_write(&w->mx, mx);
	bind_int(q, w->mx.look);
	bind_text(q, mx);
	bind_int(q, w->mx.voices);
	bind_int(q, w->mx.agrees);
	bind_int(q, w->mx.is_cut);
	bind_int(q, w->mx.ttl);
	bind_int(q, w->mx_at);
	bind_int(q, w->mx_since);
	bind_int(q, w->mx_left_at);
	bind_int(q, w->strays_since);
	bind_int(q, w->untold_mx);
}

bool watch_write(struct store *s, const struct watch *w, struct err *err)
{
	struct query q;

	query_open(
		&q, store_db_write(s),
		"INSERT OR REPLACE INTO watch(domain_id, due_at, looked_at,"
		" news_at, restless_until, failures, unanswered, is_slow, "
		"trouble,"
		" txt, txt_id, txt_ttl, txt_at, txt_since, foreign_at, "
		"untold_txt,"
		" host, host_at, host_since, host_ttl, former_ttl,"
		" host_problem, untold_host, reports,"
		" mx_look, mx, mx_voices, mx_agrees, mx_cut, mx_ttl,"
		" mx_at, mx_since, mx_left_at, strays_since, untold_mx)"
		" VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
		" ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	bind_times(&q, w);
	bind_seen(&q, w);
	bind_mx(&q, w);
	return query_run(&q, err);
}

bool watch_retire(struct store *s, const struct domain *d, struct err *err)
{
	struct query q;

	query_open(
		&q, store_db_write(s),
		"INSERT INTO foreign_past(name, at) SELECT ?1, foreign_at"
		" FROM watch WHERE domain_id = ?2 AND foreign_at > 0"
		" ON CONFLICT(name) DO UPDATE SET at = MAX(at, excluded.at)");
	bind_text(&q, d->name);
	bind_int(&q, d->id);
	return query_run(&q, err);
}

bool watch_recall(struct store *s, const struct domain *d, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "INSERT INTO watch(domain_id, due_at, foreign_at)"
		   " SELECT ?1, ?2, at FROM foreign_past WHERE name = ?3");
	bind_int(&q, d->id);
	bind_int(&q, d->created_at);
	bind_text(&q, d->name);
	return query_run(&q, err);
}

/*
 * A look that is under way knows by due_at whether another was asked for since
 * it began: also within the second in which it did.
 */
#define ASKED "due_at = ?2 - (due_at = ?2)"

bool watch_soon(struct store *s, int64_t domain_id, time_t now, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "INSERT INTO watch(domain_id, due_at, news_at)"
		   " VALUES(?1, ?2, ?2) ON CONFLICT(domain_id)"
		   " DO UPDATE SET " ASKED ", news_at = ?2");
	bind_int(&q, domain_id);
	bind_int(&q, now);
	return query_run(&q, err);
}

bool watch_reports_moved(struct store *s, int64_t domain_id, time_t now,
			 struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE watch SET reports = ?1"
		   " WHERE domain_id = ?2 AND reports = ?3");
	bind_int(&q, REPORTS_OURS);
	bind_int(&q, domain_id);
	bind_int(&q, REPORTS_WHOLE);
	return query_run(&q, err) && watch_soon(s, domain_id, now, err);
}

bool watch_now(struct store *s, int64_t domain_id, time_t now, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "INSERT INTO watch(domain_id, due_at) VALUES(?1, ?2)"
		   " ON CONFLICT(domain_id) DO UPDATE SET " ASKED);
	bind_int(&q, domain_id);
	bind_int(&q, now);
	return query_run(&q, err);
}

bool watch_put_off(struct store *s, int64_t domain_id, time_t until,
		   struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE watch SET due_at = ? WHERE domain_id = ?");
	bind_int(&q, until);
	bind_int(&q, domain_id);
	return query_run(&q, err);
}

bool watch_begin_anew(struct store *s, time_t now, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE watch SET host = 0, host_at = 0, host_since = ?1,"
		   " host_problem = '', looked_at = 0, due_at = ?1");
	bind_int(&q, now);
	return query_run(&q, err);
}

size_t watch_due(struct store *s, time_t now, bool is_slow, int64_t *ids,
		 size_t limit, struct err *err)
{
	struct query q;

	query_open(&q, store_db(s),
		   "SELECT * FROM (SELECT domain_id AS id FROM watch"
		   "  WHERE is_slow = ?4 AND due_at <= ?1"
		   "  ORDER BY due_at LIMIT ?2)"
		   " UNION ALL SELECT * FROM (SELECT domain_id FROM watch"
		   "  WHERE is_slow = ?4 AND due_at > ?1 + ?3 LIMIT ?2)");
	bind_int(&q, now);
	bind_int(&q, (int64_t)limit);
	bind_int(&q, WATCH_AHEAD_MAX);
	bind_int(&q, is_slow);
	return query_ids(&q, ids, limit, err);
}

bool watch_mark(struct store *s, int64_t domain_id, int trouble,
		struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE watch SET trouble = ?1"
		   " WHERE domain_id = ?2 AND trouble <> ?1");
	bind_int(&q, trouble);
	bind_int(&q, domain_id);
	return query_run(&q, err);
}

bool watch_suspect(struct store *s, int64_t domain_id, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE watch SET trouble = 1 WHERE domain_id = ?1"
		   " AND trouble = 0 AND EXISTS (SELECT 1 FROM domain d"
		   "  WHERE d.id = ?1 AND d.state = ?2 AND d.name NOT IN"
		   "   (SELECT name FROM publication))");
	bind_int(&q, domain_id);
	bind_int(&q, DOMAIN_LIVE);
	return query_run(&q, err);
}

size_t watch_troubled(struct store *s, int trouble, int64_t after, int64_t *ids,
		      size_t limit, struct err *err)
{
	struct query q;

	query_open(&q, store_db(s),
		   "SELECT domain_id AS id FROM watch WHERE trouble > 0"
		   " AND trouble = ? AND domain_id > ?"
		   " ORDER BY domain_id LIMIT ?");
	bind_int(&q, trouble);
	bind_int(&q, after);
	bind_int(&q, (int64_t)limit);
	return query_ids(&q, ids, limit, err);
}

bool watch_is_lately(time_t at, time_t now)
{
	return at && now < at + WATCH_LATELY;
}

bool watch_answers_mx(const struct watch *w)
{
	return w->mx.look != MX_UNKNOWN && !w->failures &&
	       w->mx_at >= w->looked_at;
}

bool watch_misses_mx(const struct watch *w)
{
	return w->failures || (w->looked_at && !watch_answers_mx(w));
}

static long bounded(long ttl)
{
	return ttl < WATCH_TTL_MOST ? ttl : WATCH_TTL_MOST;
}

time_t watch_mx_sure_at(const struct watch *w, long least)
{
	return w->mx_since + least + bounded(w->mx.ttl);
}

bool watch_mx_is_sure(const struct watch *w, long least)
{
	return w->mx_since && w->mx_at >= watch_mx_sure_at(w, least);
}

bool watch_sees_mx(const struct watch *w, time_t now)
{
	return w->mx.look != MX_UNKNOWN && w->mx_since &&
	       now < w->mx_at + WATCH_JUST_NOW;
}

bool watch_asks_us(const struct watch *w)
{
	return w->reports == REPORTS_OURS || w->reports == REPORTS_WHOLE;
}

enum announced watch_announced(const struct watch *w, const char *id)
{
	if (w->txt == ANNOUNCED_IN_STEP && !streq(w->txt_id, id))
		return ANNOUNCED_BEHIND;
	return w->txt;
}
