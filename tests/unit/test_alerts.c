/* What is left of a certificate, how often a sink is tried: pure judgement. */
#include "daemon/alerts_parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/when.h"

#define OPEN(level) true, level

/* Lives of 1000 units; everything in units since its beginning. */
static const struct {
	long renew_at, now;
	bool is_open;
	enum alert_level level;
	bool has_expired;
	long next;
} cases[] = {
	{ 667, 0, false, 0, false, 750 },
	{ 667, 749, false, 0, false, 750 },
	{ 667, 750, OPEN(ALERT_WARNING), false, 900 },
	{ 667, 899, OPEN(ALERT_WARNING), false, 900 },
	{ 667, 900, OPEN(ALERT_ERROR), false, 950 },
	{ 667, 950, OPEN(ALERT_CRITICAL), false, 1000 },
	{ 667, 999, OPEN(ALERT_CRITICAL), false, 1000 },
	{ 667, 1000, OPEN(ALERT_CRITICAL), true, -1 },
	{ 667, 5000, OPEN(ALERT_CRITICAL), true, -1 },

	/* Planned for later than a quarter: it is waited for, up to a tenth. */
	{ 800, 750, false, 0, false, -2 },
	{ 800, 850, OPEN(ALERT_WARNING), false, 900 },
	{ 950, 899, false, 0, false, 900 },
	{ 950, 900, OPEN(ALERT_ERROR), false, 950 },
};

static void check(size_t i, long unit)
{
	const time_t from = 1800000000, now = from + cases[i].now * unit;
	const struct cert c = { .not_before = from,
				.not_after = from + 1000 * unit,
				.renew_at = from + cases[i].renew_at * unit };
	struct alerts_verdict v = alerts_judge(&c, now);
	time_t next = from + cases[i].next * unit;

	if (cases[i].next == -1)
		next = now + WHEN_DAY;
	if (cases[i].next == -2)
		next = c.renew_at + WHEN_MINUTE;
	print_message("%zu, life %ld s\n", i, 1000 * unit);
	assert_int_equal(v.is_open, cases[i].is_open);
	if (v.is_open)
		assert_int_equal(v.level, cases[i].level);
	assert_int_equal(v.has_expired, cases[i].has_expired);
	assert_int_equal(v.next, next);
}

/* Seven days or a year: only the share counts. */
static void a_certificate_is_judged_by_the_share_left(void **state)
{
	static const long units[] = { 576, 3888, 7776, 34387 };

	(void)state;
	for (size_t u = 0; u < ARRAY_LEN(units); u++)
		for (size_t i = 0; i < ARRAY_LEN(cases); i++)
			check(i, units[u]);
}

/* From look to look it comes to its end, in a few. */
static void each_look_comes_later(void **state)
{
	const struct cert c = { .not_before = 1000,
				.not_after = 1040,
				.renew_at = 1020 };
	time_t now = 1000;
	int looks = 0;

	(void)state;
	for (; now < c.not_after; looks++) {
		struct alerts_verdict v = alerts_judge(&c, now);

		assert_true(v.next > now);
		now = v.next;
	}
	assert_int_equal(looks, 4);
}

static void pauses_grow_to_a_bound(void **state)
{
	static const struct {
		long attempts, pause;
	} pauses[] = { { 0, 10 },  { 1, 20 },  { 2, 40 },	{ 5, 320 },
		       { 6, 600 }, { 7, 600 }, { 1000000, 600 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pauses); i++)
		assert_int_equal(alerts_pause(pauses[i].attempts),
				 pauses[i].pause);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_certificate_is_judged_by_the_share_left),
		cmocka_unit_test(each_look_comes_later),
		cmocka_unit_test(pauses_grow_to_a_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
