/*
 * acme/timekeeping.c: the whole engine, in the virtual world, while the
 * machine's clock is wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <limits.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/when.h"
#include "store/clock.h"
#include "store/order.h"
#include "tests/sim/scratch.h"
#include "tests/sim/sim_world.h"

#define NAME "example.org"

static void go_live(struct sim_world *w)
{
	sim_init(w);
	sim_start(w);
	sim_add(w, NAME);
	assert_true(sim_run(w, sim_all_live, 10));
}

static void step_clock(struct sim_world *w, long seconds)
{
	w->shared->skew_ms += seconds * 1000L;
}

/* ---- while it runs ---- */

static const long steps[] = { 90 * WHEN_DAY, 2 * WHEN_DAY, -2 * WHEN_HOUR,
			      -365 * WHEN_DAY };

static void a_wrong_step_orders_nothing_and_loses_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		struct sim_world w;
		time_t due;

		print_message("%+ld s\n", steps[i]);
		go_live(&w);
		due = sim_domain(&w, NAME).due_at;
		step_clock(&w, steps[i]);
		sim_run(&w, NULL, WHEN_DAY);
		assert_int_equal(w.shared->ca.certs, 1);
		assert_int_equal(sim_told(&w, "clock.wrong"), 1);

		/* Still wrong, and yet renewed at the right moment. */
		w.sleeps = true;
		sim_run(&w, NULL, due - sim_now(&w) - WHEN_DAY);
		assert_int_equal(w.shared->ca.certs, 1);
		sim_run(&w, NULL, 2 * WHEN_DAY);
		assert_int_equal(w.shared->ca.certs, 2);
		assert_string_equal(w.shared->ca.complaint, "");

		step_clock(&w, -steps[i]);
		sim_run(&w, NULL, WHEN_HOUR);
		assert_int_equal(sim_told(&w, "clock.right"), 1);
		assert_int_equal(w.shared->ca.certs, 2);
		sim_release(&w);
	}
}

/* ---- from one life to the next ---- */

static void restart_with(struct sim_world *w, long step)
{
	sim_stop(w);
	step_clock(w, step);
	sim_start(w);
}

static void a_boot_in_the_past_or_far_ahead_orders_nothing(void **state)
{
	static const long boots[] = { -SIM_START, -WHEN_DAY, 90 * WHEN_DAY,
				      10 * 365 * WHEN_DAY };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(boots); i++) {
		struct sim_world w;

		print_message("%+ld s\n", boots[i]);
		go_live(&w);
		restart_with(&w, boots[i]);
		/* What a wrong clock said is no moment that has been. */
		for (long life = 1; life <= 3; life++) {
			sim_run(&w, NULL, 3 * WHEN_HOUR);
			assert_int_equal(w.shared->ca.certs, 1);
			assert_int_equal(
				sim_rows(&w, "SELECT COUNT(*) FROM ord"), 1);
			assert_int_equal(sim_told(&w, "clock.wrong"), life);
			restart_with(&w, 0);
		}
		sim_release(&w);
	}
}

/* What was to be tried again "in a minute" is, and not in ten years. */
static void no_wait_becomes_long_when_time_goes_back(void **state)
{
	struct sim_world w;

	(void)state;
	sim_init(&w);
	step_clock(&w, 3650 * WHEN_DAY);
	w.fault = SIM_LOST_REQUEST; /* no CA can tell */
	w.fault_until = ULONG_MAX;
	sim_start(&w);
	sim_add(&w, NAME);
	sim_run(&w, NULL, WHEN_HOUR);
	assert_int_equal(w.shared->ca.certs, 0);

	step_clock(&w, -3650 * WHEN_DAY);
	w.fault = SIM_FAULTLESS;
	assert_true(sim_run(&w, sim_all_live, 15 * WHEN_MINUTE));
	assert_true(sim_domain(&w, NAME).due_at < SIM_START + 70 * WHEN_DAY);
	assert_true(store_clock_mark(w.store) < SIM_START + WHEN_DAY);
	sim_release(&w);
}

/* Nor in eight days, if the next life begins with the clock right. */
static void nor_after_a_restart(void **state)
{
	struct sim_world w;

	(void)state;
	sim_init(&w);
	step_clock(&w, 8 * WHEN_DAY);
	w.fault = SIM_LOST_REQUEST;
	w.fault_until = ULONG_MAX;
	sim_start(&w);
	sim_add(&w, NAME);
	sim_run(&w, NULL, 90 * WHEN_MINUTE);
	assert_true(store_clock_unsure(w.store) > SIM_START + 8 * WHEN_DAY);
	restart_with(&w, -8 * WHEN_DAY);
	w.fault = SIM_FAULTLESS;
	assert_true(sim_run(&w, sim_all_live, 75 * WHEN_MINUTE));
	sim_run(&w, NULL, WHEN_MINUTE);
	assert_int_equal(store_clock_unsure(w.store), 0);
	sim_release(&w);
}

/* It looks expired, and there is nobody to ask what time it is. */
static void advice_is_asked_for_after_a_boot_far_ahead(void **state)
{
	struct sim_world w;

	(void)state;
	go_live(&w);
	w.fault = SIM_LOST_REQUEST;
	w.fault_until = ULONG_MAX;
	scratch_sql(w.dir, "state.db", "UPDATE cert SET ari_poll_at = 1");
	restart_with(&w, 120 * WHEN_DAY);
	sim_run(&w, NULL, WHEN_DAY);
	assert_int_equal(sim_rows(&w, "SELECT ari_poll_at > 0 FROM cert"), 1);

	w.fault = SIM_FAULTLESS;
	sim_run(&w, NULL, WHEN_HOUR);
	assert_int_equal(w.shared->ca.certs, 1);
	assert_in_range(sim_rows(&w, "SELECT ari_poll_at FROM cert"),
			sim_now(&w), sim_now(&w) + WHEN_DAY);
	sim_release(&w);
}

/* ---- what waits to be written ---- */

static bool has_word(struct sim_world *w)
{
	struct err trouble;

	engine_clock_trouble(w->engine, &trouble);
	return trouble.kind != ERR_NONE;
}

/*
 * An answer came just before nothing could be written any more, and is taken
 * hours later: the Date in it is no news then.
 */
static void an_answer_that_waits_says_nothing_of_the_time(void **state)
{
	struct sim_world w;

	(void)state;
	sim_init(&w);
	sim_start(&w);
	sim_add(&w, NAME);
	while (!w.shared->ca.orders)
		sim_step(&w);
	scratch_sql(w.dir, "state.db", "ALTER TABLE change RENAME TO away");
	sim_run(&w, NULL, 3 * WHEN_HOUR);
	assert_false(has_word(&w));
	scratch_sql(w.dir, "state.db", "ALTER TABLE away RENAME TO change");
	while (!sim_all_live(&w)) {
		sim_step(&w);
		assert_false(has_word(&w));
	}
	assert_int_equal(sim_told(&w, "clock.wrong"), 0);
	sim_release(&w);
}

/* The CA is looking; it says whether that is over, and what time it is. */
static void no_order_has_expired_by_a_clock_that_nobody_confirmed(void **state)
{
	struct sim_world w;

	(void)state;
	sim_init(&w);
	w.shared->ca.validation_looks = 40;
	sim_start(&w);
	sim_add(&w, NAME);
	sim_run(&w, NULL, 5);
	assert_int_equal(sim_rows(&w, "SELECT expires_at > 0 FROM ord"), 1);
	for (int i = 0; i < 3; i++)
		restart_with(&w, (i % 2 ? -30 : 30) * WHEN_DAY);
	assert_true(sim_run(&w, sim_all_live, WHEN_HOUR));
	assert_int_equal(w.shared->ca.orders, 1);
	assert_int_equal(w.shared->ca.certs, 1);
	sim_release(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wrong_step_orders_nothing_and_loses_nothing),
		cmocka_unit_test(
			a_boot_in_the_past_or_far_ahead_orders_nothing),
		cmocka_unit_test(
			no_order_has_expired_by_a_clock_that_nobody_confirmed),
		cmocka_unit_test(no_wait_becomes_long_when_time_goes_back),
		cmocka_unit_test(nor_after_a_restart),
		cmocka_unit_test(advice_is_asked_for_after_a_boot_far_ahead),
		cmocka_unit_test(an_answer_that_waits_says_nothing_of_the_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
