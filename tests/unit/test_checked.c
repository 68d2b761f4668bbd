/* What looks from outside ended with, and who is to be looked at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "store/checked.h"
#include "store/policy_version.h"
#include "tests/sim/fixture.h"
#include "tests/sim/scratch.h"

#define T0 ROWS_NOW

static void assert_row(const struct domain *d, time_t at, time_t asked_at,
		       const char *findings)
{
	struct err err = ERR_INIT;
	struct checked c;

	memset(&c, 0x55, sizeof(c));
	must(checked_of(fix.store, d, &c, &err), &err);
	assert_int_equal(c.at, at);
	assert_int_equal(c.asked_at, asked_at);
	assert_string_equal(c.findings, findings);
	checked_release(&c);
	checked_release(&c);
}

static void ask(const struct domain *d, time_t at)
{
	struct err err = ERR_INIT;

	must(checked_ask(fix.store, d->id, at, &err), &err);
}

static void look(const struct domain *d, time_t at, const char *findings)
{
	struct err err = ERR_INIT;

	must(checked_write(fix.store, d->id, at, at, 0, findings, &err), &err);
}

static void a_row_comes_back_as_it_was(void **state)
{
	static const char findings[] = "[{\"id\":\"it's\"}]";
	struct checked c;

	(void)state;
	assert_row(&fix.domain, 0, 0, "[]");
	ask(&fix.domain, T0);
	assert_row(&fix.domain, 0, T0, "[]");
	ask(&fix.domain, T0 + 1);
	assert_row(&fix.domain, 0, T0 + 1, "[]");
	look(&fix.domain, T0 + 2, findings);
	assert_row(&fix.domain, T0 + 2, 0, findings);
	ask(&fix.domain, T0 + 3); /* what is known stays */
	assert_row(&fix.domain, T0 + 2, T0 + 3, findings);
	must(checked_write(fix.store, fix.domain.id, T0 + 4, T0 + 4,
			   T0 + 2, "[]", NULL),
	     NULL);
	assert_row(&fix.domain, T0 + 4, 0, "[]");
	must(checked_of(fix.store, &fix.domain, &c, NULL), NULL);
	assert_int_equal(c.bad_since, T0 + 2);
	checked_release(&c);
	must(domain_delete(fix.store, &fix.domain, ROWS_NOW, NULL), NULL);
	assert_row(&fix.domain, 0, 0, "[]");
}

/* It began before: what it says may have changed since. */
static void a_look_answers_nobody_who_asks_later(void **state)
{
	int64_t id = fix.domain.id;

	(void)state;
	ask(&fix.domain, T0);
	ask(&fix.domain, T0 + 5); /* that began at T0 */
	must(checked_write(fix.store, id, T0 + 9, T0, 0, "[1]", NULL), NULL);
	assert_row(&fix.domain, T0 + 9, T0 + 5, "[1]");
	must(checked_write(fix.store, id, T0 + 19, T0 + 5, 0, "[2]", NULL),
	     NULL);
	assert_row(&fix.domain, T0 + 19, 0, "[2]");

	/* that nobody had asked for */
	ask(&fix.domain, T0 + 20);
	must(checked_write(fix.store, id, T0 + 29, 0, 0, "[3]", NULL), NULL);
	assert_row(&fix.domain, T0 + 29, T0 + 20, "[3]");
}

static void who_asks_in_the_same_second_is_later(void **state)
{
	(void)state;
	ask(&fix.domain, T0);
	ask(&fix.domain, T0);
	assert_row(&fix.domain, 0, T0 + 1, "[]");
	look(&fix.domain, T0, "[1]");
	assert_row(&fix.domain, T0, T0 + 1, "[1]");
	look(&fix.domain, T0 + 1, "[2]");
	assert_row(&fix.domain, T0 + 1, 0, "[2]");
}

static const struct {
	const char *sql, *findings;
} damages[] = {
	{ "at = 'words', asked_at = x'00'", "[]" },
	{ "findings = ''", "" },
	{ "findings = x'ff00fe'", "\xff" },
	{ "findings = 7", "7" },
};

static void damage_never_stops_a_read(void **state)
{
	(void)state;
	must(store_commit(fix.store, NULL), NULL);
	for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
		char sql[200];

		must(store_begin(fix.store, NULL), NULL);
		look(&fix.domain, 0, "[]");
		must(store_commit(fix.store, NULL), NULL);
		snprintf(sql, sizeof(sql), "UPDATE checked SET %s",
			 damages[i].sql);
		scratch_sql(fix.dir, "state.db", sql);
		assert_row(&fix.domain, 0, 0, damages[i].findings);
	}
	must(store_begin(fix.store, NULL), NULL);
}

/* Domains as the first letters of their names, in order. */
static void assert_ids(const int64_t *ids, size_t n, const char *expected)
{
	char out[20] = "";

	for (size_t i = 0; i < n; i++) {
		struct domain d;

		must(domain_by_id(fix.store, ids[i], &d, NULL), NULL);
		out[i] = d.name[0];
	}
	assert_string_equal(out, expected);
}

static void assert_asked(size_t limit, const char *expected)
{
	struct err err = ERR_INIT;
	int64_t ids[9];

	assert_ids(ids, checked_asked(fix.store, ids, limit, &err), expected);
	assert_int_equal(err.kind, ERR_NONE);
}

static void who_waits_longest_is_first(void **state)
{
	struct domain a = rows_domain(fix.store, "a.test"),
		      b = rows_domain(fix.store, "b.test"),
		      c = rows_domain(fix.store, "c.test");

	(void)state;
	assert_asked(9, "");
	ask(&a, T0 + 2);
	ask(&b, T0 + 1);
	ask(&c, T0 + 3);
	assert_asked(9, "bac");
	assert_asked(2, "ba");
	look(&a, T0 + 4, "[]");
	assert_asked(9, "bc");
	ask(&b, T0 + 5);
	assert_asked(9, "cb");
	must(domain_delete(fix.store, &c, ROWS_NOW, NULL), NULL);
	assert_asked(9, "b");
}

/* ---- those that may be about to become ready, or lose mail ---- */

#define SINCE  (T0 + 100) /* announced before */
#define BEFORE (T0 + 900) /* looked at before */
#define NOW    (BEFORE + 86400)

static void publish(struct domain *d, enum sts_mode mode, const char *mx,
		    time_t announced_at)
{
	struct sts_policy p = { .mode = mode, .max_age = STS_MAX_AGE_MIN };
	struct policy_version v;
	struct err err = ERR_INIT;
	bool changed;

	must(sts_policy_add_mx(&p, mx, &err), &err);
	must(policy_version_publish(fix.store, d, &p, T0, &changed, &err),
	     &err);
	sts_policy_release(&p);
	must(policy_version_current(fix.store, d, &v, &err), &err);
	if (announced_at)
		must(policy_version_announce(fix.store, d, v.sts_id,
					     announced_at, &err),
		     &err);
	policy_version_release(&v);
}

static void as_it_is(struct domain *d)
{
	(void)d;
}
static void waits(struct domain *d)
{
	d->state = DOMAIN_WAITING_FOR_DNS;
}
static void is_issuing(struct domain *d)
{
	d->state = DOMAIN_ISSUING;
}
static void is_removed(struct domain *d)
{
	d->leaving = DOMAIN_REMOVING;
}
static void leaves(struct domain *d)
{
	d->leaving = DOMAIN_HANDING_OVER;
}
static void looked_long_ago(struct domain *d)
{
	look(d, BEFORE - 1, "[]");
}
static void looked_lately(struct domain *d)
{
	look(d, BEFORE, "[]");
}

static void has_no_policy(struct domain *d)
{
	d->policy_id = 0;
}

static void enforces(struct domain *d)
{
	publish(d, STS_ENFORCE, "a.test", T0 + 1);
}

static void enforces_silently(struct domain *d)
{
	publish(d, STS_ENFORCE, "a.test", 0);
}

static void enforces_and_was_looked_at(struct domain *d)
{
	enforces(d);
	looked_lately(d);
}

static void enforces_and_leaves(struct domain *d)
{
	enforces(d);
	d->leaving = DOMAIN_REMOVING;
}

/* Found bad since, and looked at last. */
static void be_bad(struct domain *d, time_t since, time_t at)
{
	enforces(d);
	must(checked_write(fix.store, d->id, at, at, since, "[]", NULL), NULL);
}

static void was_bad_once(struct domain *d)
{
	be_bad(d, NOW - 601, NOW - 601);
}
static void was_bad_just_now(struct domain *d)
{
	be_bad(d, NOW - 600, NOW - 600);
}
static void is_bad_for_long(struct domain *d)
{
	be_bad(d, NOW - 90000, NOW - 3600);
}
static void was_bad_long_ago(struct domain *d)
{
	be_bad(d, NOW - 90000, NOW - 3601);
}

static void is_bad_and_tests(struct domain *d)
{
	must(checked_write(fix.store, d->id, NOW - 86400, 0, 1, "[]", NULL), NULL);
}

static void says_none(struct domain *d)
{
	publish(d, STS_NONE, "a.test", T0 + 1);
}

static void came_back_late(struct domain *d)
{
	enforces(d);
	publish(d, STS_TESTING, "a.test", SINCE);
}

static void came_back_early(struct domain *d)
{
	enforces(d);
	publish(d, STS_TESTING, "a.test", SINCE - 1);
}

/* A new version in testing begins no new test: policy_version.h. */
static void changed_its_mx_since(struct domain *d)
{
	publish(d, STS_TESTING, "b.test", SINCE + 50);
}

static void changed_it_and_is_not_announced(struct domain *d)
{
	publish(d, STS_TESTING, "b.test", 0);
}

static const struct {
	const char *what;
	void (*change)(struct domain *d);
	bool is_stale;
} stales[] = {
	{ "as it is", as_it_is, true },
	{ "waiting", waits, false },
	{ "issuing", is_issuing, false },
	{ "removing", is_removed, false },
	{ "handing over", leaves, false },
	{ "no policy", has_no_policy, false },
	{ "enforce", enforces, true },
	{ "enforce, announced by nobody yet", enforces_silently, true },
	{ "enforce, looked at lately", enforces_and_was_looked_at, false },
	{ "enforce, on its way out", enforces_and_leaves, false },
	{ "none", says_none, false },
	{ "bad, looked at 10 minutes ago", was_bad_once, true },
	{ "bad, looked at just now", was_bad_just_now, false },
	{ "bad for long, half an hour ago", is_bad_for_long, false },
	{ "bad for long, an hour ago", was_bad_long_ago, true },
	{ "bad, but testing", is_bad_and_tests, false },
	{ "back in testing, too late", came_back_late, false },
	{ "back in testing", came_back_early, true },
	{ "another mx since", changed_its_mx_since, true },
	{ "not announced", changed_it_and_is_not_announced, false },
	{ "looked at long ago", looked_long_ago, true },
	{ "looked at lately", looked_lately, false },
};

static size_t stale(time_t since, size_t limit)
{
	struct err err = ERR_INIT;
	int64_t ids[9];
	const struct checked_stale which = { .up_to = 1000,
					     .testing_since = since,
					     .before = BEFORE,
					     .now = NOW };
	size_t n = checked_stale(fix.store, &which, ids, limit, &err);

	assert_int_equal(err.kind, ERR_NONE);
	return n;
}

static struct domain tested(const char *name)
{
	struct domain d = rows_domain(fix.store, name);
	struct policy_version v;

	must(policy_version_current(fix.store, &d, &v, NULL), NULL);
	must(policy_version_announce(fix.store, &d, v.sts_id, SINCE - 1, NULL),
	     NULL);
	policy_version_release(&v);
	d.state = DOMAIN_LIVE;
	return d;
}

static void each_condition_counts_by_itself(void **state)
{
	(void)state;
	must(store_commit(fix.store, NULL), NULL);
	for (size_t i = 0; i < ARRAY_LEN(stales); i++) {
		struct domain d;

		print_message("%s\n", stales[i].what);
		must(store_begin(fix.store, NULL), NULL);
		d = tested("a.test");
		stales[i].change(&d);
		must(domain_update(fix.store, &d, NULL), NULL);
		assert_int_equal(stale(SINCE, 9), stales[i].is_stale);
		store_rollback(fix.store);
	}
	must(store_begin(fix.store, NULL), NULL);
}

static void there_is_an_end_to_it(void **state)
{
	static const char *const names[] = { "a.test", "b.test", "c.test" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct domain d = tested(names[i]);

		must(domain_update(fix.store, &d, NULL), NULL);
	}
	assert_int_equal(stale(SINCE, 9), 3);
	assert_int_equal(stale(SINCE, 2), 2);
	assert_int_equal(stale(SINCE - 1, 9), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_A_DOMAIN(a_row_comes_back_as_it_was),
		WITH_A_DOMAIN(a_look_answers_nobody_who_asks_later),
		WITH_A_DOMAIN(who_asks_in_the_same_second_is_later),
		WITH_A_DOMAIN(damage_never_stops_a_read),
		IN_A_STORE(who_waits_longest_is_first),
		IN_A_STORE(each_condition_counts_by_itself),
		IN_A_STORE(there_is_an_end_to_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
