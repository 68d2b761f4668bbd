/*
 * Buckets of limits in the whole engine: how long they are kept. In the
 * virtual world of tests/sim.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/mem.h"
#include "base/when.h"
#include "tests/sim/scratch.h"
#include "tests/sim/sim_world.h"

#define PERIOD	 (7 * WHEN_DAY)
#define KEPT_FOR (2 * PERIOD + LIMIT_WAIT_MAX)
#define NAME	 "example.org"

static struct sim_world w;

static int set_up(void **state)
{
	(void)state;
	sim_init(&w);
	for (size_t i = 0; i < LIMIT_KINDS; i++)
		w.settings.ca[0].limits.of[i] = (struct limit){ 0, 1 };
	w.settings.ca[0].limits.of[LIMIT_DUPLICATES] =
		(struct limit){ 5, PERIOD };
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	sim_release(&w);
	return 0;
}

static void add_rows(const char *name, int count, time_t at)
{
	char sql[300];

	snprintf(sql, sizeof(sql),
		 "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1"
		 " FROM n WHERE i < %d) INSERT INTO bucket SELECT 1, 2,"
		 " '%s' || i, 0, %ld000 FROM n", count, name, (long)at);
	scratch_sql(w.dir, "state.db", sql);
}

static long rows(const char *like)
{
	char sql[100];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM bucket"
				   " WHERE subject LIKE '%s'", like);
	return scratch_number(w.dir, "state.db", sql);
}

static void go_live(void)
{
	sim_start(&w);
	sim_add(&w, NAME);
	assert_true(sim_run(&w, sim_all_live, 100));
}

static void what_is_full_again_is_forgotten(void **state)
{
	(void)state;
	go_live();
	add_rows("old", 1000, sim_now(&w) - KEPT_FOR - WHEN_MINUTE);
	add_rows("young", 7, sim_now(&w) - KEPT_FOR + WHEN_DAY);
	sim_run(&w, NULL, 10 * WHEN_HOUR);
	assert_int_equal(rows("old%"), 0);
	assert_int_equal(rows("young%"), 7);
	assert_int_equal(rows("mta-sts." NAME), 1);
	sim_run(&w, NULL, 2 * WHEN_DAY);
	assert_int_equal(rows("young%"), 0);
	assert_int_equal(rows("mta-sts." NAME), 1);
}

/* A part at a time: nobody waits for thousands of them. */
static void a_part_at_a_time(void **state)
{
	long before, most = 0;

	(void)state;
	go_live();
	add_rows("old", 1000, SIM_START - 2 * KEPT_FOR);
	for (before = 1000; before && w.ticks < 1000; before = rows("old%")) {
		sim_step(&w);
		if (before - rows("old%") > most)
			most = before - rows("old%");
	}
	assert_int_equal(before, 0);
	assert_in_range(most, 1, 200);
}

/* The machine boots three months ahead, and no CA can be asked. */
static void not_by_a_clock_that_nobody_confirmed(void **state)
{
	(void)state;
	go_live();
	sim_stop(&w);
	add_rows("young", 7, sim_now(&w) - WHEN_DAY);
	w.fault = SIM_LOST_REQUEST;
	w.fault_until = -1UL;
	w.shared->skew_ms = 90 * WHEN_DAY * 1000LL;
	sim_start(&w);
	sim_run(&w, NULL, 12 * WHEN_HOUR);
	assert_true(engine_clock(w.engine) > sim_now(&w) + 80 * WHEN_DAY);
	assert_int_equal(rows("young%"), 7);

	w.fault = SIM_FAULTLESS;
	sim_run(&w, NULL, 12 * WHEN_HOUR);
	assert_true(engine_clock(w.engine) <= sim_now(&w));
	assert_int_equal(rows("young%"), 7);
}

#define IN_A_BOX(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_A_BOX(what_is_full_again_is_forgotten),
		IN_A_BOX(a_part_at_a_time),
		IN_A_BOX(not_by_a_clock_that_nobody_confirmed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
