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
#include "base/when.h"
#include "store/backup.h"
#include "store/box.h"
#include "store/cert.h"
#include "store/serve.h"
#include "store/policy_version.h"
#include "store/trail.h"
#include "store/watch.h"
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

#define TOKEN "0123456789abcdef0123456789abcdef"

/* DNS has the token that was served last. */
static void reports_are_still_posted_to_the_same_place(void **state)
{
	struct domain a = domain("a.test"), c;
	struct err err = ERR_INIT;

	(void)state;
	hosted_add(&h, "c.test");
	c = domain("c.test");
	must(store_begin(h.store, &err) &&
		     domain_set_token(h.store, &a, TOKEN, &err) &&
		     store_commit(h.store, &err) &&
		     store_project(h.store, &err),
	     &err);
	restore_box();
	assert_string_equal(domain("a.test").report_token, TOKEN);
	assert_string_equal(domain("c.test").report_token, c.report_token);
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

/* ---- the way out, and policies ---- */

static void leave(const char *name, enum domain_leaving how)
{
	struct domain d = domain(name);

	must(store_begin(h.store, NULL) &&
		     domain_set_leaving(h.store, &d, how, NOW, NULL) &&
		     store_commit(h.store, NULL) &&
		     store_project(h.store, NULL),
	     NULL);
}

static void back_up_again(void)
{
	struct store_options o = where();
	struct err err = ERR_INIT;

	assert_int_equal(unlink(backup), 0);
	must(backup_write(&o, backup, NULL, NULL, &err), &err);
}

static const enum domain_leaving ways[][2] = {
	/* in the backup, and since */
	{ DOMAIN_STAYS, DOMAIN_REMOVING },
	{ DOMAIN_STAYS, DOMAIN_HANDING_OVER },
	{ DOMAIN_REMOVING, DOMAIN_STAYS },
	{ DOMAIN_HANDING_OVER, DOMAIN_STAYS },
	{ DOMAIN_HANDING_OVER, DOMAIN_HANDING_OVER },
};

static void a_way_out_begun_since_comes_over(void **state)
{
	(void)state;
	scratch_sql(h.dir, "state.db", "UPDATE cert SET renew_at = 4000000000");
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		struct domain d;

		print_message("%zu\n", i);
		leave("a.test", ways[i][0]);
		back_up_again();
		leave("a.test", ways[i][1]);
		restore_box();
		d = domain("a.test");
		assert_int_equal(d.leaving, ways[i][1]);
		assert_int_equal(d.leaving_at != 0, d.leaving != DOMAIN_STAYS);
		if (d.leaving == DOMAIN_HANDING_OVER)
			assert_int_equal(d.due_at, 0);
		else if (ways[i][0] == DOMAIN_HANDING_OVER)
			assert_int_equal(d.due_at, 4000000000);
		leave("a.test", DOMAIN_STAYS);
	}
	assert_int_equal(number("SELECT COUNT(*) FROM trail"
				" WHERE kind = 'box.restored'"),
			 4);
}

static struct policy_version publish(enum sts_mode mode, time_t now)
{
	struct sts_policy p = { .mode = mode, .max_age = 99999 };
	struct domain d = domain("a.test");
	struct policy_version v;
	bool changed;

	must(sts_policy_add_mx(&p, "mx.a.test", NULL) &&
		     store_begin(h.store, NULL) &&
		     policy_version_publish(h.store, &d, &p, now, &changed,
					    NULL) &&
		     store_commit(h.store, NULL) &&
		     store_project(h.store, NULL) &&
		     policy_version_current(h.store, &d, &v, NULL),
	     NULL);
	sts_policy_release(&p);
	policy_version_release(&v); /* its numbers stay */
	return v;
}

/* DNS has it: nothing is to be published again. */
static void a_policy_made_since_keeps_its_id(void **state)
{
	struct policy_version made = publish(STS_ENFORCE, NOW), is;
	struct domain d;

	(void)state;
	restore_box();
	d = domain("a.test");
	must(policy_version_current(h.store, &d, &is, NULL), NULL);
	assert_string_equal(is.sts_id, made.sts_id);
	assert_int_equal(is.version, 2);
	assert_int_equal(is.policy.mode, STS_ENFORCE);
	policy_version_release(&is);
}

static void what_was_removed_since_is_named(void **state)
{
	(void)state;
	hosted_remove(&h, "b.test");
	restore_box();
	domain("b.test");
	assert_int_equal(number("SELECT COUNT(*) FROM trail WHERE"
				" kind = 'box.restored' AND domain = 'b.test'"
				" AND text LIKE '%remove it again'"),
			 1);
}

/* ---- until when senders may hold what it had ---- */

static time_t held_until(time_t now)
{
	struct domain d = domain("a.test");
	struct err err = ERR_INIT;
	time_t until;

	must(policy_version_held_until(h.store, &d, now, policy_version_is_live,
				       NULL, &until, &err),
	     &err);
	return until;
}

static void see_here(time_t since)
{
	struct domain d = domain("a.test");
	struct watch w;

	must(store_begin(h.store, NULL) && watch_of(h.store, &d, &w, NULL),
	     NULL);
	w.host = HOST_HERE;
	w.host_since = since;
	must(watch_write(h.store, &w, NULL) &&
		     policy_version_led_here(h.store, &d, since, WHEN_DAY,
					     since, NULL) &&
		     store_commit(h.store, NULL),
	     NULL);
}

#define AGE 604800L

/* The watch of the backup knows nothing of where names lead now. */
static void it_counts_as_served_until_dns_leads_here(void **state)
{
	time_t before = time(NULL), restored;

	(void)state;
	see_here(2);
	back_up_again();
	restore_box();
	restored = time(NULL);
	publish(STS_NONE, restored);
	assert_int_equal(held_until(restored + 5000),
			 restored + 5000 + WHEN_DAY + AGE);
	see_here(restored + 6000);
	assert_int_equal(held_until(restored + 9000),
			 restored + 6000 + WHEN_DAY + AGE);
	assert_int_equal(number("SELECT COUNT(*) FROM uncounted"
				" WHERE since = 0"),
			 1);
	assert_true(number("SELECT until FROM uncounted WHERE since = 0") >=
		    before);
}

/* What had been replaced before the backup, nobody has served since. */
static void what_was_replaced_before_is_not_served_again(void **state)
{
	time_t replaced = time(NULL) - 9000;

	(void)state;
	publish(STS_NONE, replaced);
	back_up_again();
	restore_box();
	assert_int_equal(held_until(time(NULL)), replaced + AGE);
}

static void it_says_whether_serve_db_is_there(void **state)
{
	char *serve = scratch_path(h.dir, "serve.db");
	struct restored r;
	struct err err = ERR_INIT;

	(void)state;
	close_store();
	must(restore(backup, &r, &err), &err);
	assert_true(r.has_serve);
	restored_release(&r);
	assert_int_equal(unlink(serve), 0);
	must(restore(backup, &r, &err), &err);
	assert_false(r.has_serve);
	restored_release(&r);
	h.store = scratch_store(h.dir);
	free(serve);
}

static void freeze_box(void)
{
	const struct box_freeze f = { .since = NOW };
	struct err err = ERR_INIT;

	must(store_begin(h.store, &err) && box_freeze(h.store, &f, &err) &&
		     store_commit(h.store, &err),
	     &err);
}

/* Unless somebody made sure of it, nobody knows what was ordered since. */
static void orders_since_are_unknown_elsewhere(void **state)
{
	struct restored r;
	struct err err = ERR_INIT;
	char *serve = scratch_path(h.dir, "serve.db");

	(void)state;
	restore_box();
	assert_int_equal(box_orders_uncounted(h.store), 0);
	close_store();
	must(restore(backup, &r, &err), &err);
	restored_release(&r);
	assert_int_equal(unlink(serve), 0);
	h.store = scratch_store(h.dir);
	assert_true(box_orders_uncounted(h.store) >= time(NULL) - 60);

	freeze_box();
	scratch_sql(h.dir, "state.db",
		    "DELETE FROM meta WHERE key = 'uncounted'");
	back_up_again();
	close_store();
	must(restore(backup, &r, &err), &err);
	restored_release(&r);
	assert_int_equal(unlink(serve), 0);
	h.store = scratch_store(h.dir);
	assert_int_equal(box_orders_uncounted(h.store), 0);
	free(serve);
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
	assert_refused(backup, ERR_REFUSED,
		       "stop mtastsd-https.socket mtastsd-http.socket mtastsd");
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
	assert_refused(text, ERR_INPUT, "no mtastsd-backup");
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
		ON_A_BOX(orders_since_are_unknown_elsewhere),
		ON_A_BOX(what_was_issued_since_comes_over),
		ON_A_BOX(reports_are_still_posted_to_the_same_place),
		ON_A_BOX(its_key_comes_with_it),
		ON_A_BOX(what_the_backup_has_is_not_doubled),
		ON_A_BOX(it_comes_over_once),
		ON_A_BOX(an_order_that_made_it_is_over),
		ON_A_BOX(a_damaged_leaf_is_ordered_anew),
		ON_A_BOX(another_boxs_serve_db_adds_nothing),
		ON_A_BOX(a_way_out_begun_since_comes_over),
		ON_A_BOX(a_policy_made_since_keeps_its_id),
		ON_A_BOX(what_was_removed_since_is_named),
		ON_A_BOX(it_counts_as_served_until_dns_leads_here),
		ON_A_BOX(what_was_replaced_before_is_not_served_again),
		ON_A_BOX(it_says_whether_serve_db_is_there),
		ON_A_BOX(not_while_a_daemon_runs),
		ON_A_BOX(not_what_is_no_backup),
		ON_A_BOX(not_a_damaged_one),
		ON_A_BOX(the_former_one_is_kept_with_its_log),
		ON_A_BOX(it_belongs_to_the_folders_owner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
