#include "store/backup_copy.h"

#define PAGES_PER_STEP 256	/* a megabyte: then the caller is asked */

static bool is_wanted(bool (*go_on)(void *arg), void *arg, struct err *err)
{
	return !go_on || go_on(arg) ||
	       err_set(err, ERR_AGAIN, "ended before it was done");
}

static bool copy_pages(struct db *from, struct db *to,
		       bool (*go_on)(void *arg), void *arg, struct err *err)
{
	sqlite3_backup *b = sqlite3_backup_init(db_handle(to), "main",
						db_handle(from), "main");
	int rc = SQLITE_OK;
	bool ok = true;

	if (!b)
		return db_error(to, err);
	while (ok && rc == SQLITE_OK) {
		rc = sqlite3_backup_step(b, PAGES_PER_STEP);
		ok = rc != SQLITE_OK || is_wanted(go_on, arg, err);
	}
	sqlite3_backup_finish(b);
	return ok && (rc == SQLITE_DONE || db_error(to, err));
}

/*
 * One read transaction over all steps: else each commit in between would make
 * the copy begin anew.
 */
static bool copy_snapshot(struct db *from, struct db *to,
			  bool (*go_on)(void *arg), void *arg, struct err *err)
{
	bool ok = db_exec(from, "BEGIN; SELECT 1 FROM main.sqlite_schema",
			  err) &&
		  copy_pages(from, to, go_on, arg, err);

	db_exec(from, "ROLLBACK", NULL);
	return ok;
}

/* A copy that is damaged must not push good ones out. */
static bool finish(struct db *db, bool (*go_on)(void *arg), void *arg,
		   struct err *err)
{
	db_ask(db, go_on, arg);
	return db_exec(db, "PRAGMA journal_mode = DELETE", err) &&
	       db_check(db, DB_QUICK, err);
}

bool backup_copy(struct db *from, const char *to, bool (*go_on)(void *arg),
		 void *arg, struct err *err)
{
	struct db *db;
	bool ok;

	db_remove(to, NULL);
	db = db_open(to, DB_WRITE, NULL, err);
	ok = db && copy_snapshot(from, db, go_on, arg, err) &&
	     finish(db, go_on, arg, err);
	db_close(db);
	if (!ok)
		db_remove(to, NULL);
	return ok;
}
