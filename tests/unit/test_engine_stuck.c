/*
 * The whole engine, and a CA that answers, but brings some order to no end: one
 * name's, or everybody's. It is left for another CA, others are not kept from
 * it, and nothing is asked of it again and again.
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
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "tests/sim/engine_rig.h"
#include "tests/sim/scratch.h"

#define FOR_EVER 100000000

/* The second is asked while a quarter of the life is left. */
static void assert_second_is_asked(struct sim_world *w, long life)
{
	assert_true(sim_run(w, is_with_second, left(w) - life / 4));
}

/* ---- with another CA at hand ---- */

static void a_ca_that_never_ends_is_left(void **state)
{
	static const long lives[] = { 40 * WHEN_HOUR, 160 * WHEN_HOUR,
				      45 * WHEN_DAY, 90 * WHEN_DAY };

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(lives); i++) {
		long life = lives[i / 2];
		struct sim_world w;
		unsigned before;

		start_due(&w, 2, life);
		before = sim_ca_orders_of(&w.shared->ca, HOST);
		if (i % 2)
			w.shared->ca.validation_looks = FOR_EVER;
		else
			w.shared->ca.issuance_looks = FOR_EVER;
		assert_second_is_asked(&w, life);
		assert_in_range(sim_ca_orders_of(&w.shared->ca, HOST) - before,
				1, 3);
		sim_release(&w);
	}
}

/* Each of them is void, and so would be the next: it has time until then. */
static void a_ca_that_knows_no_order_of_it_is_left_at_last(void **state)
{
	struct sim_world w;

	(void)state;
	start_due(&w, 2, 40 * WHEN_HOUR);
	w.shared->ca.declines = HOST;
	w.shared->ca.declines_as = "malformed";
	w.shared->ca.declines_status = 404;
	assert_true(sim_run(&w, is_with_second, left(&w) - 5 * WHEN_HOUR));
	sim_release(&w);
}

static void orders_that_expire_while_the_ca_looks_are_void(void **state)
{
	struct sim_world w;
	unsigned before;

	(void)state;
	start_due(&w, 2, 40 * WHEN_HOUR);
	before = sim_ca_orders_of(&w.shared->ca, HOST);
	w.shared->ca.validation_looks = FOR_EVER;
	w.shared->ca.order_life = 5 * WHEN_MINUTE;
	assert_true(sim_run(&w, is_with_second, WHEN_HOUR));
	assert_true(sim_ca_orders_of(&w.shared->ca, HOST) - before <= 4);
	sim_release(&w);
}

/* ---- with one alone ---- */

static void orders_that_live_for_seconds_are_few(void **state)
{
	struct sim_world w;
	unsigned before;

	(void)state;
	start_due(&w, 1, 40 * WHEN_HOUR);
	before = sim_ca_orders_of(&w.shared->ca, HOST);
	w.shared->ca.validation_looks = FOR_EVER;
	w.shared->ca.order_life = 2;
	sim_run(&w, NULL, 10 * WHEN_MINUTE);
	assert_in_range(sim_ca_orders_of(&w.shared->ca, HOST) - before, 2, 6);
	sim_release(&w);
}

static void a_link_elsewhere_holds_no_order(void **state)
{
	struct sim_world w;

	(void)state;
	start_due(&w, 1, 40 * WHEN_HOUR);
	w.shared->ca.links_elsewhere = true;
	sim_run(&w, NULL, WHEN_MINUTE);
	w.shared->ca.links_elsewhere = false;
	assert_true(sim_run(&w, is_renewed, 5 * WHEN_MINUTE));
	assert_int_equal(sim_ca_orders_of(&w.shared->ca, HOST), 2);
	sim_release(&w);
}

static char lost[SIM_TEXT]; /* the end of the certificate's URL */

static bool is_no_lost_cert(const struct fetch_request *rq)
{
	const char *at = strstr(rq->url, "/cert/");

	if (at && !*lost)
		str_copy(lost, sizeof(lost), at);
	return !*lost || !str_ends(rq->url, lost);
}

static void a_certificate_that_cannot_be_had_is_made_anew(void **state)
{
	struct sim_world w;

	(void)state;
	start_due(&w, 1, 40 * WHEN_HOUR);
	lost[0] = '\0';
	w.spares = is_no_lost_cert;
	w.fault = SIM_LOST_REQUEST;
	w.fault_until = ULONG_MAX;
	sim_run(&w, NULL, left(&w) - 4);
	assert_true(left(&w) > 10 * WHEN_HOUR);
	assert_int_equal(sim_ca_orders_of(&w.shared->ca, HOST), 3);
	sim_release(&w);
}

/* ---- many names that it fails, and some that it does not ---- */

#define GOOD 40
#define BAD  200

static const struct sim_ca *the_ca;

static bool is_good_name(const struct fetch_request *rq)
{
	const char *at = strstr(rq->url, "/authz/");
	unsigned long id = at ? strtoul(at + strlen("/authz/"), NULL, 10) : 0;

	return !at || id >= the_ca->orders ||
	       !strstr(the_ca->order[id].name, "bad");
}

static void add_some(struct sim_world *w, const char *what, int count)
{
	for (int i = 0; i < count; i++) {
		char name[32];

		snprintf(name, sizeof(name), "%s%d.test", what, i);
		sim_add(w, name);
		sim_run(w, NULL, 1);
	}
}

static bool is_served(struct sim_world *w, int i)
{
	char name[32];

	snprintf(name, sizeof(name), "good%d.test", i);
	return sim_served_until(w, name) > sim_now(w);
}

static void many_that_fail_keep_nobody_from_the_ca(void **state)
{
	struct sim_world w;

	(void)state;
	sim_init(&w);
	w.settings.ca[0].limits.of[LIMIT_NEW_ORDERS].burst = 0;
	w.shared->ca.life = 12 * WHEN_HOUR;
	sim_start(&w);
	add_some(&w, "good", GOOD);
	assert_true(sim_run(&w, sim_all_live, WHEN_HOUR));
	the_ca = &w.shared->ca;
	w.spares = is_good_name;
	w.fault = SIM_ERROR_500;
	w.fault_until = ULONG_MAX;
	add_some(&w, "bad", BAD);
	for (int h = 0; h < 14; h++) {
		sim_run(&w, NULL, WHEN_HOUR);
		for (int i = 0; i < GOOD; i++)
			assert_true(is_served(&w, i));
	}
	sim_release(&w);
}

/* ---- what is asked, and what it costs ---- */

static unsigned nonces;

static bool is_no_nonce(const struct fetch_request *rq)
{
	nonces += rq->method == FETCH_HEAD;
	return rq->method != FETCH_HEAD;
}

/* One order a minute wants one. */
static void a_refused_nonce_keeps_all_away(void **state)
{
	struct sim_world w;
	char sql[100];

	(void)state;
	sim_init(&w);
	sim_start(&w);
	add_some(&w, "good", 20);
	assert_true(sim_run(&w, sim_all_live, WHEN_HOUR));
	sim_run(&w, NULL, WHEN_HOUR); /* its last nonce is old */
	snprintf(sql, sizeof(sql), "UPDATE domain SET due_at = %lld + id * 60",
		 (long long)sim_now(&w));
	scratch_sql(w.dir, "state.db", sql);
	w.spares = is_no_nonce;
	w.fault = SIM_BUSY_503;
	w.peace = "1800";
	w.fault_until = ULONG_MAX;
	nonces = 0;
	sim_run(&w, NULL, 1700);
	assert_int_equal(nonces, 1);
	sim_release(&w);
}

/* A limit below what may be in flight is always full, and nothing to wait for. */
static void a_full_bucket_wakes_nobody(void **state)
{
	struct sim_world w;
	unsigned long before;

	(void)state;
	sim_init(&w);
	w.settings.ca[0].limits.of[LIMIT_POSTS] = (struct limit){ 20, 1 };
	w.settings.ca[0].limits.of[LIMIT_NEW_ORDERS] = (struct limit){
		1, 3 * WHEN_HOUR
	};
	sim_start(&w);
	add_some(&w, "new", 4);
	sim_run(&w, NULL, 10 * WHEN_MINUTE);
	before = w.ticks;
	sim_run(&w, NULL, 10 * WHEN_MINUTE);
	assert_in_range(w.ticks - before, 1, 100);
	sim_release(&w);
}

static long level(struct sim_world *w)
{
	char sql[80];

	snprintf(sql, sizeof(sql), "SELECT level FROM bucket WHERE kind = %d",
		 LIMIT_DUPLICATES);
	return sim_rows(w, sql);
}

/* The last quarter of a life, and no token left. */
static void make_urgent(struct sim_world *w)
{
	char sql[600];
	long long now = sim_now(w);

	snprintf(sql, sizeof(sql),
		 "UPDATE cert SET not_before = not_before - %ld,"
		 " not_after = %lld, ari_start = %lld, ari_end = %lld;"
		 "UPDATE domain SET due_at = %lld;"
		 "INSERT OR REPLACE INTO bucket(ca_id, kind, subject, level,"
		 " at_ms) VALUES(1, %d, '" HOST "', 0, %lld)",
		 120 * WHEN_HOUR, now + 20 * WHEN_HOUR, now - 1000,
		 now + 20 * WHEN_HOUR, now + 1, LIMIT_DUPLICATES, now * 1000);
	scratch_sql(w->dir, "state.db", sql);
}

/* It was exempt when it was made, and the CA then declined to know why. */
static void what_was_not_taken_is_not_given_back(void **state)
{
	struct sim_world w;
	long before;

	(void)state;
	sim_init(&w);
	w.shared->ca.life = 160 * WHEN_HOUR;
	w.shared->ca.more.has_ari = true;
	sim_start(&w);
	sim_add(&w, NAME);
	assert_true(sim_run(&w, sim_all_live, 60));
	w.shared->ca.more.ari_start = sim_now(&w) + 1000;
	w.shared->ca.more.ari_end = sim_now(&w) + 170 * WHEN_HOUR;
	sim_run(&w, NULL, 30 * WHEN_HOUR);
	make_urgent(&w);
	before = level(&w);
	w.shared->ca.knows_no_replaces = true;
	w.shared->ca.declines = HOST;
	w.shared->ca.declines_as = "rejectedIdentifier";
	w.shared->ca.declines_status = 403;
	sim_run(&w, NULL, WHEN_HOUR);
	assert_true(sim_domain(&w, NAME).failures > 0);
	assert_int_equal(level(&w), before);
	sim_release(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ca_that_never_ends_is_left),
		cmocka_unit_test(
			a_ca_that_knows_no_order_of_it_is_left_at_last),
		cmocka_unit_test(
			orders_that_expire_while_the_ca_looks_are_void),
		cmocka_unit_test(orders_that_live_for_seconds_are_few),
		cmocka_unit_test(a_link_elsewhere_holds_no_order),
		cmocka_unit_test(a_certificate_that_cannot_be_had_is_made_anew),
		cmocka_unit_test(many_that_fail_keep_nobody_from_the_ca),
		cmocka_unit_test(a_refused_nonce_keeps_all_away),
		cmocka_unit_test(a_full_bucket_wakes_nobody),
		cmocka_unit_test(what_was_not_taken_is_not_given_back),
	};

	log_init(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
