/* Token buckets: never more than a CA allows, whatever the clock does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "acme/limits.h"
#include "base/mem.h"
#include "base/when.h"

#define NOW    1800000000000LL
#define SECOND 1000LL
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

/* Of three an hour: one in 20 minutes. */
static const struct limit three = { 3, WHEN_HOUR };

/* ---- levels ---- */

static const struct {
	int64_t level, at;	/* `at` and `now` from NOW */
	int64_t now, expected;
} levels[] = {
	{ 0, 0, 0, 0 },
	{ 0, 0, 10 * MINUTE, 500 },
	{ 0, 0, 20 * MINUTE - 1, 999 },
	{ 0, 0, 20 * MINUTE, 1000 },
	{ 500, 0, 20 * MINUTE, 1500 },
	{ 0, 0, HOUR, 3000 },
	{ 2999, 0, DAY, 3000 },
	{ -3000, 0, HOUR, 0 },
	{ -3000, 0, 2 * HOUR, 3000 },

	/* the clock has stepped back: as it stood */
	{ 1500, 0, -1, 1500 },
	{ 1500, 0, -400 * DAY, 1500 },
	{ 0, 0, -400 * DAY, 0 },
	{ -1000, 0, -400 * DAY, -1000 },

	/* it has jumped ahead: full, at most */
	{ 0, 0, 4000 * DAY, 3000 },
	{ 3000, 0, 4000 * DAY, 3000 },

	/* rows that nobody has written */
	{ INT64_MAX, 0, 0, 3000 },
	{ INT64_MAX, -NOW, 0, 3000 },
	{ 0, INT64_MIN + NOW, 0, 3000 },
	{ 1000, INT64_MAX - NOW, 0, 1000 },
	{ INT64_MIN, -NOW, 0, 3000 },
	{ 4000, 0, 0, 3000 },
};

static void a_bucket_fills_up_evenly(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
		struct bucket b = { levels[i].level, NOW + levels[i].at };

		assert_int_equal(bucket_level_at(&b, three,
						 NOW + levels[i].now),
				 levels[i].expected);
	}
}

static void a_damaged_debt_is_no_debt_for_ever(void **state)
{
	struct bucket b = { INT64_MIN, NOW };

	(void)state;
	assert_true(bucket_level_at(&b, three, NOW) < 0);
	assert_int_equal(bucket_level_at(&b, three, NOW + 8 * DAY), 3000);
}

static const struct limit many[] = {
	{ 1, 1 },
	{ 1, WHEN_HOUR },
	{ 3, WHEN_HOUR },
	{ 7, 11 },
	{ 280, 3 * WHEN_HOUR },
	{ 5, 170 * WHEN_HOUR },
	{ 50, 1 },
	{ 1, LIMIT_PERIOD_MAX },
	{ LIMIT_BURST_MAX, 1 },
	{ LIMIT_BURST_MAX, LIMIT_PERIOD_MAX },
};

static const struct bucket any[] = {
	{ 0, NOW },	   { 1, NOW - 1 },   { 999, NOW - 12345 },
	{ -1, NOW },	   { -5000, NOW },   { 0, NOW + DAY },
	{ INT64_MAX, 0 },  { INT64_MIN, 0 }, { INT64_MIN, INT64_MIN },
	{ INT64_MIN, INT64_MAX },
	{ INT64_MAX, INT64_MAX },
};

/* Told to come at a moment: then it is there, and not a moment before. */
static void the_moment_is_exact(const struct bucket *b, struct limit limit,
				long n)
{
	int64_t at = bucket_ready_ms(b, limit, NOW, n);
	struct bucket here = *b;

	assert_true(at >= NOW);
	bucket_settle(&here, limit, NOW);
	if (b->at_ms > NOW)
		b = &here;
	assert_true(bucket_level_at(b, limit, at) >= n * 1000);
	if (at > NOW) {
		assert_true(bucket_level_at(b, limit, at - 1) < n * 1000);
		assert_int_equal(bucket_ready_ms(b, limit, at, n), at);
	}
}

static void a_moment_keeps_its_promise(void **state)
{
	(void)state;
	for (size_t l = 0; l < ARRAY_LEN(many); l++)
		for (size_t i = 0; i < ARRAY_LEN(any); i++) {
			long all = many[l].burst;

			the_moment_is_exact(&any[i], many[l], 1);
			the_moment_is_exact(&any[i], many[l], all / 2 + 1);
			the_moment_is_exact(&any[i], many[l], all);
			assert_int_equal(bucket_ready_ms(&any[i], many[l], NOW,
							 all + 1),
					 INT64_MAX);
		}
}

/* ---- taking and giving ---- */

static void what_is_taken_is_gone(void **state)
{
	struct bucket b = BUCKET_FULL;

	(void)state;
	assert_false(bucket_take(&b, three, NOW, 4));
	assert_int_equal(b.level, INT64_MAX);
	assert_true(bucket_take(&b, three, NOW, 2));
	assert_true(bucket_take(&b, three, NOW, 1));
	assert_false(bucket_take(&b, three, NOW, 1));
	assert_false(bucket_take(&b, three, NOW + 20 * MINUTE - 1, 1));
	assert_true(bucket_take(&b, three, NOW + 20 * MINUTE, 1));
	bucket_refund(&b, three, NOW + 20 * MINUTE, 1);
	assert_int_equal(b.level, 1000);
	bucket_refund(&b, three, NOW + 20 * MINUTE, 100);
	assert_int_equal(b.level, 3000);
}

static void what_happened_is_charged_anyway(void **state)
{
	struct bucket b = { 0, NOW };

	(void)state;
	bucket_charge(&b, three, NOW, 1);
	assert_int_equal(b.level, -1000);
	assert_int_equal(bucket_ready_ms(&b, three, NOW, 1),
			 NOW + 40 * MINUTE);
}

static void no_limit_is_no_limit(void **state)
{
	struct limit none = { 0, 1 };
	struct bucket b = { -1000, NOW };

	(void)state;
	assert_true(limit_is_sane(none));
	assert_int_equal(bucket_ready_ms(&b, none, NOW, 1000), NOW);
	assert_true(bucket_take(&b, none, NOW, 1000));
	bucket_charge(&b, none, NOW, 1);
	bucket_refund(&b, none, NOW, 1);
	bucket_empty_until(&b, none, NOW, NOW + DAY);
	assert_int_equal(b.level, -1000);
	assert_int_equal(limit_duplicates(none, 60).burst, 0);
	assert_int_equal(bucket_level_at(&b, none, NOW), 0);
}

/* From NOW; what is asked for, and what comes of it. */
static const struct {
	int64_t level, until, ready;
} refusals[] = {
	{ 3000, 0, 0 },
	{ 3000, 1, 1 },
	{ 3000, 36 * SECOND, 36 * SECOND },
	{ 3000, 20 * MINUTE, 20 * MINUTE },
	{ 3000, 34 * HOUR + 17, 34 * HOUR + 17 },
	{ 3000, DAY, DAY },
	{ 0, 5 * MINUTE, 20 * MINUTE },		/* it is emptier already */
	{ -1000, 0, 40 * MINUTE },
	{ 0, 30 * MINUTE, 30 * MINUTE },
	{ 3000, -DAY, 0 },			/* over */
	{ 3000, 4000 * DAY, 7 * DAY },		/* nonsense */
	{ 3000, INT64_MAX - NOW, 7 * DAY },
	{ 3000, -NOW, 0 },
};

static void a_ca_that_refuses_is_believed(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		struct bucket b = { refusals[i].level, NOW };
		int64_t ready;

		bucket_empty_until(&b, three, NOW, NOW + refusals[i].until);
		ready = bucket_ready_ms(&b, three, NOW, 1);
		assert_int_equal(ready, NOW + refusals[i].ready);
		assert_true(bucket_level_at(&b, three, NOW) <= 1000);
		assert_true(bucket_ready_ms(&b, three, NOW, 2) >=
			    ready + 20 * MINUTE);
	}
}

static void a_refusal_is_exact_whatever_the_limit(void **state)
{
	static const int64_t waits[] = { 1, 999, SECOND, 3 * HOUR - 1, DAY };

	(void)state;
	for (size_t l = 0; l < ARRAY_LEN(many); l++)
		for (size_t w = 0; w < ARRAY_LEN(waits); w++) {
			struct bucket b = BUCKET_FULL;

			bucket_empty_until(&b, many[l], NOW, NOW + waits[w]);
			assert_int_equal(bucket_ready_ms(&b, many[l], NOW, 1),
					 NOW + waits[w]);
		}
}

/* ---- the clock ---- */

static void a_clock_that_steps_back_does_not_hold_up(void **state)
{
	struct bucket b = { 0, NOW };

	(void)state;
	bucket_settle(&b, three, NOW - 365 * DAY);
	assert_int_equal(b.level, 0);
	assert_int_equal(bucket_ready_ms(&b, three, b.at_ms, 1),
			 NOW - 365 * DAY + 20 * MINUTE);
}

/* Back and forth by an hour: no more than time itself would have given. */
static void a_clock_that_swings_lends_nothing(void **state)
{
	struct bucket b = { 0, NOW };
	long taken = 0;

	(void)state;
	for (int i = 0; i < 100; i++)
		taken += bucket_take(&b, three, NOW - (i % 2) * HOUR, 1);
	assert_int_equal(taken, 0);
}

/* ---- the table ---- */

/* As published: what the CA itself counts by. */
static const struct {
	enum limit_kind kind;
	struct limit theirs;
	const char *name;
} published[] = {
	{ LIMIT_NEW_ORDERS, { 300, 3 * WHEN_HOUR }, "new-orders" },
	{ LIMIT_PER_DOMAIN, { 50, 7 * WHEN_DAY }, "per-domain" },
	{ LIMIT_DUPLICATES, { 5, 7 * WHEN_DAY }, "duplicates" },
	{ LIMIT_FAILED_VALIDATIONS, { 5, WHEN_HOUR }, "failed-validations" },
	{ LIMIT_ARI, { 1000, 1 }, "ari" },
	{ LIMIT_POSTS, { 250, 1 }, "posts" },
};

/* We take what we can as soon as we can; the CA never says no. */
static void the_defaults_stay_below_the_published(void **state)
{
	struct limits ours = limits_default();

	(void)state;
	assert_int_equal(ARRAY_LEN(published), LIMIT_KINDS);
	for (size_t i = 0; i < ARRAY_LEN(published); i++) {
		struct limit limit = ours.of[published[i].kind];
		struct bucket us = BUCKET_FULL, ca = BUCKET_FULL;
		int64_t now = NOW;

		assert_true(limit_is_sane(limit));
		assert_string_equal(limit_name(published[i].kind),
				    published[i].name);
		for (int n = 0; n < 2000; n++) {
			now = bucket_ready_ms(&us, limit, now, 1);
			assert_true(bucket_take(&us, limit, now, 1));
			assert_true(bucket_take(&ca, published[i].theirs, now,
						1));
		}
	}
}

static void staging_is_sane_and_wider(void **state)
{
	struct limits real = limits_default(), staging = limits_staging();

	(void)state;
	for (int kind = 0; kind < LIMIT_POSTS; kind++) {
		assert_true(limit_is_sane(staging.of[kind]));
		assert_true(staging.of[kind].burst >= real.of[kind].burst);
	}
	assert_int_equal(staging.of[LIMIT_POSTS].burst, 20);
	assert_true(staging.of[LIMIT_NEW_ORDERS].burst <= 1500);
}

/* The CA counts five, and one back each twelve minutes; it may look thrice. */
static void failures_stay_within_what_the_ca_allows(void **state)
{
	static const struct limit theirs = { 5, WHEN_HOUR };
	struct limit ours = limits_default().of[LIMIT_FAILED_VALIDATIONS];
	int64_t at = NOW;

	(void)state;
	for (long looks = 1; looks <= 3; looks++) {
		struct bucket b = BUCKET_FULL, ca = BUCKET_FULL;

		for (size_t i = 0; i < 100; i++) {
			at = bucket_ready_ms(&b, ours, at, 1);
			bucket_charge(&b, ours, at, looks);
			bucket_charge(&ca, theirs, at, looks);
			assert_true(bucket_level_at(&ca, theirs, at) >= 0);
		}
		at += DAY;
	}
}

static const struct {
	struct limit limit;
	bool is_sane;
} sanity[] = {
	{ { 0, 1 }, true },
	{ { LIMIT_BURST_MAX, LIMIT_PERIOD_MAX }, true },
	{ { 1, 0 }, false },
	{ { -1, 1 }, false },
	{ { 1, -1 }, false },
	{ { LIMIT_BURST_MAX + 1, 1 }, false },
	{ { 1, LIMIT_PERIOD_MAX + 1 }, false },
};

static void numbers_have_bounds(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sanity); i++)
		assert_int_equal(limit_is_sane(sanity[i].limit),
				 sanity[i].is_sane);
}

static const struct {
	const char *problem;
	enum limit_kind kind;
} problems[] = {
	{ "too many new orders (300) from this account in the last 3h0m0s, "
	  "retry after 2026-11-23 20:15:00 UTC", LIMIT_NEW_ORDERS },
	{ "too many certificates (50) already issued for \"example.com\" in "
	  "the last 168h0m0s", LIMIT_PER_DOMAIN },
	{ "too many certificates (5) already issued for this exact set of "
	  "identifiers in the last 168h0m0s", LIMIT_DUPLICATES },
	{ "too many certificates already issued for exact set of domains: "
	  "mta-sts.example.com", LIMIT_DUPLICATES },
	{ "too many failed authorizations (5) for \"mta-sts.example.com\" in "
	  "the last 1h0m0s", LIMIT_FAILED_VALIDATIONS },
	{ "Service busy; retry later.", LIMIT_KINDS },
	{ "", LIMIT_KINDS },
};

static void a_refusal_says_which_limit_it_means(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(problems); i++)
		assert_int_equal(limit_meant(problems[i].problem),
				 problems[i].kind);
}

static void a_pause_is_none_of_them(void **state)
{
	static const char pause[] =
		"the CA said: Your account is temporarily prevented from "
		"requesting certificates for mta-sts.example.com and possibly "
		"others. Please visit: https://portal.test/ (rateLimited)";

	(void)state;
	assert_true(limit_is_pause(pause));
	assert_int_equal(limit_meant(pause), LIMIT_KINDS);
	for (size_t i = 0; i < ARRAY_LEN(problems); i++)
		assert_false(limit_is_pause(problems[i].problem));
}

/* However deep the debt: what is forgotten would be full. */
static void what_is_forgotten_is_full(void **state)
{
	struct limits limits = limits_default();
	int64_t before = limits_forget_before(&limits, NOW);

	(void)state;
	for (int kind = 0; kind < LIMIT_KINDS; kind++) {
		struct limit limit = limits.of[kind];
		struct bucket b = { INT64_MIN, before - 1 };
		int64_t back = before - DAY;

		assert_int_equal(bucket_level_at(&b, limit, NOW),
				 limit.burst * 1000);
		b = (struct bucket){ 0, back };
		bucket_empty_until(&b, limit, back, INT64_MAX);
		bucket_charge(&b, limit, before - 1, limit.burst);
		assert_int_equal(bucket_level_at(&b, limit, NOW),
				 limit.burst * 1000);
	}
	assert_true(before > NOW - 30 * DAY);
}

/* ---- duplicates ---- */

static const struct {
	long life, pause;	/* between two, in the long run */
} paces[] = {
	{ 0, 34 * WHEN_HOUR },
	{ 1, 1 },
	{ 60, 15 },
	{ 6 * WHEN_HOUR, 90 * WHEN_MINUTE },
	{ 135 * WHEN_HOUR, 135 * WHEN_HOUR / 4 },
	{ 136 * WHEN_HOUR, 34 * WHEN_HOUR },
	{ 6 * WHEN_DAY, 34 * WHEN_HOUR },
	{ 160 * WHEN_HOUR, 34 * WHEN_HOUR },
	{ 45 * WHEN_DAY, 34 * WHEN_HOUR },
	{ 398 * WHEN_DAY, 34 * WHEN_HOUR },
	{ -5, 34 * WHEN_HOUR },
	{ INT64_MAX, 34 * WHEN_HOUR },
};

static void the_guard_follows_the_life(void **state)
{
	struct limit theirs = limits_default().of[LIMIT_DUPLICATES];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(paces); i++) {
		struct limit ours = limit_duplicates(theirs, paces[i].life);

		assert_true(limit_is_sane(ours));
		assert_int_equal(ours.burst, theirs.burst);
		assert_int_equal(ours.period / ours.burst, paces[i].pause);
	}
}

static const long lives[] = { 60, 600, 6 * WHEN_DAY, 160 * WHEN_HOUR,
			      45 * WHEN_DAY, 64 * WHEN_DAY, 90 * WHEN_DAY,
			      398 * WHEN_DAY };

static bool order_again(struct bucket *b, struct limit limit, int64_t now,
			bool is_revoked, bool is_emergency)
{
	long needed = limit_duplicates_needed(limit, is_revoked, is_emergency);

	return bucket_ready_ms(b, limit, now, needed) <= now &&
	       bucket_take(b, limit, now, 1);
}

/* Renewed at half its life, and now and then once more for nothing. */
static void who_renews_at_half_life_never_notices(void **state)
{
	struct limit theirs = limits_default().of[LIMIT_DUPLICATES];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lives); i++) {
		struct limit limit = limit_duplicates(theirs, lives[i]);
		struct bucket b = BUCKET_FULL;
		int64_t now = NOW;

		for (int n = 0; n < 500; n++) {
			assert_true(order_again(&b, limit, now, false, false));
			if (n % 4 == 0)
				assert_true(order_again(&b, limit, now, false,
							false));
			now += lives[i] * SECOND / 2;
		}
	}
}

/* A loop of renewals is stopped, and still there is room for what is urgent. */
static void a_loop_leaves_room_for_what_is_urgent(void **state)
{
	struct limit limit = limits_default().of[LIMIT_DUPLICATES];
	struct bucket b = BUCKET_FULL;

	(void)state;
	assert_true(order_again(&b, limit, NOW, false, false));
	assert_true(order_again(&b, limit, NOW, false, false));
	assert_false(order_again(&b, limit, NOW, false, false));
	assert_false(order_again(&b, limit, NOW + 34 * HOUR - 1, false, false));
	assert_true(order_again(&b, limit, NOW, true, false));
	assert_true(order_again(&b, limit, NOW, false, true));
	assert_true(order_again(&b, limit, NOW, true, true));
	assert_false(order_again(&b, limit, NOW, true, true));	/* the CA's */
	assert_true(order_again(&b, limit, NOW + 34 * HOUR, true, false));
}

static const struct {
	long burst, needed;
} reserves[] = { { 1, 1 }, { 2, 2 }, { 3, 2 }, { 5, 4 }, { 30000, 18001 } };

static void the_reserve_leaves_something(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(reserves); i++) {
		struct limit limit = { reserves[i].burst, WHEN_DAY };

		assert_int_equal(limit_duplicates_needed(limit, false, false),
				 reserves[i].needed);
		assert_int_equal(limit_duplicates_needed(limit, false, true),
				 1);
		assert_int_equal(limit_duplicates_needed(limit, true, false),
				 1);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bucket_fills_up_evenly),
		cmocka_unit_test(a_damaged_debt_is_no_debt_for_ever),
		cmocka_unit_test(a_moment_keeps_its_promise),
		cmocka_unit_test(what_is_taken_is_gone),
		cmocka_unit_test(what_happened_is_charged_anyway),
		cmocka_unit_test(no_limit_is_no_limit),
		cmocka_unit_test(a_ca_that_refuses_is_believed),
		cmocka_unit_test(a_refusal_is_exact_whatever_the_limit),
		cmocka_unit_test(a_clock_that_steps_back_does_not_hold_up),
		cmocka_unit_test(a_clock_that_swings_lends_nothing),
		cmocka_unit_test(the_defaults_stay_below_the_published),
		cmocka_unit_test(staging_is_sane_and_wider),
		cmocka_unit_test(failures_stay_within_what_the_ca_allows),
		cmocka_unit_test(numbers_have_bounds),
		cmocka_unit_test(a_refusal_says_which_limit_it_means),
		cmocka_unit_test(a_pause_is_none_of_them),
		cmocka_unit_test(what_is_forgotten_is_full),
		cmocka_unit_test(the_guard_follows_the_life),
		cmocka_unit_test(who_renews_at_half_life_never_notices),
		cmocka_unit_test(a_loop_leaves_room_for_what_is_urgent),
		cmocka_unit_test(the_reserve_leaves_something),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
