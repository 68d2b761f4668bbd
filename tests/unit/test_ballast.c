/*
 * The ballast, on small disks of a test's own where they can be mounted, and
 * in a folder where they cannot.
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
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/ballast.h"
#include "tests/sim/scratch.h"
#include "tests/sim/small_disk.h"

static struct ballast_room look(const char *dir)
{
	struct ballast_room room;
	struct err err = ERR_INIT;

	must(ballast_look(dir, &room, &err), &err);
	return room;
}

static void it_takes_real_room(void **state)
{
	char *dir = small_disk(state), *path = scratch_path(dir, "ballast");
	struct ballast_room before = look(dir), after;
	struct err err = ERR_INIT;
	struct stat st;

	assert_int_equal(before.ballast, SMALL_DISK_MB);
	assert_int_equal(before.reserve, 2 * SMALL_DISK_MB);
	assert_false(before.is_there);
	assert_true(ballast_is_tight(&before));
	must(ballast_make(dir, &err), &err);
	after = look(dir);
	assert_true(after.is_there);
	assert_false(ballast_is_tight(&after));
	assert_int_equal(before.free - after.free, SMALL_DISK_MB);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	must(ballast_make(dir, &err), &err);	/* once */
	assert_int_equal(look(dir).free, after.free);
	free(path);
}

static void it_gives_its_room_back(void **state)
{
	char *dir = small_disk(state);
	struct err err = ERR_INIT;
	int64_t before = look(dir).free;

	assert_false(ballast_release(dir));
	must(ballast_make(dir, &err), &err);
	assert_true(ballast_release(dir));
	assert_int_equal(look(dir).free, before);
	assert_false(look(dir).is_there);
}

/* It is not made of the room that it is to keep for others. */
static const struct {
	const char *what;
	long left;
	bool is_made;
} rooms[] = {
	{ "plenty", 8 * SMALL_DISK_MB, true },
	{ "just enough", 3 * SMALL_DISK_MB, true },
	{ "a page too little", 3 * SMALL_DISK_MB - 4096, false },
	{ "next to nothing", 4096, false },
	{ "nothing", 0, false },
};

static void it_leaves_the_reserve(void **state)
{
	char *dir = small_disk(state);
	int64_t whole;
	struct err err = ERR_INIT;

	small_disk_fill(dir, 0);
	whole = look(dir).free;
	for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		print_message("%s\n", rooms[i].what);
		small_disk_fill(dir, (long)whole - rooms[i].left);
		must(ballast_make(dir, &err), &err);
		assert_int_equal(look(dir).is_there, rooms[i].is_made);
		ballast_release(dir);
	}
}

static void little_room_beside_it_is_tight(void **state)
{
	char *dir = small_disk(state);
	struct err err = ERR_INIT;
	struct ballast_room room;

	must(ballast_make(dir, &err), &err);
	small_disk_fill(dir, (long)look(dir).free - 2 * SMALL_DISK_MB + 4096);
	room = look(dir);
	assert_true(room.is_there);
	assert_true(ballast_is_tight(&room));
}

static void one_that_is_empty_is_none(void **state)
{
	char *dir = small_disk(state), *path = scratch_path(dir, "ballast");
	struct err err = ERR_INIT;

	close(open(path, O_WRONLY | O_CREAT, 0600));
	assert_false(look(dir).is_there);
	must(ballast_make(dir, &err), &err);
	assert_true(look(dir).is_there);
	free(path);
}

static void a_read_only_disk_is_left_alone(void **state)
{
	char *dir = small_disk(state);
	struct err err = ERR_INIT;

	assert_int_equal(mount(NULL, dir, NULL, MS_REMOUNT | MS_RDONLY, NULL),
			 0);
	assert_true(look(dir).is_read_only);
	must(ballast_make(dir, &err), &err);
	assert_false(ballast_release(dir));
}

static void a_folder_that_is_gone_is_said(void **state)
{
	struct ballast_room room;
	struct err err = ERR_INIT;

	(void)state;
	assert_false(ballast_look("/nonexistent", &room, &err));
	assert_non_null(strstr(err.text, "/nonexistent"));
	err = (struct err)ERR_INIT;
	assert_false(ballast_make("/nonexistent", &err));
	assert_int_equal(err.kind, ERR_INTERNAL);
	assert_false(ballast_release("/nonexistent"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ON_A_SMALL_DISK(it_takes_real_room),
		ON_A_SMALL_DISK(it_gives_its_room_back),
		ON_A_SMALL_DISK(it_leaves_the_reserve),
		ON_A_SMALL_DISK(little_room_beside_it_is_tight),
		ON_A_SMALL_DISK(one_that_is_empty_is_none),
		ON_A_SMALL_DISK(a_read_only_disk_is_left_alone),
		cmocka_unit_test(a_folder_that_is_gone_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
