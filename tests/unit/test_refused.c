/* When is a limit in unknown words not that of one name? */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "acme/refused.h"
#include "base/mem.h"
#include "base/when.h"

#define NOW 1800000000L

static const struct {
	const char *host[4];
	bool is_full;
} cases[] = {
	{ { "mta-sts.example.org" }, false },
	{ { "mta-sts.example.org", "mta-sts.example.net" }, false },
	{ { "mta-sts.example.org", "mta-sts.example.net",
	    "mta-sts.example.com" },
	  true },
	{ { "mta-sts.a.example.org", "mta-sts.b.example.org",
	    "mta-sts.c.example.org", "mta-sts.d.example.org" },
	  false },
	{ { "mta-sts.a.example.org", "mta-sts.b.example.org",
	    "mta-sts.example.net", "mta-sts.example.net" },
	  false },
	{ { "mta-sts.a.example.org", "mta-sts.example.net",
	    "mta-sts.b.example.org", "mta-sts.example.com" },
	  true },
	{ { "mta-sts.a.co.uk", "mta-sts.b.co.uk", "mta-sts.c.co.uk" }, true },
};

static void a_registered_domain_counts_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct refused_row row = { .count = 0 };
		bool is_full = false;

		print_message("%zu\n", i);
		for (size_t n = 0; n < 4 && cases[i].host[n]; n++)
			is_full = refused_note(&row, cases[i].host[n], NOW,
					       WHEN_DAY);
		assert_int_equal(is_full, cases[i].is_full);
		assert_int_equal(refused_is_full(&row, NOW), is_full);
	}
}

static struct refused_row full_row(time_t now, long retry_after)
{
	struct refused_row row = { .count = 0 };

	refused_note(&row, "mta-sts.example.org", now, retry_after);
	refused_note(&row, "mta-sts.example.net", now, retry_after);
	assert_true(
		refused_note(&row, "mta-sts.example.com", now, retry_after));
	return row;
}

/* What each was told is over before the next is. */
static void days_apart_are_no_row(void **state)
{
	struct refused_row row = { .count = 0 };
	const char *const *host = cases[2].host;

	(void)state;
	for (int n = 0; n < 3; n++)
		assert_false(refused_note(&row, host[n], NOW + n * WHEN_HOUR,
					  WHEN_HOUR));
}

/* Round after round, whoever asks; the pauses of others make some late. */
static void a_full_row_lasts_while_it_is_refused(void **state)
{
	static const long told[] = { 1, 60, WHEN_HOUR, WHEN_DAY };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(told); i++) {
		long late = told[i] > WHEN_HOUR ? told[i] : WHEN_HOUR;
		struct refused_row row = full_row(NOW, told[i]);
		time_t now = NOW;

		for (int n = 0; n < 50; n++) {
			now += late + late / 2;
			assert_true(refused_note(&row, "mta-sts.example.org",
						 now, told[i]));
		}
		assert_true(refused_is_full(&row, now + late));
		assert_false(refused_is_full(&row, now + 2 * late));
		assert_false(refused_note(&row, "mta-sts.example.org",
					  now + 2 * late, told[i]));
	}
}

static void a_guess_holds_for_an_hour_at_most(void **state)
{
	(void)state;
	assert_int_equal(refused_hold(5), 5);
	assert_int_equal(refused_hold(WHEN_HOUR), WHEN_HOUR);
	assert_int_equal(refused_hold(7 * WHEN_DAY), WHEN_HOUR);
	assert_int_equal(refused_hold(LONG_MAX), WHEN_HOUR);
}

/* No absurd word of a CA makes it last for ever. */
static void the_longest_word(void **state)
{
	struct refused_row row = full_row(NOW, 1000 * WHEN_DAY);

	(void)state;
	assert_true(refused_is_full(&row, NOW + 13 * WHEN_DAY));
	assert_false(refused_is_full(&row, NOW + 14 * WHEN_DAY));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_registered_domain_counts_once),
		cmocka_unit_test(days_apart_are_no_row),
		cmocka_unit_test(a_full_row_lasts_while_it_is_refused),
		cmocka_unit_test(a_guess_holds_for_an_hour_at_most),
		cmocka_unit_test(the_longest_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
