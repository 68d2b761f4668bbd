#include "httpd/yield.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"

static struct yielders all;
static struct yielder some[3];

static int set_up(void **state)
{
	(void)state;
	yielders_init(&all);
	for (size_t i = 0; i < ARRAY_LEN(some); i++) {
		some[i] = (struct yielder){ .who = &some[i] };
		yield_from(&all, &some[i], (int64_t)i);
	}
	return 0;
}

static void nobody_goes_before_two_seconds(void **state)
{
	(void)state;
	assert_null(yield_first(&all, YIELD_MS - 1));
	assert_ptr_equal(yield_first(&all, YIELD_MS), &some[0]);
	yield_never(&all, &some[0]);
	yield_never(&all, &some[0]);
	assert_null(yield_first(&all, YIELD_MS));
	assert_ptr_equal(yield_first(&all, YIELD_MS + 1), &some[1]);
}

static void who_asks_is_the_last_again(void **state)
{
	(void)state;
	yield_from(&all, &some[0], 1000);
	assert_ptr_equal(yield_first(&all, 10000), &some[1]);
	yield_never(&all, &some[1]);
	yield_never(&all, &some[2]);
	assert_null(yield_first(&all, 1000 + YIELD_MS - 1));
	assert_ptr_equal(yield_first(&all, 1000 + YIELD_MS), &some[0]);
	yield_never(&all, &some[0]);
	assert_null(yield_first(&all, 10000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nobody_goes_before_two_seconds, set_up),
		cmocka_unit_test_setup(who_asks_is_the_last_again, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
