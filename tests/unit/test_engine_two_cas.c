/*
 * The whole engine with two CAs, and the first is away: when the other is
 * asked, and what is waited for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "base/when.h"
#include "tests/sim/engine_rig.h"
#include "tests/sim/scratch.h"

/* The same behind both names: what happens to one can be told by its row. */
static void start_with_two(struct sim_world *w, long life)
{
	sim_init(w);
	w->shared->ca.life = life;
	w->settings.ca[1] = w->settings.ca[0];
	strcpy(w->settings.ca[1].name, "second");
	w->settings.ca_count = 2;
	sim_start(w);
	sim_add(w, NAME);
	assert_true(sim_run(w, sim_all_live, 60));
	sim_run(w, NULL, WHEN_HOUR); /* and the canary is over */
	assert_int_equal(w->shared->ca.certs, 2);
	sim_run(w, NULL, sim_domain(w, NAME).due_at - sim_now(w) - 5);
}

static long certs_of(struct sim_world *w, const char *ca)
{
	char sql[160];

	snprintf(sql, sizeof(sql),
		 "SELECT COUNT(*) FROM cert JOIN ca ON ca.id = cert.ca_id"
		 " WHERE ca.name = '%s' AND cert.domain_id = 1"
		 " AND cert.state IN (0, 1)",
		 ca);
	return sim_rows(w, sql);
}

static bool second_has_issued(struct sim_world *w)
{
	return certs_of(w, "second") > 0;
}

/* ---- orders move ---- */

static unsigned new_orders;

/* The first newOrder is met with trouble, and nothing else. */
static bool is_no_first_order(const struct fetch_request *rq)
{
	return !str_ends(rq->url, "/new-order") || new_orders++ > 0;
}

static void a_long_retry_after_keeps_no_order_from_the_next_ca(void **state)
{
	struct sim_world w;

	(void)state;
	start_with_two(&w, 40 * WHEN_HOUR);
	new_orders = 0;
	w.spares = is_no_first_order;
	w.fault = SIM_BUSY_503;
	w.peace = "86400";
	w.fault_until = ULONG_MAX;
	assert_true(sim_run(&w, second_has_issued, 5 * WHEN_MINUTE));
	assert_int_equal(certs_of(&w, "test"), 1);
	assert_string_equal(w.shared->ca.complaint, "");
	sim_release(&w);
}

static bool is_being_validated(struct sim_world *w)
{
	return sim_rows(w,
			"SELECT COUNT(*) FROM ord"
			" WHERE state = 3 AND ended_at = 0 AND wake_ms > 0") >
	       0;
}

/* It was told to come back in an hour, and then its CA went away. */
static void an_order_that_sleeps_is_moved(void **state)
{
	struct sim_world w;

	(void)state;
	start_with_two(&w, 40 * WHEN_HOUR);
	w.shared->ca.validation_looks = 100;
	assert_true(sim_run(&w, is_being_validated, 10));
	w.shared->ca.validation_looks = 0;
	scratch_sql(w.dir, "state.db",
		    "UPDATE ord SET wake_ms = wake_ms + 3600000"
		    " WHERE ended_at = 0;"
		    "UPDATE ca SET failures = 9, down_since = 1800000000,"
		    " retry_ms = 1900000000000 WHERE name = 'test'");
	assert_true(sim_run(&w, second_has_issued, 2 * WHEN_MINUTE));
	sim_release(&w);
}

/*
 * Patience ends with the third quarter, and the CA is on trial after an
 * outage: it looks just now, and must find the token.
 */
static void what_a_ca_looks_at_stays_for_a_minute(void **state)
{
	struct sim_world w;
	char sql[400];

	(void)state;
	start_with_two(&w, 40 * WHEN_HOUR);
	w.shared->ca.validation_looks = 100;
	assert_true(sim_run(&w, is_being_validated, 10));
	snprintf(sql, sizeof(sql),
		 "UPDATE cert SET not_after = %lld, not_before = %lld;"
		 "UPDATE ord SET wake_ms = 1900000000000 WHERE ended_at = 0;"
		 "UPDATE ca SET failures = 9, down_since = 1800000000,"
		 " retry_ms = 1900000000000 WHERE name = 'test'",
		 (long long)sim_now(&w) + 10 * WHEN_HOUR - 1,
		 (long long)sim_now(&w) - 30 * WHEN_HOUR);
	scratch_sql(w.dir, "state.db", sql);
	w.shared->ca.validation_looks = 0;
	assert_true(sim_run(&w, second_has_issued, 2 * WHEN_MINUTE));
	assert_in_range(sim_rows(&w, "SELECT ended_at - created_at FROM ord"
				     " WHERE state = 9"),
			WHEN_MINUTE, WHEN_MINUTE + 3);
	sim_release(&w);
}

static bool is_under_way_at_second(struct sim_world *w)
{
	return sim_rows(w, "SELECT COUNT(*) FROM ord JOIN ca"
			   " ON ca.id = ord.ca_id WHERE ca.name = 'second'"
			   " AND state = 3 AND ended_at = 0"
			   " AND wake_ms > 0") > 0;
}

/* Eight, which take more than two minutes. */
static bool is_no_early_order(const struct fetch_request *rq)
{
	return !str_ends(rq->url, "/new-order") || new_orders++ > 7;
}

/* The first failed this name, and may be well by now; the second is away. */
static void who_fails_one_name_is_better_than_who_is_down(void **state)
{
	struct sim_world w;

	(void)state;
	start_with_two(&w, 40 * WHEN_HOUR);
	w.shared->ca.validation_looks = 1000;
	new_orders = 0;
	w.spares = is_no_early_order;
	w.fault = SIM_ERROR_500;
	w.fault_until = ULONG_MAX;
	assert_true(sim_run(&w, is_under_way_at_second, 5 * WHEN_MINUTE));
	w.shared->ca.validation_looks = 0;
	w.fault_until = 0;
	scratch_sql(w.dir, "state.db",
		    "UPDATE ca SET failures = 9, down_since = 1800000000,"
		    " retry_ms = 1900000000000 WHERE name = 'second';"
		    "UPDATE ca SET failures = 0, down_since = 0, retry_ms = 0"
		    " WHERE name = 'test'");
	assert_true(sim_run(&w, is_renewed, 3 * WHEN_HOUR));
	assert_false(second_has_issued(&w));
	assert_string_equal(w.shared->ca.complaint, "");
	sim_release(&w);
}

/* ---- what may be issued ---- */

static char finalized[SIM_TEXT]; /* the order, once it is */

/*
 * finalize acts, and its answer is lost; from then on nothing is heard of
 * that order.
 */
static bool is_no_lost_order(const struct fetch_request *rq)
{
	const char *at = strstr(rq->url, "/finalize/");

	if (at && !*finalized) {
		snprintf(finalized, sizeof(finalized), "/order/%s",
			 at + strlen("/finalize/"));
		return false;
	}
	return !*finalized || !str_ends(rq->url, finalized);
}

static void lose_finalize(struct sim_world *w)
{
	finalized[0] = '\0';
	w->spares = is_no_lost_order;
	w->fault = SIM_LOST_REPLY;
	w->fault_until = ULONG_MAX;
}

/* Issued, and not fetched: it is, when its CA is back. */
static void what_may_be_issued_is_waited_for(void **state)
{
	struct sim_world w;

	(void)state;
	start_with_two(&w, 40 * WHEN_HOUR);
	lose_finalize(&w);
	sim_run(&w, NULL, 2 * WHEN_HOUR);
	assert_true(down_for(&w) > WHEN_HOUR);
	assert_int_equal(w.shared->ca.certs, 3);
	assert_int_equal(certs_of(&w, "test"), 1);
	w.fault_until = 0;
	sim_run(&w, NULL, 5 * WHEN_MINUTE);
	assert_int_equal(w.shared->ca.certs, 3);
	assert_int_equal(certs_of(&w, "test"), 2);
	sim_release(&w);
}

static void and_not_until_it_is_too_late(void **state)
{
	struct sim_world w;
	time_t until;

	(void)state;
	start_with_two(&w, 40 * WHEN_HOUR);
	until = sim_served_until(&w, NAME);
	lose_finalize(&w);
	sim_run(&w, NULL, until - sim_now(&w) - 10 * WHEN_HOUR - 60);
	assert_int_equal(certs_of(&w, "second"), 0);
	assert_true(sim_run(&w, second_has_issued, 10 * WHEN_MINUTE));
	assert_true(sim_served_until(&w, NAME) > until);
	sim_release(&w);
}

/* Nobody else wakes us at that moment, nor soon after. */
static void nor_a_moment_later(void **state)
{
	struct sim_world w;
	time_t quarter;
	char sql[400];

	(void)state;
	start_with_two(&w, 40 * WHEN_HOUR);
	lose_finalize(&w);
	sim_run(&w, NULL, 2 * WHEN_HOUR);
	quarter = sim_now(&w) + 10 * WHEN_MINUTE + 50;
	snprintf(sql, sizeof(sql),
		 "UPDATE cert SET not_after = %lld, not_before = %lld;"
		 "UPDATE ord SET wake_ms = 1900000000000 WHERE ended_at = 0;"
		 "UPDATE ca SET retry_ms = 1900000000000 WHERE name = 'test'",
		 (long long)quarter + 10 * WHEN_HOUR,
		 (long long)quarter - 30 * WHEN_HOUR);
	scratch_sql(w.dir, "state.db", sql);
	assert_true(sim_run(&w, second_has_issued, WHEN_HOUR));
	assert_in_range(sim_rows(&w, "SELECT MAX(created_at) FROM ord"),
			quarter, quarter + 3);
	sim_release(&w);
}

/* Nothing is served meanwhile: half a day, and another may do better. */
static void a_first_certificate_is_not_waited_for_for_ever(void **state)
{
	struct sim_world w;

	(void)state;
	start_with_two(&w, 90 * WHEN_DAY);
	sim_run(&w, NULL, WHEN_MINUTE);
	lose_finalize(&w);
	sim_add(&w, "example.com");
	sim_run(&w, NULL, 11 * WHEN_HOUR);
	assert_false(sim_all_live(&w));
	assert_true(sim_run(&w, sim_all_live, 2 * WHEN_HOUR));
	sim_release(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_long_retry_after_keeps_no_order_from_the_next_ca),
		cmocka_unit_test(an_order_that_sleeps_is_moved),
		cmocka_unit_test(who_fails_one_name_is_better_than_who_is_down),
		cmocka_unit_test(what_a_ca_looks_at_stays_for_a_minute),
		cmocka_unit_test(what_may_be_issued_is_waited_for),
		cmocka_unit_test(and_not_until_it_is_too_late),
		cmocka_unit_test(nor_a_moment_later),
		cmocka_unit_test(
			a_first_certificate_is_not_waited_for_for_ever),
	};

	if (getenv("ONLY"))
		cmocka_set_test_filter(getenv("ONLY"));
	log_init(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
