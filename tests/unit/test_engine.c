/*
 * The whole engine on a real store, in the virtual world of tests/sim: what
 * it promises while all is well.
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
#include "tests/sim/engine_rig.h"

/* ---- the main job ---- */

static void a_domain_goes_live(void **state)
{
	struct sim_world w;
	struct domain d;

	(void)state;
	start_with(&w, NAME);
	assert_true(sim_run(&w, sim_all_live, 10));
	d = sim_domain(&w, NAME);
	assert_int_equal(d.state, DOMAIN_LIVE);
	assert_int_equal(sim_served_until(&w, NAME),
			 SIM_START + w.shared->ca.life);
	assert_int_equal(w.shared->ca.registrations, 1);
	assert_ended(&w, 1, 0);
	assert_one_certificate(&w);
	sim_release(&w);
}

/* Asked for twice, made once; and nobody else is kept waiting. */
static void a_renewal_asked_for_twice_is_made_once(void **state)
{
	struct sim_world w;

	(void)state;
	start_with(&w, NAME);
	assert_true(sim_run(&w, sim_all_live, 10));
	renew_now(&w);
	assert_true(sim_run(&w, is_under_way, 10));
	renew_now(&w);
	sim_add(&w, "example.com");
	run_for(&w, 30);
	assert_true(sim_all_live(&w));
	assert_int_equal(sim_ca_csrs_of(&w.shared->ca, HOST), 2);
	assert_in_range(sim_domain(&w, NAME).due_at - sim_now(&w),
			50 * WHEN_DAY, 65 * WHEN_DAY);
	sim_release(&w);
}

/* ---- renewal ---- */

static void it_renews_at_its_moment(void **state)
{
	struct sim_world w;
	time_t due;

	(void)state;
	start_with(&w, NAME);
	assert_true(sim_run(&w, sim_all_live, 10));
	due = sim_domain(&w, NAME).due_at;
	assert_in_range(due - SIM_START, 58 * WHEN_DAY, 62 * WHEN_DAY);
	w.sleeps = true;
	sim_run(&w, NULL, due - sim_now(&w) - WHEN_HOUR);
	w.sleeps = false;
	sim_run(&w, NULL, due - sim_now(&w) - 1);
	assert_int_equal(w.shared->ca.certs, 1);
	assert_true(sim_run(&w, is_renewed, 65));
	assert_true(sim_served_until(&w, NAME) > SIM_START + 140 * WHEN_DAY);
	assert_int_equal(
		sim_rows(&w, "SELECT COUNT(*) FROM cert WHERE state = 0"), 1);
	assert_string_equal(w.shared->ca.complaint, "");
	sim_release(&w);
}

/* Looks where it matters: at the new ones, and when the old one ends. */
static void is_never_expired(struct sim_world *w)
{
	static unsigned certs;
	static time_t until;

	if (certs == w->shared->ca.certs && sim_now(w) < until)
		return;
	certs = w->shared->ca.certs;
	until = sim_served_until(w, NAME);
	assert_true(!until || until > sim_now(w));
}

/* For every life a CA may give: ten of them, one after the other. */
static void it_never_expires(void **state)
{
	static const struct {
		long life, backdate;
	} lives[] = {
		{ 60, 0 },
		{ 10 * WHEN_MINUTE, 0 },
		{ 2 * WHEN_HOUR, WHEN_HOUR },
		{ 160 * WHEN_HOUR, WHEN_HOUR },
		{ 45 * WHEN_DAY, WHEN_HOUR },
		{ 90 * WHEN_DAY, WHEN_HOUR },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lives); i++) {
		struct sim_world w;

		print_message("certificates that live %ld s\n", lives[i].life);
		sim_init(&w);
		w.shared->ca.life = lives[i].life;
		w.shared->ca.backdate = lives[i].backdate;
		w.watch = is_never_expired;
		sim_start(&w);
		sim_add(&w, NAME);
		assert_true(sim_run(&w, sim_all_live, 10));
		w.sleeps = lives[i].life > WHEN_DAY;
		sim_run(&w, NULL, 10 * lives[i].life);
		assert_true(sim_served_until(&w, NAME) > sim_now(&w));
		assert_in_range(w.shared->ca.certs, 10, 100);
		assert_string_equal(w.shared->ca.complaint, "");
		sim_release(&w);
	}
}

/* ---- many ---- */

static void many_go_live_a_few_at_a_time(void **state)
{
	struct sim_world w;
	char name[32];

	(void)state;
	sim_init(&w);
	sim_start(&w);
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "d%03d.example", i);
		sim_add(&w, name);
	}
	assert_true(sim_run(&w, sim_all_live, 60));
	assert_in_range(w.most_in_flight, 16, 32);
	assert_int_equal(w.shared->ca.certs, 200);
	assert_int_equal(w.shared->ca.orders, 200);
	assert_string_equal(w.shared->ca.complaint, "");
	sim_release(&w);
}

/* ---- DNS ---- */

static void no_order_before_the_name_leads_here(void **state)
{
	struct sim_world w;
	char name[32];

	(void)state;
	sim_init(&w);
	w.names_lead_here = false;
	sim_start(&w);
	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "d%02d.example", i);
		sim_add(&w, name);
	}
	run_for(&w, 50 * WHEN_MINUTE);
	assert_int_equal(w.shared->exchanges, 0);
	assert_non_null(strstr(sim_domain(&w, "d07.example").problem,
			       "does not exist in DNS yet"));
	w.names_lead_here = true;
	assert_true(sim_run(&w, sim_all_live, 60));
	sim_release(&w);
}

static void a_client_wakes_a_waiting_name(void **state)
{
	struct sim_world w;

	(void)state;
	sim_init(&w);
	w.names_lead_here = false;
	sim_start(&w);
	sim_add(&w, NAME);
	run_for(&w, 20 * WHEN_DAY);
	w.names_lead_here = true;
	engine_wanted(w.engine, "mta-sts.example.com");
	engine_wanted(w.engine, NAME);
	engine_wanted(w.engine, HOST);
	assert_true(sim_run(&w, sim_all_live, 10));
	sim_release(&w);
}

/* While an answer is awaited nothing is to do, and nothing is done. */
static void waiting_for_dns_does_not_spin(void **state)
{
	struct sim_world w;

	(void)state;
	start_with(&w, NAME);
	w.dns_ms = 20000;
	run_for(&w, 19);
	assert_in_range(w.ticks, 1, 5);
	sim_release(&w);
}

/* ---- a CA that takes its time ---- */

static void a_slow_ca_is_polled(void **state)
{
	struct sim_world w;

	(void)state;
	sim_init(&w);
	w.shared->ca.validation_looks = 20;
	w.shared->ca.issuance_looks = 20;
	sim_start(&w);
	sim_add(&w, NAME);
	assert_true(sim_run(&w, sim_all_live, 30 * WHEN_MINUTE));
	assert_one_certificate(&w);
	assert_int_equal(w.shared->ca.order[0].told, 1);
	assert_true(w.shared->exchanges < 60);
	sim_release(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_domain_goes_live),
		cmocka_unit_test(a_renewal_asked_for_twice_is_made_once),
		cmocka_unit_test(it_renews_at_its_moment),
		cmocka_unit_test(it_never_expires),
		cmocka_unit_test(many_go_live_a_few_at_a_time),
		cmocka_unit_test(no_order_before_the_name_leads_here),
		cmocka_unit_test(a_client_wakes_a_waiting_name),
		cmocka_unit_test(waiting_for_dns_does_not_spin),
		cmocka_unit_test(a_slow_ca_is_polled),
	};

	if (getenv("ONLY"))
		cmocka_set_test_filter(getenv("ONLY"));
	log_init(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
