/*
 * SQLite made short: a handle with a cache of prepared statements, and a
 * query that binds in order and reads columns by name.
 *
 *	struct query q;
 *
 *	query_open(&q, db, "SELECT name FROM ca WHERE id = ?");
 *	bind_int(&q, id);
 *	if (query_row(&q))
 *		col_text(&q, "name", ca->name, sizeof(ca->name));
 *	return query_close(&q, err);
 *
 * Errors are kept in the query and come out of query_close(), so that the
 * lines between read as if nothing could fail. Inside store/ only; a handle
 * and its queries belong to one thread.
 */
#ifndef STORE_DB_H
#define STORE_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct db;
struct cached;

enum db_mode {
	DB_WRITE,  /* makes the file, 0600 */
	DB_BESIDE, /* writes too, but never makes it */
	DB_READ,
	DB_STILL /* reads what nobody can write: no lock, no log */
};

/*
 * `vfs` is SQLite's file layer, by name; NULL: the usual one, the machine's
 * files.
 */
struct db *db_open(const char *path, enum db_mode mode, const char *vfs,
		   struct err *err);
void db_close(struct db *db);

/* An empty file, 0600, for a database to grow in; one that is there is kept. */
bool db_make_file(const char *path, const char *vfs, struct err *err);

/* The file and its logs are gone, as far as that can be had. */
void db_remove(const char *path, const char *vfs);

/* Statements without parameters or rows, as many as the text holds. */
bool db_exec(struct db *db, const char *sql, struct err *err);

/* One such statement, a literal, that is prepared once: query_open(). */
bool db_run(struct db *db, const char *sql, struct err *err);

/*
 * Says what SQLite says, with a hint where one is known: ERR_DAMAGED if the
 * file is, else ERR_INTERNAL. What it says of the disk is remembered.
 */
bool db_error(struct db *db, struct err *err);

/* What is wrong with the disk, by the last failure since all was well. */
enum db_trouble {
	DB_WELL,
	DB_FULL,
	DB_READ_ONLY,
	DB_FAILING,	/* it gives errors */
	DB_DAMAGED	/* what it gives is no database */
};
enum db_trouble db_trouble(const struct db *db);
void db_is_well(struct db *db);		/* something was written */
void db_has_failed(struct db *db, int why); /* beside SQLite; an errno */

/* Called whenever a write finds the disk full. */
void db_on_full(struct db *db, void (*run)(void *arg), void *arg);

/*
 * `go_on` is asked every few thousand steps of a statement, which ends with
 * an error when it says no. NULL: nobody is asked.
 */
void db_ask(struct db *db, bool (*go_on)(void *arg), void *arg);

/*
 * The first thing that PRAGMA quick_check finds, or integrity_check (which
 * compares indexes too), is the error's text.
 */
enum db_care { DB_QUICK, DB_THOROUGH };
bool db_check(struct db *db, enum db_care care, struct err *err);

/* For sqlite3_backup and its like. */
sqlite3 *db_handle(struct db *db);

struct query {
	struct db *db;
	sqlite3_stmt *stmt;
	struct cached *cached;	/* NULL: it ends with the query */
	int bound;	/* parameters so far */
	int reads;	/* columns of this row so far */
	int rc;		/* the last result */
};

/* `sql` must be a literal: the cache knows it by its address. */
void query_open(struct query *q, struct db *db, const char *sql);

/* True while there is another row. */
bool query_row(struct query *q);

/*
 * After reading the columns of one row among many: did they decode? If not,
 * that is logged and forgotten, and the caller goes on with the next row.
 */
bool query_row_is_good(struct query *q, const char *table);

/* Runs what has no rows to read, then closes. */
bool query_run(struct query *q, struct err *err);

/* Reads the column `id`, then closes; 0 with err set if anything failed. */
size_t query_ids(struct query *q, int64_t *ids, size_t limit, struct err *err);

/* False, with err set, if anything since query_open() failed. */
bool query_close(struct query *q, struct err *err);

/* Rows changed by the last statement that was run. */
int db_changes(struct db *db);
int64_t db_changes_in_all(struct db *db);	/* ever, by this handle */
int64_t db_last_id(struct db *db);

void bind_int(struct query *q, int64_t value);
void bind_text(struct query *q, const char *text);	/* NULL: '' */
void bind_blob(struct query *q, const void *data, size_t len);
void bind_null(struct query *q);

/* Names must be literals, as `sql`. */
int64_t col_int(struct query *q, const char *name);
long col_long(struct query *q, const char *name);
bool col_is_null(struct query *q, const char *name);

/* One of 0 ... last, or the query is marked as failed (and it is 0). */
int col_enum(struct query *q, const char *name, int last);

/* Copies; text that does not fit marks the query as failed. */
void col_text(struct query *q, const char *name, char *out, size_t size);

/* Exactly `size` bytes, or the query is marked as failed. */
void col_bytes(struct query *q, const char *name, void *out, size_t size);

/* Borrowed until the next row or the close. */
const char *col_text_peek(struct query *q, const char *name);
const void *col_blob_peek(struct query *q, const char *name, size_t *len);

#endif
