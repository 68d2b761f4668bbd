/*
 * The store on a disk that is full, breaks, or gives back what was never
 * written; and what it makes of a damaged serve.db.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/ballast.h"
#include "store/health.h"
#include "store/internal.h"
#include "store/serve.h"
#include "store/trail.h"
#include "tests/sim/disk.h"
#include "tests/sim/fixture.h"
#include "tests/sim/scratch.h"
#include "tests/sim/small_disk.h"

static void assert_health(struct store *s, enum store_health expected,
			  const char *words)
{
	struct err err = ERR_INIT;
	enum store_health health = store_health(s, &err);

	print_message("%s: %s (%s)\n", store_health_name(health), err.text,
		      err.hint);
	assert_int_equal(health, expected);
	if (!words) {
		assert_int_equal(err.kind, ERR_NONE);
		return;
	}
	assert_non_null(strstr(err.text, words));
	assert_true(*err.hint);
}

static void assert_may_start(struct store *s, bool expected)
{
	struct err err = ERR_INIT;

	assert_int_equal(store_may_start(s, &err), expected);
	assert_int_equal(err.kind, expected ? ERR_NONE : ERR_AGAIN);
	assert_int_equal(*err.text != '\0', !expected);
}

static bool say(struct store *s, const char *actor, const char *text)
{
	struct err err = ERR_INIT;

	if (!store_begin(s, &err))
		return false;
	if (trail_add(s, &(struct trail){ .kind = "k", .actor = actor,
					  .text = text }, &err))
		return store_commit(s, &err);
	store_rollback(s);
	return false;
}

/* Far more than is left. */
static bool say_much(struct store *s)
{
	char *text = xmalloc(3 * SMALL_DISK_MB);
	bool ok;

	memset(text, 'x', 3 * SMALL_DISK_MB);
	text[3 * SMALL_DISK_MB - 1] = '\0';
	ok = say(s, "alice", text);
	free(text);
	return ok;
}

/* ---- room ---- */

static void a_good_disk_is_fine(void **state)
{
	(void)state;
	store_rollback(fix.store);
	assert_health(fix.store, STORE_FINE, NULL);
	assert_may_start(fix.store, true);
	assert_true(say(fix.store, "mtastsd", "well"));
	assert_health(fix.store, STORE_FINE, NULL);
	must(store_begin(fix.store, NULL), NULL);
}

static void nothing_is_begun_below_the_reserve(void **state)
{
	char *dir = small_disk(state);
	struct store *s = scratch_store(dir);

	must(ballast_make(dir, NULL), NULL);
	small_disk_leave(dir, 2 * SMALL_DISK_MB);
	assert_health(s, STORE_FINE, NULL);
	small_disk_leave(dir, 2 * SMALL_DISK_MB - 4096);
	assert_health(s, STORE_TIGHT, "1 MB left");
	assert_may_start(s, false);
	assert_true(say(s, "mtastsd", "in flight"));
	assert_int_equal(trail_last_id(s), 1);
	small_disk_fill(dir, 0);
	assert_health(s, STORE_FINE, NULL);
	assert_may_start(s, true);
	store_close(s);
}

static bool has_ballast(const char *dir)
{
	struct ballast_room room;

	must(ballast_look(dir, &room, NULL), NULL);
	return room.is_there;
}

static void a_full_disk_costs_the_ballast(void **state)
{
	char *dir = small_disk(state);
	struct store *s = scratch_store(dir);

	must(ballast_make(dir, NULL), NULL);
	small_disk_leave(dir, 0);
	assert_true(has_ballast(dir));
	assert_false(say_much(s));
	assert_false(has_ballast(dir));
	assert_health(s, STORE_FULL, "is full");
	assert_may_start(s, false);

	assert_true(say(s, "alice", "in flight"));	/* it fits now */
	assert_health(s, STORE_TIGHT, "was full");
	assert_may_start(s, false);

	small_disk_fill(dir, 0);
	must(ballast_make(dir, NULL), NULL);
	assert_true(say(s, "alice", "after"));
	assert_health(s, STORE_FINE, NULL);
	assert_may_start(s, true);
	store_close(s);
}

static void what_can_be_missed_is_shed(void **state)
{
	char *dir = small_disk(state);
	struct store *s = scratch_store(dir);

	must(ballast_make(dir, NULL), NULL);
	small_disk_leave(dir, 0);
	assert_false(say_much(s));
	assert_true(say(s, "mtastsd", "good news"));
	assert_int_equal(trail_last_id(s), 0);
	assert_true(say(s, "alice (uid 1000)", "a deed"));
	assert_int_equal(trail_last_id(s), 1);
	small_disk_fill(dir, 0);
	assert_true(say(s, "mtastsd", "good news"));
	assert_int_equal(trail_last_id(s), 2);
	store_close(s);
}

static void a_full_disk_holds_up_no_start(void **state)
{
	char *dir = small_disk(state);

	store_close(scratch_store(dir));
	must(ballast_make(dir, NULL), NULL);
	small_disk_leave(dir, 0);
	store_close(scratch_store(dir));
	assert_false(has_ballast(dir));
}

/* Where even the ballast is used up, nothing is lost, and all comes back. */
static void a_disk_that_stays_full_loses_nothing(void **state)
{
	char *dir = small_disk(state);
	struct store *s = scratch_store(dir);

	assert_true(say(s, "alice", "before"));
	small_disk_leave(dir, 0);
	for (int i = 0; i < 5; i++) {
		assert_false(say_much(s));
		assert_health(s, STORE_FULL, "is full");
	}
	assert_int_equal(trail_last_id(s), 1);
	small_disk_fill(dir, 0);
	assert_true(say(s, "alice", "after"));
	assert_health(s, STORE_FINE, NULL);
	assert_int_equal(trail_last_id(s), 2);
	store_close(s);
}

/* ---- a disk that breaks ---- */

static void errors_of_the_disk_pass(void **state)
{
	struct disk *disk = disk_new(1);
	struct store_options options = { .dir = "/d", .vfs = disk_vfs(disk) };
	struct err err = ERR_INIT;
	struct store *s;

	(void)state;
	disk_start(disk);
	s = store_open(&options, &err);
	must(s, &err);
	disk_set_broken(disk, true);
	assert_false(say(s, "alice", "lost"));
	assert_health(s, STORE_BROKEN, "gives errors");
	assert_may_start(s, false);
	disk_set_broken(disk, false);
	assert_true(say(s, "alice", "kept"));
	assert_health(s, STORE_FINE, NULL);
	disk_set_room(disk, 0);
	assert_false(say_much(s));
	assert_health(s, STORE_FULL, "is full");
	disk_set_room(disk, -1);
	assert_true(say(s, "alice", "kept"));
	assert_may_start(s, true);
	store_close(s);
	disk_free(disk);
}

/* ---- damage ---- */

static void damage_stays_until_a_check_is_good(void **state)
{
	(void)state;
	store_rollback(fix.store);
	store_found_damage(fix.store, "Page 7 is never used");
	assert_health(fix.store, STORE_BROKEN, "Page 7 is never used");
	assert_may_start(fix.store, true);	/* renewals matter more */
	assert_true(say(fix.store, "alice", "x"));
	assert_health(fix.store, STORE_BROKEN, "Page 7");
	store_found_damage(fix.store, NULL);
	assert_health(fix.store, STORE_FINE, NULL);
	must(store_begin(fix.store, NULL), NULL);
}

static void a_state_db_that_is_moved_away_is_noticed(void **state)
{
	char *from = scratch_path(fix.dir, "state.db");
	char *to = scratch_path(fix.dir, "away.db");

	(void)state;
	store_rollback(fix.store);
	assert_int_equal(rename(from, to), 0);
	store_checkpoint(fix.store, NULL);
	assert_int_equal(access(from, F_OK), -1);	/* no new one is made */
	assert_health(fix.store, STORE_BROKEN, "moved away");
	assert_int_equal(rename(to, from), 0);
	assert_health(fix.store, STORE_FINE, NULL);
	must(store_begin(fix.store, NULL), NULL);
	free(from);
	free(to);
}

static void a_lost_state_db_does_not_empty_serve_db(void **state)
{
	struct store_options where = { .dir = fix.dir };
	char *path = scratch_path(fix.dir, "state.db");
	struct err err = ERR_INIT;

	(void)state;
	must(store_commit(fix.store, &err), &err);
	must(store_project(fix.store, &err), &err);
	store_close(fix.store);
	assert_int_equal(unlink(path), 0);
	for (int i = 0; i < 2; i++) {
		fix.store = store_open(&where, &err);
		assert_null(fix.store);
		print_message("%s (%s)\n", err.text, err.hint);
		assert_int_equal(err.kind, ERR_DAMAGED);
		assert_non_null(strstr(err.hint, "--restore"));
		close(open(path, O_CREAT | O_WRONLY, 0600));	/* empty */
	}
	assert_int_equal(scratch_number(fix.dir, "serve.db",
					"SELECT COUNT(*) FROM site"), 1);
	free(path);
}

/* ---- serve.db ---- */

static void scribble(const char *dir, const char *file, long from)
{
	char *path = scratch_path(dir, file), noise[512];
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	struct stat st;

	memset(noise, 0x5a, sizeof(noise));
	assert_int_equal(fstat(fd, &st), 0);
	for (long at = from; at + (long)sizeof(noise) <= st.st_size; at += 4096)
		assert_int_equal(pwrite(fd, noise, sizeof(noise), at),
				 sizeof(noise));
	close(fd);
	free(path);
}

/* One that fails is told by an error; this one says nothing at all. */
static void a_disk_that_does_not_answer_is_noticed(void **state)
{
	struct timespec now;
	struct err err = ERR_INIT;

	(void)state;
	store_rollback(fix.store);
	clock_gettime(CLOCK_MONOTONIC, &now);
	atomic_store(&fix.store->sync_since, now.tv_sec - 20);
	assert_int_equal(store_health(fix.store, &err), STORE_FINE);
	atomic_store(&fix.store->sync_since, now.tv_sec - 40);
	assert_health(fix.store, STORE_BROKEN, "has not answered for 4");
	assert_false(store_may_start(fix.store, &err));
	atomic_store(&fix.store->sync_since, 0);
	assert_int_equal(store_health(fix.store, &err), STORE_FINE);
}

static void copy_logs(void)
{
	scratch_sql(fix.dir, "serve.db", "PRAGMA wal_checkpoint(TRUNCATE)");
	must(store_checkpoint(fix.store, NULL), NULL);
}

static bool check(enum store_file file, struct err *err)
{
	struct store_options where = { .dir = fix.dir };

	return store_check(&where, file, NULL, NULL, err);
}

static void publish(void)
{
	struct err err = ERR_INIT;

	must(store_commit(fix.store, &err), &err);
	must(store_project(fix.store, &err), &err);
	copy_logs();
}

static bool is_served(void)
{
	struct serve *s = serve_open(fix.dir, NULL, NULL);
	bool found = s && serve_hosts(s, "mta-sts.example.org");

	serve_close(s);
	return found;
}

static void a_check_finds_damage(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	publish();
	must(check(STORE_STATE_DB, &err), &err);
	must(check(STORE_SERVE_DB, &err), &err);
	scribble(fix.dir, "serve.db", 0);
	assert_false(check(STORE_SERVE_DB, &err));
	print_message("%s\n", err.text);
	assert_int_equal(err.kind, ERR_DAMAGED);
	must(check(STORE_STATE_DB, &err), &err);
	must(store_begin(fix.store, NULL), NULL);
}

static bool never(void *arg)
{
	(void)arg;
	return false;
}

static void a_check_can_be_ended(void **state)
{
	struct store_options where = { .dir = fix.dir };
	struct err err = ERR_INIT;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		char name[32];

		snprintf(name, sizeof(name), "d%d.test", i);
		rows_domain(fix.store, name);
	}
	must(store_commit(fix.store, &err), &err);
	assert_false(store_check(&where, STORE_STATE_DB, never, NULL, &err));
	assert_int_equal(err.kind, ERR_INTERNAL);
	must(store_begin(fix.store, NULL), NULL);
}

/* Scribbles from the header on, and from the first leaf on. */
static const long damages[] = { 0, 100, 4096, 8192 };

static void a_damaged_serve_db_is_made_anew(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	publish();
	for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
		print_message("from byte %ld\n", damages[i]);
		scribble(fix.dir, "serve.db", damages[i]);
		must(store_renew_serve(fix.store, &err), &err);
		must(check(STORE_SERVE_DB, &err), &err);
		assert_true(is_served());
		assert_true(store_has_serve(fix.store));
		copy_logs();
	}
	must(store_begin(fix.store, NULL), NULL);
}

/* The same, found by a projection, or at the start. */
static void it_is_also_when_something_changes(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	publish();
	store_close(fix.store);
	scribble(fix.dir, "serve.db", 4096);
	fix.store = scratch_store(fix.dir);
	must(store_begin(fix.store, &err), &err);
	rows_domain(fix.store, "b.test");
	must(store_commit(fix.store, &err), &err);
	must(store_project(fix.store, &err), &err);
	must(check(STORE_SERVE_DB, &err), &err);
	assert_true(is_served());
	assert_health(fix.store, STORE_FINE, NULL);
	must(store_begin(fix.store, NULL), NULL);
}

static void a_serve_db_that_is_gone_is_made_anew(void **state)
{
	char *path = scratch_path(fix.dir, "serve.db");
	struct err err = ERR_INIT;

	(void)state;
	publish();
	assert_true(store_has_serve(fix.store));
	assert_int_equal(unlink(path), 0);
	assert_false(store_has_serve(fix.store));
	must(store_renew_serve(fix.store, &err), &err);
	assert_true(store_has_serve(fix.store));
	assert_true(is_served());
	must(store_begin(fix.store, NULL), NULL);
	free(path);
}

/* Half a serve.db would be worse than a damaged one. */
static void without_room_the_damaged_one_stays(void **state)
{
	char *dir = small_disk(state);
	struct err err = ERR_INIT;

	fix.dir = dir;
	fix.store = scratch_store(dir);
	must(store_begin(fix.store, &err), &err);
	fix.domain = rows_domain(fix.store, "example.org");
	publish();
	small_disk_leave(dir, 4096);
	assert_false(store_renew_serve(fix.store, &err));
	assert_true(is_served());
	assert_true(store_project(fix.store, &err));
	scribble(dir, "serve.db", 0);
	assert_false(store_renew_serve(fix.store, &err));
	assert_false(store_project(fix.store, &err));
	print_message("%s\n", err.text);
	small_disk_fill(dir, 0);
	must(store_project(fix.store, &err), &err);
	assert_true(is_served());
	store_close(fix.store);
}

/* A reader finds the new file by itself. */
static void a_reader_goes_on_with_the_new_file(void **state)
{
	struct err err = ERR_INIT;
	struct serve *reader;

	(void)state;
	publish();
	reader = serve_open(fix.dir, NULL, &err);
	must(reader, &err);
	assert_true(serve_hosts(reader, "mta-sts.example.org"));
	must(store_renew_serve(fix.store, &err), &err);
	must(store_begin(fix.store, &err), &err);
	rows_domain(fix.store, "b.test");
	must(store_commit(fix.store, &err), &err);
	must(store_project(fix.store, &err), &err);
	sleep(2);
	assert_true(serve_hosts(reader, "mta-sts.b.test"));
	assert_int_equal(serve_failures(reader), 0);
	serve_close(reader);
	must(store_begin(fix.store, NULL), NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_A_STORE(a_good_disk_is_fine),
		ON_A_SMALL_DISK(nothing_is_begun_below_the_reserve),
		ON_A_SMALL_DISK(a_full_disk_costs_the_ballast),
		ON_A_SMALL_DISK(what_can_be_missed_is_shed),
		ON_A_SMALL_DISK(a_full_disk_holds_up_no_start),
		ON_A_SMALL_DISK(a_disk_that_stays_full_loses_nothing),
		cmocka_unit_test(errors_of_the_disk_pass),
		IN_A_STORE(damage_stays_until_a_check_is_good),
		IN_A_STORE(a_state_db_that_is_moved_away_is_noticed),
		IN_A_STORE(a_disk_that_does_not_answer_is_noticed),
		WITH_A_DOMAIN(a_lost_state_db_does_not_empty_serve_db),
		WITH_A_DOMAIN(a_check_finds_damage),
		IN_A_STORE(a_check_can_be_ended),
		WITH_A_DOMAIN(a_damaged_serve_db_is_made_anew),
		WITH_A_DOMAIN(it_is_also_when_something_changes),
		WITH_A_DOMAIN(a_serve_db_that_is_gone_is_made_anew),
		ON_A_SMALL_DISK(without_room_the_damaged_one_stays),
		WITH_A_DOMAIN(a_reader_goes_on_with_the_new_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
