/*
 * The looks before an order, in the whole engine: whom they hold back, for
 * how long, and what is said about it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/when.h"
#include "tests/sim/scratch.h"
#include "tests/sim/sim_world.h"

#define NAME "example.org"

static long rows(const struct sim_world *w, const char *sql)
{
	return scratch_number(w->dir, "state.db", sql);
}

static long told(const struct sim_world *w, const char *kind)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM trail WHERE kind ="
				   " '%s'", kind);
	return rows(w, sql);
}

static void start_with(struct sim_world *w, const char *name)
{
	sim_init(w);
	sim_start(w);
	sim_add(w, name);
}

static void start_live(struct sim_world *w)
{
	start_with(w, NAME);
	must(sim_run(w, sim_all_live, 10), NULL);
}

/* The moment of its renewal. */
static time_t sleep_until_due(struct sim_world *w)
{
	time_t due = sim_domain(w, NAME).due_at;

	w->sleeps = true;
	sim_run(w, NULL, due - sim_now(w) - 2 * WHEN_HOUR);
	w->sleeps = false;
	return due;
}

static unsigned wanted;

static bool has_certs(struct sim_world *w)
{
	return w->shared->ca.certs == wanted;
}

/* After how many seconds the next certificate came; -1: it did not. */
static long renewed_after(struct sim_world *w, time_t due, long seconds)
{
	wanted = w->shared->ca.certs + 1;
	if (!sim_run(w, has_certs, due - sim_now(w) + seconds))
		return -1;
	return sim_now(w) - due;
}

/* ---- first certificates ---- */

static void caa_holds_a_first_one_for_as_long_as_it_forbids(void **state)
{
	struct sim_world w;
	struct domain d;

	(void)state;
	start_with(&w, NAME);
	w.caa_issue = ";";
	sim_run(&w, NULL, 3 * WHEN_DAY);
	d = sim_domain(&w, NAME);
	assert_int_equal(d.state, DOMAIN_ISSUING);
	assert_non_null(strstr(d.problem, "forbids every CA to issue"));
	assert_int_equal(rows(&w, "SELECT COUNT(*) FROM ord"), 0);
	assert_int_equal(d.failures, 0);
	assert_int_equal(told(&w, "precheck.waiting"), 1);

	w.caa_issue = NULL;
	assert_true(sim_run(&w, sim_all_live, WHEN_HOUR));
	assert_string_equal(sim_domain(&w, NAME).problem, "");
	sim_release(&w);
}

static void a_doubt_holds_a_first_one_for_ten_minutes(void **state)
{
	struct sim_world w;

	(void)state;
	start_with(&w, NAME);
	w.probe_fails = true;
	sim_run(&w, NULL, 9 * WHEN_MINUTE);
	assert_int_equal(rows(&w, "SELECT COUNT(*) FROM ord"), 0);
	assert_true(sim_run(&w, sim_all_live, 3 * WHEN_MINUTE));
	assert_int_equal(told(&w, "precheck.ignored"), 1);
	sim_release(&w);
}

/* ---- renewals ---- */

static void a_renewal_is_put_off_six_hours_at_most(void **state)
{
	struct sim_world w;
	time_t due;
	long after;

	(void)state;
	start_live(&w);
	due = sleep_until_due(&w);
	w.probe_fails = true;
	after = renewed_after(&w, due, WHEN_DAY);
	print_message("renewed %ld s late\n", after);
	assert_in_range(after, 6 * WHEN_HOUR, 6 * WHEN_HOUR + 120);
	assert_int_equal(told(&w, "precheck.delayed"), 1);
	assert_int_equal(told(&w, "precheck.ignored"), 1);
	sim_run(&w, NULL, 10);
	assert_string_equal(sim_domain(&w, NAME).problem, "");

	/* It is no news, and not waited for again. */
	due = sleep_until_due(&w);
	assert_in_range(renewed_after(&w, due, WHEN_DAY), 0, 120);
	assert_int_equal(told(&w, "precheck.delayed"), 1);
	sim_release(&w);
}

static void it_goes_as_soon_as_all_is_well(void **state)
{
	struct sim_world w;
	time_t due;

	(void)state;
	start_live(&w);
	due = sleep_until_due(&w);
	w.names_lead_here = false;
	sim_run(&w, NULL, due - sim_now(&w) + WHEN_HOUR);
	assert_int_equal(w.shared->ca.certs, 1);
	assert_int_equal(sim_domain(&w, NAME).failures, 0);
	assert_true(strlen(sim_domain(&w, NAME).problem) > 0);
	assert_true(rows(&w, "SELECT renew_at FROM cert") > due);
	w.names_lead_here = true;
	assert_in_range(renewed_after(&w, due, 3 * WHEN_HOUR), WHEN_HOUR,
			3 * WHEN_HOUR);
	assert_int_equal(told(&w, "precheck.ignored"), 0);
	sim_release(&w);
}

/* Whatever is wrong, the last quarter belongs to the CA. */
static void the_last_quarter_is_never_touched(void **state)
{
	static const long lives[] = { 60, 10 * WHEN_MINUTE, 160 * WHEN_HOUR };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lives); i++) {
		struct sim_world w;
		time_t start;
		long after;

		sim_init(&w);
		w.shared->ca.life = lives[i];
		sim_start(&w);
		sim_add(&w, NAME);
		must(sim_run(&w, sim_all_live, 10), NULL);
		start = sim_now(&w);
		w.caa_issue = ";";
		after = renewed_after(&w, start, lives[i]);
		print_message("life %ld: renewed after %ld\n", lives[i], after);
		assert_in_range(after, lives[i] / 2 - lives[i] / 50,
				lives[i] - lives[i] / 4 + 1);
		sim_release(&w);
	}
}

static void an_admin_does_not_wait_for_it(void **state)
{
	struct sim_world w;
	struct domain d;
	struct err err = ERR_INIT;

	(void)state;
	start_live(&w);
	w.probe_fails = true;
	d = sim_domain(&w, NAME);
	d.due_at = sim_now(&w);
	d.renew_forced = true;
	must(store_begin(w.store, &err) && domain_update(w.store, &d, &err) &&
	     store_commit(w.store, &err), &err);
	engine_poke(w.engine);
	assert_in_range(renewed_after(&w, sim_now(&w), 60), 0, 10);
	sim_release(&w);
}

/* ---- many at once ---- */

#define MANY 100

static bool all_renewed(struct sim_world *w)
{
	return w->shared->ca.certs >= 2 * MANY;
}

/* It is not the names then, and only the first few pay for finding out. */
static void where_no_resolver_answers_renewals_go_on(void **state)
{
	struct sim_world w;
	char name[32];

	(void)state;
	sim_init(&w);
	sim_start(&w);
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "d%d.example", i);
		sim_add(&w, name);
	}
	must(sim_run(&w, sim_all_live, 120), NULL);
	sim_stop(&w);
	scratch_sql(w.dir, "state.db", "UPDATE domain SET due_at = 1");
	w.dns_fails = true;
	w.dns_ms = 5000;
	sim_start(&w);
	assert_true(sim_run(&w, all_renewed, 2 * WHEN_MINUTE));
	assert_in_range(told(&w, "precheck.delayed"), 0, 5);
	sim_release(&w);
}

/* ---- crashes ---- */

static void how_long_it_was_put_off_outlives_a_restart(void **state)
{
	struct sim_world w;
	time_t due;

	(void)state;
	start_live(&w);
	due = sleep_until_due(&w);
	w.probe_fails = true;
	for (int i = 0; i < 12; i++) {
		sim_run(&w, NULL, i ? 29 * WHEN_MINUTE
				    : due - sim_now(&w) + WHEN_MINUTE);
		sim_stop(&w);
		sim_start(&w);
	}
	assert_int_equal(w.shared->ca.certs, 1);
	assert_in_range(renewed_after(&w, due, 7 * WHEN_HOUR), 5 * WHEN_HOUR,
			6 * WHEN_HOUR + 120);
	sim_release(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			caa_holds_a_first_one_for_as_long_as_it_forbids),
		cmocka_unit_test(a_doubt_holds_a_first_one_for_ten_minutes),
		cmocka_unit_test(a_renewal_is_put_off_six_hours_at_most),
		cmocka_unit_test(it_goes_as_soon_as_all_is_well),
		cmocka_unit_test(the_last_quarter_is_never_touched),
		cmocka_unit_test(an_admin_does_not_wait_for_it),
		cmocka_unit_test(where_no_resolver_answers_renewals_go_on),
		cmocka_unit_test(how_long_it_was_put_off_outlives_a_restart),
	};

	log_init(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
