/*
 * The whole engine, and a store that is full, locked or damaged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sqlite3.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/when.h"
#include "tests/sim/engine_rig.h"
#include "tests/sim/scratch.h"
#include "tests/sim/small_disk.h"

/* ---- the disk ---- */

static void a_full_disk_loses_nothing(void **state)
{
	(void)state;
	for (unsigned at = 0; at < 40; at++) {
		struct err why = ERR_INIT;
		struct sim_world w;

		start_and_step(&w, NAME, at);
		scratch_disk_full(true);
		run_for(&w, 5);
		scratch_disk_full(false);
		assert_true(sim_all_live(&w) || sim_run(&w, sim_all_live, 20));
		assert_one_certificate(&w);
		assert_ended(&w, 1, 0); /* once, however often it was staged */
		run_for(&w, 1);
		assert_false(engine_is_stuck(w.engine, &why));
		assert_int_equal(w.shared->ca.orders, 1);
		sim_release(&w);
	}
}

static bool has_begun(struct sim_world *w)
{
	return w->shared->ca.orders > 0;
}

/* A world on a disk of 16 MB, of which 2 are the reserve. */
static void start_on(struct sim_world *w, char *disk)
{
	const char *tmp = getenv("TMPDIR");
	char *before = xstrdup(tmp ? tmp : "/tmp");

	setenv("TMPDIR", disk, 1);
	start_with(w, NAME);
	setenv("TMPDIR", before, 1);
	free(before);
}

static void below_the_reserve_orders_end_and_none_begins(void **state)
{
	char *disk = small_disk(state);
	struct sim_world w;
	unsigned long ticks;

	start_on(&w, disk);
	assert_true(sim_run(&w, has_begun, WHEN_MINUTE));
	small_disk_leave(disk, SMALL_DISK_MB);
	assert_true(sim_run(&w, sim_all_live, WHEN_MINUTE));
	sim_add(&w, "b.test");
	ticks = w.ticks;
	run_for(&w, WHEN_HOUR);
	assert_int_equal(sim_domain(&w, "b.test").state, DOMAIN_ISSUING);
	assert_int_equal(w.shared->ca.orders, 1);
	assert_true(w.ticks - ticks < 200);
	small_disk_fill(disk, 0);
	assert_true(sim_run(&w, sim_all_live, 2 * WHEN_MINUTE));
	assert_int_equal(w.shared->ca.orders, 2);
	sim_release(&w);
}

/* Another process holds the write lock for longer than SQLite waits. */
static void a_held_lock_loses_nothing(void **state)
{
	struct sim_world w;
	sqlite3 *other;
	char *path;

	(void)state;
	start_with(&w, NAME);
	path = scratch_path(w.dir, "state.db");
	assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
	free(path);
	for (unsigned i = 0; i < 8; i++)
		sim_step(&w);
	assert_int_equal(
		sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL),
		SQLITE_OK);
	sim_step(&w);
	sim_step(&w);
	sqlite3_close(other);
	assert_true(sim_run(&w, sim_all_live, 20));
	assert_one_certificate(&w);
	sim_release(&w);
}

/* A table is away: every statement that needs it fails. */
static const struct {
	const char *file, *away, *back;
} failures[] = {
	{ "state.db", "ALTER TABLE change RENAME TO away",
	  "ALTER TABLE away RENAME TO change" },
	{ "serve.db", "ALTER TABLE challenge RENAME TO away",
	  "ALTER TABLE away RENAME TO challenge" },
};

static void fail_for_a_while(struct sim_world *w, size_t i)
{
	unsigned long before;

	scratch_sql(w->dir, failures[i].file, failures[i].away);
	run_for(w, 3);
	before = w->shared->exchanges;
	run_for(w, 10);
	assert_int_equal(w->shared->exchanges, before);
	scratch_sql(w->dir, failures[i].file, failures[i].back);
}

/*
 * What is not committed, or not to be seen by serving yet, is not acted upon;
 * and what comes in meanwhile is not forgotten.
 */
static void nothing_is_done_before_it_is_served(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(failures); i++)
		for (unsigned at = 0; at < 40; at++) {
			struct sim_world w;

			start_and_step(&w, NAME, at);
			fail_for_a_while(&w, i);
			assert_true(sim_all_live(&w) ||
				    sim_run(&w, sim_all_live, 20));
			assert_one_certificate(&w);
			sim_release(&w);
		}
}

/* ---- damage ---- */

#define DAMAGED "damaged.example.org"

/* Rows of one domain that do not decode, at a step of its order. */
static const struct {
	const char *sql;
	bool recovers; /* the domain itself goes live too */
} damages[] = {
	{ "UPDATE key SET scalar = x'00' WHERE domain_id = 1", true },
	{ "UPDATE ord SET token = hex(zeroblob(500)) WHERE domain_id = 1",
	  true },
	{ "UPDATE ord SET state = 77 WHERE domain_id = 1", true },
	{ "UPDATE ord SET state = 8 WHERE domain_id = 1", true },
	{ "UPDATE ord SET csr = zeroblob(5000) WHERE domain_id = 1", true },
	{ "UPDATE domain SET problem = hex(zeroblob(900)) WHERE id = 1",
	  false },
	{ "UPDATE domain SET name = hex(zeroblob(900)) WHERE id = 1", false },
};

static bool is_live(struct sim_world *w, const char *name)
{
	struct err err = ERR_INIT;
	struct domain d;

	return domain_by_name(w->store, name, &d, &err) &&
	       d.state == DOMAIN_LIVE;
}

static void check_damage(size_t i, unsigned at, bool restarts)
{
	struct sim_world w;

	start_and_step(&w, DAMAGED, at);
	if (restarts)
		sim_stop(&w);
	scratch_sql(w.dir, "state.db", damages[i].sql);
	if (restarts)
		sim_start(&w);
	sim_add(&w, NAME);
	run_for(&w, 30);
	assert_true(is_live(&w, NAME));
	w.ticks = 0;
	run_for(&w, 20 * WHEN_MINUTE);
	assert_true(w.ticks < 200);
	if (damages[i].recovers)
		assert_true(is_live(&w, DAMAGED));
	sim_release(&w);
}

static void a_damaged_row_holds_nobody_up(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
		print_message("%s\n", damages[i].sql);
		for (unsigned at = 1; at < 24; at++)
			check_damage(i, at, at % 2 == 0);
	}
}

/* A row that nothing would ever come back to is found at the start. */
static void a_forgotten_domain_is_due_at_the_start(void **state)
{
	struct sim_world w;

	(void)state;
	start_with(&w, NAME);
	assert_true(sim_run(&w, is_under_way, 10));
	sim_stop(&w);
	scratch_sql(w.dir, "state.db", "DELETE FROM ord");
	sim_start(&w);
	assert_true(sim_run(&w, sim_all_live, 10));
	sim_release(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_disk_loses_nothing),
		ON_A_SMALL_DISK(below_the_reserve_orders_end_and_none_begins),
		cmocka_unit_test(a_held_lock_loses_nothing),
		cmocka_unit_test(nothing_is_done_before_it_is_served),
		cmocka_unit_test(a_damaged_row_holds_nobody_up),
		cmocka_unit_test(a_forgotten_domain_is_due_at_the_start),
	};

	if (getenv("ONLY"))
		cmocka_set_test_filter(getenv("ONLY"));
	log_init(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
