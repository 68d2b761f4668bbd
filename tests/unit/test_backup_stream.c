/*
 * A backup as a stream, and what a restore makes of it: whole, or nothing.
 */
#include "store/backup_stream.h"

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
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "store/ballast.h"
#include "store/restore.h"
#include "tests/sim/hosted.h"
#include "tests/sim/scratch.h"

#define NOW 1800000000L

static struct hosted h;
static char *file;

static struct store_options where(void)
{
	return (struct store_options){ .dir = h.dir };
}

static size_t write_stream(struct backup_stream *b, int fd)
{
	char piece[SEAL_HEAD_MAX * 3];
	struct err err = ERR_INIT;
	size_t len, all = 0;

	do {
		must(backup_read(b, piece, sizeof(piece), &len, &err), &err);
		assert_int_equal(write(fd, piece, len), len);
		all += len;
	} while (len);
	return all;
}

static void back_up(void)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	struct store_options o = where();
	struct backup_stream b;
	struct err err = ERR_INIT;

	assert_true(fd >= 0);
	must(backup_open(&b, &o, NOW, NULL, NULL, &err), &err);
	assert_int_equal(write_stream(&b, fd), backup_length(&b));
	backup_close(&b);
	close(fd);
}

/* Files that a backup or a restore has left. */
static long strangers(void)
{
	DIR *d = opendir(h.dir);
	struct dirent *entry;
	long n = 0;

	while (d && (entry = readdir(d)) != NULL)
		n += str_starts(entry->d_name, "state-copy") ||
		     str_starts(entry->d_name, "state.db.");
	if (d)
		closedir(d);
	return n;
}

static int set_up(void **state)
{
	(void)state;
	hosted_init(&h);
	must(ballast_make(h.dir, NULL), NULL);
	hosted_add(&h, "a.test");
	hosted_certify(&h, "a.test");
	file = scratch_path(h.dir, "kept");
	back_up();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(file);
	hosted_release(&h);
	return 0;
}

static void close_store(void)
{
	store_close(h.store);
	h.store = NULL;
}

static bool restore(const char *from, struct err *err)
{
	struct store_options o = where();
	struct restored r;
	bool ok = store_restore(&o, from, NOW, &r, err);

	restored_release(&r);
	return ok;
}

static long domains(void)
{
	return scratch_number(h.dir, "state.db", "SELECT COUNT(*) FROM domain");
}

static void it_is_restored(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(strangers(), 0);
	scratch_sql(h.dir, "state.db", "UPDATE domain SET label = 'since'");
	close_store();
	must(restore(file, &err), &err);
	assert_int_equal(scratch_number(h.dir, "state.db",
					"SELECT COUNT(*) FROM domain"
					" WHERE label = 'since'"),
			 0);
	assert_int_equal(domains(), 1);
	h.store = scratch_store(h.dir);
	assert_true(scratch_number(h.dir, "serve.db",
				   "SELECT cert_id FROM site") > 0);
}

/* What is written while it is read is not in it, and is not kept up. */
static void it_is_of_the_moment_it_was_opened(void **state)
{
	int fd = open(file, O_WRONLY | O_TRUNC);
	struct store_options o = where();
	struct backup_stream b;
	struct err err = ERR_INIT;

	(void)state;
	must(backup_open(&b, &o, NOW, NULL, NULL, &err), &err);
	assert_int_equal(strangers(), 0);
	hosted_add(&h, "b.test");
	write_stream(&b, fd);
	backup_close(&b);
	close(fd);
	close_store();
	must(restore(file, &err), &err);
	assert_int_equal(domains(), 1);
}

static bool never(void *arg)
{
	(void)arg;
	return false;
}

static void one_that_is_ended_leaves_nothing(void **state)
{
	struct store_options o = where();
	struct backup_stream b;
	struct err err = ERR_INIT;

	(void)state;
	scratch_sql(h.dir, "state.db",
		    "CREATE TABLE big AS WITH RECURSIVE n(i) AS (SELECT 1"
		    " UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
		    " SELECT randomblob(4000) FROM n");
	assert_false(backup_open(&b, &o, NOW, never, NULL, &err));
	backup_close(&b);
	assert_int_equal(strangers(), 0);
}

static void what_was_left_by_one_that_was_killed_goes(void **state)
{
	static const char *const names[] = { "state-copy-7-1", "state.db.new",
					     "state.db.new-wal" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char *left = scratch_path(h.dir, names[i]);

		close(open(left, O_CREAT | O_WRONLY, 0600));
		free(left);
	}
	assert_int_equal(strangers(), ARRAY_LEN(names));
	backup_sweep(h.dir);
	assert_int_equal(strangers(), 0);
}

/* ---- what is not whole ---- */

static void cut(off_t len)
{
	assert_int_equal(truncate(file, len), 0);
}

static off_t size(void)
{
	struct stat st;

	assert_int_equal(stat(file, &st), 0);
	return st.st_size;
}

static void assert_refused(enum err_kind kind, const char *says)
{
	struct err err = ERR_INIT;

	assert_false(restore(file, &err));
	print_message("%s (%s)\n", err.text, err.hint);
	assert_int_equal(err.kind, kind);
	assert_non_null(strstr(err.text, says));
	assert_non_null(strstr(err.text, file));
	assert_true(kind == ERR_REFUSED ||
		    strstr(err.hint, "damaged, or no backup"));
	assert_int_equal(strangers(), 0);
	assert_int_equal(domains(), 2);
}

static void overwrite(off_t at, const void *data, size_t len)
{
	int fd = open(file, O_WRONLY);

	assert_int_equal(pwrite(fd, data, len, at), len);
	close(fd);
}

static void what_is_not_whole_changes_nothing(void **state)
{
	off_t whole = size();

	(void)state;
	hosted_add(&h, "b.test");
	close_store();
	overwrite(whole / 2, "\x5a\xa5", 2);
	assert_refused(ERR_DAMAGED, "checksum");
	cut(whole - 1);
	assert_refused(ERR_DAMAGED, "checksum is missing");
	cut(whole / 2);
	assert_refused(ERR_DAMAGED, "cut off");
	cut(40);
	assert_refused(ERR_DAMAGED, "cut off");
	cut(0);
	assert_refused(ERR_INPUT, "empty");
	overwrite(0, "-----BEGIN PGP MESSAGE-----\n", 28);
	assert_refused(ERR_INPUT, "no mtastsd-backup");
}

/* Of another program: it is said before all of it was read. */
static void of_a_newer_program(void **state)
{
	static const char schema[] = "mtastsd-backup 1\nprogram 9.0.0\n"
				     "schema 999\nmade x\nsize 1\n\n";
	static const char format[] = "mtastsd-backup 2\nprogram 9.0.0\n\n";

	(void)state;
	hosted_add(&h, "b.test");
	close_store();
	cut(0);
	overwrite(0, schema, strlen(schema));
	assert_refused(ERR_REFUSED, "of mtastsd 9.0.0");
	cut(0);
	overwrite(0, format, strlen(format));
	assert_refused(ERR_REFUSED, "made by version 9.0.0");
}

/* A good seal around what is no database of ours. */
static void what_is_inside_is_looked_through_as_well(void **state)
{
	struct seal_about about = { .program = "0.1.0",
				    .schema = 1,
				    .size = 5 };
	static const char body[] = "hello";
	char text[SEAL_HEAD_MAX + SEAL_TAIL_MAX + sizeof(body)];
	struct sealer s;
	size_t len;

	(void)state;
	hosted_add(&h, "b.test");
	close_store();
	sealer_init(&s);
	len = sealer_head(&s, BACKUP_KIND, &about, text);
	memcpy(text + len, body, sizeof(body) - 1);
	sealer_body(&s, body, sizeof(body) - 1);
	len += sizeof(body) - 1;
	len += sealer_tail(&s, text + len);
	sealer_release(&s);
	cut(0);
	overwrite(0, text, len);
	assert_refused(ERR_DAMAGED, "not a database");
}

#define IN_A_BOX(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_A_BOX(it_is_restored),
		IN_A_BOX(it_is_of_the_moment_it_was_opened),
		IN_A_BOX(one_that_is_ended_leaves_nothing),
		IN_A_BOX(what_was_left_by_one_that_was_killed_goes),
		IN_A_BOX(what_is_not_whole_changes_nothing),
		IN_A_BOX(of_a_newer_program),
		IN_A_BOX(what_is_inside_is_looked_through_as_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
