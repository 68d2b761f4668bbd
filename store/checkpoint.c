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

/* The pragma reads the schema first; without that, SQLite sees no log. */
static bool checkpoint_path(const struct store_options *options,
			    const char *path, struct err *err)
{
	struct db *db = db_open(path, DB_BESIDE, options->vfs, err);
	bool ok;

	if (!db)
		return false;
	if (!options->vfs)
		db_on_full(db, release, (void *)options->dir);
	ok = db_exec(db, "PRAGMA wal_checkpoint(PASSIVE)", err);
	db_close(db);
	return ok;
}

/* How long the log is, only the machine's files can tell. */
static bool checkpoint_file(const struct store_options *options,
			    const char *file, struct err *err)
{
	char *path = store_path(options->dir, file);
	bool ok = (!options->vfs && !is_worth_it(options->dir, path)) ||
		  checkpoint_path(options, path, err);

	free(path);
	return ok;
}

bool store_checkpoint(const struct store_options *options, struct err *err)
{
	return checkpoint_file(options, "state.db", err) &&
	       checkpoint_file(options, "serve.db", err);
}
