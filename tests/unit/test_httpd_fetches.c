/* What a serving thread counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "httpd/fetches.h"

static struct fetches f;
static struct served_count out[FETCHES_MAX];

static void each_policy_has_its_count(void **state)
{
	size_t n;

	(void)state;
	assert_int_equal(fetches_take(&f, out), 0);
	for (int64_t id = 1; id <= 300; id++)
		for (int64_t k = 0; k <= id % 3; k++)
			assert_true(fetches_add(&f, id * 1024)); /* collide */
	n = fetches_take(&f, out);
	assert_int_equal(n, 300);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(out[i].fetches,
				 1 + out[i].policy_id / 1024 % 3);
	assert_int_equal(fetches_take(&f, out), 0);
}

static void it_does_not_grow(void **state)
{
	(void)state;
	for (int64_t id = 1; id <= FETCHES_MAX; id++)
		assert_true(fetches_add(&f, id));
	assert_false(fetches_add(&f, FETCHES_MAX + 1));
	assert_true(fetches_add(&f, 1));
	assert_int_equal(fetches_take(&f, out), FETCHES_MAX);
	assert_true(fetches_add(&f, FETCHES_MAX + 1));
	assert_int_equal(fetches_take(&f, out), 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_policy_has_its_count),
		cmocka_unit_test(it_does_not_grow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
