#include "store/publication.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "store/internal.h"

#define COLUMNS                                                                \
	"SELECT name, told, unsure, is_due, epoch, tries, told_at"             \
	" FROM main.publication"

#define IS_ON "EXISTS (SELECT 1 FROM main.meta WHERE key = 'published_by')"

void publication_release(struct publication *p)
{
	free(p->told);
	p->told = NULL;
}

static void read_row(struct query *q, struct publication *p)
{
	*p = (struct publication){ .told = NULL };
	col_text(q, "name", p->name, sizeof(p->name));
	p->told = xstrdup(col_text_peek(q, "told"));
	p->is_unsure = col_int(q, "unsure");
	p->is_due = col_int(q, "is_due");
	p->epoch = col_long(q, "epoch");
	p->tries = col_long(q, "tries");
	p->told_at = (time_t)col_int(q, "told_at");
}

/* ---- who publishes what ---- */

/* Is this the value of that key? */
static bool is_noted(struct store *s, const char *key, const char *value,
		     bool *same, struct err *err)
{
	struct query q;

	query_open(&q, store_db(s),
		   "SELECT 1 FROM main.meta"
		   " WHERE key = ? AND value = ?");
	bind_text(&q, key);
	bind_text(&q, value);
	*same = query_row(&q);
	return query_close(&q, err);
}

static bool note(struct store *s, const char *key, const char *value,
		 struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "INSERT OR REPLACE INTO main.meta VALUES(?, ?)");
	bind_text(&q, key);
	bind_text(&q, value);
	return query_run(&q, err);
}

bool publication_doubt(struct store *s, struct err *err)
{
	return db_run(store_db_write(s),
		      "UPDATE main.publication SET unsure = 1, is_due = 1,"
		      " is_sent = 0, tries = 0, epoch = epoch + 1",
		      err);
}

/*
 * How far the rows are made ready for a new zone or publisher: two rows of
 * `meta` while that is under way. What was told to another zone is forgotten.
 */
#define UNREADY "publish_after"
#define FORGETS "publish_forgets"

static bool unnote(struct store *s, const char *key, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "DELETE FROM main.meta WHERE key = ?");
	bind_text(&q, key);
	return query_run(&q, err);
}

static bool has_note(struct store *s, const char *key, char *value, size_t size,
		     bool *found, struct err *err)
{
	struct query q;

	query_open(&q, store_db(s),
		   "SELECT value FROM main.meta WHERE key = ?");
	bind_text(&q, key);
	*found = query_row(&q);
	if (*found && value)
		col_text(&q, "value", value, size);
	return query_close(&q, err);
}

static bool forget_another(struct store *s, struct err *err)
{
	return note(s, FORGETS, "", err) &&
	       db_run(store_db_write(s),
		      "UPDATE main.publication SET told = '', told_at = 0"
		      " WHERE name = ''",
		      err);
}

/* The box's own row is before all others. */
static bool begin_anew(struct store *s, const char *zone, const char *by,
		       bool same_zone, struct err *err)
{
	return (same_zone || forget_another(s, err)) &&
	       note(s, UNREADY, "", err) &&
	       note(s, "published_zone", zone, err) &&
	       note(s, "published_by", by, err) &&
	       publication_again(s, "", err);
}

/* The last name of the next `most`, domains and what was told before alike. */
static bool end_of_part(struct store *s, const char *after, long most,
			char *last, size_t *count, struct err *err)
{
	struct query q;

	*count = 0;
	query_open(&q, store_db(s),
		   "SELECT name FROM (SELECT name FROM main.domain"
		   "  WHERE name > ?1 ORDER BY name LIMIT ?2)"
		   " UNION SELECT name FROM (SELECT name FROM main.publication"
		   "  WHERE name > ?1 ORDER BY name LIMIT ?2)"
		   " ORDER BY name LIMIT ?2");
	bind_text(&q, after);
	bind_int(&q, most);
	for (; query_row(&q); ++*count)
		col_text(&q, "name", last, DOMAIN_NAME_SIZE);
	return query_close(&q, err);
}

static bool within(struct store *s, const char *sql, const char *after,
		   const char *last, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s), sql);
	bind_text(&q, after);
	bind_text(&q, last);
	return query_run(&q, err);
}

static bool ready_part(struct store *s, const char *after, const char *last,
		       bool forgets, struct err *err)
{
	return (!forgets ||
		within(s,
		       "UPDATE main.publication SET told = '', told_at = 0"
		       " WHERE name > ?1 AND name <= ?2",
		       after, last, err)) &&
	       within(s,
		      "UPDATE main.publication SET unsure = 1, is_due = 1,"
		      " is_sent = 0, tries = 0, epoch = epoch + 1"
		      " WHERE name > ?1 AND name <= ?2",
		      after, last, err) &&
	       within(s,
		      "INSERT OR IGNORE INTO main.publication(name)"
		      " SELECT name FROM main.domain"
		      " WHERE name > ?1 AND name <= ?2",
		      after, last, err);
}

static bool go_on(struct store *s, long most, bool *more, struct err *err)
{
	char after[DOMAIN_NAME_SIZE] = "", last[DOMAIN_NAME_SIZE] = "";
	bool forgets;
	size_t n;

	if (!has_note(s, UNREADY, after, sizeof(after), more, err) || !*more)
		return err->kind == ERR_NONE;
	if (!has_note(s, FORGETS, NULL, 0, &forgets, err) ||
	    !end_of_part(s, after, most, last, &n, err))
		return false;
	if (n && !ready_part(s, after, last, forgets, err))
		return false;
	*more = n == (size_t)most;
	return *more ? note(s, UNREADY, last, err)
		     : unnote(s, UNREADY, err) && unnote(s, FORGETS, err);
}

bool publication_begin(struct store *s, const char *zone, const char *by,
		       long most, bool *more, struct err *err)
{
	struct err problem = ERR_INIT;
	bool same_zone, same_by;
	bool ok = is_noted(s, "published_zone", zone, &same_zone, &problem) &&
		  is_noted(s, "published_by", by, &same_by, &problem) &&
		  ((same_zone && same_by) ||
		   begin_anew(s, zone, by, same_zone, &problem)) &&
		  go_on(s, most, more, &problem);

	if (!ok && err)
		*err = problem;
	return ok;
}

bool publication_end(struct store *s, struct err *err)
{
	return db_run(store_db_write(s),
		      "DELETE FROM main.meta"
		      " WHERE key = 'published_by'",
		      err);
}

/* ---- rows ---- */

size_t publication_due(struct store *s, struct publication *out, size_t most,
		       struct err *err)
{
	struct query q;
	size_t n = 0;

	query_open(&q, store_db(s),
		   COLUMNS " WHERE is_due = 1"
			   " ORDER BY tries, name LIMIT ?");
	bind_int(&q, (int64_t)most);
	while (n < most && query_row(&q)) {
		read_row(&q, &out[n]);
		if (query_row_is_good(&q, "publication"))
			n++;
		else
			publication_release(&out[n]);
	}
	if (query_close(&q, err))
		return n;
	while (n > 0)
		publication_release(&out[--n]);
	return 0;
}

bool publication_of(struct store *s, const char *name, struct publication *p,
		    struct err *err)
{
	struct query q;
	bool found;

	query_open(&q, store_db(s), COLUMNS " WHERE name = ? AND " IS_ON);
	bind_text(&q, name);
	found = query_row(&q);
	if (found)
		read_row(&q, p);
	if (!query_close(&q, err)) {
		if (found)
			publication_release(p);
		return false;
	}
	return found ||
	       err_set(err, ERR_NOT_FOUND, "nothing of %s is published", name);
}

static bool with_name(struct store *s, const char *sql, const char *name,
		      struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s), sql);
	bind_text(&q, name);
	return query_run(&q, err);
}

bool publication_mark(struct store *s, const char *name, struct err *err)
{
	return with_name(s,
			 "INSERT INTO main.publication(name) VALUES(?)"
			 " ON CONFLICT(name) DO UPDATE SET is_due = 1,"
			 " epoch = epoch + 1, tries = 0",
			 name, err);
}

bool publication_again(struct store *s, const char *name, struct err *err)
{
	return with_name(s,
			 "INSERT INTO main.publication(name, unsure)"
			 " VALUES(?, 1)"
			 " ON CONFLICT(name) DO UPDATE SET is_due = 1,"
			 " unsure = 1, epoch = epoch + 1, tries = 0",
			 name, err);
}

bool publication_sent(struct store *s, const struct publication *p,
		      const char *may_have, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE main.publication SET told = ?, unsure = 1,"
		   " is_sent = 1 WHERE name = ?");
	bind_text(&q, may_have);
	bind_text(&q, p->name);
	return query_run(&q, err);
}

/* Its records are out of the zone, and nobody will ask for it again. */
static bool forget_gone(struct store *s, const char *name, struct err *err)
{
	return with_name(s,
			 "DELETE FROM main.publication WHERE name = ?"
			 " AND name <> '' AND told = '' AND is_due = 0"
			 " AND NOT EXISTS (SELECT 1 FROM main.domain d"
			 "  WHERE d.name = publication.name)",
			 name, err);
}

bool publication_taken(struct store *s, const struct publication *p,
		       const char *told, time_t now, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE main.publication SET told = ?1, unsure ="
		   "  (CASE WHEN epoch <> ?2 THEN unsure ELSE 0 END),"
		   " is_due = (epoch <> ?2), is_sent = 0, tries = 0,"
		   " told_at = ?3 WHERE name = ?4");
	bind_text(&q, told);
	bind_int(&q, p->epoch);
	bind_int(&q, now);
	bind_text(&q, p->name);
	return query_run(&q, err) && forget_gone(s, p->name, err);
}

bool publication_pass(struct store *s, const struct publication *p,
		      struct err *err)
{
	return with_name(s,
			 "UPDATE main.publication SET is_due = 0, tries = 0"
			 " WHERE name = ?",
			 p->name, err);
}

bool publication_failed(struct store *s, const struct publication *p,
			bool was_alone, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "UPDATE main.publication SET is_sent = 0, tries = tries + ?"
		   " WHERE name = ?");
	bind_int(&q, was_alone);
	bind_text(&q, p->name);
	return query_run(&q, err);
}

/* ---- all of them ---- */

bool publication_is_sent(struct store *s)
{
	struct query q;
	bool found;

	query_open(&q, store_db(s),
		   "SELECT 1 FROM main.publication"
		   " WHERE is_sent = 1 LIMIT 1");
	found = query_row(&q);
	return query_close(&q, NULL) && found;
}

bool publication_has_failed(struct store *s)
{
	struct query q;
	bool found;

	query_open(&q, store_db(s),
		   "SELECT 1 FROM main.publication"
		   " WHERE is_due = 1 AND tries > 0 LIMIT 1");
	found = query_row(&q);
	return query_close(&q, NULL) && found;
}

bool publication_waiting(struct store *s, long *count, struct err *err)
{
	struct query q;

	*count = 0;
	query_open(&q, store_db(s),
		   "SELECT COUNT(*) AS n FROM main.publication"
		   " WHERE is_due = 1 AND " IS_ON);
	if (query_row(&q))
		*count = col_long(&q, "n");
	return query_close(&q, err);
}
