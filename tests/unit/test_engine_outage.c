/*
 * The whole engine, and its CA is in trouble: nobody is blamed for that, and
 * nothing waits when it is over.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "tests/sim/engine_rig.h"

/* ---- all of it is away ---- */

static const struct {
	const char *what;
	enum sim_fault fault;
} outages[] = {
	{ "silence", SIM_LOST_REQUEST },
	{ "500", SIM_ERROR_500 },
	{ "503", SIM_BUSY_503 },
	{ "somebody else's page", SIM_GARBAGE_200 },
};

/* Two days of it, from shortly before the renewal. */
static void run_into(struct sim_world *w, enum sim_fault fault)
{
	time_t due = sim_domain(w, NAME).due_at;

	w->sleeps = true;
	sim_run(w, NULL, due - sim_now(w) - 2 * WHEN_HOUR);
	w->sleeps = false;
	w->fault = fault;
	w->fault_until = ULONG_MAX;
	sim_run(w, NULL, 2 * WHEN_DAY);
	w->fault_until = 0;
}

static void an_outage_is_not_charged_to_domains(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(outages); i++) {
		struct sim_world w;

		print_message("%s\n", outages[i].what);
		start_with(&w, NAME);
		assert_true(sim_run(&w, sim_all_live, 10));
		run_into(&w, outages[i].fault);
		assert_int_equal(sim_domain(&w, NAME).failures, 0);
		assert_int_equal(w.shared->ca.certs, 1);
		assert_true(sim_run(&w, is_renewed, 2 * WHEN_MINUTE));
		assert_int_equal(sim_domain(&w, NAME).failures, 0);
		sim_release(&w);
	}
}

/* An outage that changes its words at each look is one outage. */
static void an_outage_of_many_words_is_told_once(void **state)
{
	struct sim_world w;

	(void)state;
	start_with(&w, NAME);
	assert_true(sim_run(&w, sim_all_live, 10));
	w.sleeps = true;
	sim_run(&w, NULL, sim_domain(&w, NAME).due_at - sim_now(&w) - 60);
	w.sleeps = false;
	w.fault_until = ULONG_MAX;
	for (int i = 0; i < 6; i++) {
		w.fault = i % 2 ? SIM_LOST_REQUEST : SIM_BUSY_503;
		sim_run(&w, NULL, 10);
	}
	w.fault_until = 0;
	assert_true(sim_run(&w, is_renewed, 2 * WHEN_MINUTE));
	assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM trail"
				      " WHERE kind = 'ca.trouble'"),
			 1);
	assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM trail"
				      " WHERE kind = 'ca.well'"),
			 1);
	sim_release(&w);
}

static bool has_ordered(struct sim_world *w)
{
	return w->shared->ca.orders > 0;
}

/* A day, and the order is void; the outage lasts longer. */
static void an_order_that_expires_in_an_outage_is_not_charged(void **state)
{
	struct sim_world w;

	(void)state;
	start_with(&w, NAME);
	assert_true(sim_run(&w, has_ordered, 10));
	w.fault = SIM_LOST_REQUEST;
	w.fault_until = ULONG_MAX;
	sim_run(&w, NULL, 30 * WHEN_HOUR);
	assert_int_equal(sim_domain(&w, NAME).failures, 0);
	w.fault_until = 0;
	assert_true(sim_run(&w, sim_all_live, 2 * WHEN_MINUTE));
	assert_int_equal(
		sim_rows(&w, "SELECT COUNT(*) FROM ord WHERE state = 9"), 1);
	sim_release(&w);
}

static bool is_issued(struct sim_world *w)
{
	return w->shared->ca.certs > 0;
}

/* The order expires, and what it brought does not: it is fetched. */
static void a_certificate_outlives_its_order(void **state)
{
	struct sim_world w;

	(void)state;
	start_with(&w, NAME);
	assert_true(sim_run(&w, is_issued, 10));
	sim_stop(&w);
	w.shared->now_ms += 30 * WHEN_HOUR * 1000;
	sim_start(&w);
	assert_true(sim_run(&w, sim_all_live, 10));
	assert_one_certificate(&w);
	sim_release(&w);
}

/* ---- it is broken behind its directory ---- */

/* From a cache, say. */
static bool is_directory(const struct fetch_request *rq)
{
	return rq->method == FETCH_GET;
}

static bool is_no_post(const struct fetch_request *rq)
{
	return rq->method != FETCH_POST;
}

static bool is_no_new_order(const struct fetch_request *rq)
{
	return !str_ends(rq->url, "/new-order");
}

static bool is_no_finalize(const struct fetch_request *rq)
{
	return !strstr(rq->url, "/finalize");
}

static const struct {
	const char *what;
	bool (*spares)(const struct fetch_request *request);
	enum sim_fault fault;
} half_broken[] = {
	{ "only the directory", is_directory, SIM_ERROR_500 },
	{ "only the directory, and silence", is_directory, SIM_LOST_REQUEST },
	{ "directory and nonces", is_no_post, SIM_ERROR_500 },
	{ "all but newOrder", is_no_new_order, SIM_ERROR_500 },
	{ "all but finalize", is_no_finalize, SIM_BUSY_503 },
};

/* What works all the time must not hide what does not. */
static void a_ca_is_down_until_what_failed_works(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(half_broken); i++) {
		struct sim_world w;

		print_message("%s\n", half_broken[i].what);
		start_with(&w, NAME);
		assert_true(sim_run(&w, sim_all_live, 10));
		w.spares = half_broken[i].spares;
		run_into(&w, half_broken[i].fault);
		assert_in_range(down_for(&w), WHEN_DAY, 2 * WHEN_DAY);
		assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM trail"
					      " WHERE kind = 'ca.well'"),
				 0);
		assert_true(sim_run(&w, is_renewed, 2 * WHEN_MINUTE));
		assert_int_equal(down_for(&w), 0);
		assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM trail"
					      " WHERE kind = 'ca.well'"),
				 1);
		sim_release(&w);
	}
}

/* Nobody orders there any more: its account is asked for. */
static void a_ca_that_nobody_needs_is_seen_to_be_well(void **state)
{
	struct sim_world w;

	(void)state;
	start_with(&w, NAME);
	assert_true(sim_run(&w, sim_all_live, 10));
	w.spares = is_directory;
	renew_now(&w);
	w.fault = SIM_ERROR_500;
	w.fault_until = ULONG_MAX;
	sim_run(&w, NULL, WHEN_MINUTE);
	delete_now(&w);
	sim_run(&w, NULL, 2 * WHEN_HOUR);
	assert_in_range(down_for(&w), WHEN_HOUR, 3 * WHEN_HOUR);
	w.fault_until = 0;
	sim_run(&w, NULL, 6 * WHEN_MINUTE);
	assert_int_equal(down_for(&w), 0);
	assert_string_equal(w.shared->ca.complaint, "");
	sim_release(&w);
}

/* ---- it chokes, or forgets ---- */

static void is_not_blamed(struct sim_world *w)
{
	assert_int_equal(sim_domain(w, NAME).failures, 0);
}

/* One order that the CA chokes on: left in the end, and nobody is blamed. */
static void an_order_that_is_stuck_is_replaced(void **state)
{
	struct sim_world w;

	(void)state;
	sim_init(&w);
	w.shared->ca.cursed = 1;
	sim_start(&w);
	sim_add(&w, NAME);
	w.watch = is_not_blamed;
	sim_run(&w, NULL, 2 * WHEN_HOUR);
	sim_add(&w, "example.com");
	assert_true(sim_run(&w, sim_all_live, 13 * WHEN_HOUR));
	assert_int_equal(sim_ca_orders_of(&w.shared->ca, HOST), 2);
	assert_int_equal(w.shared->ca.certs, 2);
	sim_release(&w);
}

/*
 * The same while it says "processing": it may issue the first one after all,
 * so that counts as long as it counts.
 */
static void an_order_left_in_processing_is_paid_for(void **state)
{
	struct sim_world w;
	const char *level = "SELECT level FROM bucket WHERE subject = '" HOST
			    "' AND kind = 2";

	(void)state;
	sim_init(&w);
	w.settings.ca[0].limits.of[LIMIT_DUPLICATES] = (struct limit){
		5, 300 * WHEN_DAY
	};
	w.shared->ca.issuance_looks = 100000;
	sim_start(&w);
	sim_add(&w, NAME);
	sim_run(&w, NULL, WHEN_HOUR);
	w.shared->ca.issuance_looks = 0;
	assert_true(sim_run(&w, sim_all_live, 13 * WHEN_HOUR));
	assert_int_equal(sim_ca_orders_of(&w.shared->ca, HOST), 2);
	assert_in_range(sim_rows(&w, level), 3000, 3020);
	sim_release(&w);
}

static void a_lost_account_is_registered_with_the_same_key(void **state)
{
	struct sim_world w;
	const struct sim_ca *ca;

	(void)state;
	start_with(&w, NAME);
	ca = &w.shared->ca;
	assert_true(sim_run(&w, sim_all_live, 10));
	sim_ca_wipe(&w.shared->ca);
	renew_now(&w);
	assert_true(sim_run(&w, is_renewed, 120));
	assert_int_equal(ca->registrations, 2);
	assert_memory_equal(ca->account[0].point, ca->account[1].point,
			    P256_POINT);
	assert_int_equal(sim_rows(&w, "SELECT COUNT(*) FROM account"), 1);
	assert_string_equal(ca->complaint, "");
	sim_release(&w);
}

/* As some do: a kid that is not known is met with 500 and no word. */
static void a_vague_ca_gets_the_account_again(void **state)
{
	struct sim_world w;

	(void)state;
	start_with(&w, NAME);
	assert_true(sim_run(&w, sim_all_live, 10));
	sim_ca_wipe(&w.shared->ca);
	w.shared->ca.is_vague = true;
	renew_now(&w);
	assert_true(sim_run(&w, is_renewed, 5 * WHEN_MINUTE));
	assert_int_equal(w.shared->ca.registrations, 2);
	sim_release(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_outage_is_not_charged_to_domains),
		cmocka_unit_test(an_outage_of_many_words_is_told_once),
		cmocka_unit_test(
			an_order_that_expires_in_an_outage_is_not_charged),
		cmocka_unit_test(a_certificate_outlives_its_order),
		cmocka_unit_test(a_ca_is_down_until_what_failed_works),
		cmocka_unit_test(a_ca_that_nobody_needs_is_seen_to_be_well),
		cmocka_unit_test(an_order_that_is_stuck_is_replaced),
		cmocka_unit_test(an_order_left_in_processing_is_paid_for),
		cmocka_unit_test(
			a_lost_account_is_registered_with_the_same_key),
		cmocka_unit_test(a_vague_ca_gets_the_account_again),
	};

	if (getenv("ONLY"))
		cmocka_set_test_filter(getenv("ONLY"));
	log_init(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
