/*
 * What store_begin_async() leaves to be done: its transactions are made
 * durable together, by a sync of the write-ahead log on another thread.
 *
 * A sync that failed is never just tried again: the kernel may have thrown
 * away what it could not write, and would call the rest a success. Then the
 * log, as it can still be read, is copied into the database, and that is
 * synced; until then nothing else is begun.
 */
#include <sqlite3.h>
#include <stdlib.h>

#include "base/mem.h"
#include "store/internal.h"

/* It holds no lock of SQLite's, so that closing it lets go of none. */
static bool sync_file(sqlite3_vfs *layer, const char *path, struct err *err)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_WAL;
	sqlite3_file *f = xcalloc(1, (size_t)layer->szOsFile);
	int rc = layer->xOpen(layer, path, f, flags, NULL);

	if (rc == SQLITE_OK)
		rc = f->pMethods->xSync(f, SQLITE_SYNC_NORMAL |
						   SQLITE_SYNC_DATAONLY);
	if (f->pMethods)
		f->pMethods->xClose(f);
	free(f);
	if (rc == SQLITE_OK)
		return true;
	err_set(err, ERR_INTERNAL, "database: sync of %s: %s", path,
		sqlite3_errstr(rc));
	return err_hint(err, "the kernel's log says what is wrong with the "
			     "disk");
}

bool store_sync(const struct store_options *options, struct err *err)
{
	char *path = store_path(options->dir, "state.db-wal");
	bool ok = sync_file(sqlite3_vfs_find(options->vfs), path, err);

	free(path);
	return ok;
}

int64_t store_written(const struct store *s)
{
	return s->written;
}

bool store_is_durable(const struct store *s)
{
	return s->synced >= s->written && !s->is_in_doubt;
}

void store_synced(struct store *s, int64_t written)
{
	if (written > s->synced)
		s->synced = written;
}

void store_sync_failed(struct store *s)
{
	s->is_in_doubt = true;
}

/* The whole log: what a reader or another copy holds back is still in doubt. */
static bool copy_log(struct store *s, bool *whole, struct err *err)
{
	struct query q;

	*whole = false;
	query_open(&q, s->db, "PRAGMA main.wal_checkpoint(PASSIVE)");
	if (query_row(&q))
		*whole = !col_int(&q, "busy") &&
			 col_int(&q, "log") == col_int(&q, "checkpointed");
	return query_close(&q, err);
}

bool store_settle(struct store *s, struct err *err)
{
	bool whole;

	if (!s->is_in_doubt)
		return true;
	if (!copy_log(s, &whole, err))
		return false;
	if (!whole)
		return err_set(err, ERR_INTERNAL,
			       "database: the log is not yet copied after a "
			       "sync that failed");
	s->is_in_doubt = false;
	s->synced = s->written;
	return true;
}
