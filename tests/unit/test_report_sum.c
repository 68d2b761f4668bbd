/*
 * What TLS reports come to, of a domain and of the box, and what one says.
 */
#include "store/report_sum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "store/report_list.h"
#include "tests/sim/fixture.h"
#include "tests/sim/reports.h"
#include "tests/sim/scratch.h"

#define NOW	 ROWS_NOW
#define DAY_OF_A 1795132800L /* 2026-11-20, which the fixtures tell of */
#define DAY(n)	 (DAY_OF_A + (n)*WHEN_DAY)
#define ALL	 0, NOW, 100

static struct domain shop, other;
static struct report_reader *reader;
static struct report_sum sum;

static int set_up(void **state)
{
	struct store_options o;
	struct err err = ERR_INIT;

	fixture_begin(state);
	shop = reports_shop(fix.store, DAY(-10));
	other = rows_domain(fix.store, "other.test");
	must(store_commit(fix.store, &err), &err);
	o = (struct store_options){ .dir = fix.dir };
	reader = report_reader_open(&o, &err);
	must(reader, &err);
	must(store_begin(fix.store, &err), &err);
	return 0;
}

static int tear_down(void **state)
{
	report_sum_release(&sum);
	report_reader_close(reader);
	return fixture_close(state);
}

static void commit(void)
{
	struct err err = ERR_INIT;

	must(store_commit(fix.store, &err), &err);
}

static void sum_domain(time_t since, time_t until, size_t most)
{
	struct err err = ERR_INIT;

	report_sum_release(&sum);
	must(report_sum_domain(reader, shop.id, since, until, most, &sum, &err),
	     &err);
}

static void sum_box(time_t since, time_t until, size_t most)
{
	struct err err = ERR_INIT;

	report_sum_release(&sum);
	must(report_sum_box(reader, since, until, most, &sum, &err), &err);
}

static void add_fixture(const char *name)
{
	struct tls_report r = reports_read(name);

	assert_true(reports_add(fix.store, &shop, &r, NOW));
	tls_report_release(&r);
}

static void add(const struct domain *d, const char *who, long day,
		long successful, long failed)
{
	static int n;
	char *id = xasprintf("%d", n++);
	struct tls_report r = reports_make(who, id, DAY(day), successful,
					   failed);

	if (failed)
		reports_fail(&r, TLS_RESULT_CERTIFICATE_EXPIRED,
			     "mx1.shop.test", failed);
	assert_true(reports_add(fix.store, d, &r, NOW));
	tls_report_release(&r);
	free(id);
}

static void assert_count(const struct report_count *n, long reports,
			 long successful, long failed)
{
	assert_int_equal(n->reports, reports);
	assert_int_equal(n->successful, successful);
	assert_int_equal(n->failed, failed);
}

static const struct report_line *line_of(const struct report_lines *lines,
					 const char *name)
{
	for (size_t i = 0; i < lines->count; i++)
		if (streq(lines->line[i].name, name))
			return &lines->line[i];
	fail_msg("no line %s", name);
	return NULL;
}

/* ---- sums ---- */

static void nothing_comes_to_nothing(void **state)
{
	(void)state;
	commit();
	sum_domain(ALL);
	assert_count(&sum.all, 0, 0, 0);
	assert_int_equal(sum.day_count + sum.reporters.count +
				 sum.policies.count + sum.holding_count,
			 0);
	sum_box(ALL);
	assert_count(&sum.all, 0, 0, 0);
	assert_int_equal(sum.domains.count, 0);
}

/* Failures add up to 9 in one of them: the sessions are 5 all the same. */
static void a_domain_is_summed_up(void **state)
{
	(void)state;
	add_fixture("google-like");    /* 118, 2 */
	add_fixture("microsoft-like"); /* 41, 0 */
	add_fixture("two-policies");   /* 12, 5 */
	add_fixture("empty-policies"); /* 0, 0: of the same day */
	add(&other, "Big Mail One", 0, 1000, 1000);
	commit();
	sum_domain(ALL);
	assert_count(&sum.all, 4, 171, 7);
	assert_int_equal(sum.day_count, 1);
	assert_int_equal(sum.day[0].at, DAY(0));
	assert_count(&sum.day[0].n, 4, 171, 7);
	assert_int_equal(sum.reporters.count, 4);
	assert_string_equal(sum.reporters.line[0].name, "Both Sender");
	assert_count(&sum.reporters.line[0].n, 1, 12, 5);
	assert_string_equal(sum.reporters.line[1].name, "Big Mail One");
	assert_count(&line_of(&sum.reporters, "Big Mail Two")->n, 1, 41, 0);
	assert_int_equal(sum.reporters.line[1].last, DAY(0));
}

static void results_and_hosts_are_as_failures_tell(void **state)
{
	(void)state;
	add_fixture("google-like");
	add_fixture("two-policies");
	add_fixture("missing"); /* says no number of sessions, and no host */
	commit();
	sum_domain(ALL);
	assert_int_equal(sum.results.count, 5);
	assert_int_equal(sum.results.line[0].id, TLS_RESULT_TLSA_INVALID);
	assert_count(&sum.results.line[0].n, 1, 0, 4);
	assert_int_equal(sum.results.line[4].id,
			 TLS_RESULT_CERTIFICATE_NOT_TRUSTED);
	assert_count(&sum.results.line[4].n, 1, 0, 0);
	assert_null(sum.results.line[0].name);
	assert_int_equal(sum.hosts.count, 2);
	assert_count(&line_of(&sum.hosts, "mx1.shop.test")->n, 2, 0, 9);
	assert_count(&line_of(&sum.hosts, "mx2.shop.test")->n, 1, 0, 2);
}

/* Who met it, and since when: of a domain. */
static void a_result_has_its_days_and_reporters(void **state)
{
	const struct report_tellers *t =
		&sum.tellers[TLS_RESULT_CERTIFICATE_EXPIRED];

	(void)state;
	add(&shop, "A", 1, 10, 1);
	add(&shop, "B", 2, 10, 6);
	add(&shop, "A", 3, 10, 2);
	for (int i = 0; i < 3; i++)
		add(&shop, i ? i > 1 ? "E" : "D" : "C", 2, 10, i + 1);
	add(&other, "Z", 0, 10, 99);
	commit();
	sum_domain(ALL);
	assert_int_equal(sum.results.line[0].first, DAY(1));
	assert_int_equal(sum.results.line[0].last, DAY(3));
	assert_int_equal(t->count, REPORT_TELLERS);
	assert_int_equal(t->left_out, 2);
	assert_string_equal(t->reporter[0], "B");
	assert_count(&t->n[0], 1, 0, 6);
	assert_string_equal(t->reporter[1], "A");
	assert_count(&t->n[1], 2, 0, 3);
	sum_box(ALL);
	assert_int_equal(sum.results.line[0].first, DAY(0));
	assert_int_equal(t->count, 0);
}

/* Who looks at the last days sees no others. */
static void a_summary_is_of_its_days(void **state)
{
	static const struct {
		time_t since, until;
		long reports;
	} cases[] = {
		{ DAY(0), DAY(4), 4 },	   { DAY(1), DAY(2), 1 },
		{ DAY(1), DAY(1) + 1, 1 }, { DAY(1) + 80000, DAY(2), 1 },
		{ DAY(1), DAY(1), 0 },	   { DAY(1), DAY(2) + 1, 2 },
		{ DAY(4), NOW, 0 },	   { 0, DAY(0), 0 },
	};

	(void)state;
	for (int i = 0; i < 4; i++)
		add(&shop, "A", i, 1, 0);
	commit();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		print_message("%zu\n", i);
		sum_domain(cases[i].since, cases[i].until, 9);
		assert_int_equal(sum.all.reports, cases[i].reports);
		assert_int_equal(sum.day_count, cases[i].reports);
		sum_box(cases[i].since, cases[i].until, 9);
		assert_int_equal(sum.all.reports, cases[i].reports);
	}
	sum_domain(DAY(0), DAY(4), 9);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(sum.day[i].at, DAY((long)i));
}

static void the_box_is_the_sum_of_its_domains(void **state)
{
	(void)state;
	add(&shop, "A", 0, 10, 1);
	add(&shop, "B", 0, 20, 2);
	add(&other, "A", 1, 40, 4);
	commit();
	sum_box(ALL);
	assert_count(&sum.all, 3, 70, 7);
	assert_int_equal(sum.day_count, 2);
	assert_count(&sum.day[0].n, 2, 30, 3);
	assert_count(&line_of(&sum.reporters, "A")->n, 2, 50, 5);
	assert_string_equal(sum.domains.line[0].name, "other.test");
	assert_count(&sum.domains.line[0].n, 1, 40, 4);
	assert_int_equal(sum.domains.line[0].last, DAY(1));
	assert_count(&line_of(&sum.domains, "shop.test")->n, 2, 30, 3);
	assert_count(&line_of(&sum.hosts, "mx1.shop.test")->n, 3, 0, 7);
	assert_int_equal(sum.results.count, 1);
	assert_int_equal(sum.results.line[0].id,
			 TLS_RESULT_CERTIFICATE_EXPIRED);
	assert_count(&sum.results.line[0].n, 3, 0, 7);
	assert_int_equal(sum.policies.count, 1);
	assert_int_equal(sum.policies.line[0].standing, REPORT_UNTOLD);
	assert_count(&sum.policies.line[0].n, 3, 70, 7);
}

static void what_is_left_out_is_told(void **state)
{
	(void)state;
	for (int i = 0; i < 7; i++) {
		char *who = xasprintf("reporter %d", i);

		add(&shop, who, 0, 100, i);
		free(who);
	}
	commit();
	for (int i = 0; i < 2; i++) {
		if (i)
			sum_box(0, NOW, 2);
		else
			sum_domain(0, NOW, 2);
		assert_int_equal(sum.reporters.count, 2);
		assert_string_equal(sum.reporters.line[0].name, "reporter 6");
		assert_int_equal(sum.reporters.left_out, 5);
		assert_count(&sum.reporters.others, 5, 500, 10);
		assert_count(&sum.all, 7, 700, 21);
	}
}

/* ---- versions ---- */

static void add_quoting(const char *who, long day, const char *mx)
{
	char *id = xasprintf("%s %ld", who, day);
	struct tls_report r = reports_make(who, id, DAY(day), 10, 0);

	free(r.policy->policy);
	r.policy->policy = xasprintf("max_age: 604800\r\nversion: STSv1\r\n"
				     "%s\r\nmode: testing\r\n",
				     mx);
	assert_true(reports_add(fix.store, &shop, &r, NOW));
	tls_report_release(&r);
	free(id);
}

/* Who has an old one, and since when nobody has. */
static void old_versions_have_their_holders(void **state)
{
	(void)state;
	reports_publish(fix.store, &shop, "mx3.shop.test", DAY(2) + 5);
	for (int i = 0; i < 5; i++)
		add_quoting("slow", i, "mx: mx1.shop.test\nmx: mx2.shop.test");
	for (int i = 3; i < 6; i++)
		add_quoting("quick", i, "mx: mx3.shop.test");
	add_quoting("odd", 4, "mx: mx.evil.test");
	add(&shop, "mute", 4, 5, 0);
	commit();
	sum_domain(ALL);
	assert_int_equal(sum.policies.count, 4);
	assert_int_equal(sum.policies.line[0].version, 2);
	assert_count(&sum.policies.line[0].n, 3, 30, 0);
	assert_int_equal(sum.policies.line[1].version, 1);
	assert_count(&sum.policies.line[1].n, 5, 50, 0);
	assert_int_equal(sum.policies.line[1].last, DAY(4));
	assert_int_equal(sum.policies.line[2].standing, REPORT_UNTOLD);
	assert_int_equal(sum.policies.line[3].standing, REPORT_FOREIGN);
	assert_null(sum.policies.line[3].name);
	assert_int_equal(sum.holding_count, 2);
	assert_string_equal(sum.holding[0].reporter, "quick");
	assert_int_equal(sum.holding[0].version, 2);
	assert_string_equal(sum.holding[0].sts_id, sum.policies.line[0].name);
	assert_string_equal(sum.holding[1].reporter, "slow");
	assert_int_equal(sum.holding[1].version, 1);
	assert_int_equal(sum.holding[1].first, DAY(0));
	assert_int_equal(sum.holding[1].last, DAY(4));
	sum_box(ALL);
	assert_int_equal(sum.policies.count, 4);
	assert_int_equal(sum.policies.line[1].standing, REPORT_CURRENT);
	assert_count(&sum.policies.line[1].n, 6, 60, 0);
	assert_int_equal(sum.policies.line[2].standing, REPORT_OLD);
	assert_count(&sum.policies.line[2].n, 2, 20, 0);
}

/* ---- damage, and what is gone ---- */

static void a_damaged_row_hides_no_other(void **state)
{
	struct report_item items[9];
	struct err err = ERR_INIT;
	struct report_whole w;
	int64_t next;

	(void)state;
	add(&shop, "A", 0, 10, 1);
	add(&shop, "B", 0, 20, 2);
	commit();
	scratch_sql(fix.dir, "state.db",
		    "UPDATE report SET via = 77 WHERE id = 1;"
		    "UPDATE report_policy SET standing = 99, type = 98"
		    " WHERE report_id = 1;"
		    "UPDATE report_failure SET result = 97"
		    " WHERE report_id = 1;"
		    "UPDATE report_tally SET what = 96 WHERE kind = 5;"
		    "INSERT INTO report_drop VALUES(95, 1, 1)");
	sum_domain(ALL);
	assert_count(&sum.all, 2, 30, 3);
	assert_int_equal(sum.policies.count, 1);
	assert_int_equal(sum.policies.line[0].standing, REPORT_UNTOLD);
	sum_box(ALL);
	assert_count(&sum.all, 2, 30, 3);
	assert_int_equal(sum.policies.count, 0);
	assert_int_equal(report_list(reader, &(struct report_filter){ 0 },
				     items, 9, &next, &err),
			 1);
	assert_string_equal(items[0].reporter, "B");
	report_item_release(&items[0]);
	assert_false(report_show(reader, 1, &w, &err));
	scratch_sql(fix.dir, "state.db", "UPDATE report SET via = 0");
	err = (struct err)ERR_INIT;
	must(report_show(reader, 1, &w, &err), &err);
	assert_int_equal(w.said.policy_count, 1);
	assert_int_equal(w.said.policy[0].type, TLS_POLICY_OTHER);
	assert_int_equal(w.said.failure_count, 0);
	report_whole_release(&w);
}

/* Its reports are still on their way out. */
static void a_domain_that_is_gone_is_not_shown(void **state)
{
	struct report_item items[9];
	struct err err = ERR_INIT;
	struct report_whole w;
	int64_t next;

	(void)state;
	add(&shop, "A", 0, 10, 1);
	add(&other, "B", 0, 20, 2);
	must(domain_delete(fix.store, &shop, NOW, &err), &err);
	commit();
	sum_box(ALL);
	assert_int_equal(sum.domains.count, 1);
	assert_string_equal(sum.domains.line[0].name, "other.test");
	assert_int_equal(report_list(reader, &(struct report_filter){ 0 },
				     items, 9, &next, &err),
			 1);
	report_item_release(&items[0]);
	assert_false(report_show(reader, 1, &w, &err));
	assert_int_equal(err.kind, ERR_NOT_FOUND);
}

/* ---- one by one ---- */

static void assert_list(const struct report_filter *f, const char *expected,
			bool is_more)
{
	struct report_item items[2];
	struct err err = ERR_INIT;
	char seen[64] = "";
	int64_t next;
	size_t n = report_list(reader, f, items, 2, &next, &err);

	assert_int_equal(err.kind, ERR_NONE);
	for (size_t i = 0; i < n; i++) {
		snprintf(seen + strlen(seen), 8, "%ld ", (long)items[i].id);
		report_item_release(&items[i]);
	}
	assert_string_equal(seen, expected);
	assert_int_equal(next != 0, is_more);
}

static void the_list_comes_page_by_page(void **state)
{
	struct report_filter f = { 0 };

	(void)state;
	add(&shop, "A", 0, 1, 0);  /* 1 */
	add(&other, "A", 0, 1, 1); /* 2 */
	add(&shop, "A", 0, 1, 1);  /* 3 */
	add(&shop, "A", 0, 1, 0);  /* 4 */
	commit();
	assert_list(&f, "4 3 ", true);
	f.before = 3;
	assert_list(&f, "2 1 ", false);
	f = (struct report_filter){ .domain_id = shop.id };
	assert_list(&f, "4 3 ", true);
	f.before = 3;
	assert_list(&f, "1 ", false);
	f = (struct report_filter){ .failed_only = true };
	assert_list(&f, "3 2 ", false);
	f.domain_id = shop.id;
	assert_list(&f, "3 ", false);
}

/* Of few that are far apart, each page costs as much as any other. */
static void a_page_of_the_box_looks_only_so_far(void **state)
{
	struct report_filter f = { .failed_only = true };
	struct err err = ERR_INIT;

	(void)state;
	add(&shop, "A", 0, 1, 1); /* 1 */
	add(&shop, "A", 0, 1, 0); /* 2 */
	commit();
	scratch_sql(fix.dir, "state.db",
		    "UPDATE sqlite_sequence SET seq = 50000"
		    " WHERE name = 'report'");
	must(store_begin(fix.store, &err), &err);
	add(&shop, "A", 0, 1, 1); /* 50001 */
	commit();
	assert_list(&f, "50001 ", true);
	f.before = 50002 - REPORT_LIST_LOOK;
	assert_list(&f, "", true);
	f.before -= REPORT_LIST_LOOK;
	assert_list(&f, "1 ", false);
	f = (struct report_filter){ .domain_id = shop.id, .failed_only = true };
	assert_list(&f, "50001 1 ", false);
}

/* By the days that they tell of, as in a summary; they came at one time. */
static void a_list_is_of_days(void **state)
{
	struct report_filter f = { .since = DAY(1) };

	(void)state;
	add(&shop, "A", 0, 1, 0);  /* 1 */
	add(&shop, "A", 2, 1, 0);  /* 2 */
	add(&other, "A", 1, 1, 0); /* 3 */
	commit();
	assert_list(&f, "3 2 ", false);
	f.since = DAY(2) - 1;
	assert_list(&f, "3 2 ", false);
	f.domain_id = shop.id;
	assert_list(&f, "2 ", false);
	f.since = DAY(3);
	assert_list(&f, "", false);
	f.domain_id = 0;
	assert_list(&f, "", false);
}

static void a_report_is_shown_whole(void **state)
{
	struct err err = ERR_INIT;
	struct report_whole w;

	(void)state;
	add_fixture("google-like");
	add_fixture("two-policies");
	add_fixture("empty-policies");
	commit();
	must(report_show(reader, 1, &w, &err), &err);
	assert_string_equal(w.item.domain, "shop.test");
	assert_string_equal(w.item.reporter, "Big Mail One");
	assert_string_equal(w.item.report_id, "2026-11-20T00:00:00Z_shop.test");
	assert_string_equal(w.item.contact, "tls-reports@one.example.com");
	assert_string_equal(w.item.signed_by, "");
	assert_int_equal(w.item.begin, DAY(0));
	assert_int_equal(w.item.end, DAY(1) - 1);
	assert_int_equal(w.item.received, NOW);
	assert_int_equal(w.said.policy_count, 1);
	assert_int_equal(w.ours[0].version, 1);
	assert_int_equal(w.ours[0].standing, REPORT_CURRENT);
	assert_true(*w.ours[0].sts_id);
	assert_string_equal(w.said.policy[0].policy, "");
	assert_string_equal(w.said.policy[0].mx, "mx1.shop.test\n"
						 "mx2.shop.test");
	assert_int_equal(w.said.policy[0].failure_count, 1);
	assert_int_equal(w.said.policy[0].failure[0].result,
			 TLS_RESULT_CERTIFICATE_EXPIRED);
	assert_string_equal(w.said.policy[0].failure[0].receiving_ip,
			    "198.51.100.7");
	report_whole_release(&w);
	must(report_show(reader, 2, &w, &err), &err);
	assert_int_equal(w.said.policy_count, 3);
	assert_int_equal(w.said.policy[0].failure_count, 2);
	assert_int_equal(w.said.policy[1].failure_count, 1);
	assert_int_equal(w.ours[0].standing, REPORT_NO_STS);
	assert_int_equal(w.ours[1].standing, REPORT_FOREIGN);
	assert_non_null(strstr(w.said.policy[1].policy, "mx: mx1.shop.test"));
	assert_int_equal(w.ours[2].standing, REPORT_UNTOLD);
	report_whole_release(&w);
	must(report_show(reader, 3, &w, &err), &err);
	assert_int_equal(w.said.policy_count, 0);
	report_whole_release(&w);
	assert_false(report_show(reader, 4711, &w, &err));
	assert_int_equal(err.kind, ERR_NOT_FOUND);
}

static void drops_are_told(void **state)
{
	struct report_dropped d[REPORT_DROP_COUNT];
	struct err err = ERR_INIT;

	(void)state;
	must(report_drop_add(fix.store, REPORT_DROP_OVER_LIMIT, 3, NOW, &err),
	     &err);
	commit();
	must(report_sum_drops(reader, d, &err), &err);
	assert_int_equal(d[REPORT_DROP_OVER_LIMIT].count, 3);
	assert_int_equal(d[REPORT_DROP_OVER_LIMIT].last_at, NOW);
	assert_int_equal(d[REPORT_DROP_NOT_OURS].count, 0);
}

static bool go_on(void *arg)
{
	return *(bool *)arg;
}

static void who_is_asked_to_end_ends(void **state)
{
	struct err err = ERR_INIT;
	bool may = false;

	(void)state;
	for (int i = 0; i < 400; i++)
		add(&shop, "A", i % 30, 1, 0);
	commit();
	report_reader_ask(reader, go_on, &may);
	assert_false(report_sum_domain(reader, shop.id, ALL, &sum, &err));
	assert_int_equal(sum.day_count, 0);
	may = true;
	sum_domain(ALL);
	assert_int_equal(sum.all.reports, 400);
}

#define WITH_A_SHOP(test)                                                      \
	cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_A_SHOP(nothing_comes_to_nothing),
		WITH_A_SHOP(a_domain_is_summed_up),
		WITH_A_SHOP(results_and_hosts_are_as_failures_tell),
		WITH_A_SHOP(a_result_has_its_days_and_reporters),
		WITH_A_SHOP(a_summary_is_of_its_days),
		WITH_A_SHOP(the_box_is_the_sum_of_its_domains),
		WITH_A_SHOP(what_is_left_out_is_told),
		WITH_A_SHOP(old_versions_have_their_holders),
		WITH_A_SHOP(a_damaged_row_hides_no_other),
		WITH_A_SHOP(a_domain_that_is_gone_is_not_shown),
		WITH_A_SHOP(the_list_comes_page_by_page),
		WITH_A_SHOP(a_page_of_the_box_looks_only_so_far),
		WITH_A_SHOP(a_list_is_of_days),
		WITH_A_SHOP(a_report_is_shown_whole),
		WITH_A_SHOP(drops_are_told),
		WITH_A_SHOP(who_is_asked_to_end_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
