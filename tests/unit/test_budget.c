/* What orders cost, and who waits for whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "acme/budget.h"
#include "base/mem.h"
#include "base/when.h"
#include "tests/sim/fixture.h"
#include "tests/sim/scratch.h"

#define NOW    1800000000000LL
#define SECOND 1000LL
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

#define HOST "mta-sts.example.org"

static struct limits limits;
static struct budget_wait wait;
static struct err err;

static struct budget_order an_order(enum budget_purpose purpose)
{
	return (struct budget_order){ .ca_id = rows_ca(fix.store).id,
				      .host = HOST,
				      .purpose = purpose,
				      .life = 90 * WHEN_DAY };
}

static struct budget budget(const struct budget_order *o)
{
	struct budget b;

	budget_for_order(&b, &limits, o);
	return b;
}

static bool take(struct budget_order o, int64_t now)
{
	struct budget b = budget(&o);

	return budget_take(&b, fix.store, now, &wait, &err);
}

static bool check(struct budget_order o, int64_t now)
{
	struct budget b = budget(&o);

	return budget_check(&b, fix.store, now, &wait, &err);
}

static int64_t level(const struct budget_order *o, enum limit_kind kind,
		     const char *subject, int64_t now)
{
	struct bucket b;

	must(bucket_read(fix.store, o->ca_id, (int)kind, subject, &b, &err),
	     &err);
	return bucket_level_at(&b, limits.of[kind], now);
}

static void set(const struct budget_order *o, enum limit_kind kind,
		const char *subject, int64_t thousandths, int64_t at)
{
	struct bucket b = { thousandths, at };

	must(bucket_write(fix.store, o->ca_id, (int)kind, subject, &b, &err),
	     &err);
}

static int begin(void **state)
{
	limits = limits_default();
	return fixture_begin(state);
}

/* ---- what is needed ---- */

static const struct {
	enum budget_purpose purpose;
	bool is_revoked, is_emergency;
	const char *costs;	/* kind:subject:needed:taken */
} needs[] = {
	{ BUDGET_NEW, false, false,
	  "new-orders::1:1 per-domain:example.org:1:1 "
	  "duplicates:" HOST ":4:1 failed-validations:" HOST ":1:0 " },
	{ BUDGET_NEW, false, true,
	  "new-orders::1:1 per-domain:example.org:1:1 "
	  "duplicates:" HOST ":1:1 failed-validations:" HOST ":1:0 " },
	{ BUDGET_RENEWAL, false, false,
	  "duplicates:" HOST ":4:1 failed-validations:" HOST ":1:0 " },
	{ BUDGET_RENEWAL, true, false,
	  "duplicates:" HOST ":1:1 failed-validations:" HOST ":1:0 " },
	{ BUDGET_RENEWAL, false, true,
	  "duplicates:" HOST ":1:1 failed-validations:" HOST ":1:0 " },
	{ BUDGET_ARI, false, false,
	  "duplicates:" HOST ":4:1 failed-validations:" HOST ":1:0 " },
	{ BUDGET_ARI, true, false,
	  "duplicates:" HOST ":0:0 failed-validations:" HOST ":1:0 " },
	{ BUDGET_ARI, false, true,
	  "duplicates:" HOST ":0:0 failed-validations:" HOST ":1:0 " },
};

static void print(const struct budget *b, char out[static 512])
{
	out[0] = '\0';
	for (size_t i = 0; i < b->count; i++)
		snprintf(out + strlen(out), 512 - strlen(out),
			 "%s:%s:%ld:%ld ", limit_name(b->items[i].kind),
			 b->items[i].subject, b->items[i].needed,
			 b->items[i].taken);
}

static void an_order_costs_what_the_ca_counts(void **state)
{
	char text[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(needs); i++) {
		struct budget_order o = an_order(needs[i].purpose);
		struct budget b;

		o.is_revoked = needs[i].is_revoked;
		o.is_emergency = needs[i].is_emergency;
		b = budget(&o);
		print(&b, text);
		assert_string_equal(text, needs[i].costs);
		assert_int_equal(b.ca_id, o.ca_id);
	}
}

static const struct {
	const char *host, *domain;
} registered[] = {
	{ "mta-sts.example.org", "example.org" },
	{ "mta-sts.a.b.example.org", "example.org" },
	{ "mta-sts.example.co.uk", "example.co.uk" },
	{ "mta-sts.someone.github.io", "someone.github.io" },
	{ "mta-sts.xn--bcher-kva.example", "xn--bcher-kva.example" },
	{ "co.uk", "co.uk" },
	{ "localhost", "localhost" },
	{ "mta-sts.box.internal", "box.internal" },
};

static void the_registered_domain_pays(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(registered); i++) {
		struct budget_order o = an_order(BUDGET_NEW);
		struct budget b;

		o.host = registered[i].host;
		b = budget(&o);
		assert_string_equal(b.items[1].subject, registered[i].domain);
	}
}

/* ---- taking ---- */

static void what_is_there_is_taken(void **state)
{
	struct budget_order o = an_order(BUDGET_NEW);

	(void)state;
	assert_true(check(o, NOW));
	assert_int_equal(level(&o, LIMIT_NEW_ORDERS, "", NOW), 280000);
	assert_true(take(o, NOW));
	assert_int_equal(level(&o, LIMIT_NEW_ORDERS, "", NOW), 279000);
	assert_int_equal(level(&o, LIMIT_PER_DOMAIN, "example.org", NOW),
			 49000);
	assert_int_equal(level(&o, LIMIT_DUPLICATES, HOST, NOW), 4000);
	assert_int_equal(level(&o, LIMIT_FAILED_VALIDATIONS, HOST, NOW), 3000);
	must(store_commit(fix.store, &err), &err);
	assert_int_equal(scratch_number(fix.dir, "state.db",
					"SELECT count(*) FROM bucket"), 3);
}

static void all_of_it_or_nothing(void **state)
{
	struct budget_order o = an_order(BUDGET_NEW);

	(void)state;
	set(&o, LIMIT_DUPLICATES, HOST, 0, NOW);
	assert_false(take(o, NOW));
	assert_int_equal(level(&o, LIMIT_NEW_ORDERS, "", NOW), 280000);
	assert_int_equal(level(&o, LIMIT_PER_DOMAIN, "example.org", NOW),
			 50000);
}

static const struct {
	enum limit_kind kind;
	const char *subject;
	int64_t left, ready; /* then, from NOW on */
	const char *text, *hint;
} waits[] = {
	{ LIMIT_NEW_ORDERS, "", 0, 3 * HOUR / 280 + 1,
	  "the limit of new orders of our account is reached (280 in 3 h)",
	  "goes on at 2027-01-15T08:00:39Z by itself" },
	{ LIMIT_PER_DOMAIN, "example.org", 0, 202 * MINUTE,
	  "the limit of new certificates under example.org is reached "
	  "(50 in 7 days)",
	  "goes on at 2027-01-15T11:22:00Z by itself" },
	{ LIMIT_DUPLICATES, HOST, 0, 4 * 34 * HOUR,
	  "the limit of certificates for " HOST " is reached (5 in 7 days)",
	  "goes on at 2027-01-21T00:00:00Z; 3 are kept for a certificate "
	  "revoked or about to expire" },
	{ LIMIT_DUPLICATES, HOST, 3000, 34 * HOUR,
	  "2 of 5 certificates for " HOST " in 7 days are used, 3 are kept for "
	  "emergencies",
	  "goes on at 2027-01-16T18:00:00Z; one that is revoked or about to "
	  "expire need not wait" },
	{ LIMIT_DUPLICATES, HOST, 1500, 85 * HOUR,
	  "4 of 5 certificates for " HOST " in 7 days are used, 3 are kept for "
	  "emergencies",
	  "goes on at 2027-01-18T21:00:00Z; one that is revoked or about to "
	  "expire need not wait" },
	{ LIMIT_FAILED_VALIDATIONS, HOST, 0, 20 * MINUTE,
	  "the limit of failed validations of " HOST " is reached (3 in 60 min)",
	  "goes on at 2027-01-15T08:20:00Z by itself" },
};

static void what_is_short_says_so(void **state)
{
	struct budget_order o = an_order(BUDGET_NEW);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
		set(&o, waits[i].kind, waits[i].subject, waits[i].left, NOW);
		assert_false(check(o, NOW));
		assert_int_equal(err.kind, ERR_AGAIN);
		assert_string_equal(err.text, waits[i].text);
		assert_string_equal(err.hint, waits[i].hint);
		assert_int_equal(wait.kind, waits[i].kind);
		assert_int_equal(wait.ready_ms, NOW + waits[i].ready);
		assert_false(take(o, wait.ready_ms - 1));
		assert_true(check(o, NOW + waits[i].ready));
		set(&o, waits[i].kind, waits[i].subject, INT64_MAX, NOW);
	}
}

static void the_last_one_decides(void **state)
{
	struct budget_order o = an_order(BUDGET_NEW);

	(void)state;
	set(&o, LIMIT_NEW_ORDERS, "", 0, NOW);
	set(&o, LIMIT_FAILED_VALIDATIONS, HOST, 0, NOW);
	set(&o, LIMIT_PER_DOMAIN, "example.org", 999, NOW);
	assert_false(check(o, NOW));
	assert_int_equal(wait.kind, LIMIT_FAILED_VALIDATIONS);
	assert_int_equal(wait.ready_ms, NOW + 20 * MINUTE);
	assert_true(take(o, wait.ready_ms));
}

/* Orders for so many new names that end like this: how many may go now? */
static long begin_many(long count, const char *end)
{
	struct budget_order o = an_order(BUDGET_NEW);
	char host[64];
	long begun = 0;

	for (long i = 0; i < count; i++) {
		snprintf(host, sizeof(host), "mta-sts.c%ld%s", i, end);
		o.host = host;
		begun += take(o, NOW);
	}
	return begun;
}

static void new_names_never_hold_up_renewals(void **state)
{
	(void)state;
	assert_int_equal(begin_many(400, ".example"), 280);
	assert_int_equal(wait.kind, LIMIT_NEW_ORDERS);
	assert_true(take(an_order(BUDGET_RENEWAL), NOW));
	assert_true(take(an_order(BUDGET_ARI), NOW));
}

static void customers_of_one_domain_wait_for_each_other_only(void **state)
{
	struct budget_order other = an_order(BUDGET_NEW);

	(void)state;
	assert_int_equal(begin_many(60, ".example.org"), 50);
	assert_int_equal(wait.kind, LIMIT_PER_DOMAIN);
	other.host = "mta-sts.example.net";
	assert_true(take(other, NOW));
}

static void cas_do_not_share(void **state)
{
	struct budget_order o = an_order(BUDGET_NEW);
	struct ca other;

	(void)state;
	must(ca_ensure(fix.store, "other", "https://other.test/", &other, &err),
	     &err);
	set(&o, LIMIT_DUPLICATES, HOST, 0, NOW);
	assert_false(take(o, NOW));
	o.ca_id = other.id;
	assert_true(take(o, NOW));
}

/* ---- duplicates ---- */

static const struct {
	enum budget_purpose purpose;
	bool is_urgent;
	long quickly;	/* certificates one behind the other */
} guards[] = {
	{ BUDGET_RENEWAL, false, 2 },
	{ BUDGET_ARI, false, 2 },
	{ BUDGET_RENEWAL, true, 5 },	/* the CA's own limit */
	{ BUDGET_ARI, true, 100 },	/* from which it is exempt */
};

static void only_our_own_guard_yields(void **state)
{
	char host[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(guards); i++) {
		struct budget_order o = an_order(guards[i].purpose);
		long begun = 0;

		snprintf(host, sizeof(host), "mta-sts.g%zu.example", i);
		o.host = host;
		o.is_emergency = guards[i].is_urgent;
		while (begun < 100 && take(o, NOW))
			begun++;
		assert_int_equal(begun, guards[i].quickly);
		assert_true(level(&o, LIMIT_DUPLICATES, host, NOW) >= 0);
	}
}

static const long lives[] = { 60, 6 * WHEN_DAY, 160 * WHEN_HOUR,
			      45 * WHEN_DAY, 90 * WHEN_DAY, 398 * WHEN_DAY };

static void lives_of_any_length_are_kept_up(void **state)
{
	char host[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lives); i++) {
		struct budget_order o = an_order(BUDGET_RENEWAL);

		snprintf(host, sizeof(host), "mta-sts.l%zu.example", i);
		o.host = host;
		o.life = lives[i];
		for (int64_t n = 0; n < 40; n++)
			assert_true(take(o, NOW + n * lives[i] * SECOND / 2));
	}
}

/* ---- what comes back ---- */

static void an_order_without_certificate_gives_back(void **state)
{
	struct budget_order o = an_order(BUDGET_NEW);
	struct budget b = budget(&o);

	(void)state;
	assert_true(take(o, NOW));
	assert_true(budget_refund(&b, fix.store, NOW, &err));
	assert_int_equal(level(&o, LIMIT_DUPLICATES, HOST, NOW), 5000);
	assert_int_equal(level(&o, LIMIT_PER_DOMAIN, "example.org", NOW),
			 50000);
	assert_int_equal(level(&o, LIMIT_NEW_ORDERS, "", NOW), 279000);
	assert_true(budget_refund(&b, fix.store, NOW, &err));
	assert_int_equal(level(&o, LIMIT_DUPLICATES, HOST, NOW), 5000);
}

static void what_may_not_have_been_taken_is_not_given_back(void **state)
{
	struct budget_order o = an_order(BUDGET_ARI);
	struct budget b;

	(void)state;
	o.is_revoked = true;
	set(&o, LIMIT_DUPLICATES, HOST, 0, NOW);
	assert_true(take(o, NOW));
	b = budget(&o);
	assert_true(budget_refund(&b, fix.store, NOW, &err));
	assert_int_equal(level(&o, LIMIT_DUPLICATES, HOST, NOW), 0);
}

/* The CA exempts it, so it leaves what is kept for whom it does not. */
#define PACE (202 * MINUTE) /* one of 50 in 10,100 minutes */

static struct budget_order under(char name[static 32], int i, long reserved)
{
	struct budget_order o = an_order(BUDGET_NEW);

	snprintf(name, 32, "mta-sts.n%d.example.org", i);
	o.host = name;
	o.reserved = reserved;
	return o;
}

/*
 * Fifty orders hang: the CA counts none of them yet, is full, and gains
 * nothing. When it has issued them, it has none left.
 */
static void what_is_reserved_does_not_come_back(void **state)
{
	char name[32];
	struct budget_order o;
	struct budget b;

	(void)state;
	for (int i = 0; i < 50; i++) {
		o = under(name, i, i);
		assert_true(take(o, NOW));
	}
	o = under(name, 50, 50);
	assert_false(take(o, NOW + 10 * PACE));
	assert_int_equal(wait.kind, LIMIT_PER_DOMAIN);

	/* Issued, one after another, ten hours later. */
	for (int i = 0; i < 50; i++) {
		o = under(name, i, 50 - i);
		b = budget(&o);
		must(budget_settle(&b, fix.store, NOW + 10 * HOUR, &err), &err);
	}
	o = under(name, 50, 0);
	assert_false(take(o, NOW + 10 * HOUR + PACE - SECOND));
	assert_int_equal(wait.ready_ms, NOW + 10 * HOUR + PACE);
	assert_true(take(o, NOW + 10 * HOUR + PACE));
}

/* What is given back may be used again, and more than is there never is. */
static void what_is_reserved_is_given_back(void **state)
{
	char name[32];
	struct budget_order o;
	struct budget b;

	(void)state;
	for (int i = 0; i < 50; i++) {
		o = under(name, i, i);
		assert_true(take(o, NOW));
	}
	o = under(name, 0, 0);
	b = budget(&o);
	must(budget_refund(&b, fix.store, NOW + 10 * PACE, &err), &err);
	o = under(name, 50, 49);
	assert_true(take(o, NOW + 10 * PACE));
	o = under(name, 51, 50);
	assert_false(take(o, NOW + 10 * PACE));
}

static void what_is_exempt_takes_nothing(void **state)
{
	struct budget_order o = an_order(BUDGET_ARI);
	struct budget b;

	(void)state;
	o.is_emergency = true;
	for (int i = 0; i < 6; i++) {
		assert_true(take(o, NOW));
		b = budget(&o);
		assert_true(budget_refund(&b, fix.store, NOW, &err));
	}
	o.purpose = BUDGET_RENEWAL;
	assert_true(take(o, NOW));
	assert_int_equal(level(&o, LIMIT_DUPLICATES, HOST, NOW), 4000);
}

static void three_failures_are_enough(void **state)
{
	struct budget_order o = an_order(BUDGET_RENEWAL), other = o;

	(void)state;
	o.is_emergency = true;	/* no help */
	for (int i = 0; i < 3; i++) {
		assert_true(check(o, NOW));
		assert_true(budget_charge_failure(&limits, &o, fix.store, NOW,
						  &err));
	}
	assert_false(check(o, NOW));
	assert_int_equal(wait.kind, LIMIT_FAILED_VALIDATIONS);
	assert_int_equal(wait.ready_ms, NOW + 20 * MINUTE);
	other.host = "mta-sts.example.net";
	assert_true(check(other, NOW));
	/* one that was under way already */
	assert_true(budget_charge_failure(&limits, &o, fix.store, NOW, &err));
	assert_false(check(o, NOW));
	assert_int_equal(wait.ready_ms, NOW + 40 * MINUTE);
	assert_true(check(o, NOW + 40 * MINUTE));
}

/* ---- the CA says no ---- */

static const struct {
	enum limit_kind kind;
	const char *subject;
	enum budget_purpose refused;
	bool renewals_wait, others_wait;	/* another new name */
} refusals[] = {
	{ LIMIT_NEW_ORDERS, "", BUDGET_NEW, false, true },
	{ LIMIT_PER_DOMAIN, "example.org", BUDGET_NEW, false, false },
	{ LIMIT_DUPLICATES, HOST, BUDGET_RENEWAL, true, false },
	{ LIMIT_FAILED_VALIDATIONS, HOST, BUDGET_RENEWAL, true, false },

	/* a CA that has not heard of exemptions */
	{ LIMIT_NEW_ORDERS, "", BUDGET_RENEWAL, false, true },
	{ LIMIT_DUPLICATES, HOST, BUDGET_ARI, true, false },
};

static void a_refusal_holds_only_whom_it_means(void **state)
{
	struct budget_order new = an_order(BUDGET_NEW), other = new;
	struct budget_order urgent = an_order(BUDGET_RENEWAL);

	(void)state;
	other.host = "mta-sts.example.net";
	urgent.is_emergency = true;
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		struct budget_order o = an_order(refusals[i].refused);

		assert_true(check(new, NOW));
		assert_true(budget_empty_until(&limits, &o, refusals[i].kind,
					       fix.store, NOW, NOW + 3 * HOUR,
					       &err));
		assert_false(check(new, NOW + 3 * HOUR - 1));
		assert_int_equal(check(urgent, NOW + 3 * HOUR - 1),
				 !refusals[i].renewals_wait);
		assert_true(check(urgent, NOW + 3 * HOUR));
		assert_int_equal(check(other, NOW + 3 * HOUR - 1),
				 !refusals[i].others_wait);
		assert_true(check(other, NOW + 3 * HOUR));
		set(&o, refusals[i].kind, refusals[i].subject, INT64_MAX, NOW);
	}
}

static void limits_that_no_order_pays_are_passed_over(void **state)
{
	struct budget_order o = an_order(BUDGET_NEW);

	(void)state;
	assert_true(budget_empty_until(&limits, &o, LIMIT_ARI, fix.store, NOW,
				       NOW + DAY, &err));
	assert_true(budget_empty_until(&limits, &o, LIMIT_KINDS, fix.store,
				       NOW, NOW + DAY, &err));
	assert_true(take(o, NOW));
}

/* ---- the clock, and no limits ---- */

static void a_clock_that_stepped_back_holds_nobody_for_ever(void **state)
{
	struct budget_order o = an_order(BUDGET_RENEWAL);
	int64_t back = NOW - 365 * DAY;

	(void)state;
	set(&o, LIMIT_FAILED_VALIDATIONS, HOST, 0, NOW);
	assert_false(check(o, back));
	assert_int_equal(wait.ready_ms, back + 20 * MINUTE);
	assert_false(check(o, back + 20 * MINUTE - 1));
	assert_int_equal(wait.ready_ms, back + 20 * MINUTE);
	assert_true(take(o, back + 20 * MINUTE));
}

static void what_has_no_limit_leaves_no_rows(void **state)
{
	struct budget_order o = an_order(BUDGET_NEW);
	struct budget b;

	(void)state;
	for (int i = 0; i < LIMIT_KINDS; i++)
		limits.of[i].burst = 0;
	b = budget(&o);
	for (int i = 0; i < 1000; i++)
		assert_true(take(o, NOW));
	assert_true(budget_charge_failure(&limits, &o, fix.store, NOW, &err));
	assert_true(budget_refund(&b, fix.store, NOW, &err));
	assert_true(budget_empty_until(&limits, &o, LIMIT_DUPLICATES,
				       fix.store, NOW, NOW + DAY, &err));
	must(store_commit(fix.store, &err), &err);
	assert_int_equal(scratch_number(fix.dir, "state.db",
					"SELECT count(*) FROM bucket"), 0);
}

/* That is no answer to "may I?", and must not look like one. */
static void a_store_that_fails_is_no_limit(void **state)
{
	struct budget_order o = an_order(BUDGET_NEW);

	(void)state;
	o.ca_id = 4711;		/* a row that cannot be */
	wait.ready_ms = 17;
	assert_false(take(o, NOW));
	assert_int_equal(err.kind, ERR_INTERNAL);
	assert_int_equal(wait.ready_ms, 17);
	assert_false(budget_charge_failure(&limits, &o, fix.store, NOW, &err));
	assert_int_equal(err.kind, ERR_INTERNAL);
}

/* ---- the estimate ---- */

static const struct {
	int64_t level;
	long count, seconds;
} estimates[] = {
	{ 280000, 0, 0 },
	{ 280000, -1, 0 },
	{ 280000, 280, 0 },
	{ 280000, 281, 39 },
	{ 0, 1, 39 },
	{ 500, 1, 39 },
	{ 1000, 1, 0 },
	{ -280000, 0, 0 },
	{ -280000, 1, 3 * WHEN_HOUR + 39 },
	{ 280000, 560, 3 * WHEN_HOUR },
	{ 280000, 100000, 3846343 },	/* 44.5 days */
	{ 0, INT32_MAX, 82831512099 },
	{ 0, INT64_MAX, 82831512099 },
};

static void the_estimate_is_honest(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(estimates); i++) {
		struct bucket b = { estimates[i].level, NOW };

		assert_int_equal(budget_estimate(limits.of[LIMIT_NEW_ORDERS],
						 &b, estimates[i].count, NOW),
				 estimates[i].seconds);
	}
}

/* As it really comes about, if each is ordered as soon as it can be. */
static void the_estimate_comes_true(void **state)
{
	struct bucket b = { 17400, NOW }, was = b;
	int64_t now = NOW;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		now = bucket_ready_ms(&b, limits.of[LIMIT_NEW_ORDERS], now, 1);
		assert_true(bucket_take(&b, limits.of[LIMIT_NEW_ORDERS], now,
					1));
	}
	assert_in_range(
		budget_estimate(limits.of[LIMIT_NEW_ORDERS], &was, 3000, NOW),
		(now - NOW) / SECOND * 99 / 100, (now - NOW) / SECOND + 39);
}

static void without_a_limit_all_go_now(void **state)
{
	struct bucket b = { 0, NOW };

	(void)state;
	limits.of[LIMIT_NEW_ORDERS].burst = 0;
	assert_int_equal(
		budget_estimate(limits.of[LIMIT_NEW_ORDERS], &b, 100000, NOW),
		0);
}

#define IN_BUDGET(test)                                                        \
	cmocka_unit_test_setup_teardown(test, begin, fixture_close)

/* What a box did before a backup of it was restored: for emergencies alone. */
static void what_nobody_counted_counts_as_used(void **state)
{
	struct budget_order o = an_order(BUDGET_RENEWAL);
	int64_t pause = limits.of[LIMIT_DUPLICATES].period * 1000 /
			limits.of[LIMIT_DUPLICATES].burst;

	(void)state;
	assert_true(check(o, NOW));
	o.uncounted_ms = NOW - 1000;
	assert_false(check(o, NOW));
	assert_int_equal(wait.kind, LIMIT_DUPLICATES);
	assert_int_equal(wait.ready_ms, NOW - 1000 + pause);
	assert_false(check(o, NOW + pause - 2000));
	assert_true(check(o, NOW + pause));
	o.is_emergency = true;
	assert_true(check(o, NOW));
	o.is_emergency = false;
	o.uncounted_ms = NOW + 1000; /* by a clock that stepped back since */
	assert_true(check(o, NOW));
	o.uncounted_ms = NOW - 1000;
	set(&o, LIMIT_DUPLICATES, HOST, 5000, NOW); /* counted since */
	assert_true(check(o, NOW));
	set(&o, LIMIT_DUPLICATES, HOST, 5000, NOW - 800); /* in that second */
	assert_false(check(o, NOW));
	set(&o, LIMIT_DUPLICATES, HOST, 1000, NOW - 2000); /* used up before */
	o.is_emergency = true;
	assert_true(take(o, NOW));
	assert_false(check(o, NOW));
}

/* Of one certificate a week nothing can be kept back; it is had when urgent. */
static void what_is_urgent_is_had_of_the_smallest_limit(void **state)
{
	struct budget_order o = an_order(BUDGET_RENEWAL);

	(void)state;
	limits.of[LIMIT_DUPLICATES] = (struct limit){ 1, 7 * WHEN_DAY };
	o.uncounted_ms = NOW - 1000;
	o.is_emergency = true;
	assert_true(check(o, NOW));
	o.is_emergency = false;
	o.is_revoked = true;
	assert_true(check(o, NOW));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_BUDGET(what_is_urgent_is_had_of_the_smallest_limit),
		IN_BUDGET(what_nobody_counted_counts_as_used),
		IN_BUDGET(an_order_costs_what_the_ca_counts),
		IN_BUDGET(the_registered_domain_pays),
		IN_BUDGET(what_is_there_is_taken),
		IN_BUDGET(all_of_it_or_nothing),
		IN_BUDGET(what_is_short_says_so),
		IN_BUDGET(the_last_one_decides),
		IN_BUDGET(new_names_never_hold_up_renewals),
		IN_BUDGET(customers_of_one_domain_wait_for_each_other_only),
		IN_BUDGET(cas_do_not_share),
		IN_BUDGET(only_our_own_guard_yields),
		IN_BUDGET(lives_of_any_length_are_kept_up),
		IN_BUDGET(an_order_without_certificate_gives_back),
		IN_BUDGET(what_may_not_have_been_taken_is_not_given_back),
		IN_BUDGET(what_is_reserved_does_not_come_back),
		IN_BUDGET(what_is_reserved_is_given_back),
		IN_BUDGET(what_is_exempt_takes_nothing),
		IN_BUDGET(three_failures_are_enough),
		IN_BUDGET(a_refusal_holds_only_whom_it_means),
		IN_BUDGET(limits_that_no_order_pays_are_passed_over),
		IN_BUDGET(a_clock_that_stepped_back_holds_nobody_for_ever),
		IN_BUDGET(what_has_no_limit_leaves_no_rows),
		IN_BUDGET(a_store_that_fails_is_no_limit),
		IN_BUDGET(the_estimate_is_honest),
		IN_BUDGET(the_estimate_comes_true),
		IN_BUDGET(without_a_limit_all_go_now),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
