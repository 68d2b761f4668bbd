/*
 * The write-ahead logs, copied into the databases: store_checkpoint().
 */
#include <stdlib.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "store/ballast.h"
#include "store/internal.h"

#define WAL_WORTH_BYTES (4L * 1024 * 1024)	/* a shorter log is let grow */

/*
 * A log that is copied is begun anew, which costs its writer a sync. Where
 * there is little room, that is better than to let it grow.
 */
static bool is_worth_it(const char *dir, const char *path)
{
	char *wal = xasprintf("%s-wal", path);
	struct ballast_room room;
	struct stat st;
	bool is_there = stat(wal, &st) == 0 && st.st_size > 0;

	free(wal);
	return is_there && (st.st_size >= WAL_WORTH_BYTES ||
			    (ballast_look(dir, &room, NULL) &&
			     ballast_is_tight(&room)));
}

static void release(void *dir)
{
	ballast_release(dir);
}

/*
 * A handle with its log open, which from then on hears of each sync of it that
 * fails; or none, if one has failed already.
 */
static struct db *open_beside(struct store *s, const char *path,
			      struct err *err)
{
	struct db *db = NULL;

	pthread_mutex_lock(&s->log_lock);
	if (!atomic_load(&s->is_in_doubt))
		db = db_open(path, DB_BESIDE, s->vfs, err);
	if (db && !db_exec(db, "SELECT 1 FROM sqlite_schema", err)) {
		db_close(db);
		db = NULL;
	}
	pthread_mutex_unlock(&s->log_lock);
	return db;
}

/* Doubt is no error here: it is put right, and then there is a next time. */
static bool checkpoint_path(struct store *s, const char *path, struct err *err)
{
	struct err problem = ERR_INIT;
	struct db *db = open_beside(s, path, &problem);

	if (db) {
		if (!s->vfs)
			db_on_full(db, release, s->dir);
		db_exec(db, "PRAGMA wal_checkpoint(PASSIVE)", &problem);
		db_close(db);
	}
	if (err && problem.kind != ERR_NONE)
		*err = problem;
	return problem.kind == ERR_NONE;
}

/* How long the log is, only the machine's files can tell. */
static bool checkpoint_file(struct store *s, const char *file,
			    struct err *err)
{
	char *path = store_path(s->dir, file);
	bool ok = (!s->vfs && !is_worth_it(s->dir, path)) ||
		  checkpoint_path(s, path, err);

	free(path);
	return ok;
}

bool store_checkpoint(struct store *s, struct err *err)
{
	return checkpoint_file(s, "state.db", err) &&
	       checkpoint_file(s, "serve.db", err);
}
