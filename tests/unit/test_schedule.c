/* When things are due, whatever the dice say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "acme/schedule.h"
#include "base/mem.h"
#include "base/when.h"

#define NOW 1800000000L

static const uint32_t dice[] = { 0, 1, 77777, UINT32_MAX / 2,
				 UINT32_MAX / 2 + 1, UINT32_MAX - 1,
				 UINT32_MAX };

/* Fractions of the life in thousandths. */
static const struct {
	long life, earliest, latest;
} renewals[] = {
	{ 60, 450, 550 },	/* whole seconds are coarse here */
	{ WHEN_HOUR, 479, 521 },
	{ 160 * WHEN_HOUR, 479, 521 },
	{ 6 * WHEN_DAY, 479, 521 },
	{ 10 * WHEN_DAY, 479, 521 },
	{ 10 * WHEN_DAY + 1, 646, 687 },
	{ 45 * WHEN_DAY, 646, 687 },
	{ 64 * WHEN_DAY, 646, 687 },
	{ 90 * WHEN_DAY, 646, 687 },
	{ 398 * WHEN_DAY, 646, 687 },
};

static void renewal_is_a_fraction_of_life(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(renewals); i++)
		for (size_t d = 0; d < ARRAY_LEN(dice); d++) {
			long life = renewals[i].life;
			long at = schedule_renewal(NOW, NOW + life, NOW,
						   dice[d]) - NOW;

			assert_in_range(at * 1000 / life, renewals[i].earliest,
					renewals[i].latest);
			assert_true(life - at >= life / 4);
		}
}

static void renewals_are_spread(void **state)
{
	long life = 90 * WHEN_DAY;
	time_t first = schedule_renewal(NOW, NOW + life, NOW, 0);
	time_t last = schedule_renewal(NOW, NOW + life, NOW, UINT32_MAX);

	(void)state;
	assert_in_range(last - first, 3 * WHEN_DAY, 4 * WHEN_DAY);
}

/* Seconds that are gone when it comes, and that it is then used at least. */
static const struct {
	long life, gone, used;
} backdated[] = {
	{ 2 * WHEN_HOUR, WHEN_HOUR, 15 * WHEN_MINUTE },
	{ 90 * WHEN_DAY, WHEN_HOUR, 57 * WHEN_DAY },
	{ 90 * WHEN_DAY, 60 * WHEN_DAY, 15 * WHEN_DAY / 2 },
	{ 90 * WHEN_DAY, 66 * WHEN_DAY, 3 * WHEN_DAY / 2 },
	{ 90 * WHEN_DAY, 68 * WHEN_DAY, WHEN_HOUR },
	{ 90 * WHEN_DAY, 80 * WHEN_DAY, WHEN_HOUR },
	{ WHEN_HOUR, 50 * WHEN_MINUTE, 10 * WHEN_MINUTE / 4 },
	{ 60, 59, 0 },
};

static void a_backdated_certificate_makes_no_loop(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(backdated); i++) {
		time_t from = NOW - backdated[i].gone;
		time_t at = schedule_renewal(from, from + backdated[i].life,
					     NOW, 0);

		assert_true(at >= NOW + backdated[i].used);
		assert_true(at < from + backdated[i].life);
		if (backdated[i].gone > backdated[i].life / 4 * 3)
			assert_int_equal(at, NOW + backdated[i].used);
		else
			assert_true(at <= from + backdated[i].life / 4 * 3);
	}
}

/* ---- pauses ---- */

static const struct {
	long n;
	struct schedule_life life;
	long retry_after;
	long low, high;
} pauses[] = {
	/* without a certificate: the steps, 20 % either way */
	{ 1, { 0, 0 }, -1, 48, 72 },
	{ 2, { 0, 0 }, -1, 480, 720 },
	{ 3, { 0, 0 }, -1, 4800, 7200 },
	{ 4, { 0, 0 }, -1, 69120, 103680 },
	{ 5, { 0, 0 }, -1, 69120, 103680 },
	{ 100000, { 0, 0 }, -1, 69120, 103680 },
	{ 0, { 0, 0 }, -1, 48, 72 },

	/* a certificate of 90 days: at most a tenth of what is left */
	{ 4, { 30 * WHEN_DAY, 90 * WHEN_DAY }, -1, 69120, 86400 },
	{ 4, { 5 * WHEN_DAY, 90 * WHEN_DAY }, -1, 43200, 43200 },
	{ 4, { WHEN_HOUR, 90 * WHEN_DAY }, -1, 900, 900 },
	{ 4, { -2 * WHEN_DAY, 90 * WHEN_DAY }, -1, 900, 900 },
	{ 4, { -3 * WHEN_DAY, 90 * WHEN_DAY }, -1, 900, 900 },
	{ 1, { WHEN_HOUR, 90 * WHEN_DAY }, -1, 48, 72 },

	/* it ended more than three days ago: a day like the others */
	{ 4, { -3 * WHEN_DAY - 1, 90 * WHEN_DAY }, -1, 69120, 103680 },
	{ 9, { -9 * WHEN_DAY, 90 * WHEN_DAY }, -1, 69120, 103680 },
	{ 1, { -9 * WHEN_DAY, 90 * WHEN_DAY }, -1, 48, 72 },
	{ 4, { -9 * WHEN_DAY, 60 }, -1, 69120, 103680 },

	/* one of a minute */
	{ 4, { 20, 60 }, -1, 3, 3 },
	{ 4, { -1, 60 }, -1, 3, 3 },
	{ 4, { 0, 1 }, -1, 1, 1 },

	/* the CA asked for more, or for nonsense */
	{ 1, { 0, 0 }, 3 * WHEN_HOUR, 3 * WHEN_HOUR, 3 * WHEN_HOUR },
	{ 4, { WHEN_HOUR, 90 * WHEN_DAY }, WHEN_DAY, WHEN_DAY, WHEN_DAY },
	{ 1, { 0, 0 }, 0, 48, 72 },
};

static void failing_domains_pause(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pauses); i++)
		for (size_t d = 0; d < ARRAY_LEN(dice); d++)
			assert_in_range(schedule_domain_pause(
						pauses[i].n, pauses[i].life,
						pauses[i].retry_after, dice[d]),
					pauses[i].low, pauses[i].high);
}

static void polls_begin_fast_and_grow(void **state)
{
	int64_t before = 0;

	(void)state;
	assert_int_equal(schedule_poll_ms(0, -1), 100);
	for (long n = 0; n < 300; n++) {
		int64_t ms = schedule_poll_ms(n, -1);

		assert_true(ms >= before && ms <= 45000);
		before = ms;
	}
	assert_true(before >= 30000);
	assert_int_equal(schedule_poll_ms(0, 3), 3000);
	assert_int_equal(schedule_poll_ms(9, 0), 1000);
	assert_int_equal(schedule_poll_ms(0, 1000000), WHEN_HOUR * 1000);
}

/* While anything is due, a CA in trouble is tried at least every 60 s. */
static void a_ca_in_trouble_is_tried_each_minute(void **state)
{
	(void)state;
	for (size_t d = 0; d < ARRAY_LEN(dice); d++) {
		assert_in_range(schedule_ca_pause_ms(1, -1, dice[d]), 800,
				1200);
		for (long n = 1; n < 1000; n++)
			assert_in_range(schedule_ca_pause_ms(n, -1, dice[d]),
					800, 60000);
	}
	assert_int_equal(schedule_ca_pause_ms(1, 300, 0), 300000);
	assert_in_range(schedule_ca_pause_ms(5, 0, 0), 12000, 20000);
}

static const struct {
	long looks, pause;
} dns_pauses[] = {
	{ 0, 5 }, { 5, 5 }, { 6, 30 }, { 119, 30 }, { 120, 180 },
	{ 599, 180 }, { 600, 900 }, { 1299, 900 }, { 1300, 3600 },
	{ 1000000, 3600 },
};

static void dns_looks_slow_down(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(dns_pauses); i++)
		assert_int_equal(schedule_dns_pause(dns_pauses[i].looks),
				 dns_pauses[i].pause);
}

static void who_fails_alone_comes_ever_more_rarely(void **state)
{
	static const struct {
		long n, retry_after;
		struct schedule_life life;
		long pause;
	} cases[] = {
		{ 0, -1, { 0, 0 }, 0 },
		{ 0, 30, { 0, 0 }, 30 },
		{ 0, 99999, { 0, 0 }, WHEN_HOUR },
		{ 1, -1, { 0, 0 }, 1 },
		{ 2, -1, { 0, 0 }, 2 },
		{ 8, -1, { 0, 0 }, 128 },
		{ 2, 30, { 0, 0 }, 30 },
		{ 13, -1, { 0, 0 }, WHEN_HOUR },
		{ 1000, 99999, { 0, 0 }, WHEN_HOUR },
		{ 13, 3600, { 30 * WHEN_DAY, 90 * WHEN_DAY }, WHEN_HOUR },
		{ 13, 3600, { 5 * WHEN_HOUR, WHEN_DAY }, WHEN_HOUR / 2 },
		{ 13, 3600, { WHEN_MINUTE, WHEN_DAY }, WHEN_MINUTE },
		{ 13, 3600, { -WHEN_MINUTE, WHEN_DAY }, WHEN_MINUTE },
		{ 13, 3600, { -9 * WHEN_DAY, WHEN_DAY }, WHEN_HOUR }, /* gone */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(schedule_alone_pause(cases[i].n,
						      cases[i].retry_after,
						      cases[i].life),
				 cases[i].pause);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_fails_alone_comes_ever_more_rarely),
		cmocka_unit_test(renewal_is_a_fraction_of_life),
		cmocka_unit_test(renewals_are_spread),
		cmocka_unit_test(a_backdated_certificate_makes_no_loop),
		cmocka_unit_test(failing_domains_pause),
		cmocka_unit_test(polls_begin_fast_and_grow),
		cmocka_unit_test(a_ca_in_trouble_is_tried_each_minute),
		cmocka_unit_test(dns_looks_slow_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
