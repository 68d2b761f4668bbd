#include "store/cert_check.h"

#include <stdlib.h>

#include "base/log.h"
#include "policy/domain_field.h"
#include "store/cert.h"
#include "store/internal.h"
#include "store/leaf.h"
#include "store/trail.h"

#define ROWS_PER_LOOK 1000 /* one read transaction: the log can go on */

/* ---- looking ---- */

static bool fits(struct query *q, X509 *leaf)
{
	time_t not_before, not_after;
	struct p256 key;
	bool ok;

	col_bytes(q, "scalar", key.scalar, sizeof(key.scalar));
	col_bytes(q, "point", key.point, sizeof(key.point));
	ok = q->rc == SQLITE_ROW && leaf_has_key(leaf, &key) &&
	     leaf_times(leaf, &not_before, &not_after) &&
	     not_before == col_int(q, "not_before") &&
	     not_after == col_int(q, "not_after") &&
	     col_int(q, "state") == CERT_ACTIVE;
	p256_release(&key);
	q->rc = SQLITE_ROW;
	return ok;
}

static bool is_good(struct query *q)
{
	size_t len;
	const unsigned char *der = col_blob_peek(q, "leaf", &len);
	X509 *leaf = len ? leaf_parse(der, len) : NULL;
	bool ok = leaf && fits(q, leaf);

	X509_free(leaf);
	return ok;
}

static bool look(struct db *db, int64_t *from, int64_t *ids, size_t *count,
		 bool (*go_on)(void *arg), void *arg, struct err *err)
{
	int64_t before = *from;
	struct query q;
	long n = 0;

	query_open(&q, db,
		   "SELECT d.id, c.leaf, c.not_before, c.not_after, c.state,"
		   " k.scalar, k.point FROM domain d"
		   " LEFT JOIN cert c ON c.id = d.cert_id"
		   " LEFT JOIN key k ON k.id = c.key_id"
		   " WHERE d.id > ? AND d.cert_id > 0 ORDER BY d.id LIMIT ?");
	bind_int(&q, before);
	bind_int(&q, ROWS_PER_LOOK);
	while (*count < CERT_CHECK_PART && (!go_on || go_on(arg)) &&
	       query_row(&q)) {
		n++;
		*from = col_int(&q, "id");
		if (!is_good(&q))
			ids[(*count)++] = *from;
	}
	if (*count < CERT_CHECK_PART && n < ROWS_PER_LOOK)
		*from = 0;
	return query_close(&q, err) &&
	       (!go_on || go_on(arg) ||
		err_set(err, ERR_AGAIN, "ended before it was done"));
}

bool cert_check(const struct store_options *options, int64_t *from,
		int64_t *ids, size_t *count, bool (*go_on)(void *arg),
		void *arg, struct err *err)
{
	char *path = store_path(options->dir, "state.db");
	struct db *db = db_open(path, DB_READ, options->vfs, err);
	bool ok = db != NULL;

	*count = 0;
	if (ok)
		ok = look(db, from, ids, count, go_on, arg, err);
	db_close(db);
	free(path);
	return ok;
}

/* ---- replacing ---- */

static bool tell(struct store *s, const struct domain *d, time_t now,
		 struct err *err)
{
	static const char text[] = "the certificate's row is damaged: it is "
				   "replaced";

	log_about(LOG_LEVEL_ERROR, domain_field(d->name), "%s: %s", d->name,
		  text);
	return trail_add(s,
			 &(struct trail){ .at = now,
					  .level = TRAIL_ERROR,
					  .kind = "cert.damaged",
					  .domain = d->name,
					  .actor = "mtastsd",
					  .text = text },
			 err);
}

static bool replace_one(struct store *s, int64_t id, time_t now,
			struct err *err)
{
	struct domain d;

	if (!domain_by_id(s, id, &d, NULL) || !d.cert_id || d.renew_forced ||
	    d.ready_at)
		return true;
	d.renew_forced = true;
	d.due_at = now;
	return domain_update(s, &d, err) && tell(s, &d, now, err);
}

bool cert_replace_damaged(struct store *s, const int64_t *ids, size_t count,
			  time_t now, struct err *err)
{
	bool ok = true;

	if (!store_begin(s, err))
		return false;
	for (size_t i = 0; ok && i < count; i++)
		ok = replace_one(s, ids[i], now, err);
	if (ok)
		return store_commit(s, err);
	store_rollback(s);
	return false;
}
