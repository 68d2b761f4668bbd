#include "base/lag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/sim/scratch.h"

static const struct lag_counts none;

static void nothing_yet_is_zero(void **state)
{
	struct lag_figures f = lag_figures(&none, &none);

	(void)state;
	assert_int_equal(f.beats, 0);
	assert_int_equal(f.p50_ms, 0);
	assert_int_equal(f.p99_ms, 0);
	assert_int_equal(f.max_ms, 0);
}

static void a_hundred_beats_have_their_percentiles(void **state)
{
	struct lag_counts c = { .beats = 0 };
	struct lag_figures f;

	(void)state;
	for (unsigned ms = 0; ms < 100; ms++)
		lag_note(&c, ms);
	f = lag_figures(&c, &none);
	assert_int_equal(f.beats, 100);
	assert_int_equal(f.p50_ms, 49);
	assert_int_equal(f.p99_ms, 98);
	assert_int_equal(f.max_ms, 99);
}

static void one_in_a_thousand_is_only_in_the_maximum(void **state)
{
	struct lag_counts c = { .beats = 0 };
	struct lag_figures f;

	(void)state;
	for (unsigned i = 0; i < 999; i++)
		lag_note(&c, 3);
	lag_note(&c, 99);
	f = lag_figures(&c, &none);
	assert_int_equal(f.p50_ms, 3);
	assert_int_equal(f.p99_ms, 3);
	assert_int_equal(f.max_ms, 99);
}

static void totals_lie_by_their_bounds(void **state)
{
	static const unsigned late[] = { 0, 1, 2, 3, 50, 51, 5000, 5001 };
	static const unsigned long in[LAG_BOUNDS + 1] = {
		[0] = 2, [1] = 1, [2] = 1, [5] = 1, [6] = 1, [10] = 1, [11] = 1
	};
	struct lag_totals t = { .late_ms = 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(late) / sizeof(*late); i++)
		lag_add_up(&t, late[i]);
	for (size_t i = 0; i <= LAG_BOUNDS; i++)
		assert_int_equal(t.beats[i], in[i]);
	assert_int_equal(t.late_ms, 10108);
}

static void two_windows_are_one(void **state)
{
	struct lag_counts a = { .beats = 0 }, b = { .beats = 0 };
	struct lag_figures f;

	(void)state;
	lag_note(&a, 10);
	lag_note(&b, 20);
	lag_note(&b, 90);
	f = lag_figures(&a, &b);
	assert_int_equal(f.beats, 3);
	assert_int_equal(f.p50_ms, 20);
	assert_int_equal(f.p99_ms, 90);
	assert_int_equal(f.max_ms, 90);
}

/* Or the longer a stall, the less it would count. */
static void a_long_stall_is_the_beats_that_it_swallowed(void **state)
{
	struct lag_counts c = { .beats = 0 };
	struct lag_figures f;

	(void)state;
	lag_note(&c, 350); /* and 250, 150, 50 */
	f = lag_figures(&c, &none);
	assert_int_equal(f.beats, 4);
	assert_int_equal(f.p50_ms, 150);
	assert_int_equal(f.p99_ms, 350);
	lag_note(&c, 60000);
	assert_int_equal(c.beats, 4 + 601);
	assert_int_equal(lag_figures(&c, &none).p50_ms, LAG_EXACT_MS);
}

static void hold_up(void *arg)
{
	(void)arg;
	usleep(350000); /* longer than three beats */
}

static void stop(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	loop_stop(arg);
}

static void what_holds_the_loop_up_is_seen(void **state)
{
	static const struct timeval second = { 1, 0 };
	struct err err = ERR_INIT;
	struct loop *loop = loop_new(&err);
	struct lag *lag = lag_new(loop, &err);
	struct lag_figures f;

	(void)state;
	must(lag != NULL, &err);
	event_base_once(loop_base(loop), -1, EV_TIMEOUT, stop, loop, &second);
	loop_post(loop, hold_up, NULL);
	loop_run(loop);
	f = lag_read(lag);
	assert_true(f.beats > 0);
	assert_in_range(f.max_ms, 200, 60000);
	lag_free(lag);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_yet_is_zero),
		cmocka_unit_test(a_hundred_beats_have_their_percentiles),
		cmocka_unit_test(one_in_a_thousand_is_only_in_the_maximum),
		cmocka_unit_test(two_windows_are_one),
		cmocka_unit_test(totals_lie_by_their_bounds),
		cmocka_unit_test(a_long_stall_is_the_beats_that_it_swallowed),
		cmocka_unit_test(what_holds_the_loop_up_is_seen),
	};

	loop_init_library();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
