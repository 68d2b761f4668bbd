/* When do so many names fail that it is not theirs? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "acme/alike.h"

#define NOW 1800000000L

static void note(struct alike *a, int64_t first, int64_t count, bool failed,
		 time_t now)
{
	for (int64_t id = first; id < first + count; id++)
		alike_note(a, id, failed, now);
}

static const struct {
	int64_t good, bad; /* names, in that order */
	bool is_many;
} cases[] = {
	{ 0, 0, false },   { 0, 7, false },   { 0, 8, true },  { 0, 500, true },
	{ 2, 8, true },	   { 3, 8, false },   { 4, 12, true }, { 5, 11, false },
	{ 900, 7, false }, { 900, 12, true },
};

static void many_is_eight_and_three_in_four(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct alike a = { .next = 0 };

		note(&a, 1, cases[i].good, false, NOW);
		note(&a, 10001, cases[i].bad, true, NOW);
		assert_int_equal(alike_holds(&a, NOW), cases[i].is_many);
	}
}

static void a_name_counts_once(void **state)
{
	struct alike a = { .next = 0 };

	(void)state;
	for (int i = 0; i < 50; i++)
		note(&a, 1, 7, true, NOW);
	assert_false(alike_holds(&a, NOW));
	note(&a, 8, 1, true, NOW);
	assert_true(alike_holds(&a, NOW));
	note(&a, 1, 5, false, NOW); /* they are well again */
	assert_false(alike_holds(&a, NOW));
}

static void what_is_old_says_nothing(void **state)
{
	struct alike a = { .next = 0 };

	(void)state;
	note(&a, 1, 7, true, NOW);
	note(&a, 8, 1, true, NOW + ALIKE_FOR + 1);
	assert_false(alike_holds(&a, NOW + ALIKE_FOR + 1));
	note(&a, 1, 7, true, NOW + ALIKE_FOR + 2);
	assert_true(alike_holds(&a, NOW + ALIKE_FOR + 2));
}

/* They are held until one shows that it is over; and then one that it is not. */
static void one_that_works_lets_all_go(void **state)
{
	struct alike a = { .next = 0 };

	(void)state;
	note(&a, 1, 8, true, NOW);
	assert_true(alike_holds(&a, NOW + 3 * ALIKE_FOR));
	note(&a, 9, 1, false, NOW + 60);
	assert_false(alike_holds(&a, NOW + 60));
	assert_int_equal(alike_since(&a, NOW + 60), NOW);
	note(&a, 1, 1, true, NOW + 70);
	assert_true(alike_holds(&a, NOW + 70));
}

static void they_try_by_turns(void **state)
{
	struct alike a = { .next = 0 };

	(void)state;
	note(&a, 1, 8, true, NOW);
	assert_true(alike_turn(&a, 1, NOW) == NOW);
	alike_tries(&a, 1, NOW);
	assert_true(alike_turn(&a, 2, NOW) == NOW + ALIKE_EVERY);
	assert_true(alike_turn(&a, 99, NOW) == NOW);
	alike_tries(&a, 99, NOW);
	assert_true(alike_turn(&a, 98, NOW) == NOW + ALIKE_EVERY_NEW);
	assert_true(alike_turn(&a, 2, NOW + ALIKE_EVERY) == NOW + ALIKE_EVERY);
	assert_true(alike_turn(&a, 2, NOW - 1) == NOW - 1); /* it stepped */
}

/* Names that share a fault for good are charged in the end. */
static void it_is_believed_for_a_quarter_of_a_day(void **state)
{
	struct alike a = { .next = 0 };
	time_t now = NOW;

	(void)state;
	for (; now < NOW + ALIKE_MOST; now += ALIKE_FOR) {
		note(&a, 1, 12, true, now);
		assert_true(alike_holds(&a, now));
	}
	note(&a, 1, 12, true, now);
	assert_false(alike_holds(&a, now));
	assert_int_equal(alike_since(&a, now), NOW);
	note(&a, 1, 12, false, now);
	note(&a, 1, 12, true, now + 5);
	assert_true(alike_holds(&a, now + 5));
}

/* That nobody tries any more is no sign that it is over; not for a day. */
static void it_is_over_when_most_are_well(void **state)
{
	struct alike a = { .next = 0 };

	(void)state;
	note(&a, 1, 8, true, NOW);
	assert_int_equal(alike_since(&a, NOW + 2 * ALIKE_FOR), NOW);
	assert_int_equal(alike_since(&a, NOW + ALIKE_STALE), 0);
	note(&a, 1, 4, false, NOW + 60);
	assert_int_equal(alike_since(&a, NOW + 60), NOW);
	note(&a, 5, 1, false, NOW + 60);
	assert_int_equal(alike_since(&a, NOW + 60), 0);
	note(&a, 1, 8, true, NOW + 90);
	note(&a, 99, 1, false, NOW + 90 + ALIKE_FOR + 1);
	assert_int_equal(alike_since(&a, NOW + 90 + ALIKE_FOR + 1), 0);
}

/* Who was started anew knows nothing: one that works may be lucky. */
static void one_alone_is_no_end(void **state)
{
	struct alike a = { .next = 0 };

	(void)state;
	assert_false(alike_is_over(&a, NOW));
	note(&a, 1, 1, false, NOW);
	assert_false(alike_is_over(&a, NOW));
	assert_true(alike_is_over(&a, NOW + ALIKE_FOR));
	note(&a, 2, 1, true, NOW + 60);
	assert_false(alike_is_over(&a, NOW + ALIKE_FOR));
	note(&a, 3, 3, false, NOW + 70);
	assert_true(alike_is_over(&a, NOW + 70));
	note(&a, 2, 20, true, NOW + 80);
	assert_false(alike_is_over(&a, NOW + 80));
}

static void those_that_failed_are_known(void **state)
{
	struct alike a = { .next = 0 };

	(void)state;
	note(&a, 1, 2, true, NOW);
	note(&a, 2, 1, false, NOW);
	assert_true(alike_has(&a, 1, NOW + ALIKE_FOR));
	assert_false(alike_has(&a, 1, NOW + ALIKE_FOR + 1));
	assert_false(alike_has(&a, 2, NOW));
	assert_false(alike_has(&a, 3, NOW));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_is_eight_and_three_in_four),
		cmocka_unit_test(a_name_counts_once),
		cmocka_unit_test(what_is_old_says_nothing),
		cmocka_unit_test(one_that_works_lets_all_go),
		cmocka_unit_test(they_try_by_turns),
		cmocka_unit_test(it_is_believed_for_a_quarter_of_a_day),
		cmocka_unit_test(it_is_over_when_most_are_well),
		cmocka_unit_test(one_alone_is_no_end),
		cmocka_unit_test(those_that_failed_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
