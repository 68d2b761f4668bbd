/*
 * The whole engine, killed at any of its points: no decision to renew costs
 * two certificates, and nothing is lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/when.h"
#include "tests/sim/engine_rig.h"
#include "tests/sim/scratch.h"

static void live_in_child(struct sim_world *w)
{
	sim_start(w);
	must(sim_run(w, sim_all_live, 30 * WHEN_MINUTE), NULL);
}

static void renewed_in_child(struct sim_world *w)
{
	sim_start(w);
	must(is_renewed(w) || sim_run(w, is_renewed, 30 * WHEN_MINUTE), NULL);
}

static void prepare(struct sim_world *w)
{
	sim_init(w);
	sim_start(w);
	sim_add(w, NAME);
	sim_stop(w);
}

/* ---- the first certificate ---- */

static unsigned long points_of_one_life(void)
{
	struct sim_world w;
	unsigned long n;

	prepare(&w);
	assert_true(sim_in_child(&w, live_in_child));
	n = w.shared->points;
	sim_release(&w);
	return n;
}

static const struct {
	const char *what;
	bool lists, reuses;
	unsigned most_orders; /* that one crash may cost at the CA */
	unsigned long points; /* they differ until the order is known */
} ca_kinds[] = {
	{ "a CA with an orders list", true, false, 1, 1000 },
	{ "a CA that gives the open order again", false, true, 1, 16 },
	{ "a CA with neither", false, false, 2, 16 },
};

static void crash_and_recover(size_t kind, unsigned long at)
{
	struct sim_world w;

	prepare(&w);
	w.shared->ca.lists_orders = ca_kinds[kind].lists;
	w.shared->ca.reuses_orders = ca_kinds[kind].reuses;
	w.crash_at = at;
	assert_false(sim_in_child(&w, live_in_child));
	w.crash_at = 0;
	assert_true(sim_in_child(&w, live_in_child));
	assert_true(sim_served_until(&w, NAME) > sim_now(&w));
	assert_in_range(sim_ca_orders_of(&w.shared->ca, HOST), 1,
			ca_kinds[kind].most_orders);
	assert_one_certificate(&w);
	sim_release(&w);
}

static void a_crash_at_any_point_costs_nothing(void **state)
{
	unsigned long n = points_of_one_life();

	(void)state;
	assert_true(n > 40); /* six points in each of eight states */
	for (size_t kind = 0; kind < ARRAY_LEN(ca_kinds); kind++) {
		unsigned long last = ca_kinds[kind].points;

		print_message("%s\n", ca_kinds[kind].what);
		for (unsigned long at = 1; at <= n && at <= last; at++)
			crash_and_recover(kind, at);
	}
}

/* Each life ends after so many points: it still gets on. */
static void crash_after_crash_gets_on(void **state)
{
	(void)state;
	for (unsigned long each = 7; each < 14; each++) {
		struct sim_world w;
		unsigned lives = 1;

		prepare(&w);
		w.crash_at = each;
		while (!sim_in_child(&w, live_in_child))
			assert_true(lives++ < 50);
		print_message("a crash every %lu points: %u lives\n", each,
			      lives);
		assert_one_certificate(&w);
		sim_release(&w);
	}
}

/* ---- later ---- */

static void slow_in_child(struct sim_world *w)
{
	sim_start(w);
	must(sim_run(w, sim_all_live, WHEN_HOUR), NULL);
}

static void a_crash_while_the_ca_works_costs_nothing(void **state)
{
	(void)state;
	for (unsigned long at = 1; at < 400; at += 7) {
		struct sim_world w;
		bool is_over;

		prepare(&w);
		w.shared->ca.validation_looks = 3;
		w.shared->ca.issuance_looks = 3;
		w.crash_at = at;
		is_over = sim_in_child(&w, slow_in_child);
		w.crash_at = 0;
		if (!is_over)
			assert_true(sim_in_child(&w, slow_in_child));
		assert_one_certificate(&w);
		assert_int_equal(w.shared->ca.order[0].told, 1);
		sim_release(&w);
		if (is_over)
			break;
	}
}

/* A renewal that dies: the old certificate is served until the new one is. */
static void a_crash_while_renewing_costs_nothing(void **state)
{
	(void)state;
	for (unsigned long at = 1; at <= 48; at++) {
		struct sim_world w;
		bool is_over;

		prepare(&w);
		assert_true(sim_in_child(&w, live_in_child));
		sim_start(&w);
		renew_now(&w);
		sim_stop(&w);
		w.crash_at = at;
		is_over = sim_in_child(&w, renewed_in_child);
		w.crash_at = 0;
		assert_true(sim_served_until(&w, NAME) > sim_now(&w));
		if (!is_over)
			assert_true(sim_in_child(&w, renewed_in_child));
		assert_int_equal(w.shared->ca.certs, 2);
		assert_int_equal(w.shared->ca.orders, 2);
		assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM ord"
					      " WHERE state = 8"),
				 2);
		sim_release(&w);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_crash_at_any_point_costs_nothing),
		cmocka_unit_test(crash_after_crash_gets_on),
		cmocka_unit_test(a_crash_while_the_ca_works_costs_nothing),
		cmocka_unit_test(a_crash_while_renewing_costs_nothing),
	};

	if (getenv("ONLY"))
		cmocka_set_test_filter(getenv("ONLY"));
	log_init(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
