/*
 * What `ca show` says of limits: what is left of them, and how long many new
 * domains will take. With a real engine in the virtual world of tests/sim.
 */
#include "daemon/ca_view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/when.h"
#include "store/bucket.h"
#include "tests/sim/scratch.h"
#include "tests/sim/sim_world.h"

static struct sim_world w;
static struct config config;

static struct limit *limit_of(enum limit_kind kind)
{
	return &w.settings.ca[0].limits.of[kind];
}

static int set_up(void **state)
{
	(void)state;
	sim_init(&w);
	for (size_t i = 0; i < LIMIT_KINDS; i++)
		w.settings.ca[0].limits.of[i] = (struct limit){ 0, 1 };
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	sim_release(&w);
	return 0;
}

static json_t *view(void)
{
	const struct admin_parts parts = { .store = w.store,
					   .engine = w.engine,
					   .config = &config };
	struct engine_ca_status ca;

	config.engine = w.settings;
	engine_ca_status(w.engine, 0, &ca);
	return ca_view(&parts, &ca, sim_now(&w));
}

/* ---- what is left ---- */

static long left(const char *name)
{
	json_t *all = view(), *one;
	long found = -1;
	size_t i;

	json_array_foreach(json_object_get(all, "limits"), i, one)
	{
		if (!strcmp(json_string_value(json_object_get(one, "limit")),
			    name))
			found = (long)json_integer_value(
				json_object_get(one, "left"));
	}
	json_decref(all);
	return found;
}

/* Of all that an order costs, also where nobody writes it down. */
static void what_is_left_is_told(void **state)
{
	(void)state;
	*limit_of(LIMIT_NEW_ORDERS) = (struct limit){ 9, WHEN_DAY };
	*limit_of(LIMIT_POSTS) = (struct limit){ 90, WHEN_DAY };
	sim_start(&w);
	assert_int_equal(left("posts"), 90);
	sim_add(&w, "example.org");
	assert_true(sim_run(&w, sim_all_live, 100));
	assert_int_equal(left("new-orders"), 8);
	assert_in_range(left("posts"), 80, 86);
}

/* ---- how long it will take ---- */

static void add_waiting(long count, const char *name, int state)
{
	char sql[400];

	snprintf(sql, sizeof(sql),
		 "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1"
		 " FROM n WHERE i < %ld) INSERT INTO domain(name, state,"
		 " created_at, state_at) SELECT printf('%s', i), %d, 1, 1"
		 " FROM n",
		 count, name, state);
	scratch_sql(w.dir, "state.db", sql);
}

/* From now, in minutes. */
static long minutes_until(const char *key)
{
	json_t *all = view();
	const char *at = json_string_value(
		json_object_get(json_object_get(all, "onboarding"), key));
	time_t then = 0;

	assert_non_null(at);
	assert_true(instant_parse(at, &then));
	json_decref(all);
	return (then - sim_now(&w)) / WHEN_MINUTE;
}

#define ALONE  "%d.example"
#define UNDER  "d%d.customer.example"
#define OTHERS "d%d.other.example"

static void under_one_domain_they_come_one_by_one(void **state)
{
	(void)state;
	*limit_of(LIMIT_NEW_ORDERS) = (struct limit){ 100, 100 * WHEN_MINUTE };
	*limit_of(LIMIT_PER_DOMAIN) = (struct limit){ 50, 50 * WHEN_HOUR };
	sim_start(&w);
	add_waiting(300, ALONE, DOMAIN_ISSUING);
	assert_int_equal(minutes_until("last_ordered"), 200);
	add_waiting(80, UNDER, DOMAIN_ISSUING);
	assert_int_equal(minutes_until("last_ordered"), 30 * 60);
	add_waiting(60, OTHERS, DOMAIN_WAITING_FOR_DNS);
	assert_int_equal(minutes_until("last_ordered"), 30 * 60);
	assert_int_equal(minutes_until("last_if_all_came_now"), 30 * 60);
	add_waiting(40, "e" OTHERS, DOMAIN_ISSUING);
	assert_int_equal(minutes_until("last_if_all_came_now"), 50 * 60);
}

static void what_others_have_used_up_is_counted(void **state)
{
	const struct bucket empty = { -1000, SIM_START * 1000 };
	struct err err = ERR_INIT;

	(void)state;
	*limit_of(LIMIT_PER_DOMAIN) = (struct limit){ 50, 50 * WHEN_HOUR };
	sim_start(&w);
	must(store_begin(w.store, &err), &err);
	must(bucket_write(w.store, 1, LIMIT_PER_DOMAIN, "customer.example",
			  &empty, &err),
	     &err);
	must(store_commit(w.store, &err), &err);
	add_waiting(1, UNDER, DOMAIN_ISSUING);
	assert_int_equal(minutes_until("last_ordered"), 2 * 60);
}

/* Of 40,000 not each is looked at: it is near enough, and never too late. */
static void of_many_a_part_is_looked_at(void **state)
{
	(void)state;
	*limit_of(LIMIT_NEW_ORDERS) = (struct limit){ 300, 3 * WHEN_HOUR };
	*limit_of(LIMIT_PER_DOMAIN) = (struct limit){ 50, 50 * WHEN_HOUR };
	sim_start(&w);
	add_waiting(30000, ALONE, DOMAIN_ISSUING);
	assert_in_range(minutes_until("last_ordered"), 17820, 17821);
	add_waiting(10000, UNDER, DOMAIN_ISSUING);
	assert_in_range(minutes_until("last_ordered"), 8000 * 60, 9950 * 60);
}

#define IN_A_BOX(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_A_BOX(what_is_left_is_told),
		IN_A_BOX(under_one_domain_they_come_one_by_one),
		IN_A_BOX(what_others_have_used_up_is_counted),
		IN_A_BOX(of_many_a_part_is_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
