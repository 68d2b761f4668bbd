/*
 * How many descriptors are left for connections.
 */
#include "daemon/file_limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/resource.h>

#include "base/mem.h"

static const struct {
	rlim_t limit;
	unsigned wanted, share;
} cases[] = {
	{ 1000, 800, 800 },   { 1000, 801, 800 },
	{ 1000, 10000, 800 }, { 400, 300, 200 }, /* half, at the least */
	{ 64, 10, 10 },	      { 64, 1000, 32 },
};

static void others_leave_us_enough(void **state)
{
	struct rlimit limit;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
		limit.rlim_cur = cases[i].limit;
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
		assert_int_equal(file_limit_share(cases[i].wanted),
				 cases[i].share);
	}
}

static void all_that_is_allowed_is_taken(void **state)
{
	struct rlimit limit;

	(void)state;
	file_limit_raise();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_true(limit.rlim_cur == limit.rlim_max);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(others_leave_us_enough),
		cmocka_unit_test(all_that_is_allowed_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
