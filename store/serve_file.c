/*
 * serve.db as a file: attached to the writer's handle, and made anew.
 *
 * It holds nothing of its own, but it is all that serving has. So a new one
 * is made beside it and takes its place when it is whole; and only damage is
 * a reason, not a disk that is full or cannot be written.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/health.h"
#include "store/internal.h"
#include "store/schema.h"
#include "store/serve.h"

static bool attach(struct store *s, const char *path, struct err *err)
{
	struct query q;

	if (!db_make_file(path, s->vfs, err))
		return false;
	query_open(&q, s->db, "ATTACH ? AS serve");
	bind_text(&q, path);
	return query_run(&q, err);
}

static bool attach_serve(struct store *s, const char *path, struct err *err)
{
	s->has_serve = attach(s, path, err);
	if (!s->has_serve)
		return false;
	s->serve_inode = store_inode(s, "serve.db");
	return db_exec(s->db, "PRAGMA serve.journal_mode = WAL;"
			      "PRAGMA serve.synchronous = NORMAL;", err) &&
	       schema_make_serve(s->db, err);
}

/* It becomes serve.db by one rename; the former one's log must not join it. */
static bool put_in_place(struct store *s, const char *fresh, struct err *err)
{
	char *path = store_path(s->dir, "serve.db");
	bool ok;

	db_remove(path, s->vfs);
	ok = rename(fresh, path) == 0 ||
	     err_sys(err, "rename %s to %s", fresh, path);
	ok = ok && attach_serve(s, path, err);
	free(path);
	return ok;
}

/* Made aside, so that whatever fails leaves serving what it has. */
static bool make_aside(struct store *s, const char *fresh, struct err *err)
{
	bool ok;

	db_remove(fresh, s->vfs);
	ok = attach(s, fresh, err) && schema_make_serve(s->db, err) &&
	     projection_rebuild(s->db, err);
	db_exec(s->db, "DETACH serve", NULL);
	if (!ok)
		db_remove(fresh, s->vfs);
	return ok;
}

/* A file layer of another kind renames nothing. */
static bool make_in_place(struct store *s, struct err *err)
{
	char *path = store_path(s->dir, "serve.db");
	bool ok;

	db_remove(path, s->vfs);
	ok = attach_serve(s, path, err) && projection_rebuild(s->db, err);
	free(path);
	return ok;
}

static void detach(struct store *s)
{
	db_exec(s->db, "DETACH serve", NULL);
	s->has_serve = false;
}

bool store_renew_serve(struct store *s, struct err *err)
{
	char *fresh = store_path(s->dir, "serve.db.new");
	char *path = store_path(s->dir, "serve.db");
	bool ok;

	detach(s);
	if (s->vfs)
		ok = make_in_place(s, err);
	else
		ok = make_aside(s, fresh, err) && put_in_place(s, fresh, err);
	if (!ok && !s->has_serve && !attach_serve(s, path, NULL))
		detach(s);
	free(fresh);
	free(path);
	return ok;
}

/*
 * Readers in this process that opened it while the disk was read-only keep
 * SQLite from writing it, though the disk can be written again. A new file
 * is free of them.
 */
static bool is_held_by_readers(const struct store *s)
{
	return db_trouble(s->db) == DB_READ_ONLY && !s->vfs &&
	       access(s->dir, W_OK) == 0;
}

/* Is it serve.db that is to blame, and not the disk it is on? */
static bool can_be_mended(const struct store *s, bool is_restored)
{
	return db_trouble(s->db) == DB_WELL ||
	       db_trouble(s->db) == DB_DAMAGED ||
	       (!is_restored && is_held_by_readers(s));
}

static bool bring_up(struct store *s, struct err *err)
{
	return projection_is_sound(s->db) ? projection_run(s->db, err)
					  : projection_rebuild(s->db, err);
}

/* It holds nothing of its own, but after a restore: a bad one is replaced. */
bool serve_file_open(struct store *s, struct err *err)
{
	bool is_restored = restore_is_pending(s), ok;
	char *path = store_path(s->dir, "serve.db");

	ok = attach_serve(s, path, err) && (is_restored || bring_up(s, err)) &&
	     db_exec(s->db, "BEGIN IMMEDIATE; ROLLBACK", err);
	free(path);
	if (!ok) {
		if (!can_be_mended(s, is_restored))
			return false;
		db_is_well(s->db);
		if (!store_renew_serve(s, err))
			return false;
	}
	return !is_restored ||
	       (restore_adopt(s, err) && store_renew_serve(s, err));
}

bool serve_is_ready(const char *dir)
{
	char *path = store_path(dir, "serve.db");
	bool is_ready = schema_is_serve(path) && serve_file_has_sites(path);

	free(path);
	return is_ready;
}

bool serve_file_has_sites(const char *path)
{
	struct db *db = db_open(path, DB_READ, NULL, NULL);
	struct query q;
	bool found;

	if (!db)
		return false;
	query_open(&q, db, "SELECT 1 FROM site LIMIT 1");
	found = query_row(&q);
	query_close(&q, NULL);
	db_close(db);
	return found;
}
