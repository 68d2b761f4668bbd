#include "base/lockfile.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"

static char folder[] = "/tmp/test_lockfile.XXXXXX";
static char path[64];

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/lock", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static void a_second_taker_hears_who_holds_it(void **state)
{
	struct err err = ERR_INIT;
	char expected[160];
	struct stat st;
	int fd = lockfile_take(path, &err);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);

	assert_int_equal(lockfile_take(path, &err), -1);
	assert_int_equal(err.kind, ERR_REFUSED);
	snprintf(expected, sizeof(expected),
		 "%s is held by another process (pid %ld)", path,
		 (long)getpid());
	assert_string_equal(err.text, expected);
	assert_string_not_equal(err.hint, "");

	close(fd);
	fd = lockfile_take(path, &err);
	assert_true(fd >= 0);
	close(fd);
}

/* A holder killed outright leaves no stale lock, only a file with its pid. */
static void a_killed_holder_leaves_no_lock(void **state)
{
	struct err err = ERR_INIT;
	char expected[32], ready;
	int fds[2], status, fd;
	pid_t child;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (lockfile_take(path, NULL) < 0)
			_exit(1);
		if (write(fds[1], "y", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(fds[0], &ready, 1), 1);
	assert_int_equal(lockfile_take(path, &err), -1);
	snprintf(expected, sizeof(expected), "(pid %ld)", (long)child);
	assert_non_null(strstr(err.text, expected));

	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	fd = lockfile_take(path, &err);
	assert_true(fd >= 0);
	close(fd);
	close(fds[0]);
	close(fds[1]);
}

static void what_cannot_be_opened_is_named(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(lockfile_take("/nonexistent/lock", &err), -1);
	assert_int_equal(err.kind, ERR_INTERNAL);
	assert_string_equal(err.text, "open /nonexistent/lock: "
				      "No such file or directory");
	assert_int_equal(lockfile_take(folder, &err), -1);
	assert_int_equal(err.kind, ERR_INTERNAL);
}

/* Whatever was in the file, by accident or malice, is no pid to quote. */
static void a_long_file_is_quoted_in_part(void **state)
{
	struct err err = ERR_INIT;
	int fd = lockfile_take(path, &err);

	(void)state;
	assert_true(fd >= 0);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(pwrite(fd, "9", 1, i), 1);
	assert_int_equal(lockfile_take(path, &err), -1);
	assert_true(strlen(err.text) < 120);
	close(fd);

	/* And the next holder writes its own, alone. */
	fd = lockfile_take(path, &err);
	assert_true(fd >= 0);
	assert_true(lseek(fd, 0, SEEK_END) < 24);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_second_taker_hears_who_holds_it),
		cmocka_unit_test(a_killed_holder_leaves_no_lock),
		cmocka_unit_test(what_cannot_be_opened_is_named),
		cmocka_unit_test(a_long_file_is_quoted_in_part),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
