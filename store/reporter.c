/*
 * Who reports: table `reporter`.
 *
 * A name is whatever a stranger writes, and a row for each costs room. A name
 * that is known stays known; of new ones there are so many a day and no more.
 */
#include "base/when.h"
#include "store/internal.h"
#include "store/report_rows.h"

struct found {
	int64_t id; /* 0: none */
	time_t last_at;
};

static bool find(struct store *s, const char *name, struct found *f,
		 struct err *err)
{
	struct query q;

	*f = (struct found){ 0 };
	query_open(&q, store_db(s),
		   "SELECT id, last_at FROM reporter WHERE name = ?");
	bind_text(&q, name);
	if (query_row(&q)) {
		f->id = col_int(&q, "id");
		f->last_at = col_int(&q, "last_at");
	}
	return query_close(&q, err);
}

/* To within a day: a row that is written for each report costs a page. */
static bool touch(struct store *s, const struct found *f, time_t now,
		  struct err *err)
{
	struct query q;

	if (now < f->last_at + WHEN_DAY)
		return true;
	query_open(&q, store_db_write(s),
		   "UPDATE reporter SET last_at = ? WHERE id = ?");
	bind_int(&q, now);
	bind_int(&q, f->id);
	return query_run(&q, err);
}

static bool new_ones(struct store *s, int64_t domain_id, time_t since,
		     int64_t *of_domain, int64_t *in_all, struct err *err)
{
	struct query q;

	*of_domain = *in_all = 0;
	query_open(&q, store_db(s),
		   "SELECT COUNT(*) AS in_all, COUNT(*) FILTER"
		   " (WHERE domain_id = ?1) AS of_domain"
		   " FROM reporter WHERE first_at > ?2");
	bind_int(&q, domain_id);
	bind_int(&q, since);
	if (query_row(&q)) {
		*of_domain = col_int(&q, "of_domain");
		*in_all = col_int(&q, "in_all");
	}
	return query_close(&q, err);
}

static bool insert(struct store *s, const char *name, int64_t domain_id,
		   time_t now, int64_t *id, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "INSERT INTO reporter(name, domain_id, first_at, last_at)"
		   " VALUES(?1, ?2, ?3, ?3)");
	bind_text(&q, name);
	bind_int(&q, domain_id);
	bind_int(&q, now);
	if (!query_run(&q, err))
		return false;
	*id = db_last_id(store_db(s));
	return true;
}

static bool find_or_insert(struct store *s, const char *name, int64_t domain_id,
			   time_t now, int64_t *id, struct err *err)
{
	struct found f;

	if (!find(s, name, &f, err))
		return false;
	*id = f.id;
	return f.id ? touch(s, &f, now, err)
		    : insert(s, name, domain_id, now, id, err);
}

bool reporter_ensure(struct store *s, const char *name, int64_t domain_id,
		     time_t now, int64_t *id, struct err *err)
{
	int64_t of_domain, in_all;
	struct found f;

	if (!find(s, name, &f, err))
		return false;
	*id = f.id;
	if (f.id)
		return touch(s, &f, now, err);
	if (!new_ones(s, domain_id, now - WHEN_DAY, &of_domain, &in_all, err))
		return false;
	if (of_domain < REPORTERS_OF_DOMAIN && in_all < REPORTERS_OF_BOX)
		return insert(s, name, domain_id, now, id, err);
	return find_or_insert(s, REPORTER_REST, domain_id, now, id, err);
}

bool reporter_forget(struct store *s, time_t before, unsigned limit,
		     struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "DELETE FROM reporter WHERE id IN (SELECT id FROM reporter"
		   " WHERE last_at < ? ORDER BY last_at LIMIT ?)");
	bind_int(&q, before);
	bind_int(&q, limit);
	return query_run(&q, err);
}
