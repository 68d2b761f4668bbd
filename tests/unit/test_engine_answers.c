/*
 * The whole engine, and answers of its CA that are lost, spoilt or no good.
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
#include "tests/sim/scratch.h"

/* ---- lost and spoilt ---- */

static const char *const fault_names[] = {
	[SIM_LOST_REQUEST] = "request lost",
	[SIM_LOST_REPLY] = "reply lost",
	[SIM_ERROR_500] = "500 without acting",
	[SIM_HTML_500] = "502 after acting",
	[SIM_BUSY_503] = "503 with Retry-After",
	[SIM_GARBAGE_200] = "garbage after acting",
	[SIM_TOO_MANY_429] = "429 without acting",
};

static unsigned long exchanges_of_one_life(void)
{
	struct sim_world w;
	unsigned long n;

	start_with(&w, NAME);
	assert_true(sim_run(&w, sim_all_live, 10));
	n = w.shared->exchanges;
	sim_release(&w);
	return n;
}

static void spoil_exchanges(enum sim_fault fault, unsigned long from,
			    unsigned long count)
{
	struct sim_world w;

	sim_init(&w);
	w.fault = fault;
	w.fault_from = from;
	w.fault_until = from + count;
	sim_start(&w);
	sim_add(&w, NAME);
	assert_true(sim_run(&w, sim_all_live, 2 * WHEN_HOUR));
	assert_one_certificate(&w);
	assert_int_equal(sim_ca_orders_of(&w.shared->ca, HOST), 1);
	sim_release(&w);
}

static void no_lost_answer_costs_a_certificate(void **state)
{
	static const unsigned long counts[] = { 1, 2, 60 };
	unsigned long n = exchanges_of_one_life();

	(void)state;
	for (int fault = SIM_LOST_REQUEST; fault <= SIM_TOO_MANY_429; fault++)
		for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
			print_message("%s, %lu in a row, at any of %lu\n",
				      fault_names[fault], counts[i], n);
			for (unsigned long at = 0; at < n; at++)
				spoil_exchanges((enum sim_fault)fault, at,
						counts[i]);
		}
}

/* ---- nonces ---- */

static void bad_nonces_cost_nothing(void **state)
{
	struct sim_world w;

	(void)state;
	sim_init(&w);
	w.shared->ca.bad_nonce_every = 2;
	sim_start(&w);
	sim_add(&w, NAME);
	assert_true(sim_run(&w, sim_all_live, 20));
	assert_one_certificate(&w);
	sim_release(&w);
}

static long longest_pause_ms;

static void note_pause(struct sim_world *w)
{
	struct err err = ERR_INIT;
	struct ca ca;

	must(ca_by_id(w->store, 1, &ca, &err), &err);
	if (ca.retry_ms - w->shared->now_ms > longest_pause_ms)
		longest_pause_ms = ca.retry_ms - w->shared->now_ms;
}

/*
 * A CA that takes hardly any nonce: no request is tried for ever, and what is
 * waited for is seconds. It is the CA's trouble, and no name's.
 */
static void refused_nonces_cost_seconds(void **state)
{
	static const struct {
		unsigned percent;
		long pause_ms, seconds;
	} cases[] = {
		{ 50, 0, 10 },
		{ 90, 3000, 2 * WHEN_MINUTE },
		{ 97, 61000, 6 * WHEN_HOUR },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sim_world w;
		char name[32];

		sim_init(&w);
		w.shared->ca.bad_nonce_percent = cases[i].percent;
		sim_start(&w);
		for (int n = 0; n < 20; n++) {
			snprintf(name, sizeof(name), "d%02d.example", n);
			sim_add(&w, name);
		}
		longest_pause_ms = 0;
		w.watch = note_pause;
		assert_true(sim_run(&w, sim_all_live, cases[i].seconds));
		print_message(
			"%u %%: %ld s, %u POSTs, %ld ms the longest pause\n",
			cases[i].percent, (long)sim_now(&w) - SIM_START,
			w.shared->ca.posts, longest_pause_ms);
		assert_true(longest_pause_ms <= cases[i].pause_ms);
		assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM trail"
					      " WHERE kind = 'account.lost'"),
				 0);
		assert_int_equal(w.shared->ca.certs, 20);
		assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM domain"
					      " WHERE failures > 0"),
				 0);
		sim_release(&w);
	}
}

/* ---- a chain that is no good ---- */

/* A chain for another key. The caller frees. */
static char *make_bad_chain(void)
{
	struct tiny_ca other;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *leaf;
	char *pem;

	tiny_ca_init(&other, "Other", SIM_START - WHEN_DAY,
		     SIM_START + 99 * WHEN_DAY);
	leaf = tiny_ca_issue(&other,
			     &(struct tiny_leaf){ .host = HOST,
						  .key = key,
						  .from = SIM_START,
						  .until = SIM_START + WHEN_DAY,
						  .serial = 1 });
	pem = tiny_ca_pem((X509 *[]){ leaf, other.cert, NULL });
	tiny_ca_release(&other);
	EVP_PKEY_free(key);
	X509_free(leaf);
	return pem;
}

/*
 * They were issued, so they count: five of a name, and one each 34 h, as Let's
 * Encrypt says. Up to there the name has its own pauses only.
 */
static void a_bad_chain_is_kept_and_never_served(void **state)
{
	char *pem = make_bad_chain();
	struct sim_world w;

	(void)state;
	start_with(&w, NAME);
	w.shared->ca.sends_instead = pem;
	run_for(&w, 3 * WHEN_HOUR);
	assert_int_equal(w.shared->ca.certs, 4);
	run_for(&w, 30 * WHEN_HOUR);
	assert_int_equal(w.shared->ca.certs, 5);
	run_for(&w, 20 * WHEN_DAY - 33 * WHEN_HOUR);
	assert_int_equal(sim_served_until(&w, NAME), 0);
	assert_in_range(sim_domain(&w, NAME).failures, 15, 5 + 20 * 24 / 34);
	assert_in_range(
		sim_rows(&w, "SELECT COUNT(*) FROM cert WHERE state = 2"), 1,
		10);
	w.shared->ca.sends_instead = NULL;
	assert_true(sim_run(&w, sim_all_live, 2 * WHEN_DAY));
	assert_int_equal(sim_domain(&w, NAME).failures, 0);
	sim_release(&w);
	free(pem);
}

/* ---- a certificate that would not last ---- */

/* Forced, some time after the one that is served was issued. */
static const struct {
	long before, left, after; /* lives, and what is left of the first */
	bool is_taken;
} swaps[] = {
	{ 398 * WHEN_DAY, 390 * WHEN_DAY, 45 * WHEN_DAY, true },
	{ 398 * WHEN_DAY, 390 * WHEN_DAY, 160 * WHEN_HOUR, true },
	{ 398 * WHEN_DAY, 390 * WHEN_DAY, WHEN_DAY, true },
	{ 398 * WHEN_DAY, 390 * WHEN_DAY, 19 * WHEN_HOUR, false },
	{ 90 * WHEN_DAY, 89 * WHEN_DAY, 160 * WHEN_HOUR, true },
	{ 90 * WHEN_DAY, 30 * WHEN_DAY, 45 * WHEN_DAY, true },
	{ 90 * WHEN_DAY, 30 * WHEN_DAY, 4 * WHEN_DAY, true },
	{ 90 * WHEN_DAY, 30 * WHEN_DAY, WHEN_DAY, true },
	{ 90 * WHEN_DAY, 30 * WHEN_DAY, 12 * WHEN_HOUR, false },
	{ 90 * WHEN_DAY, 89 * WHEN_DAY, 45, false },
	{ 90 * WHEN_DAY, 89 * WHEN_DAY, WHEN_DAY, true },
	{ 90 * WHEN_DAY, 4 * WHEN_DAY, WHEN_DAY, true },
	{ 64 * WHEN_DAY, 22 * WHEN_DAY, 45 * WHEN_DAY, true },
	{ 160 * WHEN_HOUR, 80 * WHEN_HOUR, WHEN_MINUTE, false },
	{ 160 * WHEN_HOUR, 80 * WHEN_HOUR, 10 * WHEN_HOUR, true },
	{ 160 * WHEN_HOUR, 10 * WHEN_MINUTE, WHEN_MINUTE + 10, true },
	{ 10 * WHEN_MINUTE, 9 * WHEN_MINUTE, WHEN_MINUTE, true },
};

static void much_shorter_than_what_is_served_is_not_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(swaps); i++) {
		struct sim_world w;
		time_t until;

		print_message("%ld s, %ld s left, then %ld s\n",
			      swaps[i].before, swaps[i].left, swaps[i].after);
		sim_init(&w);
		w.sleeps = true;
		w.shared->ca.life = swaps[i].before;
		sim_start(&w);
		sim_add(&w, NAME);
		assert_true(sim_run(&w, sim_all_live, 10));
		until = sim_served_until(&w, NAME);
		scratch_sql(w.dir, "state.db", "UPDATE domain SET due_at = 0");
		sim_run(&w, NULL, until - swaps[i].left - sim_now(&w));
		w.shared->ca.life = swaps[i].after;
		renew_now(&w);
		run_for(&w, 15);
		assert_int_equal(w.shared->ca.certs, 2);
		assert_int_equal(sim_served_until(&w, NAME) == until,
				 !swaps[i].is_taken);
		assert_int_equal(sim_domain(&w, NAME).failures,
				 !swaps[i].is_taken);
		assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM cert WHERE"
					      " state = 2"),
				 !swaps[i].is_taken);
		sim_release(&w);
	}
}

static void what_is_revoked_gives_way_to_anything(void **state)
{
	struct sim_world w;

	(void)state;
	sim_init(&w);
	sim_start(&w);
	sim_add(&w, NAME);
	assert_true(sim_run(&w, sim_all_live, 10));
	scratch_sql(w.dir, "state.db", "UPDATE domain SET revoked = 1");
	w.shared->ca.life = WHEN_HOUR;
	renew_now(&w);
	run_for(&w, 30);
	assert_in_range(sim_served_until(&w, NAME), sim_now(&w),
			sim_now(&w) + WHEN_HOUR);
	sim_release(&w);
}

static bool has_failed_twice(struct sim_world *w)
{
	return sim_domain(w, NAME).failures == 2;
}

/* What we keep back of the CA's limit is kept for names like this one. */
static void a_name_with_nothing_to_serve_is_not_held_back(void **state)
{
	char *pem = make_bad_chain();
	struct sim_world w;

	(void)state;
	start_with(&w, NAME);
	w.shared->ca.sends_instead = pem;
	assert_true(sim_run(&w, has_failed_twice, 5 * WHEN_MINUTE));
	w.shared->ca.sends_instead = NULL;
	assert_true(sim_run(&w, sim_all_live, 15 * WHEN_MINUTE));
	assert_int_equal(w.shared->ca.certs, 3);

	/* From now on it has one: a fourth waits, unless it is urgent. */
	renew_now(&w);
	run_for(&w, 20 * WHEN_HOUR);
	assert_int_equal(w.shared->ca.certs, 3);
	sim_release(&w);
	free(pem);
}

/* ---- a validation that fails ---- */

static unsigned blind_looks;

static bool token_is_nowhere(void *arg, const char *token, const char *key_auth)
{
	(void)arg;
	(void)token;
	(void)key_auth;
	blind_looks++;
	return false;
}

/* Port 80 is closed: the domain waits ever longer, its budget is not spent. */
static void a_failing_domain_slows_down(void **state)
{
	struct sim_world w;

	(void)state;
	start_with(&w, NAME);
	w.shared->ca.token_is_served = token_is_nowhere;
	blind_looks = 0;
	run_for(&w, WHEN_HOUR);
	assert_in_range(blind_looks, 2, 3);
	run_for(&w, 10 * WHEN_DAY);
	assert_in_range(blind_looks, 10, 16);
	assert_non_null(strstr(sim_domain(&w, NAME).problem,
			       "the token was not there"));
	assert_string_equal(w.shared->ca.complaint, "");
	assert_ended(&w, 0, w.shared->ca.orders);
	sim_release(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_lost_answer_costs_a_certificate),
		cmocka_unit_test(bad_nonces_cost_nothing),
		cmocka_unit_test(refused_nonces_cost_seconds),
		cmocka_unit_test(a_bad_chain_is_kept_and_never_served),
		cmocka_unit_test(much_shorter_than_what_is_served_is_not_taken),
		cmocka_unit_test(what_is_revoked_gives_way_to_anything),
		cmocka_unit_test(a_name_with_nothing_to_serve_is_not_held_back),
		cmocka_unit_test(a_failing_domain_slows_down),
	};

	if (getenv("ONLY"))
		cmocka_set_test_filter(getenv("ONLY"));
	log_init(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
