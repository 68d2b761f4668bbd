/* Percentiles, by hand. */
#include "tests/bench/times.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/mem.h"

static struct times of(size_t count)
{
	struct times t = { 0 };

	for (size_t i = count; i > 0; i--) /* count, ..., 2, 1 */
		times_add(&t, (int64_t)i * 1000);
	return t;
}

static const struct {
	size_t count;
	double percent;
	uint32_t us;
} cases[] = {
	{ 0, 50, 0 },	    { 1, 50, 1 },      { 1, 99, 1 },
	{ 2, 50, 1 },	    { 3, 50, 2 },      { 100, 50, 50 },
	{ 100, 99, 99 },    { 100, 100, 100 }, { 101, 99, 100 },
	{ 10, 99, 10 },	    { 100, 0, 1 },     { 5000, 99, 4950 },
	{ 5000, 50, 2500 },
};

static void test_percentiles(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct times t = of(cases[i].count);

		print_message("%g %% of 1 to %zu\n", cases[i].percent,
			      cases[i].count);
		assert_int_equal(times_percentile(&t, cases[i].percent),
				 cases[i].us);
		times_release(&t);
	}
}

static void test_more_can_come_after_a_look(void **state)
{
	struct times t = of(3);

	(void)state;
	assert_int_equal(times_percentile(&t, 100), 3);
	times_add(&t, 500);
	times_add(&t, 9000);
	assert_int_equal(times_percentile(&t, 0), 0);
	assert_int_equal(times_percentile(&t, 100), 9);
	times_release(&t);
}

/* Hours fit into no 32 bits of microseconds. */
static void test_the_longest_are_not_short(void **state)
{
	struct times t = { 0 };

	(void)state;
	times_add(&t, 2 * 3600 * (int64_t)1000000000);
	assert_int_equal(times_percentile(&t, 50), UINT32_MAX);
	times_release(&t);
}

static void test_clocks_go_on(void **state)
{
	int64_t now = times_now_ns(), cpu = times_cpu_ns();

	(void)state;
	while (times_cpu_ns() - cpu < 2000000)
		continue;
	assert_true(times_now_ns() - now >= 1900000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_percentiles),
		cmocka_unit_test(test_more_can_come_after_a_look),
		cmocka_unit_test(test_the_longest_are_not_short),
		cmocka_unit_test(test_clocks_go_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
