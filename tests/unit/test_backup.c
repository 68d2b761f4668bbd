/*
 * Backups of a store that is written meanwhile; which of them are kept.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "store/backup.h"
#include "store/ballast.h"
#include "tests/sim/fixture.h"
#include "tests/sim/scratch.h"
#include "tests/sim/small_disk.h"

#define HOUR 3600L
#define NOON 1798804800L	/* 2027-01-01, 12:00 UTC */

static struct store_options where(const char *dir)
{
	return (struct store_options){ .dir = dir };
}

static void add_many(struct store *s, int from, int count)
{
	struct err err = ERR_INIT;
	char name[40];

	for (int i = from; i < from + count; i++) {
		snprintf(name, sizeof(name), "d%d.test", i);
		rows_domain(s, name);
	}
	must(store_commit(s, &err), &err);
}

static long domains_in(const char *dir, const char *file)
{
	return scratch_number(dir, file, "SELECT COUNT(*) FROM domain");
}

/* ---- one ---- */

static void it_is_whole_and_nobody_elses(void **state)
{
	struct store_options o = where(fix.dir);
	char *to = scratch_path(fix.dir, "copy.db");
	char *wal = scratch_path(fix.dir, "copy.db-wal");
	struct err err = ERR_INIT;
	struct stat st;

	(void)state;
	add_many(fix.store, 0, 100);
	must(backup_write(&o, to, NULL, NULL, &err), &err);
	assert_int_equal(stat(to, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(access(wal, F_OK), -1);
	assert_int_equal(domains_in(fix.dir, "copy.db"), 100);
	must(store_begin(fix.store, &err), &err);
	free(to);
	free(wal);
}

struct writer {
	int at;
};

/* Another commit between any two steps of the copy. */
static bool write_more(void *arg)
{
	struct writer *w = arg;
	struct err err = ERR_INIT;

	must(store_begin(fix.store, &err), &err);
	add_many(fix.store, w->at++, 1);
	return w->at < 10000;	/* or it begins anew for ever */
}

static void it_is_of_one_moment(void **state)
{
	struct store_options o = where(fix.dir);
	char *to = scratch_path(fix.dir, "copy.db");
	struct writer w = { .at = 5000 };
	struct err err = ERR_INIT;

	(void)state;
	add_many(fix.store, 0, 3000);
	must(backup_write(&o, to, write_more, &w, &err), &err);
	assert_true(w.at > 5001);
	assert_int_equal(domains_in(fix.dir, "copy.db"), 3000);
	must(store_begin(fix.store, &err), &err);
	free(to);
}

static bool never(void *arg)
{
	(void)arg;
	return false;
}

static void assert_nothing_at(const char *to)
{
	char *aside = xasprintf("%s.new", to);

	assert_int_equal(access(to, F_OK), -1);
	assert_int_equal(access(aside, F_OK), -1);
	free(aside);
}

static void one_that_is_ended_leaves_nothing(void **state)
{
	struct store_options o = where(fix.dir);
	char *to = scratch_path(fix.dir, "copy.db");
	struct err err = ERR_INIT;

	(void)state;
	add_many(fix.store, 0, 3000);
	assert_false(backup_write(&o, to, never, NULL, &err));
	assert_nothing_at(to);
	must(store_begin(fix.store, &err), &err);
	free(to);
}

static void nothing_is_written_over(void **state)
{
	struct store_options o = where(fix.dir);
	char *to = scratch_path(fix.dir, "precious");
	struct err err = ERR_INIT;
	struct stat st;

	(void)state;
	must(store_commit(fix.store, &err), &err);
	close(open(to, O_CREAT | O_WRONLY, 0600));
	assert_false(backup_write(&o, to, NULL, NULL, &err));
	assert_non_null(strstr(err.text, "precious"));
	assert_int_equal(stat(to, &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_false(backup_write(&o, "/nonexistent/b", NULL, NULL, &err));
	must(store_begin(fix.store, &err), &err);
	free(to);
}

static void damage_is_not_kept(void **state)
{
	struct store_options o = where(fix.dir);
	char *to = scratch_path(fix.dir, "copy.db");
	char *path = scratch_path(fix.dir, "state.db"), noise[4000];
	struct err err = ERR_INIT;
	int fd;

	(void)state;
	add_many(fix.store, 0, 300);
	store_close(fix.store);
	memset(noise, 0x5a, sizeof(noise));
	fd = open(path, O_WRONLY);
	for (int page = 20; page < 40; page++)
		assert_int_equal(pwrite(fd, noise, sizeof(noise), page * 4096),
				 sizeof(noise));
	close(fd);
	assert_false(backup_write(&o, to, NULL, NULL, &err));
	print_message("%s\n", err.text);
	assert_int_equal(err.kind, ERR_DAMAGED);
	assert_nothing_at(to);
	fix.store = NULL;
	free(path);
	free(to);
}

/* ---- many ---- */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "13 14 15": what the folder holds, each without "state-" and ".db". */
static char *listed(const char *dir)
{
	char *folder = scratch_path(dir, "backup"), *names[64];
	char *text = xcalloc(1, 2000);
	struct dirent *entry;
	DIR *d = opendir(folder);
	size_t n = 0;

	while (d && (entry = readdir(d)) != NULL && n < ARRAY_LEN(names))
		if (entry->d_name[0] != '.')
			names[n++] = xstrdup(entry->d_name);
	if (d)
		closedir(d);
	if (n)
		qsort(names, n, sizeof(names[0]), by_name);
	for (size_t i = 0; i < n; i++) {
		strcat(text, i ? " " : "");
		if (str_starts(names[i], "state-") && str_ends(names[i], ".db"))
			strncat(text, names[i] + 6, strlen(names[i]) - 9);
		else
			strcat(text, names[i]);
		free(names[i]);
	}
	free(folder);
	return text;
}

static void assert_listed(const char *dir, const char *expected)
{
	char *text = listed(dir);

	assert_string_equal(text, expected);
	free(text);
}

/* A disk of its own, so that there is room whatever the machine has. */
static struct store *store_with_ballast(const char *dir)
{
	struct store *s = scratch_store(dir);

	must(ballast_make(dir, NULL), NULL);
	return s;
}

static void turn(const char *dir, time_t now)
{
	struct store_options o = where(dir);
	struct err err = ERR_INIT;

	must(backup_turn(&o, now, NULL, NULL, &err), &err);
}

static void three_hours_and_three_days_are_kept(void **state)
{
	char *dir = small_disk(state);
	struct store *s = store_with_ballast(dir);

	for (int h = 0; h < 24 * 6; h++) {
		turn(dir, NOON + h * HOUR);
		turn(dir, NOON + h * HOUR + 1800);	/* once an hour */
	}
	assert_listed(dir, "20270104T23 20270105T23 20270106T23 20270107T09 "
			   "20270107T10 20270107T11");
	store_close(s);
}

static void what_is_no_backup_stays(void **state)
{
	char *dir = small_disk(state);
	struct store *s = store_with_ballast(dir);
	static const char *const files[] = { "mine.db", "state-old.db",
					     "state-20250101T00.db.keep",
					     "state-20250101T00.db.new" };

	turn(dir, NOON);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		char *name = xasprintf("backup/%s", files[i]);
		char *path = scratch_path(dir, name);

		close(open(path, O_CREAT | O_WRONLY, 0600));
		free(path);
		free(name);
	}
	turn(dir, NOON + 100 * 24 * HOUR);
	assert_listed(dir, "mine.db state-20250101T00.db.keep 20270101T12 "
			   "20270411T12 old");
	store_close(s);
}

static void a_tight_disk_keeps_the_newest(void **state)
{
	char *dir = small_disk(state);
	struct store *s = store_with_ballast(dir);

	for (int h = 0; h < 3; h++)
		turn(dir, NOON + h * HOUR);
	small_disk_leave(dir, SMALL_DISK_MB);
	turn(dir, NOON + 3 * HOUR);
	assert_listed(dir, "20270101T14");
	small_disk_fill(dir, 0);
	turn(dir, NOON + 4 * HOUR);
	assert_listed(dir, "20270101T14 20270101T16");
	store_close(s);
}

static void without_room_none_is_made(void **state)
{
	char *dir = small_disk(state);
	struct store *s = store_with_ballast(dir);
	struct store_options o = where(dir);
	struct err err = ERR_INIT;

	small_disk_leave(dir, 3 * SMALL_DISK_MB);	/* not tight yet */
	assert_false(backup_turn(&o, NOON, NULL, NULL, &err));
	assert_int_equal(err.kind, ERR_AGAIN);
	assert_non_null(strstr(err.text, "no room for a copy of state.db"));
	assert_listed(dir, "");
	small_disk_fill(dir, 0);
	turn(dir, NOON);
	assert_listed(dir, "20270101T12");
	store_close(s);
}

/* Kept for who goes back, from before an upgrade. */
static void make_former(const char *dir, const char *name, long bytes,
			time_t made)
{
	const struct timespec times[] = { { .tv_sec = made },
					  { .tv_sec = made } };
	char *path = xasprintf("%s/backup/%s", dir, name);
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	assert_int_equal(posix_fallocate(fd, 0, bytes), 0);
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
	free(path);
}

static void former_ones_take_the_room_of_none(void **state)
{
	char *dir = small_disk(state);
	struct store *s = store_with_ballast(dir);

	for (int h = 0; h < 3; h++)
		turn(dir, NOON + h * HOUR);
	make_former(dir, "state-v14.db", 4 * SMALL_DISK_MB, NOON);
	small_disk_leave(dir, 4 * SMALL_DISK_MB);
	turn(dir, NOON + 3 * HOUR); /* of those of the hours one is enough */
	assert_listed(dir, "20270101T14 20270101T15 v14");
	small_disk_leave(dir, 3 * SMALL_DISK_MB);
	turn(dir, NOON + 4 * HOUR);
	assert_listed(dir, "20270101T15 20270101T16");
	store_close(s);
}

static void former_ones_go_on_a_tight_disk(void **state)
{
	char *dir = small_disk(state);
	struct store *s = store_with_ballast(dir);

	turn(dir, NOON);
	make_former(dir, "state-v14.db", SMALL_DISK_MB, NOON);
	make_former(dir, "state-v14.db.mine", 1, NOON);
	small_disk_leave(dir, SMALL_DISK_MB / 2);
	turn(dir, NOON + HOUR);
	assert_listed(dir, "20270101T12 state-v14.db.mine");
	store_close(s);
}

static void former_ones_age(void **state)
{
	char *dir = small_disk(state);
	struct store *s = store_with_ballast(dir);

	turn(dir, NOON);
	make_former(dir, "state-v13.db", 1, NOON - 31 * 24 * HOUR);
	make_former(dir, "state-v14.db", 1, NOON - 29 * 24 * HOUR);
	turn(dir, NOON);
	assert_listed(dir, "20270101T12 v14");
	turn(dir, NOON + 2 * 24 * HOUR);
	assert_listed(dir, "20270101T12 20270103T12");
	store_close(s);
}

static void the_newest_is_found(void **state)
{
	char *dir = small_disk(state), *newest;
	struct store *s = store_with_ballast(dir);

	assert_null(backup_newest(dir));
	turn(dir, NOON);
	turn(dir, NOON + HOUR);
	newest = backup_newest(dir);
	assert_true(str_ends(newest, "/backup/state-20270101T13.db"));
	free(newest);
	store_close(s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_A_STORE(it_is_whole_and_nobody_elses),
		IN_A_STORE(it_is_of_one_moment),
		IN_A_STORE(one_that_is_ended_leaves_nothing),
		IN_A_STORE(nothing_is_written_over),
		IN_A_STORE(damage_is_not_kept),
		ON_A_SMALL_DISK(three_hours_and_three_days_are_kept),
		ON_A_SMALL_DISK(what_is_no_backup_stays),
		ON_A_SMALL_DISK(a_tight_disk_keeps_the_newest),
		ON_A_SMALL_DISK(without_room_none_is_made),
		ON_A_SMALL_DISK(former_ones_take_the_room_of_none),
		ON_A_SMALL_DISK(former_ones_go_on_a_tight_disk),
		ON_A_SMALL_DISK(former_ones_age),
		ON_A_SMALL_DISK(the_newest_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
