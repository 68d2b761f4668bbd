#include "store/store.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/lockfile.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/ballast.h"
#include "store/former.h"
#include "store/health.h"
#include "store/internal.h"
#include "store/schema.h"

#define COMMITS_PER_PRUNE 1000

struct db *store_db(struct store *s)
{
	return s->db;
}

struct db *store_db_write(struct store *s)
{
	assert(s->in_transaction);
	return s->db;
}

char *store_path(const char *dir, const char *file)
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

ino_t store_inode(const struct store *s, const char *file)
{
	char *path = store_path(s->dir, file);
	struct stat st = { .st_ino = 0 };

	if (s->vfs || stat(path, &st) < 0)
		st.st_ino = 0;
	free(path);
	return st.st_ino;
}

static bool take_lock(struct store *s, struct err *err)
{
	char *path = store_path(s->dir, "lock");

	s->lock_fd = lockfile_take(path, err);
	free(path);
	return s->lock_fd >= 0;
}

/* Whoever is writing gets the ballast's room, with the next try. */
static void on_full(void *arg)
{
	struct store *s = arg;

	s->is_short = true;
	if (!s->vfs)
		ballast_release(s->dir);
}

/* Checkpoints are the desk's: control never waits for one. */
static bool open_state(struct store *s, struct err *err)
{
	char *path = store_path(s->dir, "state.db");

	s->db = db_open(path, DB_WRITE, s->vfs, err);
	free(path);
	if (!s->db)
		return false;
	db_on_full(s->db, on_full, s);
	db_ask(s->db, s->go_on, s->go_on_arg);
	s->state_inode = store_inode(s, "state.db");
	return db_exec(s->db,
		       "PRAGMA journal_mode = WAL;"
		       "PRAGMA synchronous = FULL;"
		       "PRAGMA foreign_keys = ON;"
		       "PRAGMA temp_store = MEMORY;"
		       "PRAGMA wal_autocheckpoint = 0;",
		       err) &&
	       log_inherit(s, err);
}

/* Whoever wants to go back needs it; without it this version goes on, too. */
static void keep_former(struct store *s, int64_t version)
{
	struct err problem = ERR_INIT;
	char *path;

	if (s->vfs || s->is_short)
		return;
	path = former_path(s->dir, version);
	if (former_keep(s->dir, version, s->go_on, s->go_on_arg, &problem))
		log_info("store: state.db is of version %lld, and is kept as "
			 "%s for who goes back to the former mtastsd",
			 (long long)version, path);
	else
		log_warn("store: state.db is of version %lld, and no copy of "
			 "it could be kept for who goes back: %s",
			 (long long)version, problem.text);
	free(path);
}

/*
 * It takes long, and policies are served meanwhile: should this process end
 * before it counts them, the next one finds a gap (store/served.h).
 */
static bool mark_served(struct store *s, struct err *err)
{
	return db_exec(s->db,
		       "INSERT OR IGNORE INTO main.meta"
		       " VALUES('serving_since', unixepoch())",
		       err);
}

static bool migrate(struct store *s, struct err *err)
{
	int64_t version;

	if (schema_is_former(s->db, &version)) {
		if (!mark_served(s, err))
			return false;
		keep_former(s, version);
	}
	return schema_migrate(s->db, err);
}

/* A file layer of another kind has no folder that another could enter. */
static bool enter_folder(struct store *s, struct err *err)
{
	return s->vfs || (make_folder(s->dir, err) && take_lock(s, err));
}

/*
 * Serving has names that an empty state.db would take away: that is no new
 * box, but one that has lost its memory.
 */
static bool is_lost(const struct store *s, struct err *err)
{
	char *state = store_path(s->dir, "state.db");
	char *serve = store_path(s->dir, "serve.db");
	struct stat st;
	bool lost = !s->vfs && (stat(state, &st) < 0 || st.st_size == 0) &&
		    serve_file_has_sites(serve);

	free(state);
	free(serve);
	if (!lost)
		return false;
	err_set(err, ERR_DAMAGED, "state.db is missing from %s", s->dir);
	err_hint(err,
		 "mtastsd --restore FILE: backups are in %s/backup; or, "
		 "to begin with nothing, move serve.db away as well",
		 s->dir);
	return true;
}

static bool open_files(struct store *s, struct err *err)
{
	return open_state(s, err) && migrate(s, err) && serve_file_open(s, err);
}

/* A full disk may have had room for the files, but for what is kept there. */
static bool open_again(struct store *s, struct err *err)
{
	if (!s->is_short)
		return false;
	if (!s->vfs)
		former_drop(s->dir);
	log_close(s);
	db_close(s->db);
	s->db = NULL;
	return open_files(s, err);
}

static void explain(const struct store *s, struct err *err)
{
	char what[sizeof(err->text)];

	if (err->kind != ERR_DAMAGED)
		return;
	snprintf(what, sizeof(what), "%s", err->text);
	err_set(err, ERR_DAMAGED, "state.db is damaged: %s", what);
	err_hint(err, "mtastsd --restore FILE: backups are in %s/backup",
		 s->dir);
}

static bool open_all(struct store *s, struct err *err)
{
	struct err problem = ERR_INIT;

	if (open_files(s, &problem) || open_again(s, &problem)) {
		db_ask(s->db, NULL, NULL);
		return true;
	}
	explain(s, &problem);
	if (err)
		*err = problem;
	return false;
}

struct store *store_open(const struct store_options *options, struct err *err)
{
	struct store *s = xcalloc(1, sizeof(*s));

	s->lock_fd = -1;
	pthread_mutex_init(&s->log_lock, NULL);
	s->dir = xstrdup(options->dir);
	s->vfs = options->vfs ? xstrdup(options->vfs) : NULL;
	s->go_on = options->go_on;
	s->go_on_arg = options->arg;
	if (enter_folder(s, err) && !is_lost(s, err) && open_all(s, err))
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
	log_close(s);
	db_close(s->db);
	pthread_mutex_destroy(&s->log_lock);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	free(s->dir);
	free(s->vfs);
	free(s);
}

/* If it is serve.db that is damaged, a new one helps; else this fails too. */
static bool mend(struct store *s, struct err *err)
{
	db_is_well(s->db);
	if (!store_renew_serve(s, err))
		return false;
	log_warn("store: serve.db was damaged, and is made anew");
	return true;
}

static bool begin(struct store *s, struct err *err)
{
	bool ok = db_run(s->db, "BEGIN IMMEDIATE", err);

	if (!ok && db_trouble(s->db) == DB_DAMAGED)
		ok = mend(s, err) && db_run(s->db, "BEGIN IMMEDIATE", err);
	s->in_transaction = ok;
	s->changes = db_changes_in_all(s->db);
	return ok;
}

static bool commit(struct store *s, struct err *err)
{
	if (!db_run(s->db, "COMMIT", err)) {
		store_rollback(s);
		if (s->written > s->synced) /* it may be these that are lost */
			atomic_store(&s->is_in_doubt, true);
		return false;
	}
	s->in_transaction = false;
	if (db_changes_in_all(s->db) == s->changes)
		return true;
	db_is_well(s->db);
	s->written++;
	if (!s->is_async)
		log_is_durable(s, s->written);
	return true;
}

/* It can be set between two transactions only. */
static bool wait_for_disk(struct store *s, bool waits, struct err *err)
{
	if (s->is_async == !waits)
		return true;
	if (!db_exec(s->db,
		     waits ? "PRAGMA main.synchronous = FULL"
			   : "PRAGMA main.synchronous = NORMAL",
		     err))
		return false;
	s->is_async = !waits;
	return true;
}

/* After a failure, nothing but a write shows that writing works again. */
static bool prove(struct store *s, struct err *err)
{
	if (!begin(s, err))
		return false;
	if (db_run(s->db, "INSERT OR REPLACE INTO main.meta"
			  " VALUES('proof', random())", err))
		return commit(s, err);
	store_rollback(s);
	return false;
}

/* The ballast is back, or could be. */
static bool has_recovered(const struct store *s)
{
	struct ballast_room room;

	return s->vfs || (ballast_look(s->dir, &room, NULL) &&
			  (room.is_there ||
			   room.free >= room.ballast + room.reserve));
}

static bool begin_well(struct store *s, bool waits, struct err *err)
{
	assert(!s->in_transaction && !s->is_reading);
	if (!store_settle(s, err) || !wait_for_disk(s, waits, err) ||
	    !(waits || log_open(s, err)))
		return false;
	if (db_trouble(s->db) != DB_WELL && !prove(s, err))
		return false;
	if (s->is_short && has_recovered(s))
		s->is_short = false;
	return begin(s, err);
}

void store_begin_reading(struct store *s)
{
	assert(!s->in_transaction && !s->is_reading);
	s->is_reading = db_run(s->db, "BEGIN", NULL);
}

void store_end_reading(struct store *s)
{
	if (s->is_reading)
		db_run(s->db, "COMMIT", NULL);
	s->is_reading = false;
}

bool store_begin(struct store *s, struct err *err)
{
	return begin_well(s, true, err);
}

bool store_begin_async(struct store *s, struct err *err)
{
	return begin_well(s, false, err);
}

bool store_commit(struct store *s, struct err *err)
{
	struct db *db = store_db_write(s);

	if (++s->commits % COMMITS_PER_PRUNE == 0) {
		projection_prune(db, NULL);
		s->trail_is_long = true;
	}
	if (s->trail_is_long)
		trail_prune(s, NULL);
	return commit(s, err);
}

void store_rollback(struct store *s)
{
	assert(s->in_transaction);
	db_run(s->db, "ROLLBACK", NULL);	/* may have happened already */
	s->in_transaction = false;
}

/* What a loss of power may take back, serving must not see. */
bool store_project(struct store *s, struct err *err)
{
	assert(!s->in_transaction);
	if (!store_is_durable(s))
		return true;
	if (!s->has_serve)
		return mend(s, err);
	if (s->is_projected)
		return true;
	s->is_projected = projection_run(s->db, err) ||
			  (db_trouble(s->db) == DB_DAMAGED && mend(s, err));
	return s->is_projected;
}

bool change_note(struct store *s, int64_t domain_id, struct err *err)
{
	struct query q;

	s->is_projected = false;
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
