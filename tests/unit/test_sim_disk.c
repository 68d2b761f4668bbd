/*
 * The virtual disk under SQLite: what a killed process has written stays, what
 * was synced survives a loss of power, and each trouble is seen.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/disk.h"

#define SEEDS 60
#define ROWS  30

static sqlite3 *try_open(struct disk *d, const char *setup)
{
	sqlite3 *db = NULL;

	if (sqlite3_open_v2("box/a.db", &db,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
			    disk_vfs(d)) == SQLITE_OK &&
	    sqlite3_exec(db, setup, NULL, NULL, NULL) == SQLITE_OK)
		return db;
	sqlite3_close(db);
	return NULL;
}

static const char full[] = "PRAGMA journal_mode = WAL;"
			   "PRAGMA synchronous = FULL;"
			   "PRAGMA wal_autocheckpoint = 7;"
			   "CREATE TABLE IF NOT EXISTS t(n INTEGER PRIMARY KEY,"
			   " pad BLOB);";
static const char careless[] = "PRAGMA journal_mode = WAL;"
			       "PRAGMA synchronous = OFF;"
			       "CREATE TABLE IF NOT EXISTS t(n INTEGER PRIMARY"
			       " KEY, pad BLOB);";

static sqlite3 *open_db(struct disk *d, const char *setup)
{
	sqlite3 *db = try_open(d, setup);

	assert_non_null(db);
	return db;
}

static long number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	long n = -1;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
	    sqlite3_step(stmt) == SQLITE_ROW)
		n = (long)sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return n;
}

static int add(sqlite3 *db)
{
	return sqlite3_exec(db, "INSERT INTO t(pad) VALUES(randomblob(900))",
			    NULL, NULL, NULL);
}

/* Rows that were promised, up to the first that was not. */
static long fill(sqlite3 *db, long most)
{
	long n = 0;

	while (n < most && add(db) == SQLITE_OK)
		n++;
	return n;
}

static void die(struct disk *d, sqlite3 *db)
{
	disk_kill(d);
	sqlite3_close(db);
}

/* What is there after a new start; -1: it is damaged. */
static long rows_after(struct disk *d)
{
	sqlite3 *db;
	long n = -1;

	disk_start(d);
	db = try_open(d, full);
	if (db && number(db, "SELECT COUNT(*) FROM pragma_integrity_check"
			     " WHERE integrity_check = 'ok'") == 1)
		n = number(db, "SELECT COUNT(*) FROM t");
	sqlite3_close(db);
	return n;
}

static void a_killed_process_loses_nothing(void **state)
{
	struct disk *d = disk_new(1);
	sqlite3 *db = open_db(d, careless);

	(void)state;
	assert_int_equal(fill(db, ROWS), ROWS);
	die(d, db);
	assert_int_equal(rows_after(d), ROWS);
	disk_free(d);
}

static void what_was_synced_survives_a_loss_of_power(void **state)
{
	(void)state;
	for (unsigned seed = 0; seed < SEEDS; seed++) {
		struct disk *d = disk_new(seed);
		sqlite3 *db = open_db(d, full);

		assert_int_equal(fill(db, ROWS), ROWS);
		die(d, db);
		disk_lose_power(d);
		assert_int_equal(rows_after(d), ROWS);
		disk_free(d);
	}
}

/* Or the test before would hold on a disk that forgets nothing. */
static void what_was_not_synced_may_be_gone(void **state)
{
	unsigned losses = 0;

	(void)state;
	for (unsigned seed = 0; seed < SEEDS; seed++) {
		struct disk *d = disk_new(seed);
		sqlite3 *db = open_db(d, careless);

		fill(db, ROWS);
		die(d, db);
		disk_lose_power(d);
		losses += rows_after(d) != ROWS;
		disk_free(d);
	}
	assert_true(losses > SEEDS / 2);
}

/* At each of its writes: what was promised is there, and at most one more. */
static void death_at_any_write_keeps_every_promise(void **state)
{
	(void)state;
	for (unsigned long at = 1; at < 200; at++) {
		struct disk *d = disk_new(at);
		sqlite3 *db = open_db(d, full);
		long promised, found;

		disk_set_fuse(d, at);
		promised = fill(db, ROWS);
		die(d, db);
		if (at % 2)
			disk_lose_power(d);
		found = rows_after(d);
		assert_in_range(found, promised, promised + 1);
		disk_free(d);
	}
}

static void the_dead_write_nothing_beside_the_living(void **state)
{
	struct disk *d = disk_new(1);
	sqlite3 *old = open_db(d, full), *fresh;

	(void)state;
	assert_int_equal(fill(old, 3), 3);
	assert_int_equal(sqlite3_exec(old, "BEGIN; DELETE FROM t", NULL, NULL,
				      NULL), SQLITE_OK);
	disk_kill(d);
	disk_start(d);
	fresh = open_db(d, full);
	assert_int_equal(fill(fresh, 3), 3);
	assert_int_not_equal(sqlite3_exec(old, "COMMIT", NULL, NULL, NULL),
			     SQLITE_OK);
	sqlite3_close(old);
	assert_int_equal(number(fresh, "SELECT COUNT(*) FROM t"), 6);
	sqlite3_close(fresh);
	disk_free(d);
}

/* ---- one file, without a database ---- */

static sqlite3_file *open_file(struct disk *d)
{
	sqlite3_vfs *layer = sqlite3_vfs_find(disk_vfs(d));
	sqlite3_file *f = calloc(1, (size_t)layer->szOsFile);

	assert_non_null(f);
	assert_int_equal(layer->xOpen(layer, "box/f", f,
				      SQLITE_OPEN_READWRITE |
					      SQLITE_OPEN_CREATE, NULL),
			 SQLITE_OK);
	return f;
}

static void close_file(sqlite3_file *f)
{
	f->pMethods->xClose(f);
	free(f);
}

static void write_all(sqlite3_file *f, char what)
{
	char data[2048];

	memset(data, what, sizeof(data));
	assert_int_equal(f->pMethods->xWrite(f, data, sizeof(data), 0),
			 SQLITE_OK);
}

/* Which of its four sectors are that. */
static unsigned sectors_of(struct disk *d, char what)
{
	sqlite3_file *f = open_file(d);
	unsigned bits = 0;
	char first;

	for (int i = 0; i < 4; i++) {
		assert_int_equal(f->pMethods->xRead(f, &first, 1, i * 512),
				 SQLITE_OK);
		bits |= (unsigned)(first == what) << i;
	}
	close_file(f);
	return bits;
}

/* 'a', synced; then that and 'b', and perhaps 'b' again; the power goes. */
static unsigned what_is_b(uint64_t seed, char then, bool sync_fails, bool again)
{
	struct disk *d = disk_new(seed);
	sqlite3_file *f = open_file(d);
	unsigned bits;

	write_all(f, 'a');
	f->pMethods->xSync(f, SQLITE_SYNC_NORMAL);
	write_all(f, then);
	write_all(f, 'b');
	if (sync_fails) {
		disk_fail_sync(d);
		f->pMethods->xSync(f, SQLITE_SYNC_NORMAL);
	}
	if (again)
		write_all(f, 'b');
	disk_kill(d);
	close_file(f);
	disk_lose_power(d);
	disk_start(d);
	bits = sectors_of(d, 'b');
	disk_free(d);
	return bits;
}

/* What is written over with itself is a write like others. */
static void the_same_once_more_is_a_write(void **state)
{
	unsigned all = 0, none = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		for (int i = 0; i < 4; i++) {
			unsigned bits = what_is_b(seed, 'a', i & 1, i & 2);

			assert_int_equal(bits, what_is_b(seed, 'c', i & 1,
							 i & 2));
			all += bits == 15;
			none += bits == 0;
		}
	assert_true(all > SEEDS && none > SEEDS / 2);
}

static void a_full_disk_says_so_and_gets_well(void **state)
{
	struct disk *d = disk_new(1);
	sqlite3 *db = open_db(d, full);
	long n;

	(void)state;
	assert_int_equal(fill(db, 3), 3);
	disk_set_room(d, 20000);
	n = fill(db, ROWS);
	assert_in_range(n, 0, ROWS - 1);
	assert_int_equal(add(db), SQLITE_FULL);
	assert_int_equal(number(db, "SELECT COUNT(*) FROM t"), n + 3);
	disk_set_room(d, -1);
	assert_int_equal(fill(db, 3), 3);
	die(d, db);
	assert_int_equal(rows_after(d), n + 6);
	disk_free(d);
}

static void a_broken_disk_can_be_read(void **state)
{
	struct disk *d = disk_new(1);
	sqlite3 *db = open_db(d, full);

	(void)state;
	assert_int_equal(fill(db, 3), 3);
	disk_set_broken(d, true);
	assert_int_equal(add(db), SQLITE_IOERR);
	assert_int_equal(number(db, "SELECT COUNT(*) FROM t"), 3);
	disk_set_broken(d, false);
	assert_int_equal(add(db), SQLITE_OK);
	sqlite3_close(db);
	disk_free(d);
}

static void handles_see_and_exclude_each_other(void **state)
{
	struct disk *d = disk_new(1);
	sqlite3 *a = open_db(d, full), *b = open_db(d, full);

	(void)state;
	assert_int_equal(fill(a, 5), 5);
	assert_int_equal(number(b, "SELECT COUNT(*) FROM t"), 5);
	assert_int_equal(sqlite3_exec(a, "BEGIN IMMEDIATE", NULL, NULL, NULL),
			 SQLITE_OK);
	assert_int_equal(add(a), SQLITE_OK);
	assert_int_equal(add(b), SQLITE_BUSY);
	assert_int_equal(number(b, "SELECT COUNT(*) FROM t"), 5);
	assert_int_equal(sqlite3_exec(a, "COMMIT", NULL, NULL, NULL),
			 SQLITE_OK);
	assert_int_equal(number(b, "SELECT COUNT(*) FROM t"), 6);
	assert_int_equal(add(b), SQLITE_OK);
	sqlite3_close(a);
	sqlite3_close(b);
	disk_free(d);
}

static void rot_is_found(void **state)
{
	struct disk *d = disk_new(1);
	sqlite3 *db = open_db(d, full);

	(void)state;
	fill(db, ROWS);
	sqlite3_close(db);
	assert_true(disk_size_of(d, "box/a.db") > 8192);
	disk_rot(d, "box/a.db", 8192 + 3);
	assert_int_not_equal(rows_after(d), ROWS);
	disk_delete(d, "box/a.db");
	disk_delete(d, "box/a.db-wal");
	assert_int_equal(rows_after(d), 0);
	disk_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_killed_process_loses_nothing),
		cmocka_unit_test(what_was_synced_survives_a_loss_of_power),
		cmocka_unit_test(what_was_not_synced_may_be_gone),
		cmocka_unit_test(death_at_any_write_keeps_every_promise),
		cmocka_unit_test(the_dead_write_nothing_beside_the_living),
		cmocka_unit_test(the_same_once_more_is_a_write),
		cmocka_unit_test(a_full_disk_says_so_and_gets_well),
		cmocka_unit_test(a_broken_disk_can_be_read),
		cmocka_unit_test(handles_see_and_exclude_each_other),
		cmocka_unit_test(rot_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
