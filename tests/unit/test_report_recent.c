/* What reports of the last days come to, of one domain and no other. */
#include "store/report_recent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/when.h"
#include "tests/sim/fixture.h"
#include "tests/sim/reports.h"
#include "tests/sim/scratch.h"

#define NOW   ROWS_NOW
#define SINCE (NOW - 7 * WHEN_DAY)

static struct domain shop;

static int set_up(void **state)
{
	fixture_begin_with_domain(state);
	shop = reports_shop(fix.store, NOW - 30 * WHEN_DAY);
	return 0;
}

static void add(const struct domain *d, const char *who, time_t at,
		long successful, long failed, enum tls_result result)
{
	static int number;
	char id[20];
	struct tls_report r;

	snprintf(id, sizeof(id), "%d", number++);
	r = reports_make(who, id, at, successful, failed);
	if (failed)
		reports_fail(&r, result, "mx1.shop.test", failed);
	assert_true(reports_add(fix.store, d, &r, at + WHEN_DAY));
	tls_report_release(&r);
}

static struct report_recent recent(const struct domain *d)
{
	struct report_recent r;
	struct err err = ERR_INIT;

	must(report_recent(fix.store, d->id, SINCE, NOW, &r, &err), &err);
	return r;
}

static void without_reports_all_is_nothing(void **state)
{
	struct report_recent r;

	(void)state;
	add(&fix.domain, "Org", NOW, 5, 5, TLS_RESULT_TLSA_INVALID);
	r = recent(&shop);
	assert_int_equal(r.reports + r.all.reporters + r.all.successful +
				 r.all.failed,
			 0);
	assert_int_equal(r.usual_days, 0);
	assert_int_equal(r.newest, 0);
	assert_int_equal(report_told_worst(&r.all), TLS_RESULT_COUNT);
}

static void the_days_of_the_window_count(void **state)
{
	const time_t first = SINCE / WHEN_DAY * WHEN_DAY;
	struct report_recent r;

	(void)state;
	add(&shop, "Old", first - 1 - WHEN_DAY, 1000, 1000,
	    TLS_RESULT_TLSA_INVALID);
	r = recent(&shop);
	assert_int_equal(r.reports, 0);
	assert_int_equal(r.newest, first - WHEN_DAY);

	add(&shop, "One", first, 10, 0, TLS_RESULT_OTHER);
	add(&shop, "One", NOW, 20, 2, TLS_RESULT_CERTIFICATE_EXPIRED);
	add(&shop, "Two", NOW, 30, 3, TLS_RESULT_STARTTLS_NOT_SUPPORTED);
	add(&fix.domain, "Three", NOW, 400, 400, TLS_RESULT_TLSA_INVALID);
	r = recent(&shop);
	assert_int_equal(r.reports, 3);
	assert_int_equal(r.all.reporters, 2);
	assert_int_equal(r.all.successful, 60);
	assert_int_equal(r.all.failed, 5);
	assert_int_equal(r.newest, NOW / WHEN_DAY * WHEN_DAY);
	assert_int_equal(r.all.results[TLS_RESULT_CERTIFICATE_EXPIRED], 2);
	assert_int_equal(r.all.results[TLS_RESULT_TLSA_INVALID], 0);
	assert_int_equal(report_told_worst(&r.all),
			 TLS_RESULT_STARTTLS_NOT_SUPPORTED);
}

/* By the day, in the order in which they come. */
static const struct {
	int day, newest;
	unsigned usual;
} days[] = {
	{ -10, -10, 1 },  { -10, -10, 1 }, { -16, -10, 2 }, { -17, -10, 2 },
	{ -300, -10, 2 }, { -4, -4, 2 },   { -7, -4, 3 },   { -3, -3, 3 },
	{ -9, -3, 4 },	  { 0, 0, 3 },	   { -6, 0, 4 },
};

static void the_last_week_with_reports_is_known(void **state)
{
	const time_t today = NOW / WHEN_DAY * WHEN_DAY;
	struct report_piece piece = { .limit = 100 };
	struct report_recent r;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(days); i++) {
		print_message("%d\n", days[i].day);
		add(&shop, "Org", today + days[i].day * WHEN_DAY, 1, 0,
		    TLS_RESULT_OTHER);
		r = recent(&shop);
		assert_int_equal(r.newest, today + days[i].newest * WHEN_DAY);
		assert_int_equal(r.usual_days, days[i].usual);
	}
	must(report_prune(fix.store, NOW + WHEN_DAY * 2, &piece, NULL), NULL);
	r = recent(&shop);
	assert_int_equal(r.reports, 0);
	assert_int_equal(r.newest, today);
	assert_int_equal(r.usual_days, 4);
	must(domain_delete(fix.store, &shop, NOW, NULL), NULL);
	assert_int_equal(recent(&shop).newest, 0);
}

/* How a policy stands to ours, and whether its sessions speak of MTA-STS. */
static const struct {
	enum tls_policy_type type;
	const char *quoted;
	bool is_sts;
} kinds[] = {
	{ TLS_POLICY_STS, "", true },
	{ TLS_POLICY_STS,
	  "version: STSv1\nmode: testing\nmx: mx1.shop.test\n"
	  "mx: mx2.shop.test\nmax_age: 604800\n",
	  true },
	{ TLS_POLICY_STS,
	  "version: STSv1\nmode: enforce\nmx: other.test\nmax_age: 1\n",
	  false },
	{ TLS_POLICY_TLSA, "", false },
	{ TLS_POLICY_NONE_FOUND, "", false },
	{ TLS_POLICY_OTHER, "", false },
};

static void only_a_policy_of_ours_speaks_of_it(void **state)
{
	int64_t sessions = 0, failed = 0, reporters = 0;
	struct report_recent r;
	struct tls_report said;
	char who[20];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		snprintf(who, sizeof(who), "Org %zu", i);
		said = reports_make(who, "id", NOW, 1L << (2 * i), 1L << i);
		reports_fail(&said, TLS_RESULT_TLSA_INVALID, "mx", 1L << i);
		said.policy->type = kinds[i].type;
		free(said.policy->policy);
		said.policy->policy = xstrdup(kinds[i].quoted);
		assert_true(reports_add(fix.store, &shop, &said, NOW));
		tls_report_release(&said);
		sessions += kinds[i].is_sts ? 1L << (2 * i) : 0;
		failed += kinds[i].is_sts ? 1L << i : 0;
		reporters += kinds[i].is_sts;
		r = recent(&shop);
		print_message("%zu\n", i);
		assert_int_equal(r.sts.successful, sessions);
		assert_int_equal(r.sts.failed, failed);
		assert_int_equal(r.sts.reporters, reporters);
		assert_int_equal(r.sts.results[TLS_RESULT_TLSA_INVALID],
				 failed);
		assert_int_equal(r.all.reporters, i + 1);
		assert_int_equal(r.all.failed, (2L << i) - 1);
	}
}

/* What went with a report goes from the sums of its days too. */
static void what_is_forgotten_speaks_no_more(void **state)
{
	struct report_piece piece = { .limit = 1 };

	(void)state;
	add(&shop, "One", NOW - WHEN_DAY, 10, 1, TLS_RESULT_OTHER);
	add(&shop, "Two", NOW - WHEN_DAY, 20, 2, TLS_RESULT_OTHER);
	assert_int_equal(recent(&shop).sts.successful, 30);
	must(report_forget_domain(fix.store, shop.id, &piece, NULL), NULL);
	assert_int_equal(recent(&shop).sts.successful,
			 recent(&shop).all.successful);
	assert_in_range(recent(&shop).sts.successful, 10, 20);
	must(report_forget_domain(fix.store, shop.id, &piece, NULL), NULL);
	assert_int_equal(recent(&shop).sts.successful, 0);
}

static void a_kind_counts_without_a_number(void **state)
{
	struct tls_report r = reports_make("Org", "id", NOW, 10, 5);
	struct report_recent seen;

	(void)state;
	reports_fail(&r, TLS_RESULT_DNSSEC_INVALID, "mx", 0);
	assert_true(reports_add(fix.store, &shop, &r, NOW));
	seen = recent(&shop);
	assert_int_equal(seen.all.kinds, 1U << TLS_RESULT_DNSSEC_INVALID);
	assert_int_equal(seen.sts.kinds, seen.all.kinds);
	assert_int_equal(report_told_worst(&seen.sts),
			 TLS_RESULT_DNSSEC_INVALID);

	add(&shop, "Two", NOW, 1, 1, TLS_RESULT_OTHER);
	seen = recent(&shop);
	assert_int_equal(report_told_worst(&seen.sts), TLS_RESULT_OTHER);
	tls_report_release(&r);
}

static int64_t microseconds(void)
{
	struct timespec at;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
	return at.tv_sec * 1000000LL + at.tv_nsec / 1000;
}

/* Ten reporters a day, and then as many as a flood leaves. */
static void it_is_read_in_no_time(void **state)
{
	int64_t began;
	char who[20];

	(void)state;
	for (int i = 0; i < 4000; i++) {
		snprintf(who, sizeof(who), "Org %d", i % 10);
		add(&shop, who, NOW - i % 8 * WHEN_DAY, 10, 1,
		    TLS_RESULT_CERTIFICATE_EXPIRED);
		if (i != 79 && i != 3999)
			continue;
		began = microseconds();
		assert_int_equal(recent(&shop).reports, i + 1);
		began = microseconds() - began;
		print_message("%d reports: %ld us\n", i + 1, (long)began);
		assert_true(began < (i == 79 ? 5000 : 50000));
	}
	assert_int_equal(recent(&shop).all.reporters, 10);
}

/* Whoever asks for years does not get them. */
static void the_window_is_bounded(void **state)
{
	struct report_recent r;

	(void)state;
	add(&shop, "Org", NOW - (REPORT_RECENT_DAYS - 1) * WHEN_DAY, 1, 0,
	    TLS_RESULT_OTHER);
	add(&shop, "Org", NOW - REPORT_RECENT_DAYS * WHEN_DAY, 1, 0,
	    TLS_RESULT_OTHER);
	must(report_recent(fix.store, shop.id, 0, NOW, &r, NULL), NULL);
	assert_int_equal(r.reports, 1);
}

#define ONE(test)                                                              \
	cmocka_unit_test_setup_teardown(test, set_up, fixture_close)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ONE(without_reports_all_is_nothing),
		ONE(the_days_of_the_window_count),
		ONE(the_last_week_with_reports_is_known),
		ONE(only_a_policy_of_ours_speaks_of_it),
		ONE(what_is_forgotten_speaks_no_more),
		ONE(a_kind_counts_without_a_number),
		ONE(it_is_read_in_no_time),
		ONE(the_window_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
