/*
 * Accounts that change their key, and accounts that are given up: whatever
 * the CA answers and wherever we die, we know which key it has.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/rollover.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/when.h"
#include "store/box.h"
#include "tests/sim/engine_rig.h"
#include "tests/sim/scratch.h"
#include "tests/sim/sim_world.h"

#define OTHER "example.com"

static struct account ours(struct sim_world *w)
{
	struct err err = ERR_INIT;
	struct account a;

	must(account_of_ca(w->store, engine_ca_id(w->engine, "test"), &a, &err),
	     &err);
	return a;
}

static void start_live(struct sim_world *w)
{
	sim_init(w);
	sim_start(w);
	sim_add(w, NAME);
	must(sim_run(w, sim_all_live, 10), NULL);
}

static bool ask(struct sim_world *w)
{
	struct err err = ERR_INIT;
	bool is_news;

	must(store_begin(w->store, &err), &err);
	must(rollover_ask(w->engine, "test", &is_news, &err), &err);
	must(store_commit(w->store, &err), &err);
	engine_poke(w->engine);
	return is_news;
}

static bool is_rolled(struct sim_world *w)
{
	return sim_rows(w, "SELECT COUNT(*) FROM account"
			   " WHERE next_scalar IS NOT NULL") == 0;
}

/* The CA and we agree, nothing is lost, and orders are made again. */
static void assert_agreed(struct sim_world *w)
{
	const struct sim_ca *ca = &w->shared->ca;
	struct account a = ours(w);

	assert_false(a.is_rolling || a.roll_told);
	assert_memory_equal(a.key.point, ca->account[0].point, P256_POINT);
	assert_int_equal(ca->registrations, 1);
	assert_int_equal(sim_rows(w, "SELECT COUNT(*) FROM account"
				     " WHERE superseded_at > 0"),
			 ca->more.key_changes);
	renew_now(w);
	assert_true(sim_run(w, is_renewed, 5 * WHEN_MINUTE));
	assert_int_equal(sim_ca_orders_of(ca, "mta-sts." NAME), 2);
	assert_int_equal(ca->failed_looks, 0);
	assert_string_equal(ca->complaint, "");
	account_release(&a);
}

/* ---- the plain way ---- */

static void the_account_has_another_key(void **state)
{
	struct sim_world w;
	struct account before, after, old;
	struct err err = ERR_INIT;

	(void)state;
	start_live(&w);
	before = ours(&w);
	assert_true(ask(&w));
	assert_false(ask(&w));
	assert_true(sim_run(&w, is_rolled, 10));
	after = ours(&w);
	assert_int_equal(after.id, before.id);
	assert_string_equal(after.url, before.url);
	assert_memory_not_equal(&after.key, &before.key, sizeof(after.key));
	assert_true(account_by_id(w.store, after.id + 1, &old, &err));
	assert_memory_equal(&old.key, &before.key, sizeof(old.key));
	assert_string_equal(old.url, before.url);
	assert_int_equal(sim_told(&w, "account.key-changed"), 1);
	assert_agreed(&w);
	sim_release(&w);
}

static void a_frozen_box_waits(void **state)
{
	struct sim_world w;
	struct err err = ERR_INIT;
	unsigned long ticks;

	(void)state;
	start_live(&w);
	must(store_begin(w.store, &err), &err);
	must(box_freeze(w.store, &(struct box_freeze){ .since = 1 }, &err),
	     &err);
	must(store_commit(w.store, &err), &err);
	ask(&w);
	renew_now(&w);
	ticks = w.ticks;
	sim_run(&w, NULL, WHEN_HOUR);
	assert_true(w.ticks - ticks < 200);
	assert_int_equal(w.shared->ca.more.key_change_requests, 0);
	assert_int_equal(w.shared->ca.certs, 1);
	must(store_begin(w.store, &err), &err);
	must(box_thaw(w.store, &err), &err);
	must(store_commit(w.store, &err), &err);
	engine_poke(w.engine);
	assert_true(sim_run(&w, is_renewed, 60));
	assert_true(sim_run(&w, is_rolled, 60));
	sim_release(&w);
}

/* ---- orders meanwhile ---- */

static void no_validation_sees_two_keys(void **state)
{
	struct sim_world w;

	(void)state;
	start_live(&w);
	w.shared->ca.validation_looks = 4;
	sim_add(&w, OTHER);
	while (!sim_rows(&w, "SELECT COUNT(*) FROM ord WHERE state = 3"))
		sim_step(&w);
	ask(&w);
	sim_add(&w, "example.net");
	assert_true(sim_run(&w, is_rolled, 100));
	assert_true(sim_rows(&w, "SELECT COUNT(*) FROM cert") >= 2);
	assert_true(sim_run(&w, sim_all_live, 100));
	assert_int_equal(w.shared->ca.failed_looks, 0);
	assert_int_equal(w.shared->ca.more.key_changes, 1);
	assert_int_equal(w.shared->ca.certs, 3);
	assert_string_equal(w.shared->ca.complaint, "");
	sim_release(&w);
}

/* One that hangs at the CA is not waited for: its answer is made anew. */
static void an_endless_validation_gets_the_new_key(void **state)
{
	struct sim_world w;

	(void)state;
	start_live(&w);
	w.shared->ca.validation_looks = 1000000;
	sim_add(&w, OTHER);
	while (!sim_rows(&w, "SELECT COUNT(*) FROM ord WHERE state = 3"))
		sim_step(&w);
	ask(&w);
	assert_false(sim_run(&w, is_rolled, 100));
	assert_true(sim_run(&w, is_rolled, 150));
	for (unsigned i = 0; i < w.shared->ca.orders; i++)
		if (w.shared->ca.order[i].looks)
			w.shared->ca.order[i].looks = 1;
	assert_true(sim_run(&w, sim_all_live, WHEN_HOUR));
	assert_int_equal(w.shared->ca.failed_looks, 0);
	assert_int_equal(w.shared->ca.certs, 2);
	sim_release(&w);
}

/* ---- what the CA may answer ---- */

static void a_ca_that_cannot_says_so(void **state)
{
	struct sim_world w;
	struct err err = ERR_INIT;
	bool is_news;

	(void)state;
	sim_init(&w);
	w.shared->ca.more.lacks_key_change = true;
	sim_start(&w);
	must(store_begin(w.store, &err), &err);
	assert_false(rollover_ask(w.engine, "test", &is_news, &err));
	assert_int_equal(err.kind, ERR_REFUSED);
	assert_non_null(strstr(err.text, "no account"));
	assert_false(rollover_ask(w.engine, "tset", &is_news, &err));
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	store_rollback(w.store);
	sim_add(&w, NAME);
	must(sim_run(&w, sim_all_live, 10), NULL);
	must(store_begin(w.store, &err), &err);
	assert_false(rollover_ask(w.engine, "test", &is_news, &err));
	assert_non_null(strstr(err.text, "does not offer"));
	assert_non_null(strstr(err.hint, "--new-account"));
	store_rollback(w.store);

	sim_stop(&w);		/* and if its directory is not known yet */
	sim_start(&w);
	ask(&w);
	assert_true(sim_run(&w, is_rolled, 5 * WHEN_MINUTE));
	assert_int_equal(sim_told(&w, "account.rollover-refused"), 1);
	assert_agreed(&w);
	sim_release(&w);
}

static void a_refusal_ends_it(void **state)
{
	struct sim_world w;

	(void)state;
	start_live(&w);
	w.shared->ca.more.refuses_key_change = true;
	ask(&w);
	assert_true(sim_run(&w, is_rolled, 20));
	assert_int_equal(sim_told(&w, "account.rollover-refused"), 1);
	assert_agreed(&w);
	sim_release(&w);
}

/* Told the next key and wiped: the same account key registers again. */
static void a_ca_that_forgets_meanwhile_gets_us_again(void **state)
{
	struct sim_world w;
	struct account a;

	(void)state;
	start_live(&w);
	w.fault = SIM_LOST_REPLY;
	w.fault_from = w.shared->exchanges;
	w.fault_until = w.fault_from + 1;
	ask(&w);
	while (!w.shared->ca.more.key_changes)
		sim_step(&w);
	sim_ca_wipe(&w.shared->ca);
	sim_run(&w, NULL, 60);
	a = ours(&w);
	assert_int_equal(a.state, ACCOUNT_LOST);
	assert_true(a.is_rolling && !a.roll_told);
	renew_now(&w);
	assert_true(sim_run(&w, is_renewed, 5 * WHEN_MINUTE));
	assert_true(sim_run(&w, is_rolled, 5 * WHEN_MINUTE));
	assert_int_equal(w.shared->ca.registrations, 2);
	assert_int_equal(w.shared->ca.more.key_changes, 2);
	assert_string_equal(w.shared->ca.complaint, "");
	account_release(&a);
	sim_release(&w);
}

/* Every exchange of it once, each kind of fault; and all of a minute. */
static void spoil(enum sim_fault fault, unsigned long nth, unsigned long count)
{
	struct sim_world w;

	start_live(&w);
	w.fault = fault;
	w.fault_from = w.shared->exchanges + nth;
	w.fault_until = w.fault_from + count;
	ask(&w);
	assert_true(sim_run(&w, is_rolled, 2 * WHEN_HOUR));
	w.fault_until = 0;
	assert_int_equal(w.shared->ca.more.key_changes, 1);
	assert_agreed(&w);
	sim_release(&w);
}

static void no_lost_answer_loses_the_account(void **state)
{
	(void)state;
	for (enum sim_fault fault = SIM_LOST_REQUEST; fault < SIM_GARBAGE_200;
	     fault++) {
		for (unsigned long nth = 0; nth < 3; nth++)
			spoil(fault, nth, 1);
		spoil(fault, 0, 2);
		spoil(fault, 0, 7);
	}
}

/* ---- crashes ---- */

static void live_in_child(struct sim_world *w)
{
	sim_start(w);
	sim_add(w, NAME);
	must(sim_run(w, sim_all_live, 10), NULL);
}

static void roll_in_child(struct sim_world *w)
{
	sim_start(w);
	if (!w->shared->ca.more.key_change_requests && is_rolled(w))
		ask(w);
	must(sim_run(w, is_rolled, WHEN_HOUR), NULL);
}

static bool crash_at(unsigned long at, enum sim_fault fault)
{
	struct sim_world w;
	bool came_to_its_end;

	sim_init(&w);
	must(sim_in_child(&w, live_in_child), NULL);
	w.crash_at = at;
	w.fault = fault;
	w.fault_from = w.shared->exchanges;
	w.fault_until = w.fault_from + 3;
	came_to_its_end = sim_in_child(&w, roll_in_child);
	w.crash_at = 0;
	must(sim_in_child(&w, roll_in_child), NULL);
	sim_start(&w);
	assert_int_equal(w.shared->ca.more.key_changes, 1);
	assert_agreed(&w);
	sim_release(&w);
	return came_to_its_end;
}

static void a_crash_at_any_point_loses_nothing(void **state)
{
	static const enum sim_fault faults[] = { SIM_FAULTLESS, SIM_LOST_REPLY };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		unsigned long at = 1;

		while (!crash_at(at, faults[i]))
			at++;
		assert_true(at > 10);
	}
}

/* ---- accounts that are given up ---- */

static void deactivate(struct sim_world *w)
{
	start_live(w);
	w->shared->ca.more.is_deactivated = true;
	renew_now(w);
	sim_run(w, NULL, 2 * WHEN_HOUR);
}

static void a_deactivated_account_is_told_and_left_alone(void **state)
{
	struct engine_ca_status status;
	struct sim_world w;
	unsigned posts;

	(void)state;
	deactivate(&w);
	engine_ca_status(w.engine, 0, &status);
	assert_string_equal(status.account, "deactivated");
	assert_non_null(strstr(status.problem, "deactivated"));
	assert_non_null(strstr(status.hint, "--new-account"));
	posts = w.shared->ca.posts;
	sim_run(&w, NULL, 20 * WHEN_HOUR);
	assert_int_equal(w.shared->ca.posts, posts);
	assert_int_equal(w.shared->ca.registrations, 1);
	w.shared->ca.more.is_deactivated = false;	/* and should it return */
	assert_true(sim_run(&w, is_renewed, 5 * WHEN_HOUR));
	assert_int_equal(w.shared->ca.registrations, 1);
	sim_release(&w);
}

static void supersede(struct sim_world *w, char was[static URL_SIZE])
{
	struct err err = ERR_INIT;

	must(store_begin(w->store, &err), &err);
	must(rollover_new_account(w->engine, "test", was, &err), &err);
	must(store_commit(w->store, &err), &err);
	engine_poke(w->engine);
}

static void only_consent_makes_a_new_account(void **state)
{
	struct sim_world w;
	struct account old, fresh;
	char was[URL_SIZE];
	struct err err = ERR_INIT;

	(void)state;
	deactivate(&w);
	old = ours(&w);
	w.shared->ca.more.is_deactivated = false;
	w.shared->ca.account[0].is_known = false;
	supersede(&w, was);
	assert_string_equal(was, old.url);
	assert_true(sim_run(&w, is_renewed, 5 * WHEN_MINUTE));
	fresh = ours(&w);
	assert_int_not_equal(fresh.id, old.id);
	assert_string_not_equal(fresh.url, old.url);
	assert_memory_not_equal(&fresh.key, &old.key, sizeof(old.key));
	assert_true(account_by_id(w.store, old.id, &old, &err));
	assert_true(old.superseded_at > 0);
	assert_int_equal(w.shared->ca.registrations, 2);
	assert_string_equal(w.shared->ca.complaint, "");
	sim_release(&w);
}

/* What was under way with the old one is begun anew with the other. */
static void orders_of_the_old_account_end(void **state)
{
	struct sim_world w;
	char was[URL_SIZE];

	(void)state;
	start_live(&w);
	w.shared->ca.validation_looks = 100;
	renew_now(&w);
	sim_run(&w, NULL, 10);
	assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM ord"
				      " WHERE ended_at = 0"),
			 1);
	w.shared->ca.validation_looks = 0;
	supersede(&w, was);
	assert_true(sim_run(&w, is_renewed, 60));
	assert_int_equal(w.shared->ca.registrations, 2);
	assert_int_equal(sim_rows(&w,
				  "SELECT COUNT(*) FROM cert c JOIN account a"
				  " ON a.id = c.account_id WHERE c.state = 0"
				  " AND a.superseded_at = 0"),
			 1);
	assert_string_equal(w.shared->ca.complaint, "");
	sim_release(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_account_has_another_key),
		cmocka_unit_test(a_frozen_box_waits),
		cmocka_unit_test(no_validation_sees_two_keys),
		cmocka_unit_test(an_endless_validation_gets_the_new_key),
		cmocka_unit_test(a_ca_that_cannot_says_so),
		cmocka_unit_test(a_refusal_ends_it),
		cmocka_unit_test(a_ca_that_forgets_meanwhile_gets_us_again),
		cmocka_unit_test(no_lost_answer_loses_the_account),
		cmocka_unit_test(a_crash_at_any_point_loses_nothing),
		cmocka_unit_test(a_deactivated_account_is_told_and_left_alone),
		cmocka_unit_test(only_consent_makes_a_new_account),
		cmocka_unit_test(orders_of_the_old_account_end),
	};

	log_init(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
