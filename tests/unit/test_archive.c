/*
 * Backups by schedule: when one is made, which are kept, and what a folder that
 * is not well comes to.
 */
#include "store/archive.h"

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
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "store/ballast.h"
#include "store/restore.h"
#include "tests/sim/hosted.h"
#include "tests/sim/scratch.h"

#define NOON 1798804800L /* 2027-01-01, 12:00 UTC */

#define ID   "1A2B3C4D"
#define OURS "mtastsd-" ID "-"

static struct hosted h;
static struct archive_settings settings;
static bool is_time_known;

static int set_up(void **state)
{
	char *folder;

	(void)state;
	hosted_init(&h);
	must(ballast_make(h.dir, NULL), NULL);
	hosted_add(&h, "a.test");
	scratch_sql(h.dir, "state.db",
		    "UPDATE meta SET value = '" ID "0000000000000000'"
		    " WHERE key = 'store_id'");
	folder = scratch_path(h.dir, "elsewhere");
	is_time_known = true;
	settings = (struct archive_settings){ .every = WHEN_DAY, .keep = 3 };
	assert_true(str_copy(settings.folder, sizeof(settings.folder), folder));
	assert_int_equal(mkdir(folder, 0700), 0);
	free(folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	hosted_release(&h);
	return 0;
}

static bool yes(void *arg)
{
	(void)arg;
	return true;
}

static int asked;

/* It begins, and that is all. */
static bool at_first(void *arg)
{
	(void)arg;
	return asked++ == 0;
}

static bool turn_with(time_t now, bool (*go_on)(void *arg),
		      struct archive_found *found, struct err *err)
{
	struct store_options o = { .dir = h.dir };
	const struct archive_task task = { .options = &o,
					   .settings = &settings,
					   .now = now,
					   .is_time_known = is_time_known,
					   .go_on = go_on };

	asked = 0;
	return archive_turn(&task, found, err);
}

static struct archive_found turn(time_t now)
{
	struct archive_found found;
	struct err err = ERR_INIT;

	must(turn_with(now, yes, &found, &err), &err);
	return found;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "0101T12 other": what the folder holds; backups without what all have. */
static void assert_listed(const char *expected)
{
	char *names[64], text[1024] = "";
	DIR *d = opendir(settings.folder);
	struct dirent *entry;
	size_t n = 0;

	while (d && (entry = readdir(d)) != NULL && n < ARRAY_LEN(names))
		if (entry->d_name[0] != '.')
			names[n++] = xstrdup(entry->d_name);
	if (d)
		closedir(d);
	if (n)
		qsort(names, n, sizeof(names[0]), by_name);
	for (size_t i = 0; i < n; i++) {
		bool is_ours = str_starts(names[i], OURS "2027") &&
			       str_ends(names[i], "0000Z.backup");

		strcat(text, i ? " " : "");
		strncat(text, names[i] + (is_ours ? strlen(OURS "2027") : 0),
			is_ours ? 7 : strlen(names[i]));
		free(names[i]);
	}
	assert_string_equal(text, expected);
}

static void put(const char *name)
{
	char *path = xasprintf("%s/%s", settings.folder, name);

	close(open(path, O_CREAT | O_WRONLY, 0600));
	free(path);
}

static void take_away(const char *name)
{
	char *path = xasprintf("%s/%s", settings.folder, name);

	assert_int_equal(unlink(path), 0); /* it was there still */
	free(path);
}

static void one_is_made_when_it_is_due(void **state)
{
	struct archive_found found = turn(NOON);

	(void)state;
	assert_int_equal(found.newest, NOON);
	assert_int_equal(found.count, 1);
	assert_true(found.size > 10000);
	turn(NOON + WHEN_DAY - 1);
	assert_listed("0101T12");
	turn(NOON + WHEN_DAY);
	assert_listed("0101T12 0102T12");
}

static void it_can_be_restored(void **state)
{
	char *path = xasprintf("%s/" OURS "20270101T120000Z.backup",
			       settings.folder);
	struct store_options o = { .dir = h.dir };
	struct restored r;
	struct err err = ERR_INIT;
	struct stat st;

	(void)state;
	turn(NOON);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	hosted_add(&h, "b.test");
	store_close(h.store);
	h.store = NULL;
	must(store_restore(&o, path, NOON, &r, &err), &err);
	restored_release(&r);
	assert_int_equal(scratch_number(h.dir, "state.db",
					"SELECT COUNT(*) FROM domain"),
			 1);
	free(path);
}

static void by_their_number(void **state)
{
	(void)state;
	for (int day = 0; day < 5; day++)
		turn(NOON + day * WHEN_DAY);
	assert_listed("0103T12 0104T12 0105T12");
}

static void by_their_age(void **state)
{
	(void)state;
	settings.keep = 100;
	settings.keep_for = 2 * WHEN_DAY;
	for (int day = 0; day < 5; day++)
		turn(NOON + day * WHEN_DAY);
	assert_listed("0103T12 0104T12 0105T12");
	turn(NOON + 30 * WHEN_DAY); /* the one just made is none too many */
	assert_listed("0131T12");
}

/* By a clock that is ahead all the others would be too old. */
static void none_is_too_old_by_an_unknown_clock(void **state)
{
	(void)state;
	settings.keep_for = 2 * WHEN_DAY;
	turn(NOON);
	turn(NOON + WHEN_DAY);
	is_time_known = false;
	turn(NOON + 300 * WHEN_DAY);
	assert_listed("0101T12 0102T12 1028T12");
	turn(NOON + 301 * WHEN_DAY); /* but there may be too many */
	assert_listed("0102T12 1028T12 1029T12");
	is_time_known = true;
	turn(NOON + 302 * WHEN_DAY);
	assert_listed("1028T12 1029T12 1030T12");
}

/* One of days to come takes a place, but not that of the newest. */
static void of_those_to_come_as_many_are_kept(void **state)
{
	(void)state;
	settings.keep = 2;
	settings.keep_for = 2 * WHEN_DAY;
	for (int day = 20; day < 23; day++)
		turn(NOON + day * WHEN_DAY);
	assert_listed("0122T12 0123T12");
	turn(NOON);
	assert_listed("0101T12 0122T12 0123T12");
	turn(NOON + WHEN_DAY);
	assert_listed("0102T12 0122T12 0123T12");
}

static void what_is_none_of_ours_stays(void **state)
{
	static const char *const files[] = {
		OURS "20200101T120000Z.backup.gpg",
		OURS "20201301T120000Z.backup",
		OURS "2020 1 1T120000Z.backup",
		OURS "x.backup",
		"mtastsd-1A2B3C4E-20200101T120000Z.backup",
		"mtastsd-1A2B3C4E-20260101T120000Z.backup.part",
		"mtastsd-20200101T120000Z.backup",
		"state-20200101T00.db",
	};

	(void)state;
	settings.keep = 1;
	settings.keep_for = WHEN_DAY;
	turn(NOON);
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		put(files[i]);
	assert_int_equal(turn(NOON + 2 * WHEN_DAY).count, 1);
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		take_away(files[i]);
	assert_listed("0103T12");
}

/* As by a move, which brings the configuration along. */
static void two_boxes_have_one_folder(void **state)
{
	(void)state;
	settings.keep = 2;
	for (int day = 0; day < 3; day++) {
		turn(NOON + day * WHEN_DAY);
		scratch_sql(h.dir, "state.db",
			    "INSERT INTO meta VALUES('zone_id', 'FFFFFFFF00')");
		assert_int_equal(turn(NOON + day * WHEN_DAY + 60).newest,
				 NOON + day * WHEN_DAY + 60);
		scratch_sql(h.dir, "state.db",
			    "DELETE FROM meta WHERE key = 'zone_id'");
	}
	assert_listed("0102T12 0103T12 "
		      "mtastsd-FFFFFFFF-20270102T120100Z.backup "
		      "mtastsd-FFFFFFFF-20270103T120100Z.backup");
}

static void without_an_id_none_is_made(void **state)
{
	struct archive_found found;
	struct err err = ERR_INIT;

	(void)state;
	scratch_sql(h.dir, "state.db",
		    "UPDATE meta SET value = '../../x' WHERE key = 'store_id'");
	assert_false(turn_with(NOON, yes, &found, &err));
	assert_int_equal(err.kind, ERR_DAMAGED);
	assert_listed("");
}

/* The clock was put back: those of days to come keep none from being made. */
static void one_of_days_to_come(void **state)
{
	(void)state;
	turn(NOON + 20 * WHEN_DAY);
	assert_int_equal(turn(NOON).newest, NOON);
	turn(NOON + 60);
	assert_listed("0101T12 0121T12");
}

static void without_its_folder_none_is_made(void **state)
{
	struct archive_found found;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(rmdir(settings.folder), 0);
	assert_false(turn_with(NOON, yes, &found, &err));
	assert_non_null(strstr(err.text, settings.folder));
	assert_true(*err.hint);
	assert_int_equal(access(settings.folder, F_OK), -1);
}

/* What is there stays, whatever becomes of the next one. */
static void one_that_fails_pushes_none_out(void **state)
{
	struct archive_found found;
	struct err err = ERR_INIT;

	(void)state;
	settings.keep = 1;
	turn(NOON);
	put(OURS "20261231T120000Z.backup.part");
	assert_false(turn_with(NOON + WHEN_DAY, at_first, &found, &err));
	assert_listed("0101T12");
	assert_int_equal(found.newest, NOON);
}

/* Lowered, it makes room where no other fits any more. */
static void too_many_go_before_the_next_one(void **state)
{
	struct archive_found found;
	struct err err = ERR_INIT;

	(void)state;
	for (int day = 0; day < 3; day++)
		turn(NOON + day * WHEN_DAY);
	settings.keep = 2;
	assert_false(turn_with(NOON + 3 * WHEN_DAY, at_first, &found, &err));
	assert_listed("0102T12 0103T12");
	settings.keep = 1;
	assert_false(turn_with(NOON + 3 * WHEN_DAY, at_first, &found, &err));
	assert_listed("0103T12");
	settings.keep_for = WHEN_DAY;
	assert_false(turn_with(NOON + 9 * WHEN_DAY, at_first, &found, &err));
	assert_listed("0103T12");
	assert_int_equal(found.newest, NOON + 2 * WHEN_DAY);
}

/* Nor does one of days to come push out the only one there is. */
static void the_newest_stays_beside_one_to_come(void **state)
{
	struct archive_found found;
	struct err err = ERR_INIT;

	(void)state;
	settings.keep = 1;
	turn(NOON);
	put(OURS "20270201T000000Z.backup");
	assert_false(turn_with(NOON + WHEN_DAY, at_first, &found, &err));
	assert_listed("0101T12 0201T00");
}

static bool never(void *arg)
{
	(void)arg;
	return false;
}

static bool is_given_up, ends_at_sync;

/* It hangs here, until nobody wants it. */
int fsync(int fd)
{
	char link[40], path[512] = "";

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (readlink(link, path, sizeof(path) - 1) > 0 &&
	    str_ends(path, ".part"))
		is_given_up = ends_at_sync;
	return (int)syscall(SYS_fsync, fd);
}

static bool is_not_given_up(void *arg)
{
	(void)arg;
	return !is_given_up;
}

static void what_is_given_up_changes_nothing(void **state)
{
	struct archive_found found;
	struct err err = ERR_INIT;
	bool ok;

	(void)state;
	for (int day = 0; day < 3; day++)
		turn(NOON + day * WHEN_DAY);
	settings.keep = 1;
	assert_false(turn_with(NOON + 3 * WHEN_DAY, never, &found, &err));
	assert_listed("0101T12 0102T12 0103T12");
	settings.keep = 3;
	ends_at_sync = true;
	ok = turn_with(NOON + 3 * WHEN_DAY, is_not_given_up, &found, &err);
	ends_at_sync = false;
	assert_false(ok);
	assert_true(is_given_up);
	assert_listed("0101T12 0102T12 0103T12");
}

#define IN_A_BOX(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_A_BOX(one_is_made_when_it_is_due),
		IN_A_BOX(it_can_be_restored),
		IN_A_BOX(by_their_number),
		IN_A_BOX(by_their_age),
		IN_A_BOX(none_is_too_old_by_an_unknown_clock),
		IN_A_BOX(of_those_to_come_as_many_are_kept),
		IN_A_BOX(what_is_none_of_ours_stays),
		IN_A_BOX(two_boxes_have_one_folder),
		IN_A_BOX(without_an_id_none_is_made),
		IN_A_BOX(one_of_days_to_come),
		IN_A_BOX(without_its_folder_none_is_made),
		IN_A_BOX(one_that_fails_pushes_none_out),
		IN_A_BOX(too_many_go_before_the_next_one),
		IN_A_BOX(the_newest_stays_beside_one_to_come),
		IN_A_BOX(what_is_given_up_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
