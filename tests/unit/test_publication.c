/* What the operator's own zone was told, and what is due to be told it. */
#include "store/publication.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/domain.h"
#include "store/internal.h"
#include "store/policy_version.h"
#include "tests/sim/fixture.h"
#include "tests/sim/scratch.h"

#define MOST 16
#define T0   ROWS_NOW

static void begin_with(const char *zone, const char *by)
{
	struct err err = ERR_INIT;
	bool more;

	must(publication_begin(fix.store, zone, by, MOST, &more, &err), &err);
	assert_false(more);
}

static void begin(void)
{
	begin_with("z.example", "hook");
}

/* The names that are due, with a blank behind each; "." is the box. */
static void assert_due(const char *names)
{
	struct publication due[MOST];
	struct err err = ERR_INIT;
	size_t n = publication_due(fix.store, due, MOST, &err);
	struct buf is;

	must(err.kind == ERR_NONE, &err);
	buf_init(&is, 1024);
	for (size_t i = 0; i < n; i++) {
		buf_printf(&is, "%s ", *due[i].name ? due[i].name : ".");
		publication_release(&due[i]);
	}
	assert_string_equal(is.data, names);
	buf_release(&is);
}

static struct publication of(const char *name)
{
	struct err err = ERR_INIT;
	struct publication p;

	must(publication_of(fix.store, name, &p, &err), &err);
	return p;
}

/* All that is due is told `told`, and taken. */
static void tell_all(const char *told)
{
	struct publication due[MOST];
	struct err err = ERR_INIT;
	size_t n = publication_due(fix.store, due, MOST, &err);

	for (size_t i = 0; i < n; i++) {
		must(publication_sent(fix.store, &due[i], told, &err), &err);
		must(publication_taken(fix.store, &due[i], told, T0, &err),
		     &err);
		publication_release(&due[i]);
	}
	assert_due("");
}

static void set_rua(const char *rua)
{
	struct err err = ERR_INIT;

	str_copy(fix.domain.rua, sizeof(fix.domain.rua), rua);
	must(domain_update(fix.store, &fix.domain, &err), &err);
}

/* ---- what makes it due ---- */

static void nothing_is_noted_for_nobody(void **state)
{
	struct publication p;
	struct err err = ERR_INIT;
	long waiting;

	(void)state;
	assert_due("");
	assert_false(publication_of(fix.store, "example.org", &p, &err));
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	begin();
	assert_due(". example.org ");
	must(publication_waiting(fix.store, &waiting, &err), &err);
	assert_int_equal(waiting, 2);
	must(publication_end(fix.store, &err), &err);
	must(publication_waiting(fix.store, &waiting, &err), &err);
	assert_int_equal(waiting, 0);
}

static void a_change_makes_it_due_by_itself(void **state)
{
	struct sts_policy policy = { .mode = STS_TESTING, .max_age = 86400 };
	struct err err = ERR_INIT;
	bool changed;

	(void)state;
	must(sts_policy_add_mx(&policy, "mx9.example.org", &err), &err);
	begin();
	tell_all("x");
	fix.domain.due_at = T0 + 7; /* of no concern to the zone */
	must(domain_update(fix.store, &fix.domain, &err), &err);
	assert_due("");
	set_rua("mailto:a@b.example");
	assert_due("example.org ");
	tell_all("x");
	fix.domain.state = DOMAIN_LIVE;
	must(domain_update(fix.store, &fix.domain, &err), &err);
	assert_due("example.org ");
	tell_all("x");
	must(policy_version_publish(fix.store, &fix.domain, &policy, T0,
				    &changed, &err),
	     &err);
	assert_true(changed);
	sts_policy_release(&policy);
	assert_due("example.org ");
	tell_all("x");
	rows_domain(fix.store, "b.example");
	assert_due("b.example ");
}

static void one_that_is_gone_is_taken_out_and_forgotten(void **state)
{
	struct err err = ERR_INIT;
	struct publication p;

	(void)state;
	begin();
	tell_all("x");
	must(domain_delete(fix.store, &fix.domain, ROWS_NOW, &err), &err);
	p = of("example.org");
	assert_true(p.is_due);
	assert_string_equal(p.told, "x");
	publication_release(&p);
	tell_all("");
	assert_false(publication_of(fix.store, "example.org", &p, &err));
	assert_int_equal(err.kind, ERR_NOT_FOUND);
}

/* Removed and added again: one row, so nobody takes out what is new. */
static void one_that_is_back_is_the_same_row(void **state)
{
	struct err err = ERR_INIT;
	struct publication p;

	(void)state;
	begin();
	tell_all("x");
	must(domain_delete(fix.store, &fix.domain, ROWS_NOW, &err), &err);
	rows_domain(fix.store, "example.org");
	assert_due("example.org ");
	tell_all("");
	p = of("example.org");
	assert_false(p.is_due);
	publication_release(&p);
}

/* ---- on the way ---- */

static void what_is_sent_may_be_there(void **state)
{
	struct publication p, again;
	struct err err = ERR_INIT;

	(void)state;
	begin();
	tell_all("x");
	set_rua("mailto:a@b.example");
	p = of("example.org");
	assert_false(p.is_unsure);
	must(publication_sent(fix.store, &p, "xy", &err), &err);
	assert_true(publication_is_sent(fix.store));
	again = of("example.org");
	assert_true(again.is_unsure && again.is_due);
	assert_string_equal(again.told, "xy");
	assert_due("example.org ");
	must(publication_failed(fix.store, &p, false, &err), &err);
	assert_false(publication_is_sent(fix.store));
	assert_due("example.org ");
	publication_release(&p);
	publication_release(&again);
}

static void a_change_meanwhile_is_not_lost(void **state)
{
	struct publication p, after;
	struct err err = ERR_INIT;

	(void)state;
	begin();
	tell_all("x");
	set_rua("mailto:a@b.example");
	p = of("example.org");
	must(publication_sent(fix.store, &p, "y", &err), &err);
	set_rua("");
	must(publication_taken(fix.store, &p, "y", T0 + 5, &err), &err);
	after = of("example.org");
	assert_true(after.is_due);
	assert_int_equal(after.told_at, T0 + 5);
	assert_string_equal(after.told, "y");
	publication_release(&p);
	publication_release(&after);
}

static void one_that_fails_alone_goes_behind_the_others(void **state)
{
	struct publication p;
	struct err err = ERR_INIT;

	(void)state;
	begin();
	tell_all("x");
	rows_domain(fix.store, "b.example");
	rows_domain(fix.store, "c.example");
	p = of("b.example");
	must(publication_failed(fix.store, &p, false, &err), &err);
	assert_due("b.example c.example ");
	must(publication_failed(fix.store, &p, true, &err), &err);
	assert_due("c.example b.example ");
	assert_true(publication_has_failed(fix.store));
	must(publication_mark(fix.store, "b.example", &err), &err);
	assert_due("b.example c.example ");
	assert_false(publication_has_failed(fix.store));
	publication_release(&p);
}

/* ---- all of it again ---- */

static const struct {
	const char *zone, *by;
	const char *due, *told;
	bool is_unsure;
} begin_cases[] = {
	{ "z.example", "hook", "", "x", false },
	{ "z.example", "server", ". example.org ", "x", true },
	{ "y.example", "hook", ". example.org ", "", true },
};

static void who_is_new_is_told_all(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(begin_cases); i++) {
		struct publication p;

		begin();
		tell_all("x");
		begin_with(begin_cases[i].zone, begin_cases[i].by);
		assert_due(begin_cases[i].due);
		p = of("example.org");
		assert_string_equal(p.told, begin_cases[i].told);
		assert_int_equal(p.is_unsure, begin_cases[i].is_unsure);
		publication_release(&p);
	}
}

/* What happened in between was noted by nobody. */
static void a_pause_is_caught_up_with(void **state)
{
	struct err err = ERR_INIT;
	struct publication p;

	(void)state;
	begin();
	tell_all("x");
	must(publication_end(fix.store, &err), &err);
	must(domain_delete(fix.store, &fix.domain, ROWS_NOW, &err), &err);
	rows_domain(fix.store, "b.example");
	begin();
	assert_due(". b.example example.org ");
	p = of("example.org");
	assert_string_equal(p.told, "x");
	publication_release(&p);
}

/* Nobody knows what it is to have: the doubt about it stays. */
static void one_that_cannot_be_read_is_passed_over(void **state)
{
	struct publication p, after;
	struct err err = ERR_INIT;

	(void)state;
	begin();
	tell_all("x");
	must(publication_again(fix.store, "example.org", &err), &err);
	p = of("example.org");
	must(publication_failed(fix.store, &p, true, &err), &err);
	must(publication_pass(fix.store, &p, &err), &err);
	after = of("example.org");
	assert_false(after.is_due);
	assert_int_equal(after.tries, 0);
	assert_true(after.is_unsure);
	assert_string_equal(after.told, "x");
	publication_release(&p);
	publication_release(&after);
	set_rua("mailto:a@b.example");
	assert_due("example.org ");
}

/* ---- many of them ---- */

#define MANY 40
#define PART 8

static void add_many(void)
{
	for (int i = 1; i < MANY; i++) {
		char name[40];

		snprintf(name, sizeof(name), "n%02d.example", i);
		rows_domain(fix.store, name);
	}
}

/* Rows written by one call. */
static int64_t part(const char *zone, const char *by, bool *more)
{
	struct db *db = store_db(fix.store);
	int64_t before = db_changes_in_all(db);
	struct err err = ERR_INIT;

	must(publication_begin(fix.store, zone, by, PART, more, &err), &err);
	return db_changes_in_all(db) - before;
}

/* The parts that there were; each is of the same little work. */
static int begin_in_parts(const char *zone, const char *by)
{
	bool more = true;
	int parts = 0;

	for (; more; parts++)
		assert_in_range(part(zone, by, &more), 1, 3 * PART + 6);
	assert_int_equal(part(zone, by, &more), 0); /* it was the last one */
	assert_false(more);
	return parts;
}

static long rows_that(const char *are)
{
	char sql[200];
	long n;

	must(store_commit(fix.store, NULL), NULL);
	snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM publication WHERE %s",
		 are);
	n = scratch_number(fix.dir, "state.db", sql);
	must(store_begin(fix.store, NULL), NULL);
	return n;
}

static void tell_rows(const char *told)
{
	struct publication due[MOST];
	size_t n;

	while ((n = publication_due(fix.store, due, MOST, NULL)) > 0)
		for (size_t i = 0; i < n; i++) {
			must(publication_sent(fix.store, &due[i], told, NULL),
			     NULL);
			must(publication_taken(fix.store, &due[i], told, T0,
					       NULL),
			     NULL);
			publication_release(&due[i]);
		}
}

static void many_are_made_ready_in_parts(void **state)
{
	(void)state;
	add_many();
	assert_int_equal(begin_in_parts("z.example", "hook"), MANY / PART + 1);
	assert_int_equal(rows_that("is_due"), MANY + 1);
	tell_rows("x");
	begin_in_parts("z.example", "server");
	assert_int_equal(rows_that("is_due AND unsure AND told = 'x'"),
			 MANY + 1);
	tell_rows("x");
	begin_in_parts("y.example", "server");
	assert_int_equal(rows_that("is_due AND unsure AND told = ''"),
			 MANY + 1);
}

/* It goes on where it was: after a restart, and for whoever comes then. */
static void what_was_begun_is_not_forgotten(void **state)
{
	bool more;

	(void)state;
	add_many();
	begin_in_parts("z.example", "hook");
	tell_rows("x");
	part("y.example", "hook", &more);
	part("y.example", "hook", &more);
	assert_true(more);
	assert_int_equal(rows_that("is_due"), 2 * PART + 1);
	begin_in_parts("y.example", "server");
	assert_int_equal(rows_that("is_due AND told = ''"), MANY + 1);
}

static void one_can_be_told_again(void **state)
{
	struct publication p;
	struct err err = ERR_INIT;

	(void)state;
	begin();
	tell_all("x");
	must(publication_again(fix.store, "example.org", &err), &err);
	assert_due("example.org ");
	p = of("example.org");
	assert_true(p.is_unsure);
	assert_string_equal(p.told, "x");
	publication_release(&p);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_A_DOMAIN(nothing_is_noted_for_nobody),
		WITH_A_DOMAIN(a_change_makes_it_due_by_itself),
		WITH_A_DOMAIN(one_that_is_gone_is_taken_out_and_forgotten),
		WITH_A_DOMAIN(one_that_is_back_is_the_same_row),
		WITH_A_DOMAIN(what_is_sent_may_be_there),
		WITH_A_DOMAIN(a_change_meanwhile_is_not_lost),
		WITH_A_DOMAIN(one_that_fails_alone_goes_behind_the_others),
		WITH_A_DOMAIN(who_is_new_is_told_all),
		WITH_A_DOMAIN(a_pause_is_caught_up_with),
		WITH_A_DOMAIN(many_are_made_ready_in_parts),
		WITH_A_DOMAIN(what_was_begun_is_not_forgotten),
		WITH_A_DOMAIN(one_that_cannot_be_read_is_passed_over),
		WITH_A_DOMAIN(one_can_be_told_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
