/*
 * Names that have left, with certificates that ended: how often a CA is asked
 * for them, and how soon they are back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/when.h"
#include "tests/sim/scratch.h"
#include "tests/sim/sim_world.h"

#define NAME "example.org"

static bool token_is_nowhere(void *arg, const char *token, const char *key_auth)
{
	(void)arg;
	(void)token;
	(void)key_auth;
	return false;
}

static bool (*token_is_served)(void *, const char *, const char *);

static void leave(struct sim_world *w)
{
	w->names_lead_here = false;
	w->probe_fails = true;
	token_is_served = w->shared->ca.token_is_served;
	w->shared->ca.token_is_served = token_is_nowhere;
}

static void come_back(struct sim_world *w)
{
	w->names_lead_here = true;
	w->probe_fails = false;
	w->shared->ca.token_is_served = token_is_served;
}

/* Until so many seconds after the end of its certificate. */
static void sleep_until(struct sim_world *w, long after)
{
	w->sleeps = true;
	sim_run(w, NULL, sim_served_until(w, NAME) + after - sim_now(w));
	w->sleeps = false;
}

/* The CA's list of them has an end. */
static unsigned orders_in(struct sim_world *w, long seconds)
{
	w->shared->ca.orders = 0;
	sim_run(w, NULL, seconds);
	print_message("%u orders in %.1f days\n", w->shared->ca.orders,
		      (double)seconds / WHEN_DAY);
	return w->shared->ca.orders;
}

static void start_live(struct sim_world *w)
{
	sim_init(w);
	sim_start(w);
	sim_add(w, NAME);
	must(sim_run(w, sim_all_live, 10), NULL);
}

static void start_gone(struct sim_world *w, long after)
{
	start_live(w);
	leave(w);
	sleep_until(w, after);
}

static bool is_served(struct sim_world *w)
{
	return sim_served_until(w, NAME) > sim_now(w);
}

/* ---- how often ---- */

static void it_is_ordered_ever_more_rarely(void **state)
{
	struct sim_world w;

	(void)state;
	start_gone(&w, 0);
	/* at first as often as our limit of failed validations lets it */
	assert_in_range(orders_in(&w, 3 * WHEN_DAY), 24, 3 * 3 * 24 + 4);
	assert_in_range(orders_in(&w, 10 * WHEN_DAY), 8, 11);
	assert_int_equal(sim_domain(&w, NAME).rank, RANK_GONE);
	sleep_until(&w, 30 * WHEN_DAY);
	assert_int_equal(orders_in(&w, 10 * WHEN_DAY), 0);
	sleep_until(&w, 365 * WHEN_DAY);
	assert_int_equal(w.shared->ca.orders, 0);
	assert_string_equal(w.shared->ca.complaint, "");
	sim_release(&w);
}

/* DNS says that all is well, and the CA that it is not. */
static void what_only_the_ca_sees_is_tried_daily(void **state)
{
	struct sim_world w;

	(void)state;
	start_live(&w);
	leave(&w);
	w.names_lead_here = true;
	w.probe_fails = false;
	sleep_until(&w, 4 * WHEN_DAY);
	assert_in_range(orders_in(&w, 10 * WHEN_DAY), 8, 12);
	sleep_until(&w, 40 * WHEN_DAY);
	assert_in_range(orders_in(&w, 10 * WHEN_DAY), 8, 12);
	sim_release(&w);
}

/* One order for an admin who asks, and no more than that. */
static void an_admin_gets_one_order(void **state)
{
	struct sim_world w;
	struct err err = ERR_INIT;
	struct domain d;

	(void)state;
	start_gone(&w, 40 * WHEN_DAY);
	d = sim_domain(&w, NAME);
	d.due_at = sim_now(&w);
	d.renew_forced = true;
	must(store_begin(w.store, &err) && domain_update(w.store, &d, &err) &&
		     store_commit(w.store, &err),
	     &err);
	engine_poke(w.engine);
	assert_int_equal(orders_in(&w, WHEN_MINUTE), 1);
	assert_int_equal(orders_in(&w, 5 * WHEN_DAY), 0);
	sim_release(&w);
}

/* Its CA is down for so long that its emergency is over. */
static void an_emergency_does_not_last(void **state)
{
	struct sim_world w;

	(void)state;
	start_live(&w);
	w.sleeps = true;
	sim_run(&w, NULL, sim_domain(&w, NAME).due_at - sim_now(&w) - WHEN_DAY);
	w.fault = SIM_LOST_REQUEST;
	w.fault_until = -1UL;
	sleep_until(&w, WHEN_DAY);
	assert_int_equal(sim_domain(&w, NAME).rank, RANK_EMERGENCY);
	sleep_until(&w, 4 * WHEN_DAY);
	assert_int_equal(sim_domain(&w, NAME).rank, RANK_GONE);
	assert_true(sim_domain(&w, NAME).ready_at > 0);
	w.fault_until = 0;
	assert_true(sim_run(&w, is_served, 5 * WHEN_MINUTE));
	sim_release(&w);
}

/* ---- how soon ---- */

static void it_is_certified_soon_when_it_is_back(void **state)
{
	static const long gone[] = { WHEN_DAY, 10 * WHEN_DAY, 60 * WHEN_DAY,
				     365 * WHEN_DAY };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(gone); i++) {
		struct sim_world w;
		time_t back;

		start_gone(&w, gone[i]);
		sim_run(&w, NULL, 70 * WHEN_MINUTE);
		back = sim_now(&w);
		come_back(&w);
		assert_true(
			sim_run(&w, is_served, WHEN_HOUR + 5 * WHEN_MINUTE));
		print_message("gone for %ld days: back after %ld s\n",
			      gone[i] / WHEN_DAY, (long)(sim_now(&w) - back));
		sim_run(&w, NULL, 10);
		assert_int_equal(sim_domain(&w, NAME).failures, 0);
		assert_string_equal(sim_domain(&w, NAME).problem, "");
		sim_release(&w);
	}
}

/* After 120 days the CA calls it a new order, and so must we. */
static void after_long_it_is_a_new_order(void **state)
{
	static const char spent[] = "SELECT COUNT(*) FROM bucket WHERE"
				    " kind = 0 AND at_ms > 1000 * "
				    "(SELECT MAX(not_after) FROM cert"
				    "  WHERE state = 1)";
	struct sim_world w;

	(void)state;
	for (int i = 0; i < 2; i++) {
		start_gone(&w, i ? 31 * WHEN_DAY : 20 * WHEN_DAY);
		come_back(&w);
		assert_true(sim_run(&w, is_served, 2 * WHEN_HOUR));
		assert_int_equal(sim_rows(&w, spent), i);
		sim_release(&w);
	}
}

/* ---- others ---- */

#define DEAD 20

static bool has_renewed(struct sim_world *w)
{
	return sim_rows(w, "SELECT COUNT(*) FROM cert WHERE state = 0"
			   " AND not_after > 1810000000") == 1;
}

/*
 * They fill the looks, and fail alike: a living name is still put off as if it
 * were alone, and goes first when its time has come.
 */
static void a_living_name_does_not_notice_them(void **state)
{
	struct sim_world w;
	char name[32];
	time_t due;

	(void)state;
	sim_init(&w);
	sim_start(&w);
	sim_add(&w, NAME);
	for (int i = 0; i < DEAD; i++) {
		snprintf(name, sizeof(name), "d%d.example", i);
		sim_add(&w, name);
	}
	must(sim_run(&w, sim_all_live, 120), NULL);
	due = sim_domain(&w, NAME).due_at;
	w.sleeps = true;
	sim_run(&w, NULL, due - sim_now(&w) - 2 * WHEN_HOUR);
	w.sleeps = false;
	sim_stop(&w);
	scratch_sql(w.dir, "state.db",
		    "UPDATE cert SET not_before = not_before - 8640000,"
		    " not_after = not_after - 8640000 WHERE domain_id > 1;"
		    "UPDATE domain SET due_at = 1 WHERE id > 1");
	w.names_lead_here = false;
	w.dns_ms = 5000;
	sim_start(&w);
	assert_true(sim_run(&w, has_renewed, 10 * WHEN_HOUR));
	print_message("renewed %ld s late\n", (long)(sim_now(&w) - due));
	assert_in_range(sim_now(&w) - due, 6 * WHEN_HOUR,
			6 * WHEN_HOUR + 5 * WHEN_MINUTE);
	sim_release(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_ordered_ever_more_rarely),
		cmocka_unit_test(what_only_the_ca_sees_is_tried_daily),
		cmocka_unit_test(an_admin_gets_one_order),
		cmocka_unit_test(an_emergency_does_not_last),
		cmocka_unit_test(it_is_certified_soon_when_it_is_back),
		cmocka_unit_test(after_long_it_is_a_new_order),
		cmocka_unit_test(a_living_name_does_not_notice_them),
	};

	log_init(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
