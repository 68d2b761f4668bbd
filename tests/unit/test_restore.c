/*
 * A backup in the place of state.db: who may, what is kept, and what comes
 * over from serve.db.
 */
#include "store/restore.h"

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
#include <unistd.h>

#include "base/mem.h"
#include "store/backup.h"
#include "store/cert.h"
#include "store/serve.h"
#include "store/trail.h"
#include "tests/sim/hosted.h"
#include "tests/sim/scratch.h"

#define NOW 1800000000L

static struct hosted h;
static char *backup;

static struct store_options where(void)
{
	return (struct store_options){ .dir = h.dir };
}

/* a.test is certified, b.test waits; and that is the backup. */
static int set_up(void **state)
{
	struct store_options o;
	struct err err = ERR_INIT;

	(void)state;
	hosted_init(&h);
	hosted_add(&h, "a.test");
	hosted_add(&h, "b.test");
	hosted_certify(&h, "a.test");
	o = where();
	backup = scratch_path(h.dir, "b.db");
	must(backup_write(&o, backup, NULL, NULL, &err), &err);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(backup);
	hosted_release(&h);
	return 0;
}

static void close_store(void)
{
	store_close(h.store);
	h.store = NULL;
}

static bool restore(const char *file, struct restored *r, struct err *err)
{
	struct store_options o = where();

	return store_restore(&o, file, NOW, r, err);
}

/* The box is stopped, restored, and started again. */
static void restore_box(void)
{
	struct restored r;
	struct err err = ERR_INIT;

	close_store();
	must(restore(backup, &r, &err), &err);
	restored_release(&r);
	h.store = scratch_store(h.dir);
}

static long number(const char *sql)
{
	return scratch_number(h.dir, "state.db", sql);
}

/* In serve.db; 0: none. */
static int64_t cert_served(const char *host)
{
	struct serve *s = serve_open(h.dir, NULL, NULL);
	int64_t id = 0;

	if (serve_cert_id(s, host, &id, NULL) != SERVE_FOUND)
		id = 0;
	serve_close(s);
	return id;
}

static struct domain domain(const char *name)
{
	struct err err = ERR_INIT;
	struct domain d;

	must(domain_by_name(h.store, name, &d, &err), &err);
	return d;
}

static long serial(const char *name)
{
	struct domain d = domain(name);
	struct err err = ERR_INIT;
	struct cert c;

	must(cert_current(h.store, &d, &c, &err), &err);
	return strtol(c.serial, NULL, 16);
}

/* ---- what comes over ---- */

static void what_was_issued_since_comes_over(void **state)
{
	long renewed, first, fresh;

	(void)state;
	renewed = hosted_certify(&h, "a.test");
	first = hosted_certify(&h, "b.test");
	hosted_add(&h, "c.test");
	fresh = hosted_certify(&h, "c.test");
	restore_box();
	assert_int_equal(serial("a.test"), renewed);
	assert_int_equal(serial("b.test"), first);
	assert_int_equal(serial("c.test"), fresh);
	assert_int_equal(domain("b.test").state, DOMAIN_LIVE);
	assert_int_equal(domain("c.test").state, DOMAIN_LIVE);
	assert_true(domain("c.test").due_at > time(NULL));
	assert_true(cert_served("mta-sts.a.test"));
	assert_true(cert_served("mta-sts.b.test"));
	assert_true(cert_served("mta-sts.c.test"));
	assert_int_equal(number("SELECT COUNT(*) FROM ord WHERE ended_at = 0"),
			 0);
}

/* Without it, no handshake would work. */
static void its_key_comes_with_it(void **state)
{
	struct serve_cert before, after;
	struct err err = ERR_INIT;
	struct domain d;
	struct cert c;
	struct p256 key;
	struct serve *s;

	(void)state;
	hosted_certify(&h, "a.test");
	s = serve_open(h.dir, NULL, NULL);
	assert_int_equal(serve_cert(s, "mta-sts.a.test", &before, &err),
			 SERVE_FOUND);
	serve_close(s);
	restore_box();
	s = serve_open(h.dir, NULL, NULL);
	assert_int_equal(serve_cert(s, "mta-sts.a.test", &after, &err),
			 SERVE_FOUND);
	serve_close(s);
	d = domain("a.test");
	must(cert_current(h.store, &d, &c, &err), &err);
	must(key_by_id(h.store, c.key_id, &key, &err), &err);
	assert_memory_equal(&key, &before.key, sizeof(key));
	assert_memory_equal(&key, &after.key, sizeof(key));
	assert_int_equal(before.leaf_len, after.leaf_len);
	assert_memory_equal(before.leaf, after.leaf, after.leaf_len);
	serve_cert_release(&before);
	serve_cert_release(&after);
}

static void what_the_backup_has_is_not_doubled(void **state)
{
	long before = number("SELECT COUNT(*) FROM cert");

	(void)state;
	restore_box();
	assert_int_equal(number("SELECT COUNT(*) FROM cert"), before);
	assert_int_equal(number("SELECT COUNT(*) FROM trail"
				" WHERE kind = 'box.restored'"),
			 0);
	assert_int_equal(number("SELECT COUNT(*) FROM policy"), 2);
}

static void it_comes_over_once(void **state)
{
	(void)state;
	hosted_certify(&h, "a.test");
	restore_box();
	assert_int_equal(number("SELECT COUNT(*) FROM meta"
				" WHERE key = 'restored'"),
			 0);
	assert_true(number("SELECT COUNT(*) FROM trail"
			   " WHERE kind = 'box.restored'") > 0);
	close_store();
	scratch_sql(h.dir, "state.db", "DELETE FROM trail");
	h.store = scratch_store(h.dir);
	assert_int_equal(number("SELECT COUNT(*) FROM trail"), 0);
}

/* The order was under way in the backup, and has come to its end since. */
static void an_order_that_made_it_is_over(void **state)
{
	struct store_options o = where();
	struct err err = ERR_INIT;
	long made;

	(void)state;
	hosted_challenge(&h, "b.test", METHOD_HTTP_01, "t", "t.k");
	assert_int_equal(unlink(backup), 0);
	must(backup_write(&o, backup, NULL, NULL, &err), &err);
	scratch_sql(h.dir, "state.db",
		    "UPDATE ord SET ended_at = 1,"
		    " state = 8 WHERE ended_at = 0");
	made = hosted_certify(&h, "b.test");
	restore_box();
	assert_int_equal(serial("b.test"), made);
	assert_int_equal(number("SELECT COUNT(*) FROM ord WHERE ended_at = 0"),
			 0);
}

static void a_damaged_leaf_is_ordered_anew(void **state)
{
	(void)state;
	hosted_certify(&h, "b.test");
	close_store();
	scratch_sql(h.dir, "serve.db",
		    "UPDATE site SET leaf = x'3000' WHERE host LIKE '%b.test'");
	h.store = scratch_store(h.dir);
	restore_box();
	assert_int_equal(domain("b.test").cert_id, 0);
	assert_true(cert_served("mta-sts.a.test"));
}

/* Another box's serve.db tells nothing about this one. */
static void another_boxs_serve_db_adds_nothing(void **state)
{
	(void)state;
	hosted_certify(&h, "b.test");
	close_store();
	scratch_sql(h.dir, "serve.db",
		    "UPDATE meta SET value = value + 1 WHERE key = 'store_id'");
	restore_box();
	assert_int_equal(domain("b.test").cert_id, 0);
	assert_false(cert_served("mta-sts.b.test"));
}

/* ---- what is refused, and changes nothing ---- */

static void assert_refused(const char *file, enum err_kind kind,
			   const char *words)
{
	struct err err = ERR_INIT;
	struct restored r;
	long before = number("SELECT COUNT(*) FROM trail");
	char *fresh = scratch_path(h.dir, "state.db.new");

	assert_false(restore(file, &r, &err));
	print_message("%s (%s)\n", err.text, err.hint);
	assert_int_equal(err.kind, kind);
	assert_true(strstr(err.text, words) || strstr(err.hint, words));
	assert_null(strchr(err.text, '\n'));
	assert_null(r.kept);
	assert_int_equal(access(fresh, F_OK), -1);
	assert_int_equal(number("SELECT COUNT(*) FROM trail"), before);
	free(fresh);
}

static void not_while_a_daemon_runs(void **state)
{
	(void)state;
	assert_refused(backup, ERR_REFUSED, "stop mtastsd first");
}

static void not_what_is_no_backup(void **state)
{
	char *state_db = scratch_path(h.dir, "state.db");
	char *text = scratch_path(h.dir, "text");
	int fd = open(text, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	(void)state;
	assert_int_equal(write(fd, "no database, but long enough", 28), 28);
	close(fd);
	close_store();
	assert_refused("/nonexistent/b.db", ERR_INPUT, "No such file");
	assert_refused(state_db, ERR_INPUT, "in use");
	assert_refused(text, ERR_DAMAGED, "not a database");
	scratch_sql(h.dir, "b.db", "PRAGMA user_version = 999");
	assert_refused(backup, ERR_REFUSED, "newer");
	free(state_db);
	free(text);
}

static void not_a_damaged_one(void **state)
{
	char noise[4096];
	int fd = open(backup, O_WRONLY | O_CLOEXEC);

	(void)state;
	memset(noise, 0x5a, sizeof(noise));
	for (int page = 5; page < 12; page++)
		assert_int_equal(pwrite(fd, noise, 4000, page * 4096), 4000);
	close(fd);
	close_store();
	assert_refused(backup, ERR_DAMAGED, "name another");
}

/* ---- files ---- */

static void the_former_one_is_kept_with_its_log(void **state)
{
	struct restored r;
	struct err err = ERR_INIT;
	char *wal = scratch_path(h.dir, "state.db-wal"), *kept_wal;
	int fd;

	(void)state;
	close_store();
	fd = open(wal, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	close(fd);
	must(restore(backup, &r, &err), &err);
	assert_non_null(strstr(r.kept, "/state.db.broken-20270115T080000"));
	assert_int_equal(access(r.kept, F_OK), 0);
	kept_wal = xasprintf("%s-wal", r.kept);
	assert_int_equal(access(kept_wal, F_OK), 0);
	assert_int_equal(access(wal, F_OK), -1);
	free(kept_wal);
	free(wal);
	restored_release(&r);
	h.store = scratch_store(h.dir);
}

/* Root restores; the daemon is somebody else. */
static void it_belongs_to_the_folders_owner(void **state)
{
	char *state_db = scratch_path(h.dir, "state.db");
	struct restored r;
	struct err err = ERR_INIT;
	struct stat st;

	(void)state;
	if (geteuid() != 0)
		skip();
	close_store();
	assert_int_equal(chown(h.dir, 12345, 12346), 0);
	must(restore(backup, &r, &err), &err);
	restored_release(&r);
	assert_int_equal(stat(state_db, &st), 0);
	assert_int_equal(st.st_uid, 12345);
	assert_int_equal(st.st_gid, 12346);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(chown(h.dir, 0, 0), 0);
	h.store = scratch_store(h.dir);
	free(state_db);
}

#define ON_A_BOX(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ON_A_BOX(what_was_issued_since_comes_over),
		ON_A_BOX(its_key_comes_with_it),
		ON_A_BOX(what_the_backup_has_is_not_doubled),
		ON_A_BOX(it_comes_over_once),
		ON_A_BOX(an_order_that_made_it_is_over),
		ON_A_BOX(a_damaged_leaf_is_ordered_anew),
		ON_A_BOX(another_boxs_serve_db_adds_nothing),
		ON_A_BOX(not_while_a_daemon_runs),
		ON_A_BOX(not_what_is_no_backup),
		ON_A_BOX(not_a_damaged_one),
		ON_A_BOX(the_former_one_is_kept_with_its_log),
		ON_A_BOX(it_belongs_to_the_folders_owner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
