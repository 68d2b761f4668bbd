/* Is it one name that a CA fails, or is it the CA? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "acme/culprit.h"

#define X   1
#define Y   2
#define NOW 1800000000L

#define SHALLOW 3
#define DEEP	7

static void it_is_alone_once_others_work(void **state)
{
	struct culprits c = { 0 };

	(void)state;
	assert_false(culprit_failed(&c, X, DEEP, NOW));
	assert_false(culprit_failed(&c, X, DEEP, NOW + 1));
	culprit_worked(&c, Y, DEEP, NOW);
	assert_true(culprit_failed(&c, X, DEEP, NOW + 2));
	assert_int_equal(culprit_failed(&c, X, DEEP, NOW + 3), 2);
	assert_int_equal(culprit_since(&c, X, NOW + 4), NOW);
}

/* They may have ended with it: then it is shown anew. */
static void when_others_have_worked_long_ago_it_may_be_the_ca(void **state)
{
	struct culprits c = { 0 };
	time_t later = NOW + 2 + CULPRIT_STILL;

	(void)state;
	culprit_failed(&c, X, DEEP, NOW);
	culprit_worked(&c, Y, DEEP, NOW + 2);
	assert_int_equal(culprit_alone_since(&c, X, NOW + 2), 0);
	assert_int_equal(culprit_since(&c, X, NOW + 2), NOW);
	assert_int_equal(culprit_failed(&c, X, DEEP, later - 2), 1);
	assert_int_equal(culprit_alone_since(&c, X, later), NOW);
	assert_int_equal(culprit_failed(&c, X, DEEP, later - 1), 2);
	assert_int_equal(culprit_failed(&c, X, DEEP, later), 0);
	culprit_worked(&c, Y, DEEP, later + 1);
	assert_int_equal(culprit_failed(&c, X, DEEP, later + 1), 3);
}

/* It does not come again, so that nothing else shows it. */
static void who_is_held_is_alone_when_others_work(void **state)
{
	struct culprits c = { .used = 0 };

	(void)state;
	culprit_held(&c, X); /* nobody knows it */
	culprit_failed(&c, X, 5, NOW);
	culprit_held(&c, X);
	assert_int_equal(culprit_alone_since(&c, X, NOW + 100), 0);
	culprit_worked(&c, Y, 4, NOW + 100); /* less deep */
	assert_int_equal(culprit_alone_since(&c, X, NOW + 100), 0);
	culprit_worked(&c, Y, 5, NOW + 100);
	assert_int_equal(culprit_alone_since(&c, X, NOW + 100), NOW);
	culprit_worked(&c, X, 5, NOW + 200);
	assert_int_equal(culprit_alone_since(&c, X, NOW + 200), 0);
}

static void who_has_left_after_an_error_does_not_come_back_soon(void **state)
{
	struct culprits c = { .used = 0 };

	(void)state;
	culprit_left(&c, X, NOW + 360); /* it met no error here */
	assert_int_equal(culprit_alone_since(&c, X, NOW), 0);
	culprit_failed(&c, X, 5, NOW);
	culprit_left(&c, X, NOW + 360);
	assert_int_equal(culprit_alone_since(&c, X, NOW + 359), NOW);
	assert_int_equal(culprit_alone_since(&c, X, NOW + 360), 0);
	culprit_left(&c, X, NOW + 360);
	culprit_certified(&c, Y);
	assert_int_equal(culprit_alone_since(&c, X, NOW + 100), NOW);
	culprit_certified(&c, X);
	assert_int_equal(culprit_alone_since(&c, X, NOW + 100), 0);
}

static void what_fails_deeper_than_it_did_may_be_the_ca(void **state)
{
	struct culprits c = { 0 };

	(void)state;
	culprit_failed(&c, X, SHALLOW, NOW);
	culprit_worked(&c, Y, SHALLOW, NOW);
	assert_int_equal(culprit_failed(&c, X, SHALLOW, NOW), 1);
	assert_int_equal(culprit_failed(&c, X, DEEP, NOW), 0);
	assert_int_equal(culprit_failed(&c, X, DEEP, NOW), 0);
}

static void what_goes_less_deep_shows_nothing(void **state)
{
	struct culprits c = { 0 };

	(void)state;
	culprit_failed(&c, X, DEEP, NOW);
	culprit_failed(&c, X, SHALLOW, NOW); /* a look, since */
	culprit_worked(&c, Y, DEEP - 1, NOW);
	assert_false(culprit_failed(&c, X, DEEP, NOW));
	culprit_worked(&c, X, SHALLOW, NOW);
	assert_int_equal(culprit_since(&c, X, NOW), NOW);
	culprit_worked(&c, Y, DEEP, NOW);
	assert_true(culprit_failed(&c, X, DEEP, NOW));
}

static void who_works_is_forgotten(void **state)
{
	struct culprits c = { 0 };

	(void)state;
	culprit_failed(&c, X, DEEP, NOW);
	culprit_worked(&c, X, DEEP, NOW);
	assert_int_equal(culprit_since(&c, X, NOW), 0);
	culprit_worked(&c, Y, DEEP, NOW);
	assert_false(culprit_failed(&c, X, DEEP, NOW + 9));
	assert_int_equal(culprit_since(&c, X, NOW + 9), NOW + 9);
}

static void in_an_outage_nobody_is_alone(void **state)
{
	struct culprits c = { 0 };

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_false(culprit_failed(&c, X + i % 200, DEEP, NOW + i));
}

static void what_is_old_says_nothing(void **state)
{
	struct culprits c = { 0 };
	time_t later = NOW + CULPRIT_FOR;

	(void)state;
	culprit_failed(&c, X, DEEP, NOW);
	culprit_worked(&c, Y, DEEP, NOW);
	assert_int_equal(culprit_since(&c, X, later - 1), NOW);
	assert_int_equal(culprit_since(&c, X, later), 0);
	assert_false(culprit_failed(&c, X, DEEP, later));
	assert_int_equal(culprit_since(&c, X, later), later);
}

/* Those that recover give their places back; and the oldest goes. */
static void errors_of_others_do_not_push_it_out(void **state)
{
	struct culprits c = { 0 };

	(void)state;
	culprit_failed(&c, X, DEEP, NOW);
	for (int64_t id = 10; id < 1000; id++) {
		culprit_failed(&c, id, DEEP, NOW + 1);
		culprit_worked(&c, id, DEEP, NOW);
	}
	assert_true(culprit_failed(&c, X, DEEP, NOW + 2));
	for (int64_t id = 10; id < 10 + CULPRITS_MAX; id++)
		culprit_failed(&c, id, DEEP, NOW + id);
	assert_int_equal(culprit_since(&c, X, NOW + 2000), 0);
	assert_int_equal(culprit_since(&c, 11, NOW + 2000), NOW + 11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			who_has_left_after_an_error_does_not_come_back_soon),
		cmocka_unit_test(who_is_held_is_alone_when_others_work),
		cmocka_unit_test(it_is_alone_once_others_work),
		cmocka_unit_test(
			when_others_have_worked_long_ago_it_may_be_the_ca),
		cmocka_unit_test(what_fails_deeper_than_it_did_may_be_the_ca),
		cmocka_unit_test(what_goes_less_deep_shows_nothing),
		cmocka_unit_test(who_works_is_forgotten),
		cmocka_unit_test(in_an_outage_nobody_is_alone),
		cmocka_unit_test(what_is_old_says_nothing),
		cmocka_unit_test(errors_of_others_do_not_push_it_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
