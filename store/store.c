#include "store/store.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/lockfile.h"
#include "base/mem.h"
#include "store/internal.h"
#include "store/schema.h"

#define COMMITS_PER_PRUNE 1000
#define WAL_WORTH_BYTES	  (4L * 1024 * 1024)	/* a shorter log is let grow */

struct store {
	struct db *db;
	int lock_fd;
	bool in_transaction;
	unsigned commits;
};

struct db *store_db(struct store *s)
{
	return s->db;
}

struct db *store_db_write(struct store *s)
{
	assert(s->in_transaction);
	return s->db;
}

static char *path_in(const char *dir, const char *file)
{
	return xasprintf("%s/%s", dir, file);
}

static bool make_folder(const char *dir, struct err *err)
{
	struct stat st;

	if (mkdir(dir, 0700) < 0 && errno != EEXIST) {
		err_sys(err, "create the state folder %s", dir);
		return err_hint(err, "make its parent, or set state_dir to a "
				     "folder that the daemon's user may write");
	}
	if (stat(dir, &st) < 0)
		return err_sys(err, "%s", dir);
	if (!S_ISDIR(st.st_mode)) {
		err_set(err, ERR_REFUSED, "%s is not a folder", dir);
		return err_hint(err, "set state_dir to a folder");
	}
	if (access(dir, W_OK | X_OK) == 0)
		return true;
	err_sys(err, "the state folder %s", dir);
	return err_hint(err, "it must be writable by the user that runs "
			     "mtastsd (uid %ld)", (long)geteuid());
}

static bool take_lock(struct store *s, const char *dir, struct err *err)
{
	char *path = path_in(dir, "lock");

	s->lock_fd = lockfile_take(path, err);
	free(path);
	return s->lock_fd >= 0;
}

/* Checkpoints are the desk's: control never waits for one. */
static bool open_state(struct store *s, const struct store_options *options,
		       struct err *err)
{
	char *path = path_in(options->dir, "state.db");

	s->db = db_open(path, DB_WRITE, options->vfs, err);
	free(path);
	return s->db &&
	       db_exec(s->db, "PRAGMA journal_mode = WAL;"
			      "PRAGMA synchronous = FULL;"
			      "PRAGMA foreign_keys = ON;"
			      "PRAGMA wal_autocheckpoint = 0;", err) &&
	       schema_migrate(s->db, err);
}

static bool attach_serve(struct store *s, const char *path, const char *vfs,
			 struct err *err)
{
	struct query q;

	if (!db_make_file(path, vfs, err))
		return false;
	query_open(&q, s->db, "ATTACH ? AS serve");
	bind_text(&q, path);
	return query_run(&q, err) &&
	       db_exec(s->db, "PRAGMA serve.journal_mode = WAL;"
			      "PRAGMA serve.synchronous = NORMAL;", err) &&
	       schema_make_serve(s->db, err);
}

/* serve.db holds nothing of its own: a bad one is replaced. */
static bool open_serve(struct store *s, const struct store_options *options,
		       struct err *err)
{
	char *path = path_in(options->dir, "serve.db");
	bool ok = attach_serve(s, path, options->vfs, err);

	if (!ok) {
		db_exec(s->db, "DETACH serve", NULL);
		db_remove(path, options->vfs);
		ok = attach_serve(s, path, options->vfs, err);
	}
	free(path);
	if (!ok)
		return false;
	if (!projection_is_sound(s->db))
		return projection_rebuild(s->db, err);
	return projection_run(s->db, err);
}

/* A file layer of another kind has no folder that another could enter. */
static bool enter_folder(struct store *s, const struct store_options *options,
			 struct err *err)
{
	if (options->vfs)
		return true;
	return make_folder(options->dir, err) &&
	       take_lock(s, options->dir, err);
}

struct store *store_open(const struct store_options *options, struct err *err)
{
	struct store *s = xcalloc(1, sizeof(*s));

	s->lock_fd = -1;
	if (enter_folder(s, options, err) && open_state(s, options, err) &&
	    open_serve(s, options, err))
		return s;
	store_close(s);
	return NULL;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	if (s->in_transaction)
		store_rollback(s);
	db_close(s->db);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	free(s);
}

bool store_begin(struct store *s, struct err *err)
{
	assert(!s->in_transaction);
	s->in_transaction = db_exec(s->db, "BEGIN IMMEDIATE", err);
	return s->in_transaction;
}

bool store_commit(struct store *s, struct err *err)
{
	struct db *db = store_db_write(s);

	if (++s->commits % COMMITS_PER_PRUNE == 0) {
		projection_prune(db, NULL);
		trail_prune(s, NULL);
	}
	if (db_exec(db, "COMMIT", err)) {
		s->in_transaction = false;
		return true;
	}
	store_rollback(s);
	return false;
}

void store_rollback(struct store *s)
{
	assert(s->in_transaction);
	db_exec(s->db, "ROLLBACK", NULL);	/* may have happened already */
	s->in_transaction = false;
}

bool store_project(struct store *s, struct err *err)
{
	assert(!s->in_transaction);
	return projection_run(s->db, err);
}

bool change_note(struct store *s, int64_t domain_id, struct err *err)
{
	struct query q;

	query_open(&q, store_db_write(s), "INSERT INTO change(domain_id)"
					  " VALUES(?)");
	bind_int(&q, domain_id);
	return query_run(&q, err);
}

bool updated_one(struct store *s, const char *what, struct err *err)
{
	if (db_changes(s->db) == 1)
		return true;
	return err_set(err, ERR_AGAIN, "%s: changed by another hand", what);
}

/* A log that is copied is begun anew, which costs its writer a sync. */
static bool is_worth_it(const char *path)
{
	char *wal = xasprintf("%s-wal", path);
	struct stat st;
	bool is_long = stat(wal, &st) == 0 && st.st_size >= WAL_WORTH_BYTES;

	free(wal);
	return is_long;
}

/* The pragma reads the schema first; without that, SQLite sees no log. */
static bool checkpoint_path(const char *path, const char *vfs, struct err *err)
{
	struct db *db = db_open(path, DB_WRITE, vfs, err);
	bool ok = db && db_exec(db, "PRAGMA wal_checkpoint(PASSIVE)", err);

	db_close(db);
	return ok;
}

/* How long the log is, only the machine's files can tell. */
static bool checkpoint_file(const struct store_options *options,
			    const char *file, struct err *err)
{
	char *path = path_in(options->dir, file);
	bool ok = (!options->vfs && !is_worth_it(path)) ||
		  checkpoint_path(path, options->vfs, err);

	free(path);
	return ok;
}

bool store_checkpoint(const struct store_options *options, struct err *err)
{
	return checkpoint_file(options, "state.db", err) &&
	       checkpoint_file(options, "serve.db", err);
}
