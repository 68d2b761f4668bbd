/*
 * What store_begin_async() leaves to be done: its transactions are made
 * durable together, by a sync of the write-ahead log on another thread.
 *
 * A sync that failed is never just tried again: the kernel has thrown away
 * what it could not write, and calls the next one a success. So whoever hears
 * of a failure puts the log in doubt, and until store_settle() has written
 * all of it once more and synced that, nothing is begun, nothing is called
 * durable, and nothing is copied into the database: a log with a hole, replayed
 * over what was copied from behind it, would be a damaged database.
 *
 * Nor does it tell a later process, which reads what is not on the disk as if
 * it were: so the log of a former process is in doubt as well.
 *
 * The kernel tells each open file of a failure once. Hence a file of our own,
 * open for as long as there is something to sync: whatever becomes of the log
 * from then on, it hears of. SQLite's file does as well, so that a commit
 * which waits fails.
 */
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "store/health.h"
#include "store/internal.h"

#define PART (64 * 1024) /* SQLite's layer writes no more than twice that */

struct log_file {
	sqlite3_file *file;	/* it holds no lock of SQLite's */
	char *path;		/* SQLite goes on looking at it */
	int why;		/* errno of the sync that failed last */
};

static bool failed(const struct log_file *l, int rc, struct err *err)
{
	err_set(err, ERR_INTERNAL, "database: sync of %s: %s", l->path,
		sqlite3_errstr(rc));
	return err_hint(err, "the kernel's log says what is wrong with the "
			     "disk");
}

bool log_open(struct store *s, struct err *err)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_WAL;
	sqlite3_vfs *layer = sqlite3_vfs_find(s->vfs);
	struct log_file *l;
	int rc;

	if (s->log)
		return true;
	l = xcalloc(1, sizeof(*l));
	l->path = store_path(s->dir, "state.db-wal");
	l->file = xcalloc(1, (size_t)layer->szOsFile);
	s->log = l;
	rc = layer->xOpen(layer, l->path, l->file, flags, NULL);
	if (rc == SQLITE_OK)
		return true;
	failed(l, rc, err);
	log_close(s);
	return false;
}

static bool has_log(const struct store *s)
{
	sqlite3_vfs *layer = sqlite3_vfs_find(s->vfs);
	char *path = store_path(s->dir, "state.db-wal");
	int is_there = 0;

	layer->xAccess(layer, path, SQLITE_ACCESS_EXISTS, &is_there);
	free(path);
	return is_there;
}

bool log_inherit(struct store *s, struct err *err)
{
	if (!has_log(s))
		return true;
	if (!log_open(s, err))
		return false;
	atomic_store(&s->is_in_doubt, true);
	return store_settle(s, err);
}

void log_close(struct store *s)
{
	struct log_file *l = s->log;

	s->log = NULL;
	if (!l)
		return;
	if (l->file->pMethods)
		l->file->pMethods->xClose(l->file);
	free(l->file);
	free(l->path);
	free(l);
}

static int sync_file(sqlite3_file *f)
{
	return f->pMethods->xSync(f, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY);
}

static long long steady_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + 1; /* never 0 */
}

long log_waits(const struct store *s)
{
	long long since = atomic_load(&s->sync_since);

	return since ? (long)(steady_seconds() - since) : 0;
}

void log_is_durable(struct store *s, int64_t written)
{
	s->synced = written;
	s->synced_at = steady_seconds();
}

struct store_ages store_ages(const struct store *s)
{
	return (struct store_ages){
		.synced = s->synced_at ? (long)(steady_seconds() - s->synced_at)
				       : -1,
		.waits = log_waits(s),
	};
}

bool store_sync(struct store *s, struct err *err)
{
	struct log_file *l = s->log;
	int rc;

	pthread_mutex_lock(&s->log_lock);
	atomic_store(&s->sync_since, steady_seconds());
	errno = 0;
	rc = sync_file(l->file);
	atomic_store(&s->sync_since, 0);
	if (rc != SQLITE_OK) {
		l->why = errno;
		atomic_store(&s->is_in_doubt, true);
	}
	pthread_mutex_unlock(&s->log_lock);
	return rc == SQLITE_OK || failed(l, rc, err);
}

int64_t store_written(const struct store *s)
{
	return s->written;
}

bool store_is_durable(const struct store *s)
{
	return s->synced >= s->written && !atomic_load(&s->is_in_doubt);
}

void store_synced(struct store *s, int64_t written)
{
	if (written > s->synced && !atomic_load(&s->is_in_doubt))
		log_is_durable(s, written);
}

void store_sync_failed(struct store *s)
{
	atomic_store(&s->is_in_doubt, true);
	db_has_failed(s->db, s->log->why);
}

/* ---- out of doubt ---- */

static int write_again(sqlite3_file *f, void *part)
{
	sqlite3_int64 size = 0;
	int rc = f->pMethods->xFileSize(f, &size);

	for (sqlite3_int64 at = 0; rc == SQLITE_OK && at < size; at += PART) {
		int n = (int)(size - at < PART ? size - at : PART);

		rc = f->pMethods->xRead(f, part, n, at);
		if (rc == SQLITE_OK)
			rc = f->pMethods->xWrite(f, part, n, at);
	}
	return rc == SQLITE_OK ? sync_file(f) : rc;
}

/* Nobody else writes the log: this is the writer's thread. */
bool store_settle(struct store *s, struct err *err)
{
	void *part;
	int rc;

	if (!atomic_load(&s->is_in_doubt))
		return true;
	part = xmalloc(PART);
	pthread_mutex_lock(&s->log_lock);
	rc = write_again(s->log->file, part);
	if (rc == SQLITE_OK)
		atomic_store(&s->is_in_doubt, false);
	pthread_mutex_unlock(&s->log_lock);
	free(part);
	if (rc != SQLITE_OK)
		return failed(s->log, rc, err);
	log_is_durable(s, s->written);
	return true;
}
