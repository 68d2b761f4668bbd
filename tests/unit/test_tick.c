/*
 * How long a tick of the engine may take, how long it rests after it, and how
 * soon it is tried again when it fails: in the virtual world, where work takes
 * the time that a test says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/when.h"
#include "tests/sim/scratch.h"
#include "tests/sim/sim_world.h"

#define NAMES 24

static struct sim_world w;

static long rows(const char *sql)
{
	return scratch_number(w.dir, "state.db", sql);
}

static long orders(void)
{
	return rows("SELECT COUNT(*) FROM ord");
}

static void add_names(void)
{
	char name[32];

	for (int i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "d%02d.example", i);
		sim_add(&w, name);
	}
}

/* An admin wants all of them renewed: now. */
static void make_due(void)
{
	scratch_sql(w.dir, "state.db",
		    "UPDATE domain SET due_at = 1, renew_forced = 1");
	engine_poke(w.engine);
}

static int set_up(void **state)
{
	(void)state;
	sim_init(&w);
	w.settings.ca[0].limits = limits_staging();
	sim_start(&w);
	add_names();
	must(sim_run(&w, sim_all_live, WHEN_MINUTE), NULL);
	sim_run(&w, NULL, WHEN_MINUTE);
	make_due();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	sim_release(&w);
	return 0;
}

/* The tick that comes next, to its end; how many milliseconds it took. */
static long tick(void)
{
	unsigned long before = w.ticks;
	int64_t since = w.wake_at_ms > w.shared->now_ms ? w.wake_at_ms
							: w.shared->now_ms;

	sim_step(&w);
	assert_int_equal(w.ticks, before + 1);
	while (w.is_syncing)
		sim_step(&w);
	return w.shared->now_ms - since;
}

static long until_next_ms(void)
{
	return w.wake_at_ms - w.shared->now_ms;
}

/* ---- staging ---- */

/* Each order costs a key: so many fit in, and the one that was begun. */
static const struct {
	long key_ms, orders;
} keys[] = {
	{ 1, 10 }, { 3, 4 }, { 9, 2 }, { 10, 1 }, { 70, 1 },
};

static void what_does_not_fit_in_waits_for_the_next_tick(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		long had;

		set_up(NULL);
		had = orders();
		w.key_ms = keys[i].key_ms;
		assert_int_equal(tick(), keys[i].orders * keys[i].key_ms);
		print_message("%ld ms a key: %ld orders\n", keys[i].key_ms,
			      orders() - had);
		assert_int_equal(orders() - had, keys[i].orders);
		assert_true(until_next_ms() <= 150);
		sim_run(&w, NULL, WHEN_MINUTE);
		assert_int_equal(orders() - had, NAMES);
		tear_down(NULL);
	}
}

/* ---- the rest ---- */

static const struct {
	const char *what;
	long key_ms, commit_ms, rest_ms;
} rests[] = {
	{ "twenty milliseconds are between two ticks in any case", 10, 0, 20 },
	{ "a tick that is not slow: as long again", 10, 4, 20 },
	{ "a slow disk: three times as long", 10, 5, 45 },
	{ "a slower one", 10, 30, 120 },
	{ "and not more than that", 10, 400, 150 },
};

static void after_a_tick_the_thread_is_left_to_others(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rests); i++) {
		print_message("%s\n", rests[i].what);
		set_up(NULL);
		w.key_ms = rests[i].key_ms;
		w.commit_ms = rests[i].commit_ms;
		assert_int_equal(tick(), w.key_ms + w.commit_ms);
		assert_int_equal(until_next_ms(), rests[i].rest_ms);
		tear_down(NULL);
	}
}

/* What comes meanwhile waits for its end: it is one commit. */
static void a_poke_does_not_end_the_rest(void **state)
{
	(void)state;
	w.key_ms = 10;
	w.commit_ms = 30;
	tick();
	assert_int_equal(until_next_ms(), 120);
	for (int i = 0; i < 100; i++)
		engine_poke(w.engine);
	assert_int_equal(until_next_ms(), 120);
	w.shared->now_ms += 100;
	engine_poke(w.engine);
	assert_int_equal(until_next_ms(), 20);
	w.shared->now_ms += 30;
	engine_poke(w.engine);
	assert_int_equal(until_next_ms(), 0);
}

/* The end of it lies two minutes ahead now: it is not waited for. */
static void a_clock_that_is_set_back_makes_no_long_rest(void **state)
{
	(void)state;
	w.key_ms = 10;
	w.commit_ms = 30;
	tick();
	w.shared->skew_ms -= 2 * WHEN_MINUTE * 1000;
	engine_poke(w.engine);
	assert_int_equal(until_next_ms(), 0);
}

/* ---- the disk is waited for ---- */

/* A tick is staged and committed, and its sync takes a second. */
static void wait_for_the_disk(void)
{
	w.sync_ms = 1000;
	w.key_ms = 1;
	sim_step(&w);
	assert_true(w.is_syncing);
}

static unsigned long points(void)
{
	return w.shared->points;
}

static void nothing_is_done_before_it_is_durable(void **state)
{
	unsigned long exchanges = w.shared->exchanges, passed;

	(void)state;
	wait_for_the_disk();
	passed = points();
	for (int ms = 0; ms < 999; ms += 37) {
		engine_poke(w.engine);
		engine_tick(w.engine);
		w.shared->now_ms += 37;
		assert_int_equal(points(), passed);
		assert_int_equal(w.shared->exchanges, exchanges);
		assert_int_equal(rows("SELECT COUNT(*) FROM ord"
				      " WHERE ended_at = 0"),
				 10);
	}
	sim_run(&w, NULL, 1);
	assert_true(points() > passed);
	assert_true(w.shared->exchanges > exchanges);
}

static unsigned times_told;

static void tell(void *arg)
{
	assert_ptr_equal(arg, &times_told);
	assert_false(w.is_syncing);
	times_told++;
}

/* Whoever is told of the rows finds them served. */
static void who_waits_for_the_disk_is_told_once_it_is_done(void **state)
{
	unsigned long passed;

	(void)state;
	times_told = 0;
	assert_false(engine_when_settled(w.engine, tell, &times_told));
	wait_for_the_disk();
	passed = points();
	assert_true(engine_when_settled(w.engine, tell, &times_told));
	assert_int_equal(times_told, 0);
	while (w.is_syncing)
		sim_step(&w);
	assert_true(points() >= passed + 4); /* projected, and acted */
	assert_int_equal(times_told, 1);
	tick();
	assert_int_equal(times_told, 1);
}

static void who_waits_no_more_is_not_told(void **state)
{
	(void)state;
	times_told = 0;
	wait_for_the_disk();
	engine_when_settled(w.engine, tell, &times_told);
	engine_when_settled(w.engine, NULL, NULL);
	while (w.is_syncing)
		sim_step(&w);
	assert_int_equal(times_told, 0);
}

/* Others have had the thread meanwhile. */
static void its_rest_is_that_of_the_work_alone(void **state)
{
	(void)state;
	w.sync_ms = 1000;
	w.key_ms = 14;
	assert_int_equal(tick(), 1014);
	assert_int_equal(until_next_ms(), 20);
}

/* That a name does not lead here is written down, and leads to nothing. */
static void a_name_waits(const char *name)
{
	w.sync_ms = 0;
	sim_run(&w, NULL, WHEN_MINUTE);
	w.names_lead_here = false;
	w.sync_ms = 1000;
	sim_add(&w, name);
	while (!w.is_syncing)
		sim_step(&w);
}

/* It may be about what the tick has looked at already. */
static void a_poke_meanwhile_is_not_forgotten(void **state)
{
	(void)state;
	a_name_waits("one.example");
	while (w.is_syncing)
		sim_step(&w);
	assert_true(until_next_ms() > 1000);
	a_name_waits("another.example");
	engine_poke(w.engine);
	while (w.is_syncing)
		sim_step(&w);
	assert_true(until_next_ms() <= 150);
}

/*
 * The kernel may have thrown away what it could not write, and calls the next
 * sync a success: so that is not asked for again.
 */
static void a_sync_that_failed_is_put_right_first(void **state)
{
	unsigned long exchanges = w.shared->exchanges;

	(void)state;
	w.syncs_fail = true;
	wait_for_the_disk();
	sim_step(&w);
	assert_false(w.is_syncing);
	assert_int_equal(until_next_ms(), 1000);
	assert_int_equal(w.shared->exchanges, exchanges);
	assert_false(store_is_durable(w.store));
	sim_step(&w);
	assert_false(w.is_syncing);
	assert_true(store_is_durable(w.store));
	assert_true(w.shared->exchanges > exchanges);
	w.syncs_fail = false;
	sim_run(&w, NULL, WHEN_MINUTE);
	assert_int_equal(rows("SELECT COUNT(*) FROM cert"), 2 * NAMES);
}

/* ---- a tick that fails ---- */

static int saved_stderr, said;

static void begin_listening(void)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	saved_stderr = dup(STDERR_FILENO);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	said = ends[0];
}

/* How often it was said. */
static unsigned end_listening(const char *what)
{
	static char text[65536];
	ssize_t n;
	unsigned times = 0;

	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	n = read(said, text, sizeof(text) - 1);
	close(said);
	text[n > 0 ? n : 0] = '\0';
	for (const char *at = text; (at = strstr(at, what)); at++)
		times++;
	return times;
}

/* Nothing is lost meanwhile, and nothing is spun on. */
static void a_full_disk_is_tried_ever_more_slowly(void **state)
{
	static const long pauses[] = { 1000, 2000, 4000, 8000, 8000, 8000 };

	(void)state;
	for (int again = 0; again < 2; again++) {
		make_due();
		scratch_disk_full(true);
		for (size_t i = 0; i < ARRAY_LEN(pauses); i++) {
			tick();
			assert_int_equal(until_next_ms(), pauses[i]);
		}
		scratch_disk_full(false);
		sim_run(&w, NULL, 5 * WHEN_MINUTE);
		must(!w.events, NULL);
	}
	assert_int_equal(rows("SELECT COUNT(*) FROM cert"), 3 * NAMES);
}

/* An admin who has made room, an answer that comes: it is tried at once. */
static void a_poke_ends_the_pause(void **state)
{
	(void)state;
	scratch_disk_full(true);
	for (int i = 0; i < 4; i++)
		tick();
	assert_int_equal(until_next_ms(), 8000);
	engine_poke(w.engine);
	assert_int_equal(until_next_ms(), 0);
	tick();
	assert_int_equal(until_next_ms(), 8000);
	scratch_disk_full(false);
}

/* Of a disk that is full for an hour: each ten minutes. */
static void the_same_failure_is_told_now_and_then(void **state)
{
	unsigned told, begun;

	(void)state;
	scratch_disk_full(true);
	begin_listening();
	sim_run(&w, NULL, WHEN_HOUR - 1);
	told = end_listening("trying again");
	scratch_disk_full(false);
	assert_in_range(told, 6, 7);

	sim_run(&w, NULL, 5 * WHEN_MINUTE);
	make_due();
	scratch_disk_full(true);
	begin_listening();
	sim_run(&w, NULL, 2 * WHEN_MINUTE);
	begun = end_listening("trying again");
	scratch_disk_full(false);
	assert_int_equal(begun, 1); /* that is another one */
}

/* ---- a box that is always too slow ---- */

/* What else is to be done takes all of the time: it gets on all the same. */
static void however_slow_it_is_it_gets_on(void **state)
{
	static const long looks_ms[] = { 1, 11, 100 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(looks_ms); i++) {
		long had;

		set_up(NULL);
		had = orders();
		w.look_ms = looks_ms[i];
		sim_run(&w, NULL, WHEN_HOUR);
		print_message("%ld ms a look at the clock: %ld orders\n",
			      looks_ms[i], orders() - had);
		assert_int_equal(orders() - had, NAMES);
		assert_int_equal(rows("SELECT COUNT(*) FROM cert"), 2 * NAMES);
		tear_down(NULL);
	}
}

#define SET_UP(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_does_not_fit_in_waits_for_the_next_tick),
		cmocka_unit_test(after_a_tick_the_thread_is_left_to_others),
		SET_UP(a_poke_does_not_end_the_rest),
		SET_UP(a_clock_that_is_set_back_makes_no_long_rest),
		SET_UP(nothing_is_done_before_it_is_durable),
		SET_UP(its_rest_is_that_of_the_work_alone),
		SET_UP(a_poke_meanwhile_is_not_forgotten),
		SET_UP(who_waits_for_the_disk_is_told_once_it_is_done),
		SET_UP(who_waits_no_more_is_not_told),
		SET_UP(a_sync_that_failed_is_put_right_first),
		SET_UP(a_full_disk_is_tried_ever_more_slowly),
		SET_UP(a_poke_ends_the_pause),
		SET_UP(the_same_failure_is_told_now_and_then),
		cmocka_unit_test(however_slow_it_is_it_gets_on),
	};

	if (getenv("ONLY"))
		cmocka_set_test_filter(getenv("ONLY"));
	log_init(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
