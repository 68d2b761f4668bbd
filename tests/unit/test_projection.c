/*
 * From state.db to serve.db: what serving sees is what was committed, however
 * old, foreign, damaged or absent serve.db was.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/policy_version.h"
#include "store/serve.h"
#include "tests/sim/fixture.h"
#include "tests/sim/scratch.h"

static void begin(void)
{
	struct err err = ERR_INIT;

	must(store_begin(fix.store, &err), &err);
}

static void commit(void)
{
	struct err err = ERR_INIT;

	must(store_commit(fix.store, &err), &err);
}

static void project(void)
{
	struct err err = ERR_INIT;

	must(store_project(fix.store, &err), &err);
}

static struct domain add_live(const char *name)
{
	struct domain d;

	begin();
	d = rows_domain(fix.store, name);
	rows_cert(fix.store, &d, name, "the issuer");
	commit();
	return d;
}

/* The leaf served for a host is "example.org" in this test, or "". */
static void leaf_served(const char *host, char *out)
{
	struct err err = ERR_INIT;
	struct serve *s = serve_open(fix.dir, NULL, &err);
	struct serve_cert cert;

	must(s, &err);
	out[0] = '\0';
	if (serve_cert(s, host, &cert, &err) == SERVE_FOUND)
		sprintf(out, "%.*s", (int)cert.leaf_len, (char *)cert.leaf);
	serve_cert_release(&cert);
	serve_close(s);
}

static bool is_served(const char *name)
{
	char *host = xasprintf("mta-sts.%s", name), leaf[300];

	leaf_served(host, leaf);
	free(host);
	return strcmp(leaf, name) == 0;
}

static bool token_is_served(const char *token, const char *expected)
{
	char found[SERVE_CHALLENGE_SIZE];
	struct err err = ERR_INIT;
	struct serve *s = serve_open(fix.dir, NULL, &err);
	bool ok;

	must(s, &err);
	ok = serve_challenge(s, token, found) && strcmp(found, expected) == 0;
	serve_close(s);
	return ok;
}

static long sites(void)
{
	return scratch_number(fix.dir, "serve.db", "SELECT COUNT(*) FROM site");
}

static void reopen(void)
{
	store_close(fix.store);
	fix.store = scratch_store(fix.dir);
}

/* ---- the feed ---- */

static void nothing_is_served_before_it_is_projected(void **state)
{
	(void)state;
	add_live("example.org");
	assert_false(is_served("example.org"));
	project();
	assert_true(is_served("example.org"));
}

static void projecting_again_changes_nothing(void **state)
{
	long before;

	(void)state;
	add_live("example.org");
	add_live("example.com");
	project();
	before = scratch_number(fix.dir, "serve.db",
				"SELECT value FROM meta WHERE key = 'applied'");
	for (int i = 0; i < 5; i++)
		project();
	scratch_sql(fix.dir, "serve.db",
		    "UPDATE meta SET value = 0 WHERE key = 'applied'");
	add_live("example.net");
	project();		/* the whole feed once more */
	assert_true(scratch_number(fix.dir, "serve.db", "SELECT value FROM"
				   " meta WHERE key = 'applied'") > before);
	assert_int_equal(sites(), 3);
	assert_true(is_served("example.org"));
	assert_true(is_served("example.com"));
}

static void a_long_feed_is_applied_in_parts(void **state)
{
	char name[32];

	(void)state;
	for (int i = 0; i < 1200; i++) {
		if (i % 400 == 0)
			begin();
		snprintf(name, sizeof(name), "d%d.test", i);
		rows_domain(fix.store, name);
		if (i % 400 == 399)
			commit();
	}
	project();
	assert_int_equal(sites(), 1200);
}

static void a_token_is_served_while_its_order_lives(void **state)
{
	struct err err = ERR_INIT;
	struct domain d;
	struct order o;

	(void)state;
	begin();
	d = rows_domain(fix.store, "example.org");
	o = rows_order(fix.store, &d);
	strcpy(o.token, "tok-1");
	strcpy(o.key_auth, "tok-1.thumb");
	must(order_update(fix.store, &o, &err), &err);
	commit();
	assert_false(token_is_served("tok-1", "tok-1.thumb"));
	project();
	assert_true(token_is_served("tok-1", "tok-1.thumb"));
	reopen();
	assert_true(token_is_served("tok-1", "tok-1.thumb"));
	begin();
	must(order_by_id(fix.store, o.id, &o, &err), &err);
	o.state = ORDER_DEAD;
	o.ended_at = 1;
	must(order_update(fix.store, &o, &err), &err);
	commit();
	project();
	assert_false(token_is_served("tok-1", "tok-1.thumb"));
}

static void a_domain_that_goes_is_served_no_more(void **state)
{
	struct domain d = add_live("example.org");
	struct err err = ERR_INIT;

	(void)state;
	add_live("example.com");
	project();
	begin();
	must(domain_delete(fix.store, &d, ROWS_NOW, &err), &err);
	commit();
	project();
	assert_int_equal(sites(), 1);
	assert_false(is_served("example.org"));
	d = add_live("example.org");	/* and comes again, as another */
	project();
	assert_true(is_served("example.org"));
	assert_int_equal(sites(), 2);
}

/* Gone and back between two projections: one host, the new row. */
static void a_domain_may_go_and_come_at_once(void **state)
{
	struct domain d = add_live("example.org");
	struct err err = ERR_INIT;

	(void)state;
	project();
	begin();
	must(domain_delete(fix.store, &d, ROWS_NOW, &err), &err);
	d = rows_domain(fix.store, "example.org");
	rows_cert(fix.store, &d, "example.org", "the issuer");
	commit();
	project();
	assert_true(is_served("example.org"));
	assert_int_equal(sites(), 1);
}

/* What is long applied is forgotten, but for a tail. */
static void the_feed_is_kept_short(void **state)
{
	char name[32];

	(void)state;
	begin();
	for (int i = 0; i < 6000; i++) {
		snprintf(name, sizeof(name), "d%d.test", i);
		rows_domain(fix.store, name);	/* two changes each */
	}
	commit();
	project();
	for (int i = 0; i < 2000; i++) {
		begin();
		commit();
	}
	assert_in_range(scratch_number(fix.dir, "state.db",
				       "SELECT COUNT(*) FROM change"),
			9000, 11000);
	add_live("example.org");
	reopen();
	assert_true(is_served("example.org"));
	assert_int_equal(sites(), 6001);
}

/* ---- serve.db, lost and found ---- */

static void remove_serve(void)
{
	static const char *const files[] = { "serve.db", "serve.db-wal",
					     "serve.db-shm" };

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		char *path = scratch_path(fix.dir, files[i]);

		unlink(path);
		free(path);
	}
}

static FILE *open_in(const char *file, const char *mode)
{
	char *path = scratch_path(fix.dir, file);
	FILE *f = fopen(path, mode);

	must(f, NULL);
	free(path);
	return f;
}

static void copy_file(const char *from, const char *to)
{
	FILE *in = open_in(from, "r"), *out = open_in(to, "w");
	char part[4096];
	size_t n;

	while ((n = fread(part, 1, sizeof(part), in)) > 0)
		must(fwrite(part, 1, n, out) == n, NULL);
	fclose(in);
	must(fclose(out) == 0, NULL);
}

static void spoil_nothing(void)
{
}

static void write_junk(void)
{
	FILE *f;

	remove_serve();
	f = open_in("serve.db", "w");
	for (int i = 0; i < 5000; i++)
		fputs("junk junk junk\n", f);
	fclose(f);
}

static void truncate_it(void)
{
	char *path = scratch_path(fix.dir, "serve.db");

	must(truncate(path, 0) == 0, NULL);
	free(path);
}

static void cut_it_in_half(void)
{
	char *path = scratch_path(fix.dir, "serve.db");

	must(truncate(path, 8192) == 0, NULL);
	free(path);
}

static void make_it_foreign(void)
{
	scratch_sql(fix.dir, "serve.db", "UPDATE meta SET value = 'another'"
				     " WHERE key = 'store_id';"
				     "UPDATE site SET leaf = 'foreign'");
}

static void make_it_of_another_version(void)
{
	scratch_sql(fix.dir, "serve.db", "DROP TABLE site;"
				     "PRAGMA user_version = 77");
}

static void put_it_behind(void)
{
	scratch_sql(fix.dir, "serve.db", "DELETE FROM site;"
				     "UPDATE meta SET value = 0"
				     " WHERE key = 'applied'");
}

/* As after state.db came from a backup: what is served was never, here. */
static void put_it_ahead(void)
{
	scratch_sql(fix.dir, "serve.db", "UPDATE site SET leaf = 'of the future';"
				     "UPDATE meta SET value = 99999"
				     " WHERE key = 'applied'");
}

static void prune_the_feed(void)
{
	put_it_behind();
	scratch_sql(fix.dir, "state.db", "DELETE FROM change; UPDATE meta SET"
				     " value = 3 WHERE key = 'pruned_to'");
}

static void empty_the_feed(void)
{
	put_it_ahead();
	scratch_sql(fix.dir, "state.db", "DELETE FROM change");
}

static const struct {
	const char *what;
	void (*spoil)(void);
} spoils[] = {
	{ "as it was", spoil_nothing },
	{ "missing", remove_serve },
	{ "junk", write_junk },
	{ "empty", truncate_it },
	{ "cut short", cut_it_in_half },
	{ "of another store", make_it_foreign },
	{ "of another version", make_it_of_another_version },
	{ "behind", put_it_behind },
	{ "ahead", put_it_ahead },
	{ "behind a feed that was pruned", prune_the_feed },
	{ "ahead of an empty feed", empty_the_feed },
};

static void a_start_mends_it(void **state)
{
	(void)state;
	add_live("example.org");
	add_live("example.com");
	project();
	for (size_t i = 0; i < ARRAY_LEN(spoils); i++) {
		print_message("serve.db is %s\n", spoils[i].what);
		store_close(fix.store);
		spoils[i].spoil();
		fix.store = scratch_store(fix.dir);
		assert_true(is_served("example.org"));
		assert_true(is_served("example.com"));
		assert_int_equal(sites(), 2);
		begin();			/* and the feed goes on */
		commit();
		project();
	}
}

/* An old copy put back: it is caught up, not believed. */
static void an_old_copy_is_caught_up(void **state)
{
	struct err err = ERR_INIT;
	struct domain d;

	(void)state;
	add_live("example.org");
	d = add_live("example.net");
	project();
	store_close(fix.store);
	copy_file("serve.db", "old.db");
	fix.store = scratch_store(fix.dir);
	add_live("example.com");
	begin();
	must(domain_by_id(fix.store, d.id, &d, &err), &err);
	must(domain_delete(fix.store, &d, ROWS_NOW, &err), &err);
	commit();
	project();
	store_close(fix.store);
	remove_serve();
	copy_file("old.db", "serve.db");
	fix.store = scratch_store(fix.dir);
	assert_true(is_served("example.org"));
	assert_true(is_served("example.com"));
	assert_false(is_served("example.net"));
}

/* A crash between commit and projection: the next start projects. */
static void a_start_projects_what_was_committed(void **state)
{
	(void)state;
	add_live("example.org");
	reopen();
	assert_true(is_served("example.org"));
}

#define ON_A_STORE(test)                                                       \
	cmocka_unit_test_setup_teardown(test, fixture_open, fixture_close)

/* Which of the two is to blame is not known; the one that is whole is not. */
static void a_failure_blames_neither(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	add_live("example.org");
	scratch_sql(fix.dir, "state.db", "ALTER TABLE issuer RENAME TO lost");
	assert_false(store_project(fix.store, &err));
	print_message("%s\n", err.text);
	assert_ptr_equal(strstr(err.text, "from state.db to serve.db: "),
			 err.text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ON_A_STORE(nothing_is_served_before_it_is_projected),
		ON_A_STORE(projecting_again_changes_nothing),
		ON_A_STORE(a_failure_blames_neither),
		ON_A_STORE(a_long_feed_is_applied_in_parts),
		ON_A_STORE(a_token_is_served_while_its_order_lives),
		ON_A_STORE(a_domain_that_goes_is_served_no_more),
		ON_A_STORE(a_domain_may_go_and_come_at_once),
		ON_A_STORE(the_feed_is_kept_short),
		ON_A_STORE(a_start_mends_it),
		ON_A_STORE(an_old_copy_is_caught_up),
		ON_A_STORE(a_start_projects_what_was_committed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
