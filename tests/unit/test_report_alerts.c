/* When each alert about TLS reports begins, is told again, and ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/when.h"
#include "daemon/report_alerts.h"
#include "store/alert.h"
#include "store/policy_version.h"
#include "store/watch.h"
#include "tests/sim/fixture.h"
#include "tests/sim/reports.h"
#include "tests/sim/scratch.h"

#define D0 (ROWS_NOW / WHEN_DAY * WHEN_DAY) /* a day begins */

static struct config config = { .report_share = 1 };
static struct domain shop;
static char said[2000]; /* text and hint of all that are open */

static int set_up(void **state)
{
	struct watch w;

	fixture_begin(state);
	shop = reports_shop(fix.store, D0 - 30 * WHEN_DAY);
	shop.state = DOMAIN_LIVE;
	w = (struct watch){ .domain_id = shop.id,
			    .reports = REPORTS_OURS,
			    .news_at = D0 - 3 * WHEN_DAY };
	must(watch_write(fix.store, &w, NULL), NULL);
	return 0;
}

static void add_report(struct tls_report *r, time_t at)
{
	assert_true(reports_add(fix.store, &shop, r, at + WHEN_DAY));
	tls_report_release(r);
}

static struct tls_report make(const char *who, time_t at, long successful,
			      long failed)
{
	static int number;
	char id[20];

	snprintf(id, sizeof(id), "%d", number++);
	return reports_make(who, id, at, successful, failed);
}

/* Of the day that begins so many after the first. */
static void tell(int day, long successful, long failed, enum tls_result result)
{
	struct tls_report r = make("Org", D0 + day * WHEN_DAY, successful,
				   failed);

	if (failed && result != TLS_RESULT_COUNT)
		reports_fail(&r, result, "mx1.shop.test", failed);
	add_report(&r, D0 + day * WHEN_DAY);
}

static bool add_one(const struct alert *a, void *arg)
{
	char *out = arg;

	assert_string_equal(a->subject, "shop.test");
	sprintf(out + strlen(out), "%s%s/%s", *out ? " " : "", a->kind,
		alert_level_name(a->level));
	sprintf(said + strlen(said), "%s -> %s\n", a->text, a->hint);
	return true;
}

static void assert_open(time_t now, const char *expected)
{
	const struct alert_filter all = { .limit = 9 };
	struct err err = ERR_INIT;
	char out[400] = "";

	*said = '\0';
	must(report_alerts_judge(fix.store, &shop, &config, now, &err), &err);
	must(alert_each(fix.store, &all, now, add_one, out, &err), &err);
	print_message("%s", said);
	assert_string_equal(out, expected);
}

static void assert_says(const char *words)
{
	assert_non_null(strstr(said, words));
}

static time_t noon(int day)
{
	return D0 + day * WHEN_DAY + 12 * WHEN_HOUR;
}

static void nothing_and_what_is_well_is_no_alert(void **state)
{
	(void)state;
	assert_open(noon(0), "");
	tell(0, 1000, 0, TLS_RESULT_COUNT);
	assert_open(noon(1), "");
}

/* ---- failures ---- */

static long notices(const char *what)
{
	char *sql = xasprintf("SELECT count(*) FROM notice n JOIN notice_item i"
			      " ON i.notice_id = n.id WHERE n.what = %s",
			      what);
	struct err err = ERR_INIT;
	long n;

	must(store_commit(fix.store, &err), &err);
	n = scratch_number(fix.dir, "state.db", sql);
	must(store_begin(fix.store, &err), &err);
	free(sql);
	return n;
}

static void each_kind_of_failure_is_told_once(void **state)
{
	const char *open = "report.failing/warning";

	(void)state;
	tell(0, 1000, 1, TLS_RESULT_CERTIFICATE_EXPIRED);
	assert_open(noon(1), open);
	assert_says("failures: certificate-expired -> mtastsctl report summary "
		    "shop.test; renew the certificate");
	tell(1, 1000, 1, TLS_RESULT_CERTIFICATE_EXPIRED);
	assert_open(noon(2), open);
	assert_int_equal(notices("2"), 0);

	tell(2, 1000, 1, TLS_RESULT_STARTTLS_NOT_SUPPORTED);
	assert_open(noon(3), open);
	assert_says(": starttls-not-supported, certificate-expired ->");
	assert_int_equal(notices("2"), 1);
	assert_open(noon(4), open);
	assert_int_equal(notices("2"), 1);
}

static void it_ends_after_seven_days_without(void **state)
{
	(void)state;
	tell(0, 1000, 1, TLS_RESULT_TLSA_INVALID);
	for (int day = 1; day < 9; day++)
		tell(day, 1000, 0, TLS_RESULT_COUNT);
	assert_open(noon(7), "report.failing/warning");
	assert_open(noon(8), "");
}

static void failures_without_a_kind_are_told_too(void **state)
{
	(void)state;
	tell(0, 1000, 1, TLS_RESULT_COUNT);
	assert_open(noon(1), "report.failing/warning");
	assert_says("none says of which kind");
	tell(0, 1000, 1, TLS_RESULT_OTHER);
	assert_open(noon(1), "report.failing/warning");
	assert_says("failures: other ->");
}

/* Some leave the number out. */
static void fail_uncounted(int day, enum tls_result result)
{
	struct tls_report r = make("Org", D0 + day * WHEN_DAY, 1000, 5);

	reports_fail(&r, result, "mx1.shop.test", 0);
	add_report(&r, D0 + day * WHEN_DAY);
}

static void a_kind_without_a_number_is_told_too(void **state)
{
	const char *open = "report.failing/warning";

	(void)state;
	fail_uncounted(0, TLS_RESULT_CERTIFICATE_EXPIRED);
	assert_open(noon(1), open);
	assert_says("failures: certificate-expired -> mtastsctl report summary "
		    "shop.test; renew the certificate");
	fail_uncounted(1, TLS_RESULT_CERTIFICATE_EXPIRED);
	assert_open(noon(2), open);
	assert_int_equal(notices("2"), 0);
	fail_uncounted(1, TLS_RESULT_STARTTLS_NOT_SUPPORTED);
	assert_open(noon(2), open);
	assert_says(": starttls-not-supported, certificate-expired ->");
	assert_int_equal(notices("2"), 1);
}

/* Whoever knows a name and an id can post what he likes under it. */
static void a_forgery_hides_no_failure(void **state)
{
	struct tls_report forged = reports_make("Org", "same", D0, 100, 0);
	struct tls_report said_so = reports_make("Org", "same", D0, 50, 50);

	(void)state;
	add_report(&forged, D0);
	assert_open(noon(1), "");
	reports_fail(&said_so, TLS_RESULT_CERTIFICATE_EXPIRED, "mx1.shop.test",
		     50);
	add_report(&said_so, D0);
	assert_open(noon(1), "report.share/warning report.failing/warning");
	assert_says("50 of 100 sessions by MTA-STS failed");
}

static void a_share_wants_sessions(void **state)
{
	const char *failing = "report.failing/warning";
	const char *both = "report.share/warning report.failing/warning";

	(void)state;
	tell(0, 10, 9, TLS_RESULT_TLSA_INVALID);
	assert_open(noon(1), failing);
	tell(0, 1, 0, TLS_RESULT_COUNT);
	assert_open(noon(1), both);
	assert_says("9 of 20 sessions by MTA-STS failed");
	tell(0, 880, 0, TLS_RESULT_COUNT); /* 9 of 900 */
	assert_open(noon(1), failing);
	tell(0, 0, 1, TLS_RESULT_TLSA_INVALID);
	assert_open(noon(1), both);
	config.report_share = 2;
	assert_open(noon(1), failing);
	config.report_share = 1;
}

/* They say nothing of MTA-STS, and somebody's mail may be late all the same. */
static void what_fails_by_dane_is_no_share_of_ours(void **state)
{
	struct tls_report r = make("Org", D0, 90, 10);

	(void)state;
	reports_fail(&r, TLS_RESULT_TLSA_INVALID, "mx1.shop.test", 10);
	r.policy->type = TLS_POLICY_TLSA;
	add_report(&r, D0);
	tell(0, 1000, 10, TLS_RESULT_OTHER);
	assert_open(noon(1), "report.share/warning report.failing/warning");
	assert_says("10 of 100 sessions failed that no MTA-STS policy of yours "
		    "was for");
	tell(0, 0, 1, TLS_RESULT_OTHER);
	assert_open(noon(1), "report.share/warning report.failing/warning");
	assert_says("11 of 1011 sessions by MTA-STS failed");
}

/* ---- silence ---- */

static void come_each_day(int days)
{
	for (int day = 0; day < days; day++)
		tell(-day, 100, 0, TLS_RESULT_COUNT);
}

static void who_falls_silent_is_told(void **state)
{
	const time_t due = D0 + 8 * WHEN_DAY;

	(void)state;
	come_each_day(3);
	assert_open(due - 1, "");
	assert_open(due, "report.silent/warning");
	assert_says("the last is of 2027-01-15 ->");
	assert_open(due + 90 * WHEN_DAY, "report.silent/warning");
	tell(8, 1, 0, TLS_RESULT_COUNT);
	assert_open(due, "");
}

static time_t unheard_since(time_t now)
{
	time_t since = 1;

	must(report_unheard_since(fix.store, &shop, now, &since, NULL), NULL);
	return since;
}

static void let_all_go(void)
{
	struct report_piece piece = { .limit = 100 };

	must(report_prune(fix.store, D0 + 365 * WHEN_DAY, &piece, NULL), NULL);
	assert_true(piece.is_all && piece.gone);
}

/* What is not kept any more has come all the same, and as often. */
static void who_was_heard_and_is_forgotten_is_told_as_well(void **state)
{
	const time_t due = D0 + 8 * WHEN_DAY;

	(void)state;
	come_each_day(3);
	let_all_go();
	assert_int_equal(unheard_since(due), 0);
	assert_open(due - 1, "");
	assert_open(due, "report.silent/warning");
	assert_says("the last is of 2027-01-15 ->");
	assert_open(due + 90 * WHEN_DAY, "report.silent/warning");
	tell(8, 1, 0, TLS_RESULT_COUNT);
	let_all_go();
	assert_open(due, "");
	assert_open(due + 8 * WHEN_DAY, "report.silent/info");
	assert_says("the last is of 2027-01-23, and they came seldom before");
}

static void who_seldom_has_reports_is_no_trouble(void **state)
{
	const time_t due = D0 + 8 * WHEN_DAY;

	(void)state;
	come_each_day(2);
	assert_open(due - 1, "");
	assert_open(due, "report.silent/info");
	assert_says("and they came seldom before ->");
}

/* The records were not right all the time; but what is open stays so. */
static void seven_days_are_given_after_a_change(void **state)
{
	const time_t due = D0 + 8 * WHEN_DAY;
	struct watch w = { .domain_id = shop.id,
			   .reports = REPORTS_OURS,
			   .news_at = D0 + 5 * WHEN_DAY };

	(void)state;
	come_each_day(3);
	must(watch_write(fix.store, &w, NULL), NULL);
	assert_open(due, "");
	assert_open(w.news_at + 7 * WHEN_DAY, "report.silent/warning");
	w.news_at += 7 * WHEN_DAY;
	must(watch_write(fix.store, &w, NULL), NULL);
	assert_open(w.news_at, "report.silent/warning");
}

static void asks_elsewhere(void)
{
	struct watch w = { .domain_id = shop.id, .reports = REPORTS_OTHER };

	must(watch_write(fix.store, &w, NULL), NULL);
}
static void leaves(void)
{
	shop.leaving = DOMAIN_REMOVING;
}
static void is_not_live(void)
{
	shop.state = DOMAIN_ISSUING;
}

static void none_are_missed_that_are_not_due(void **state)
{
	static void (*const changes[])(void) = { asks_elsewhere, leaves,
						 is_not_live };

	(void)state;
	come_each_day(3);
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		struct watch w = { .domain_id = shop.id,
				   .reports = REPORTS_OURS };

		must(watch_write(fix.store, &w, NULL), NULL);
		shop.state = DOMAIN_LIVE;
		shop.leaving = DOMAIN_STAYS;
		assert_open(D0 + 8 * WHEN_DAY, "report.silent/warning");
		changes[i]();
		assert_open(D0 + 8 * WHEN_DAY, "");
	}
}

/* It is news, and no trouble: nobody knows that one would come. */
static void none_at_all_is_known_after_seven_days(void **state)
{
	const time_t due = D0 - 23 * WHEN_DAY;
	struct watch w = { .domain_id = shop.id, .reports = REPORTS_OURS };

	(void)state;
	must(watch_write(fix.store, &w, NULL), NULL);
	assert_int_equal(unheard_since(due - 1), 0);
	assert_int_equal(unheard_since(due), D0 - 30 * WHEN_DAY);
	assert_open(due - 1, "");
	assert_open(due, "report.silent/info");
	assert_says("no TLS report has ever come, though DNS has asked for "
		    "them since 2026-12-16 at least ->");

	w.news_at = D0 - 20 * WHEN_DAY;
	must(watch_write(fix.store, &w, NULL), NULL);
	assert_int_equal(unheard_since(due), 0);
	assert_int_equal(unheard_since(D0), w.news_at);
	asks_elsewhere();
	assert_int_equal(unheard_since(D0), 0);
	must(watch_write(fix.store, &w, NULL), NULL);
	leaves();
	assert_int_equal(unheard_since(D0), 0);
	shop.leaving = DOMAIN_STAYS;
	tell(-300, 1, 0, TLS_RESULT_COUNT); /* one did come, once */
	assert_int_equal(unheard_since(D0), 0);
}

/* ---- old versions ---- */

static void quote(const char *who, int day, const char *mx)
{
	struct tls_report r = make(who, D0 + day * WHEN_DAY, 10, 0);

	free(r.policy[0].policy);
	r.policy[0].policy = xasprintf("version: STSv1\nmode: testing\n"
				       "mx: %s\nmax_age: 604800\n",
				       mx);
	add_report(&r, D0 + day * WHEN_DAY);
}

static void announce(int day)
{
	struct policy_version v;

	must(policy_version_current(fix.store, &shop, &v, NULL), NULL);
	must(policy_version_announce(fix.store, &shop, v.sts_id,
				     D0 + day * WHEN_DAY, NULL),
	     NULL);
	policy_version_release(&v);
}

static void an_old_version_may_be_held_for_its_max_age(void **state)
{
	const char *open = "report.old-version/warning";

	(void)state;
	reports_publish(fix.store, &shop, "old.test", D0 - 20 * WHEN_DAY);
	announce(-20);
	reports_publish(fix.store, &shop, "new.test", D0 - 10 * WHEN_DAY);
	quote("Early", 0, "old.test");
	assert_open(noon(1), ""); /* its id was never shown */
	announce(-8);
	assert_open(noon(1), open); /* max_age, and a day, just so */
	assert_says("\"Early\" still reports by version 2");
	assert_says("after 2027-01-15");
	quote("Late", 1, "old.test");
	quote("Good", 1, "new.test");
	assert_open(noon(2), open);
	assert_says("\"Late\" (and 1 more) still");
	assert_open(noon(8), open);
	assert_open(noon(9), "report.silent/info");
}

static void a_day_less_is_fine(void **state)
{
	(void)state;
	reports_publish(fix.store, &shop, "old.test", D0 - 20 * WHEN_DAY);
	reports_publish(fix.store, &shop, "new.test", D0 - 10 * WHEN_DAY);
	announce(-7);
	quote("Early", 0, "old.test");
	assert_open(noon(1), "");
}

/* ---- what it costs ---- */

static int64_t microseconds(void)
{
	struct timespec at;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
	return at.tv_sec * 1000000LL + at.tv_nsec / 1000;
}

static void judge_often(const char *what, int64_t most)
{
	const int often = 100;
	int64_t began = microseconds();

	for (int i = 0; i < often; i++)
		must(report_alerts_judge(fix.store, &shop, &config, noon(1),
					 NULL),
		     NULL);
	began = (microseconds() - began) / often;
	print_message("%s: %ld us\n", what, (long)began);
	assert_true(began < most);
}

/* As many as find room, of some id each, in all days that are kept. */
static void set_many_aside(void)
{
	char *sql = xasprintf(
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
		"  WHERE i < 150000) INSERT INTO report(domain_id, reporter_id,"
		" same, content, report_id, day, begin_at, end_at, received_at,"
		" via, signed_by, contact, successful, failed, left_out,"
		" counted) SELECT %lld, 1, 'x', i, 'x', %lld - i %% 360, 0, 0,"
		" 0, 0, '', '', 1, 0, 0, 0 FROM n",
		(long long)shop.id, (long long)(D0 / WHEN_DAY));

	must(store_commit(fix.store, NULL), NULL);
	scratch_sql(fix.dir, "state.db", sql);
	must(store_begin(fix.store, NULL), NULL);
	free(sql);
}

/* Sixteen domains are judged in a turn, for each of many reports maybe. */
static void judging_costs_little(void **state)
{
	(void)state;
	judge_often("no reports", 5000);
	for (int i = 0; i < 80; i++)
		tell(-(i % 8), 10, 1, TLS_RESULT_TLSA_INVALID);
	judge_often("ten a day", 5000);
	set_many_aside();
	judge_often("ten a day, and 150,000 that do not count", 50000);
	for (int i = 0; i < 4000; i++)
		tell(-(i % 8), 10, 1, TLS_RESULT_TLSA_INVALID);
	judge_often("a flood", 50000);
}

#define ONE(test)                                                              \
	cmocka_unit_test_setup_teardown(test, set_up, fixture_close)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ONE(nothing_and_what_is_well_is_no_alert),
		ONE(each_kind_of_failure_is_told_once),
		ONE(it_ends_after_seven_days_without),
		ONE(failures_without_a_kind_are_told_too),
		ONE(a_kind_without_a_number_is_told_too),
		ONE(a_forgery_hides_no_failure),
		ONE(a_share_wants_sessions),
		ONE(what_fails_by_dane_is_no_share_of_ours),
		ONE(who_falls_silent_is_told),
		ONE(who_was_heard_and_is_forgotten_is_told_as_well),
		ONE(who_seldom_has_reports_is_no_trouble),
		ONE(seven_days_are_given_after_a_change),
		ONE(none_are_missed_that_are_not_due),
		ONE(none_at_all_is_known_after_seven_days),
		ONE(an_old_version_may_be_held_for_its_max_age),
		ONE(a_day_less_is_fine),
		ONE(judging_costs_little),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
