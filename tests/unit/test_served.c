/* What was served, and until when a sender may hold it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "base/when.h"
#include "store/policy_version.h"
#include "store/served.h"
#include "store/watch.h"
#include "tests/sim/fixture.h"
#include "tests/sim/scratch.h"

#define T0 ROWS_NOW		/* version 1 is made */
#define AGE STS_MAX_AGE_DEFAULT

static void publish(enum sts_mode mode, const char *mx, time_t now)
{
	struct sts_policy p = { .mode = mode, .max_age = AGE };
	struct err err = ERR_INIT;
	bool changed;

	must(sts_policy_add_mx(&p, mx, &err), &err);
	must(policy_version_publish(fix.store, &fix.domain, &p, now, &changed,
				    &err), &err);
	must(changed, NULL);
	sts_policy_release(&p);
}

static struct policy_version version(long n, time_t now)
{
	struct err err = ERR_INIT;
	struct policy_version v;

	must(policy_version_numbered(fix.store, &fix.domain, n, now, &v, &err),
	     &err);
	policy_version_release(&v);	/* its numbers stay */
	return v;
}

static void fetch(long n, unsigned long fetches, time_t now)
{
	struct served_count c = { version(n, now).id, fetches };
	struct err err = ERR_INIT;

	must(served_add(fix.store, &c, 1, now, &err), &err);
}

static void gap(time_t since, time_t until)
{
	struct err err = ERR_INIT;

	must(served_gap(fix.store, since, until, &err), &err);
}

static time_t enforced_until(time_t now)
{
	struct err err = ERR_INIT;
	time_t until;

	must(policy_version_held_until(fix.store, &fix.domain, now,
				       policy_version_is_enforced, NULL, &until,
					   &err), &err);
	return until;
}

static void fetches_add_up(void **state)
{
	struct policy_version v = version(1, T0 + 9);

	(void)state;
	assert_int_equal(v.fetches, 0);
	assert_int_equal(v.first_served, 0);
	assert_int_equal(v.last_served, 0);
	fetch(1, 3, T0 + 10);
	fetch(1, 4, T0 + 20);
	v = version(1, T0 + 30);
	assert_int_equal(v.fetches, 7);
	assert_int_equal(v.first_served, T0 + 10);
	assert_int_equal(v.last_served, T0 + 20);
	assert_int_equal(v.replaced_at, 0);
}

static void what_is_gone_is_passed_over(void **state)
{
	struct served_count counts[] = { { 4711, 5 },
					 { version(1, T0).id, 2 } };

	(void)state;
	assert_true(served_add(fix.store, counts, 2, T0 + 5, NULL));
	assert_int_equal(version(1, T0 + 9).fetches, 2);
}

/* A clock that was ahead for a while: nothing was served in days to come. */
static void nothing_is_served_in_the_future(void **state)
{
	(void)state;
	fetch(1, 1, T0 + 90 * WHEN_DAY);
	assert_int_equal(version(1, T0 + 9).last_served, T0 + 9);
	gap(T0 + 1, T0 + 90 * WHEN_DAY);
	assert_int_equal(version(1, T0 + 9).last_served, T0 + 9);
}

/* Version 1 stands until T0 + 100, version 2 until T0 + 200. */
static const struct {
	time_t since, until;	/* no counts then */
	time_t last[3];		/* of the versions, at T0 + 300 */
} gaps[] = {
	{ 0, 0, { 0, 0, 0 } },
	{ 10, 50, { 50, 0, 0 } },
	{ 10, 150, { 100, 150, 0 } },
	{ 150, 160, { 0, 160, 0 } },
	{ 150, 250, { 0, 200, 250 } },
	{ 220, 999, { 0, 0, 300 } },
	{ -50, 999, { 100, 200, 300 } },
};

static void what_was_not_counted_may_have_been_served(void **state)
{
	(void)state;
	publish(STS_TESTING, "b.example.net", T0 + 100);
	publish(STS_TESTING, "c.example.net", T0 + 200);
	must(store_commit(fix.store, NULL), NULL);
	for (size_t i = 0; i < sizeof(gaps) / sizeof(gaps[0]); i++) {
		must(store_begin(fix.store, NULL), NULL);
		if (gaps[i].until)
			gap(T0 + gaps[i].since, T0 + gaps[i].until);
		for (long n = 1; n <= 3; n++) {
			time_t last = gaps[i].last[n - 1];
			struct policy_version v = version(n, T0 + 300);

			assert_int_equal(v.last_served, last ? T0 + last : 0);
			assert_int_equal(v.first_served != 0, last != 0);
			assert_int_equal(v.fetches, 0);
		}
		store_rollback(fix.store);
	}
	must(store_begin(fix.store, NULL), NULL);
}

static void a_count_later_than_the_gap_decides(void **state)
{
	(void)state;
	gap(T0 + 10, T0 + 50);
	fetch(1, 1, T0 + 70);
	assert_int_equal(version(1, T0 + 99).last_served, T0 + 70);
	assert_int_equal(version(1, T0 + 99).first_served, T0 + 70);
}

/* A run that ends well leaves no gap, another one does. */
static void a_run_that_crashed_leaves_a_gap(void **state)
{
	(void)state;
	assert_true(served_begin(fix.store, T0 + 10, NULL));
	assert_true(served_end(fix.store, NULL));
	assert_true(served_begin(fix.store, T0 + 20, NULL));
	assert_int_equal(version(1, T0 + 99).last_served, 0);
	assert_true(served_begin(fix.store, T0 + 60, NULL));
	assert_int_equal(version(1, T0 + 99).last_served, T0 + 60);
}

static void gaps_that_say_nothing_any_more_are_forgotten(void **state)
{
	(void)state;
	gap(T0, T0 + 10);
	gap(T0 + 3 * 366 * WHEN_DAY, T0 + 3 * 366 * WHEN_DAY + 5);
	assert_int_equal(scratch_number(fix.dir, "state.db",
					"SELECT COUNT(*) FROM uncounted"), 0);
	must(store_commit(fix.store, NULL), NULL);
	assert_int_equal(scratch_number(fix.dir, "state.db",
					"SELECT COUNT(*) FROM uncounted"), 1);
	must(store_begin(fix.store, NULL), NULL);
}

/* ---- until when an enforced policy is held ---- */

static void what_was_never_enforced_is_held_by_nobody(void **state)
{
	(void)state;
	fetch(1, 1, T0 + 10);
	assert_int_equal(enforced_until(T0 + 20), 0);
}

static void what_is_enforced_is_fetched_just_now(void **state)
{
	(void)state;
	publish(STS_ENFORCE, "b.example.net", T0 + 100);
	assert_int_equal(enforced_until(T0 + 500), T0 + 500 + AGE);
}

static void what_nobody_fetched_costs_no_wait(void **state)
{
	(void)state;
	publish(STS_ENFORCE, "b.example.net", T0 + 100);
	publish(STS_NONE, "b.example.net", T0 + 200);
	/* a fetch of the last seconds may not have been told yet */
	assert_int_equal(enforced_until(T0 + 205), T0 + 205 + AGE);
	assert_int_equal(enforced_until(T0 + 300), 0);
	fetch(2, 1, T0 + 150);
	assert_int_equal(enforced_until(T0 + 300), T0 + 150 + AGE);
	gap(T0 + 160, T0 + 170);
	assert_int_equal(enforced_until(T0 + 300), T0 + 170 + AGE);
}

/* ---- what another host serves, too ---- */

#define DAY WHEN_DAY

static time_t held_until(time_t now)
{
	struct err err = ERR_INIT;
	time_t until;

	must(policy_version_held_until(fix.store, &fix.domain, now,
				       policy_version_is_live, NULL, &until,
				       &err),
	     &err);
	return until;
}

/* As the watch does: what it saw of the host, since when. */
static void see(enum watch_host host, time_t since, time_t now)
{
	struct watch w;

	must(watch_of(fix.store, &fix.domain, &w, NULL), NULL);
	w.host = host;
	w.host_since = since;
	must(watch_write(fix.store, &w, NULL), NULL);
	if (host == HOST_HERE || host == HOST_NOWHERE)
		must(policy_version_led_here(fix.store, &fix.domain, since,
					     watch_cached(&w), now, NULL),
		     NULL);
}

/* Version 1 is served by another box as well; here it is soon replaced. */
static void serve_elsewhere(void)
{
	must(policy_version_elsewhere(fix.store, T0, NULL), NULL);
	publish(STS_NONE, "mx.example.net", T0 + 60);
}

/* In the order in which they are seen; hours since T0. */
static const struct {
	enum watch_host host;
	int since, now, held; /* hours; held without its max_age */
} elsewhere[] = {
	{ HOST_UNKNOWN, 0, 1, 25 }, /* nobody has looked yet */
	{ HOST_ELSEWHERE, 1, 1, 25 },
	{ HOST_ELSEWHERE, 1, 90, 114 }, /* between two looks, too */
	{ HOST_PARTLY, 91, 91, 115 },
	{ HOST_HERE, 92, 92, 116 }, /* a day of caches */
	{ HOST_HERE, 92, 200, 116 },
	{ HOST_ELSEWHERE, 210, 210, 234 }, /* back, within the week */
	{ HOST_NOWHERE, 220, 220, 244 },
	{ HOST_NOWHERE, 220, 300, 244 },
	{ HOST_HERE, 310, 310 + 168, 334 },
	{ HOST_ELSEWHERE, 500, 500, 334 }, /* that one is no more */
};

static void another_host_serves_until_dns_leads_here(void **state)
{
	(void)state;
	serve_elsewhere();
	for (size_t i = 0; i < ARRAY_LEN(elsewhere); i++) {
		time_t now = T0 + elsewhere[i].now * WHEN_HOUR;

		print_message("%zu\n", i);
		see(elsewhere[i].host, T0 + elsewhere[i].since * WHEN_HOUR,
		    now);
		assert_int_equal(held_until(now),
				 T0 + elsewhere[i].held * WHEN_HOUR + AGE);
		assert_true(version(1, now).last_served <= now);
	}
}

/* No date gets earlier: not by being replaced, nor a moment after it. */
static void the_day_beyond_counts_at_once(void **state)
{
	(void)state;
	must(policy_version_elsewhere(fix.store, T0, NULL), NULL);
	see(HOST_ELSEWHERE, T0, T0);
	assert_int_equal(held_until(T0 + 50), T0 + 50 + DAY + AGE);
	see(HOST_HERE, T0 + 55, T0 + 55);
	assert_int_equal(held_until(T0 + 58), T0 + 55 + DAY + AGE);
	publish(STS_NONE, "mx.example.net", T0 + 60);
	assert_int_equal(held_until(T0 + 61), T0 + 55 + DAY + AGE);
	assert_int_equal(held_until(T0 + 5000), T0 + 55 + DAY + AGE);
}

/* What is served here alone is not touched by any of it. */
static void what_is_only_here_is_not_elsewhere(void **state)
{
	(void)state;
	publish(STS_NONE, "mx.example.net", T0 + 60);
	fetch(1, 1, T0 + 30);
	see(HOST_ELSEWHERE, T0 + 90, T0 + 90);
	assert_int_equal(held_until(T0 + DAY), T0 + 30 + AGE);
	see(HOST_HERE, T0 + DAY, T0 + DAY);
	assert_int_equal(held_until(T0 + DAY), T0 + 30 + AGE);
}

/* ---- of a domain of that name that is gone ---- */

static void come_again(time_t now)
{
	struct domain d = { .created_at = now, .state_at = now };

	memcpy(d.name, fix.domain.name, sizeof(d.name));
	must(domain_delete(fix.store, &fix.domain, now, NULL) &&
		     domain_insert(fix.store, &d, NULL),
	     NULL);
	fix.domain = d;
}

static void what_a_former_life_served_is_still_held(void **state)
{
	(void)state;
	fix.domain.state = DOMAIN_LIVE;
	publish(STS_ENFORCE, "b.example.net", T0 + 100);
	come_again(T0 + 500);
	publish(STS_TESTING, "c.example.net", T0 + 600);
	assert_int_equal(enforced_until(T0 + 5000), T0 + 500 + AGE);
	come_again(T0 + 6000);
	publish(STS_TESTING, "d.example.net", T0 + 6000);
	assert_int_equal(enforced_until(T0 + 9000), T0 + 500 + AGE);
}

static void who_was_never_live_left_nothing_behind(void **state)
{
	(void)state;
	fix.domain.state = DOMAIN_WAITING_FOR_DNS;
	publish(STS_ENFORCE, "b.example.net", T0 + 100);
	come_again(T0 + 500);
	publish(STS_TESTING, "c.example.net", T0 + 600);
	assert_int_equal(enforced_until(T0 + 5000), 0);
}

/* ---- the list ---- */

static void versions_come_newest_first_and_page_by_page(void **state)
{
	struct policy_version v[4];
	struct err err = ERR_INIT;

	(void)state;
	for (int i = 0; i < 5; i++)
		publish(i % 2 ? STS_TESTING : STS_ENFORCE, "mx.example.net",
			T0 + 10 * (i + 1));
	assert_int_equal(policy_version_list(fix.store, &fix.domain, 0, T0 + 99,
					     v, 4, &err), 4);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(v[i].version, 6 - i);
		assert_int_equal(v[i].replaced_at,
				 i ? T0 + 10 * (6 - (int)i) : 0);
		policy_version_release(&v[i]);
	}
	assert_int_equal(policy_version_list(fix.store, &fix.domain, 3, T0 + 99,
					     v, 4, &err), 2);
	assert_int_equal(v[0].version, 2);
	policy_version_release(&v[0]);
	policy_version_release(&v[1]);
}

static void a_damaged_version_hides_no_other(void **state)
{
	struct policy_version v[4];
	struct err err = ERR_INIT;

	(void)state;
	publish(STS_ENFORCE, "b.example.net", T0 + 10);
	publish(STS_ENFORCE, "c.example.net", T0 + 20);
	must(store_commit(fix.store, NULL), NULL);
	scratch_sql(fix.dir, "state.db",
		    "UPDATE policy SET mode = 17 WHERE version = 2");
	must(store_begin(fix.store, NULL), NULL);
	assert_int_equal(policy_version_list(fix.store, &fix.domain, 0, T0 + 99,
					     v, 4, &err), 2);
	assert_int_equal(v[0].version, 3);
	assert_int_equal(v[1].version, 1);
	policy_version_release(&v[0]);
	policy_version_release(&v[1]);
}

static void a_version_that_is_none_is_named(void **state)
{
	struct err err = ERR_INIT;
	struct policy_version v;

	(void)state;
	assert_false(policy_version_numbered(fix.store, &fix.domain, 7, T0, &v,
					     &err));
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_non_null(strstr(err.text, "has no version 7"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_A_DOMAIN(fetches_add_up),
		WITH_A_DOMAIN(what_is_gone_is_passed_over),
		WITH_A_DOMAIN(nothing_is_served_in_the_future),
		WITH_A_DOMAIN(what_was_not_counted_may_have_been_served),
		WITH_A_DOMAIN(a_count_later_than_the_gap_decides),
		WITH_A_DOMAIN(a_run_that_crashed_leaves_a_gap),
		WITH_A_DOMAIN(gaps_that_say_nothing_any_more_are_forgotten),
		WITH_A_DOMAIN(what_was_never_enforced_is_held_by_nobody),
		WITH_A_DOMAIN(what_is_enforced_is_fetched_just_now),
		WITH_A_DOMAIN(what_nobody_fetched_costs_no_wait),
		WITH_A_DOMAIN(another_host_serves_until_dns_leads_here),
		WITH_A_DOMAIN(the_day_beyond_counts_at_once),
		WITH_A_DOMAIN(what_is_only_here_is_not_elsewhere),
		WITH_A_DOMAIN(what_a_former_life_served_is_still_held),
		WITH_A_DOMAIN(who_was_never_live_left_nothing_behind),
		WITH_A_DOMAIN(versions_come_newest_first_and_page_by_page),
		WITH_A_DOMAIN(a_damaged_version_hides_no_other),
		WITH_A_DOMAIN(a_version_that_is_none_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
