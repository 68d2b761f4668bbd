#include "store/trail.h"

#include <stdlib.h>

#include "base/str.h"
#include "store/internal.h"

#define OWN_KEPT       1000000
#define PRUNED_AT_ONCE 500

static const char *const level_names[] = {
	[TRAIL_INFO] = "info",
	[TRAIL_WARNING] = "warning",
	[TRAIL_ERROR] = "error",
};

const char *trail_level_name(enum trail_level level)
{
	return level_names[level];
}

/* When room is short: what went well by itself, and stands in the log. */
static bool can_be_missed(const struct trail *e)
{
	return e->level == TRAIL_INFO && e->actor && streq(e->actor, "mtastsd");
}

bool trail_add(struct store *s, const struct trail *e, struct err *err)
{
	struct query q;

	if (store_sheds(s) && can_be_missed(e))
		return true;
	query_open(&q, store_db_write(s),
		   "INSERT INTO trail(at, level, kind, domain, actor, text,"
		   " reason, label, channel)"
		   " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)");
	bind_int(&q, e->at);
	bind_int(&q, e->level);
	bind_text(&q, e->kind);
	bind_text(&q, e->domain);
	bind_text(&q, e->actor);
	bind_text(&q, e->text);
	bind_text(&q, e->reason);
	bind_text(&q, e->label);
	bind_text(&q, e->channel ? e->channel : "box");
	return query_run(&q, err);
}

bool trail_say(struct store *s, const char *domain, const struct trail *e,
	       char *text, struct err *err)
{
	struct trail whole = *e;
	bool ok;

	whole.domain = domain;
	whole.actor = "mtastsd";
	whole.text = text;
	ok = trail_add(s, &whole, err);
	free(text);
	return ok;
}

bool trail_keep_label(struct store *s, const char *domain, const char *label,
		      struct err *err)
{
	struct query q;

	if (!*label)
		return true;
	query_open(
		&q, store_db_write(s),
		"UPDATE trail SET label = ? WHERE domain = ? AND label = ''");
	bind_text(&q, label);
	bind_text(&q, domain);
	return query_run(&q, err);
}

bool trail_lately(struct store *s, const char *domain, const char *kind,
		  const char *text, time_t since, struct trail_lately *n,
		  struct err *err)
{
	struct query q;

	*n = (struct trail_lately){ 0 };
	query_open(&q, store_db(s),
		   "SELECT COUNT(*) AS n, COUNT(*) FILTER (WHERE text = ?4"
		   "  OR substr(text, 1, length(?4) + 2) = ?4 || ' (')"
		   " AS same FROM (SELECT kind, text, at FROM trail"
		   "  WHERE domain = ?1 ORDER BY id DESC LIMIT 64)"
		   " WHERE kind = ?2 AND at >= ?3");
	bind_text(&q, domain);
	bind_text(&q, kind);
	bind_int(&q, since);
	bind_text(&q, text);
	if (query_row(&q)) {
		n->all = col_long(&q, "n");
		n->same = col_long(&q, "same");
	}
	return query_close(&q, err);
}

void trail_keep(struct store *s, long seconds)
{
	s->trail_keep = seconds;
}

/* A piece of it. Was there as much as goes at once? Then there may be more. */
static bool prune(struct store *s, struct query *q, struct err *err)
{
	if (!query_run(q, err))
		return false;
	if (db_changes(store_db(s)) == PRUNED_AT_ONCE)
		s->trail_is_long = true;
	return true;
}

/* From the oldest on; by the newest event's time. */
static bool prune_old(struct store *s, struct err *err)
{
	struct query q;

	if (!s->trail_keep)
		return true;
	query_open(&q, store_db_write(s),
		   "DELETE FROM trail WHERE id IN"
		   " (SELECT id FROM trail ORDER BY id LIMIT ?1) AND at <"
		   " (SELECT at FROM trail ORDER BY id DESC LIMIT 1) - ?2");
	bind_int(&q, PRUNED_AT_ONCE);
	bind_int(&q, s->trail_keep);
	return prune(s, &q, err);
}

/* By the index trail_own: there may be any number of others before them. */
static bool prune_own(struct store *s, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "DELETE FROM trail WHERE id IN"
		   " (SELECT id FROM trail WHERE actor = 'mtastsd'"
		   "  AND id <= (SELECT MAX(id) FROM trail) - ?1"
		   "  ORDER BY id LIMIT ?2)");
	bind_int(&q, OWN_KEPT);
	bind_int(&q, PRUNED_AT_ONCE);
	return prune(s, &q, err);
}

bool trail_prune(struct store *s, struct err *err)
{
	s->trail_is_long = false;
	return prune_own(s, err) && prune_old(s, err);
}

static void bind_optional(struct query *q, const char *text)
{
	if (text)
		bind_text(q, text);
	else
		bind_null(q);
}

static void read_row(struct query *q, struct trail *e)
{
	*e = (struct trail){
		.id = col_int(q, "id"),
		.at = col_int(q, "at"),
		.level = (enum trail_level)col_enum(q, "level", TRAIL_ERROR),
		.kind = col_text_peek(q, "kind"),
		.domain = col_text_peek(q, "domain"),
		.label = col_text_peek(q, "label"),
		.actor = col_text_peek(q, "actor"),
		.channel = col_text_peek(q, "channel"),
		.text = col_text_peek(q, "text"),
		.reason = col_text_peek(q, "reason"),
	};
}

/* The newest so many that match, then turned round: oldest first. */
bool trail_each(struct store *s, const struct trail_filter *f,
		bool (*each)(const struct trail *e, void *arg), void *arg,
		struct err *err)
{
	struct trail e;
	struct query q;

	query_open(&q, store_db(s),
		   "SELECT * FROM (SELECT * FROM trail WHERE id > ?1"
		   " AND at >= ?2 AND (?3 IS NULL OR domain = ?3)"
		   " AND (?4 IS NULL OR instr(actor, ?4) > 0)"
		   " AND (?5 IS NULL OR label = ?5 OR (label = '' AND domain"
		   "  IN (SELECT name FROM domain WHERE label = ?5)))"
		   " ORDER BY id DESC LIMIT ?6) ORDER BY id");
	bind_int(&q, f->after);
	bind_int(&q, f->since);
	bind_optional(&q, f->domain);
	bind_optional(&q, f->actor);
	bind_optional(&q, f->label);
	bind_int(&q, f->limit ? f->limit : -1);
	while (query_row(&q)) {
		read_row(&q, &e);
		if (query_row_is_good(&q, "trail") && !each(&e, arg))
			break;
	}
	return query_close(&q, err);
}

int64_t trail_last_id(struct store *s)
{
	struct query q;
	int64_t id = 0;

	query_open(&q, store_db(s),
		   "SELECT id FROM trail ORDER BY id DESC LIMIT 1");
	if (query_row(&q))
		id = col_int(&q, "id");
	query_close(&q, NULL);
	return id;
}
