/* Is it one name that a CA fails, or is it the CA? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "acme/culprit.h"

#define X 1
#define Y 2
#define Z 3

#define SHALLOW 3
#define DEEP	7

static void one_is_suspected_and_two_are_the_ca(void **state)
{
	struct culprits c = { .next = 0 };

	(void)state;
	assert_int_equal(culprit_failed(&c, X, DEEP), CULPRIT_SUSPECTED);
	assert_int_equal(culprit_failed(&c, X, DEEP), CULPRIT_SUSPECTED);
	assert_int_equal(culprit_failed(&c, Y, DEEP), CULPRIT_CA);
	assert_int_equal(culprit_failed(&c, X, DEEP), CULPRIT_CA);
	assert_int_equal(culprit_failed(&c, Y, DEEP), CULPRIT_CA);
}

static void others_that_work_make_it_the_names(void **state)
{
	struct culprits c = { .next = 0 };

	(void)state;
	culprit_failed(&c, X, DEEP);
	for (unsigned i = 1; i < CULPRIT_TIMES; i++) {
		culprit_worked(&c, Y, DEEP);
		assert_int_equal(culprit_failed(&c, X, DEEP), CULPRIT_FOUND);
	}
	culprit_worked(&c, Y, DEEP);
	assert_int_equal(culprit_failed(&c, X, DEEP), CULPRIT_REFUSED);
	culprit_worked(&c, Z, DEEP); /* and so it stays */
	assert_int_equal(culprit_failed(&c, X, DEEP), CULPRIT_REFUSED);
}

static void it_is_to_be_shown_each_time(void **state)
{
	struct culprits c = { .next = 0 };

	(void)state;
	culprit_failed(&c, X, DEEP);
	culprit_worked(&c, Y, DEEP);
	assert_int_equal(culprit_failed(&c, X, DEEP), CULPRIT_FOUND);
	for (int i = 0; i < 100; i++)
		assert_int_equal(culprit_failed(&c, X, DEEP),
				 CULPRIT_SUSPECTED);
	assert_int_equal(culprit_failed(&c, Y, DEEP), CULPRIT_CA);
}

static void what_goes_less_deep_shows_nothing(void **state)
{
	struct culprits c = { .next = 0 };

	(void)state;
	culprit_failed(&c, X, DEEP);
	culprit_failed(&c, X, SHALLOW); /* a look, since */
	culprit_worked(&c, Y, DEEP - 1);
	assert_int_equal(culprit_failed(&c, X, DEEP), CULPRIT_SUSPECTED);
	culprit_worked(&c, X, SHALLOW);
	culprit_worked(&c, Y, DEEP);
	assert_int_equal(culprit_failed(&c, X, DEEP), CULPRIT_FOUND);
}

static void who_works_is_forgotten(void **state)
{
	struct culprits c = { .next = 0 };

	(void)state;
	for (int i = 0; i < 20; i++) {
		culprit_failed(&c, X, DEEP);
		culprit_worked(&c, Y, DEEP);
	}
	assert_true(culprit_is_suspect(&c, X));
	culprit_worked(&c, X, DEEP);
	assert_false(culprit_is_suspect(&c, X));
	assert_false(culprit_is_suspect(&c, Y));
	assert_int_equal(culprit_failed(&c, X, DEEP), CULPRIT_SUSPECTED);
	culprit_worked(&c, Y, DEEP);
	assert_int_equal(culprit_failed(&c, X, DEEP), CULPRIT_FOUND);
}

static void two_of_them_do_not_make_it_the_cas(void **state)
{
	struct culprits c = { .next = 0 };

	(void)state;
	culprit_failed(&c, X, DEEP);
	culprit_failed(&c, Y, DEEP);
	for (int i = 0; i < 3; i++) {
		culprit_worked(&c, Z, DEEP);
		assert_int_equal(culprit_failed(&c, X, DEEP), CULPRIT_FOUND);
		assert_int_equal(culprit_failed(&c, Y, DEEP), CULPRIT_FOUND);
	}
}

static void in_an_outage_nobody_is_refused(void **state)
{
	struct culprits c = { .next = 0 };

	(void)state;
	culprit_failed(&c, X, DEEP);
	culprit_worked(&c, Y, DEEP);
	culprit_failed(&c, Y, DEEP);
	for (int i = 0; i < 100; i++) {
		enum culprit_verdict v = culprit_failed(&c, X + i % 30, DEEP);

		assert_true(v == CULPRIT_CA || (!i && v == CULPRIT_FOUND));
	}
}

static void there_is_room_for_many(void **state)
{
	struct culprits c = { .next = 0 };

	(void)state;
	for (int64_t id = 10; id < 10000; id++) {
		culprit_failed(&c, id, DEEP);
		culprit_worked(&c, X, DEEP);
	}
	assert_int_equal(culprit_failed(&c, 9999, DEEP), CULPRIT_FOUND);
	assert_int_equal(culprit_failed(&c, 10, DEEP), CULPRIT_CA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_is_suspected_and_two_are_the_ca),
		cmocka_unit_test(others_that_work_make_it_the_names),
		cmocka_unit_test(it_is_to_be_shown_each_time),
		cmocka_unit_test(what_goes_less_deep_shows_nothing),
		cmocka_unit_test(who_works_is_forgotten),
		cmocka_unit_test(two_of_them_do_not_make_it_the_cas),
		cmocka_unit_test(in_an_outage_nobody_is_refused),
		cmocka_unit_test(there_is_room_for_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
