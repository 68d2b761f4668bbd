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
#include "store/box.h"
#include "tests/sim/scratch.h"
#include "tests/sim/sim_world.h"

#define NAME "example.org"

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
	assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM ord"), 0);
	assert_int_equal(d.failures, 0);
	assert_int_equal(sim_told(&w, "precheck.waiting"), 1);

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
	assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM ord"), 0);
	assert_true(sim_run(&w, sim_all_live, 3 * WHEN_MINUTE));
	assert_int_equal(sim_told(&w, "precheck.ignored"), 1);
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
	assert_int_equal(sim_told(&w, "precheck.delayed"), 1);
	assert_int_equal(sim_told(&w, "precheck.ignored"), 1);
	sim_run(&w, NULL, 10);
	assert_string_equal(sim_domain(&w, NAME).problem, "");

	/* It is no news, and not waited for again. */
	due = sleep_until_due(&w);
	assert_in_range(renewed_after(&w, due, WHEN_DAY), 0, 120);
	assert_int_equal(sim_told(&w, "precheck.delayed"), 1);
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
	assert_true(sim_rows(&w, "SELECT renew_at FROM cert") > due);
	w.names_lead_here = true;
	assert_in_range(renewed_after(&w, due, 3 * WHEN_HOUR), WHEN_HOUR,
			3 * WHEN_HOUR);
	assert_int_equal(sim_told(&w, "precheck.ignored"), 0);
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
	assert_in_range(sim_told(&w, "precheck.delayed"), 0, 5);
	sim_release(&w);
}

/* ---- how many looks ---- */

static unsigned certs_of(unsigned names, unsigned each)
{
	wanted = names * each;
	return wanted;
}

static void start_many(struct sim_world *w, int names)
{
	char name[32];

	sim_init(w);
	w->settings.ca[0].limits = limits_staging();
	sim_start(w);
	for (int i = 0; i < names; i++) {
		snprintf(name, sizeof(name), "d%d.example", i);
		sim_add(w, name);
	}
	must(sim_run(w, sim_all_live, 5 * WHEN_MINUTE), NULL);
}

/* All are due for a plain renewal. Counting begins. */
static void make_due(struct sim_world *w)
{
	scratch_sql(w->dir, "state.db",
		    "UPDATE domain SET due_at = 1"
		    " WHERE due_at > 0");
	w->caa_asked = w->most_caa_open = 0;
	engine_poke(w->engine);
}

static void each_order_is_looked_at_once(void **state)
{
	struct sim_world w;

	(void)state;
	start_live(&w);
	assert_int_equal(w.caa_asked, 1);
	make_due(&w);
	certs_of(1, 2);
	assert_true(sim_run(&w, has_certs, WHEN_MINUTE));
	assert_int_equal(w.caa_asked, 1);
	sim_release(&w);
}

/* However many are due, and however slowly DNS answers. */
static void no_more_than_64_are_looked_at_at_once(void **state)
{
	struct sim_world w;

	(void)state;
	start_many(&w, 200);
	w.dns_ms = 4000;
	make_due(&w);
	certs_of(200, 2);
	assert_true(sim_run(&w, has_certs, 5 * WHEN_MINUTE));
	assert_int_equal(w.most_caa_open, 64);
	assert_int_equal(w.caa_asked, 200);
	sim_release(&w);
}

/* Once it is known that they fail for everybody. */
static void where_looks_are_in_vain_one_is_made_at_a_time(void **state)
{
	struct sim_world w;

	(void)state;
	start_many(&w, 40);
	w.dns_fails = true;
	w.dns_ms = 5000;
	make_due(&w);
	certs_of(40, 2);
	assert_true(sim_run(&w, has_certs, 2 * WHEN_MINUTE));
	sim_run(&w, NULL, WHEN_MINUTE);
	assert_int_equal(w.caa_open, 0);

	make_due(&w);
	certs_of(40, 3);
	assert_true(sim_run(&w, has_certs, 2 * WHEN_MINUTE));
	assert_int_equal(w.most_caa_open, 1);
	assert_in_range(w.caa_asked, 1, 3);
	sim_release(&w);
}

static void freeze(struct sim_world *w, bool is_frozen)
{
	const struct box_freeze f = { .since = sim_now(w), .actor = "me" };
	struct err err = ERR_INIT;

	must(store_begin(w->store, &err), &err);
	must(is_frozen ? box_freeze(w->store, &f, &err)
		       : box_thaw(w->store, &err),
	     &err);
	must(store_commit(w->store, &err), &err);
	engine_poke(w->engine);
}

static bool is_asked_about(struct sim_world *w)
{
	return w->caa_asked == 1;
}

/* The box is frozen between a look and its order. */
static const struct {
	long seconds;
	unsigned looks;
} pauses[] = {
	{ WHEN_MINUTE, 1 },
	{ 10 * WHEN_MINUTE, 2 },
};

static void a_look_is_good_for_two_minutes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pauses); i++) {
		struct sim_world w;

		start_live(&w);
		make_due(&w);
		must(sim_run(&w, is_asked_about, WHEN_MINUTE), NULL);
		freeze(&w, true);
		sim_run(&w, NULL, pauses[i].seconds);
		assert_int_equal(w.shared->ca.certs, 1);
		freeze(&w, false);
		certs_of(1, 2);
		assert_true(sim_run(&w, has_certs, WHEN_MINUTE));
		print_message("%ld s: %u looks\n", pauses[i].seconds,
			      w.caa_asked);
		assert_int_equal(w.caa_asked, pauses[i].looks);
		sim_release(&w);
	}
}

/* What is under way comes to its end, and is judged. */
static void settle(struct sim_world *w)
{
	while (w->events)
		sim_step(w);
	sim_step(w);
}

/* What is wrong is looked at as DNS is; what was wrong counts no more then. */
static void looks_at_what_is_wrong_thin_out(void **state)
{
	struct sim_world w;
	struct domain d;

	(void)state;
	start_with(&w, NAME);
	w.caa_issue = ";";
	sim_run(&w, NULL, 30);
	assert_in_range(w.caa_asked, 5, 7); /* each five seconds */
	sim_run(&w, NULL, WHEN_HOUR - 30);
	assert_in_range(w.caa_asked, 120, 130); /* each half a minute */
	d = sim_domain(&w, NAME);
	assert_int_equal(d.dns_looks + w.caa_open, w.caa_asked);
	assert_int_equal(d.skips, 0);
	assert_int_equal(d.failures, 0);
	sim_release(&w);
}

/* A doubt is counted in the row, and forgotten with the certificate. */
static void doubts_are_counted(void **state)
{
	struct sim_world w;

	(void)state;
	start_with(&w, NAME);
	w.probe_fails = true;
	sim_run(&w, NULL, 5 * WHEN_MINUTE);
	settle(&w);
	assert_in_range(w.caa_asked, 5, 7); /* one a minute */
	assert_int_equal(sim_domain(&w, NAME).skips, w.caa_asked);
	assert_int_equal(sim_domain(&w, NAME).failures, 0);
	w.probe_fails = false;
	assert_true(sim_run(&w, sim_all_live, 2 * WHEN_MINUTE));
	assert_int_equal(sim_domain(&w, NAME).skips, -1);
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
		cmocka_unit_test(each_order_is_looked_at_once),
		cmocka_unit_test(no_more_than_64_are_looked_at_at_once),
		cmocka_unit_test(where_looks_are_in_vain_one_is_made_at_a_time),
		cmocka_unit_test(a_look_is_good_for_two_minutes),
		cmocka_unit_test(looks_at_what_is_wrong_thin_out),
		cmocka_unit_test(doubts_are_counted),
		cmocka_unit_test(how_long_it_was_put_off_outlives_a_restart),
	};

	if (getenv("ONLY"))
		cmocka_set_test_filter(getenv("ONLY"));
	log_init(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
