#include "daemon/rates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/when.h"

#define KEY 7

/* A burst of 3, and one more each 10 s. */
static const struct rate rate = { .burst = 3, .per_day = WHEN_DAY / 10 };

static bool may(struct rates *r, uint64_t key, int64_t now_ms)
{
	unsigned seconds;

	if (!rates_has(r, key, now_ms, &seconds))
		return false;
	rates_take(r, key, now_ms);
	return true;
}

static void a_burst_and_then_by_and_by(void **state)
{
	struct rates *r = rates_new(&rate);
	unsigned seconds;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(may(r, KEY, 1000));
	assert_false(rates_has(r, KEY, 1000, &seconds));
	assert_int_equal(rates_left(r, KEY, 1000), 0);
	assert_int_equal(rates_left(r, KEY + 1, 1000), 3);
	assert_in_range(seconds, 10, 11);
	assert_false(may(r, KEY, 10999));
	assert_true(may(r, KEY, 11000));
	assert_false(may(r, KEY, 11000));
	assert_true(may(r, KEY + 1, 11000)); /* others have their own */
	for (int i = 0; i < 3; i++)
		assert_true(may(r, KEY, 11000 + 100 * WHEN_DAY * 1000));
	assert_false(may(r, KEY, 11000 + 100 * WHEN_DAY * 1000));
	rates_free(r);
}

static void a_debt_is_paid_first(void **state)
{
	struct rates *r = rates_new(&rate);
	unsigned seconds;

	(void)state;
	for (int i = 0; i < 5; i++)
		rates_take(r, KEY, 0);
	assert_false(rates_has(r, KEY, 0, &seconds));
	assert_in_range(seconds, 30, 31);
	assert_false(may(r, KEY, 29999));
	assert_true(may(r, KEY, 30000));
	rates_free(r);
}

static void a_clock_that_goes_back_gives_nothing(void **state)
{
	struct rates *r = rates_new(&rate);

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(may(r, KEY, 50000));
	assert_false(may(r, KEY, 20000));
	assert_true(may(r, KEY, 30000));
	rates_free(r);
}

/* However many come, whoever has asked much of late is remembered. */
static void a_flood_of_others_frees_nobody(void **state)
{
	struct rates *r = rates_new(&rate);

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(may(r, KEY, 0));
	for (uint64_t key = 100; key < 100 + 20 * RATES_SLOTS; key++)
		may(r, key, 1);
	assert_false(may(r, KEY, 2));
	rates_free(r);
}

static void texts_have_keys(void **state)
{
	struct rates *r = rates_new(&rate);

	(void)state;
	assert_int_equal(rates_key(r, "a.test"), rates_key(r, "a.test"));
	assert_int_not_equal(rates_key(r, "a.test"), rates_key(r, "b.test"));
	rates_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_and_then_by_and_by),
		cmocka_unit_test(a_debt_is_paid_first),
		cmocka_unit_test(a_clock_that_goes_back_gives_nothing),
		cmocka_unit_test(a_flood_of_others_frees_nobody),
		cmocka_unit_test(texts_have_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
