#include "store/db.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

#define CACHE_SLOTS	256	/* a power of two, well over our statements */
#define WRITER_WAITS_MS 2000
#define READER_WAITS_MS 10	/* serving never waits; WAL lets it read */
#define NAME_MAX_BYTES	16384
#define STEPS_PER_ASK	10000	/* of SQLite's machine: a millisecond or so */

#define PLACES_MAX 40

/* Where a column was found that was asked for by this literal. */
struct place {
	const char *name;
	int column;
};

/*
 * Each row of a statement is read by the same lines of code, so the nth name
 * that is asked for is the nth of last time: no name is searched for twice.
 */
struct cached {
	const char *sql;	/* a literal's address: the key */
	sqlite3_stmt *stmt;
	struct place *places;	/* PLACES_MAX; NULL: none was read yet */
};

struct db {
	sqlite3 *handle;
	enum db_trouble trouble;
	void (*on_full)(void *arg);
	void *on_full_arg;
	bool (*go_on)(void *arg);
	void *go_on_arg;
	struct cached cache[CACHE_SLOTS];
};

/*
 * O_EXCL is not caution but need: opening and closing a database that this
 * process has open already would drop SQLite's POSIX locks on it. A file
 * layer of another kind makes its files when it opens them.
 */
bool db_make_file(const char *path, const char *vfs, struct err *err)
{
	int fd;

	if (vfs)
		return true;
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno == EEXIST || err_sys(err, "create %s", path);
	close(fd);
	return true;
}

void db_remove(const char *path, const char *vfs)
{
	static const char *const tails[] = { "", "-wal", "-shm" };
	sqlite3_vfs *layer = sqlite3_vfs_find(vfs);

	for (size_t i = 0; layer && i < ARRAY_LEN(tails); i++) {
		char *file = xasprintf("%s%s", path, tails[i]);

		layer->xDelete(layer, file, 0);
		free(file);
	}
}

static int open_flags(enum db_mode mode, const char *vfs)
{
	if (mode == DB_READ)
		return SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READONLY;
	if (mode == DB_STILL)
		return SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READONLY |
		       SQLITE_OPEN_URI;
	return SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE |
	       (vfs && mode == DB_WRITE ? SQLITE_OPEN_CREATE : 0);
}

/* The path as SQLite wants it; the caller frees. */
static char *name_of(const char *path, enum db_mode mode)
{
	struct buf name;

	if (mode != DB_STILL)
		return xstrdup(path);
	buf_init(&name, NAME_MAX_BYTES);
	buf_puts(&name, "file:");
	for (; *path; path++)
		buf_printf(&name, strchr("%?#", *path) ? "%%%02X" : "%c",
			   *path);
	buf_puts(&name, "?immutable=1");
	return name.data;
}

static bool open_handle(struct db *db, const char *path, enum db_mode mode,
			const char *vfs)
{
	char *name = name_of(path, mode);
	int rc = sqlite3_open_v2(name, &db->handle, open_flags(mode, vfs), vfs);

	free(name);
	return rc == SQLITE_OK;
}

struct db *db_open(const char *path, enum db_mode mode, const char *vfs,
		   struct err *err)
{
	struct db *db;

	if (mode == DB_WRITE && !db_make_file(path, vfs, err))
		return NULL;
	db = xcalloc(1, sizeof(*db));
	if (!open_handle(db, path, mode, vfs)) {
		db_error(db, err);
		err_prefix(err, "%s", path);
		db_close(db);
		return NULL;
	}
	sqlite3_extended_result_codes(db->handle, 1);
	sqlite3_busy_timeout(db->handle, mode >= DB_READ ? READER_WAITS_MS
							 : WRITER_WAITS_MS);
	return db;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	for (size_t i = 0; i < CACHE_SLOTS; i++) {
		sqlite3_finalize(db->cache[i].stmt);
		free(db->cache[i].places);
	}
	sqlite3_close(db->handle);
	free(db);
}

/* SQLite has a word for a full disk, but not for a quota, or a bad unit. */
static enum db_trouble trouble_of_errno(int why)
{
	switch (why) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return DB_FULL;
	case EROFS:
		return DB_READ_ONLY;
	default:
		return DB_FAILING;
	}
}

/* DB_WELL: it says nothing of the disk. */
static enum db_trouble trouble_of(sqlite3 *handle)
{
	switch (sqlite3_errcode(handle) & 0xff) {
	case SQLITE_FULL:
		return DB_FULL;
	case SQLITE_READONLY:
		return DB_READ_ONLY;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
		return trouble_of_errno(sqlite3_system_errno(handle));
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return DB_DAMAGED;
	default:
		return DB_WELL;
	}
}

static const char *const remedies[] = {
	[DB_WELL] = "",
	[DB_FULL] = "the disk is full: make room, nothing was lost",
	[DB_READ_ONLY] = "the state folder must be writable by the daemon's "
			 "user",
	[DB_FAILING] = "the state folder must be there and writable; the "
		       "kernel's log says what is wrong with the disk",
	[DB_DAMAGED] = "a database file is damaged: mtastsd --restore FILE "
		       "puts a backup in its place",
};

void db_has_failed(struct db *db, int why)
{
	db->trouble = trouble_of_errno(why);
	if (db->trouble == DB_FULL && db->on_full)
		db->on_full(db->on_full_arg);
}

bool db_error(struct db *db, struct err *err)
{
	enum db_trouble trouble = trouble_of(db->handle);

	err_set(err, trouble == DB_DAMAGED ? ERR_DAMAGED : ERR_INTERNAL,
		"database: %s", sqlite3_errmsg(db->handle));
	err_hint(err, "%s", remedies[trouble]);
	if (trouble != DB_WELL)
		db->trouble = trouble;
	if (trouble == DB_FULL && db->on_full)
		db->on_full(db->on_full_arg);
	return false;
}

enum db_trouble db_trouble(const struct db *db)
{
	return db->trouble;
}

void db_is_well(struct db *db)
{
	db->trouble = DB_WELL;
}

void db_on_full(struct db *db, void (*run)(void *arg), void *arg)
{
	db->on_full = run;
	db->on_full_arg = arg;
}

static int ask(void *arg)
{
	const struct db *db = arg;

	return !db->go_on(db->go_on_arg);
}

void db_ask(struct db *db, bool (*go_on)(void *arg), void *arg)
{
	db->go_on = go_on;
	db->go_on_arg = arg;
	sqlite3_progress_handler(db->handle, go_on ? STEPS_PER_ASK : 0,
				 go_on ? ask : NULL, db);
}

bool db_check(struct db *db, enum db_care care, struct err *err)
{
	static const struct {
		const char *sql, *column;
	} checks[] = {
		[DB_QUICK] = { "PRAGMA main.quick_check(1)", "quick_check" },
		[DB_THOROUGH] = { "PRAGMA main.integrity_check(1)",
				  "integrity_check" },
	};
	char found[200] = "";
	const char *what = found;
	struct query q;

	query_open(&q, db, checks[care].sql);
	if (query_row(&q))
		snprintf(found, sizeof(found), "%s",
			 col_text_peek(&q, checks[care].column));
	if (!query_close(&q, err))
		return false;
	if (strchr(found, '\n')) /* below a line that is a heading */
		what = strchr(found, '\n') + 1;
	return streq(found, "ok") || err_set(err, ERR_DAMAGED, "%.*s",
					     (int)strcspn(what, "\n"), what);
}

sqlite3 *db_handle(struct db *db)
{
	return db->handle;
}

bool db_exec(struct db *db, const char *sql, struct err *err)
{
	if (sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK)
		return true;
	return db_error(db, err);
}

static struct cached *slot_of(struct db *db, const char *sql)
{
	size_t at = ((uintptr_t)sql >> 3) & (CACHE_SLOTS - 1);

	for (size_t n = 0; n < CACHE_SLOTS; n++) {
		struct cached *c = &db->cache[(at + n) & (CACHE_SLOTS - 1)];

		if (!c->sql || c->sql == sql)
			return c;
	}
	return NULL;
}

void query_open(struct query *q, struct db *db, const char *sql)
{
	struct cached *c = slot_of(db, sql);

	*q = (struct query){ .db = db, .rc = SQLITE_OK };
	if (c && c->stmt && !sqlite3_stmt_busy(c->stmt)) {
		q->stmt = c->stmt;
		q->cached = c;
		return;
	}
	q->rc = sqlite3_prepare_v3(db->handle, sql, -1,
				   SQLITE_PREPARE_PERSISTENT, &q->stmt, NULL);
	if (q->rc == SQLITE_OK && c && !c->stmt) {
		*c = (struct cached){ .sql = sql, .stmt = q->stmt };
		q->cached = c;
	}
}

static bool has_failed(const struct query *q)
{
	return q->rc != SQLITE_OK && q->rc != SQLITE_ROW &&
	       q->rc != SQLITE_DONE;
}

bool query_row(struct query *q)
{
	if (has_failed(q))
		return false;
	q->reads = 0;
	q->rc = sqlite3_step(q->stmt);
	return q->rc == SQLITE_ROW;
}

bool query_row_is_good(struct query *q, const char *table)
{
	if (q->rc != SQLITE_MISMATCH)
		return true;
	log_error("%s: a damaged row of table %s is skipped",
		  sqlite3_db_filename(q->db->handle, "main"), table);
	q->rc = SQLITE_ROW;
	return false;
}

bool query_run(struct query *q, struct err *err)
{
	query_row(q);
	return query_close(q, err);
}

size_t query_ids(struct query *q, int64_t *ids, size_t limit, struct err *err)
{
	size_t n = 0;

	while (n < limit && query_row(q))
		ids[n++] = col_int(q, "id");
	return query_close(q, err) ? n : 0;
}

bool query_close(struct query *q, struct err *err)
{
	bool ok = !has_failed(q);

	if (!ok && q->rc == SQLITE_MISMATCH)
		err_set(err, ERR_INTERNAL, "database: a row does not decode");
	else if (!ok)
		db_error(q->db, err);
	if (q->cached) {
		sqlite3_reset(q->stmt);
		sqlite3_clear_bindings(q->stmt);
	} else {
		sqlite3_finalize(q->stmt);
	}
	q->stmt = NULL;
	return ok;
}

bool db_run(struct db *db, const char *sql, struct err *err)
{
	struct query q;

	query_open(&q, db, sql);
	return query_run(&q, err);
}

int db_changes(struct db *db)
{
	return sqlite3_changes(db->handle);
}

int64_t db_changes_in_all(struct db *db)
{
	return sqlite3_total_changes64(db->handle);
}

int64_t db_last_id(struct db *db)
{
	return sqlite3_last_insert_rowid(db->handle);
}

static void bound(struct query *q, int rc)
{
	if (rc != SQLITE_OK)
		q->rc = rc;
}

void bind_int(struct query *q, int64_t value)
{
	if (q->stmt)
		bound(q, sqlite3_bind_int64(q->stmt, ++q->bound, value));
}

void bind_text(struct query *q, const char *text)
{
	if (q->stmt)
		bound(q, sqlite3_bind_text(q->stmt, ++q->bound,
					   text ? text : "", -1,
					   SQLITE_TRANSIENT));
}

void bind_blob(struct query *q, const void *data, size_t len)
{
	if (q->stmt)
		bound(q, sqlite3_bind_blob64(q->stmt, ++q->bound,
					     len ? data : "", len,
					     SQLITE_TRANSIENT));
}

void bind_null(struct query *q)
{
	if (q->stmt)
		bound(q, sqlite3_bind_null(q->stmt, ++q->bound));
}

/* A name that no column has is a bug of ours: the text is ours too. */
static int search(struct query *q, const char *name)
{
	int count = sqlite3_column_count(q->stmt), i = 0;

	while (i < count && !streq(sqlite3_column_name(q->stmt, i), name))
		i++;
	assert(i < count);
	return i;
}

static int column(struct query *q, const char *name)
{
	struct cached *c = q->cached;
	struct place *place;

	if (!c || q->reads >= PLACES_MAX)
		return search(q, name);
	if (!c->places)
		c->places = xcalloc(PLACES_MAX, sizeof(*c->places));
	place = &c->places[q->reads++];
	if (place->name != name)
		*place = (struct place){ name, search(q, name) };
	return place->column;
}

int64_t col_int(struct query *q, const char *name)
{
	return sqlite3_column_int64(q->stmt, column(q, name));
}

long col_long(struct query *q, const char *name)
{
	return (long)col_int(q, name);
}

int col_enum(struct query *q, const char *name, int last)
{
	int64_t value = col_int(q, name);

	if (value >= 0 && value <= last)
		return (int)value;
	q->rc = SQLITE_MISMATCH;
	return 0;
}

bool col_is_null(struct query *q, const char *name)
{
	return sqlite3_column_type(q->stmt, column(q, name)) == SQLITE_NULL;
}

const char *col_text_peek(struct query *q, const char *name)
{
	const unsigned char *text = sqlite3_column_text(q->stmt,
							column(q, name));

	return text ? (const char *)text : "";
}

void col_text(struct query *q, const char *name, char *out, size_t size)
{
	const char *text = col_text_peek(q, name);
	size_t len = strlen(text);

	if (len >= size) {
		q->rc = SQLITE_MISMATCH;
		len = 0;
	}
	memcpy(out, text, len);
	out[len] = '\0';
}

const void *col_blob_peek(struct query *q, const char *name, size_t *len)
{
	int i = column(q, name);
	const void *data = sqlite3_column_blob(q->stmt, i);

	*len = (size_t)sqlite3_column_bytes(q->stmt, i);
	return data;
}

void col_bytes(struct query *q, const char *name, void *out, size_t size)
{
	size_t len;
	const void *data = col_blob_peek(q, name, &len);

	if (len != size) {
		q->rc = SQLITE_MISMATCH;
		return;
	}
	memcpy(out, data, size);
}
