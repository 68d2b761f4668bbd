#include "store/box.h"

#include <stdlib.h>

#include "store/internal.h"

bool box_freeze_read(struct store *s, struct box_freeze *f, struct err *err)
{
	struct query q;

	*f = (struct box_freeze){ .since = 0 };
	query_open(&q, store_db(s),
		   "SELECT since.value AS since, actor.value AS actor,"
		   " reason.value AS reason FROM meta since"
		   " JOIN meta actor ON actor.key = 'frozen_by'"
		   " JOIN meta reason ON reason.key = 'frozen_why'"
		   " WHERE since.key = 'frozen'");
	if (query_row(&q)) {
		f->since = col_int(&q, "since");
		col_text(&q, "actor", f->actor, sizeof(f->actor));
		col_text(&q, "reason", f->reason, sizeof(f->reason));
	}
	return query_close(&q, err);
}

bool box_is_frozen(struct store *s)
{
	struct query q;
	bool is_frozen;

	query_open(&q, store_db(s), "SELECT 1 FROM meta WHERE key = 'frozen'");
	is_frozen = query_row(&q);
	query_close(&q, NULL);
	return is_frozen;
}

time_t box_orders_uncounted(struct store *s)
{
	struct query q;
	time_t at = 0;

	query_open(&q, store_db(s),
		   "SELECT value FROM meta WHERE key = 'uncounted'");
	if (query_row(&q))
		at = col_int(&q, "value");
	query_close(&q, NULL);
	return at;
}

bool box_freeze(struct store *s, const struct box_freeze *f, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s),
		   "INSERT OR IGNORE INTO meta VALUES"
		   "('frozen', ?), ('frozen_by', ?), ('frozen_why', ?)");
	bind_int(&q, f->since);
	bind_text(&q, f->actor);
	bind_text(&q, f->reason);
	return query_run(&q, err);
}

bool box_thaw(struct store *s, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s), "DELETE FROM meta WHERE key IN"
		   " ('frozen', 'frozen_by', 'frozen_why')");
	return query_run(&q, err);
}

static bool read_id(struct db *db, char out[static BOX_ID_SIZE],
		    struct err *err)
{
	struct query q;

	out[0] = '\0';
	query_open(&q, db,
		   "SELECT value FROM main.meta"
		   " WHERE key IN ('zone_id', 'store_id')"
		   " ORDER BY key = 'zone_id' DESC LIMIT 1");
	if (query_row(&q))
		col_text(&q, "value", out, BOX_ID_SIZE);
	if (query_close(&q, err) && *out)
		return true;
	return err && err->kind == ERR_NONE
		       ? err_set(err, ERR_DAMAGED, "state.db has no id")
		       : false;
}

bool box_id(struct store *s, char out[static BOX_ID_SIZE], struct err *err)
{
	return read_id(store_db(s), out, err);
}

bool box_id_in(const struct store_options *options,
	       char out[static BOX_ID_SIZE], struct err *err)
{
	char *path = store_path(options->dir, "state.db");
	struct db *db = db_open(path, DB_READ, options->vfs, err);
	bool ok = db && read_id(db, out, err);

	db_close(db);
	free(path);
	return ok;
}

static bool has_key(struct store *s, const char *key)
{
	struct query q;
	bool has;

	query_open(&q, store_db(s), "SELECT 1 FROM main.meta WHERE key = ?");
	bind_text(&q, key);
	has = query_row(&q);
	query_close(&q, NULL);
	return has;
}

bool box_takes_zone(struct store *s)
{
	return has_key(s, "zone_take");
}

bool box_holds_zone_back(struct store *s)
{
	return has_key(s, "zone_held");
}

bool box_take_zone(struct store *s, bool takes, struct err *err)
{
	return db_run(store_db_write(s),
		      "DELETE FROM main.meta WHERE key = 'zone_held'", err) &&
	       db_run(store_db_write(s),
		      takes ? "INSERT OR REPLACE INTO main.meta"
			      " VALUES('zone_take', 1)"
			    : "DELETE FROM main.meta WHERE key = 'zone_take'",
		      err);
}
