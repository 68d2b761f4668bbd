/* When the hosts that a policy names are known to senders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "base/when.h"
#include "daemon/mx_moves.h"
#include "store/served.h"
#include "tests/sim/fixture.h"
#include "tests/sim/scratch.h"

#define T0     ROWS_NOW
#define MOVED  (T0 + 10 * WHEN_DAY) /* version 2 has the new host too */
#define NOW    (MOVED + WHEN_HOUR)
#define AGE    STS_MAX_AGE_DEFAULT
#define BEFORE "mx.example.net" /* version 1, as rows.c has it */

/* A version with these; "" for none in the second place. */
static struct sts_policy policy(enum sts_mode mode, const char *a,
				const char *b)
{
	struct sts_policy p = { .mode = mode, .max_age = AGE };

	must(sts_policy_add_mx(&p, a, NULL), NULL);
	if (*b)
		must(sts_policy_add_mx(&p, b, NULL), NULL);
	return p;
}

static void publish(struct sts_policy p, time_t now)
{
	struct err err = ERR_INIT;
	bool changed;

	must(policy_version_publish(fix.store, &fix.domain, &p, now, &changed,
				    &err),
	     &err);
	sts_policy_release(&p);
}

static void fetch(long n, time_t at)
{
	struct served_count c = { .fetches = 1 };
	struct policy_version v;

	must(policy_version_numbered(fix.store, &fix.domain, n, NOW, &v, NULL),
	     NULL);
	c.policy_id = v.id;
	policy_version_release(&v);
	must(served_add(fix.store, &c, 1, at, NULL), NULL);
}

static struct mx_move move_seen(const char *host, time_t announced_at,
				const struct watch *w, time_t now,
				bool *is_known)
{
	struct sts_policy hosts = policy(STS_NONE, host, "");
	const struct policy_version current = { .sts_id = "two",
						.announced_at = announced_at };
	struct err err = ERR_INIT;
	struct mx_move m;

	must(mx_move_of(fix.store, &fix.domain, w, &current, &hosts, now, &m,
			is_known, &err),
	     &err);
	sts_policy_release(&hosts);
	return m;
}

/* While DNS shows the id. */
static struct mx_move move(const char *host, time_t announced_at, long ttl,
			   time_t now, bool *is_known)
{
	const struct watch w = { .txt = ANNOUNCED_IN_STEP,
				 .txt_id = "two",
				 .txt_ttl = ttl };

	return move_seen(host, announced_at, &w, now, is_known);
}

/* Times after the move. */
static const struct {
	const char *first, *host; /* version 1 has, and what is asked */
	long fetched;		  /* version 1, after T0; -1: never */
	long announced, ttl;	  /* 0: not; an hour at least counts */
	long by_id, by_all;	  /* 0: not known yet; at once */
	bool is_known;
} cases[] = {
	/* a sender holds version 1 for its max_age from its last fetch */
	{ BEFORE, "new.x.test", 3600, 600, 300, 4200, 3600 + AGE - 864000,
	  true },
	{ BEFORE, "new.x.test", 864000 - 60, 600, 300, 4200, AGE - 60, false },
	{ BEFORE, "new.x.test", 864000 - 60, 0, 300, 0, AGE - 60, false },
	{ BEFORE, "new.x.test", 864000 - 60, 600, 0, 4200, AGE - 60, false },
	{ BEFORE, "new.x.test", 864000 - 60, 600, 86400 * 30, AGE - 60,
	  AGE - 60, false },
	{ BEFORE, "new.x.test", -1, 600, 300, 0, 0, true },

	/* what version 1 allows was known before */
	{ BEFORE, BEFORE, 864000 - 60, 600, 300, 0, 0, true },
	{ "*.x.test", "new.x.test", 864000 - 60, 600, 300, 0, 0, true },
	{ "*.x.test", "a.b.x.test", 864000 - 60, 600, 300, 4200, AGE - 60,
	  false },
	{ "*.x.test", "*.x.test", 864000 - 60, 600, 300, 0, 0, true },
	{ "new.x.test", "*.x.test", 864000 - 60, 600, 300, 4200, AGE - 60,
	  false },
};

static void a_move_has_two_dates(void **state)
{
	(void)state;
	must(store_commit(fix.store, NULL), NULL);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct domain was = fix.domain;
		struct mx_move m;
		bool is_known;

		print_message("%zu\n", i);
		must(store_begin(fix.store, NULL), NULL);
		publish(policy(STS_ENFORCE, cases[i].first, ""), T0 + 1);
		publish(policy(STS_ENFORCE, cases[i].first, cases[i].host),
			MOVED);
		if (cases[i].fetched >= 0)
			fetch(2, T0 + cases[i].fetched);
		/* one that names it already is not made anew */
		if (strcmp(cases[i].first, cases[i].host) == 0)
			publish(policy(STS_ENFORCE, cases[i].first, "z.test"),
				MOVED);
		m = move(cases[i].host,
			 cases[i].announced ? MOVED + cases[i].announced : 0,
			 cases[i].ttl, NOW, &is_known);
		assert_int_equal(is_known, cases[i].is_known);
		if (is_known) {
			assert_true(m.by_id <= NOW && m.by_all <= NOW);
		} else {
			assert_int_equal(m.by_all, MOVED + cases[i].by_all);
			assert_int_equal(m.by_id,
					 cases[i].by_id ? MOVED + cases[i].by_id
							: 0);
		}
		store_rollback(fix.store);
		fix.domain = was;
	}
	must(store_begin(fix.store, NULL), NULL);
}

/* Who holds "none" refuses no host. */
static void none_refuses_nobody(void **state)
{
	bool is_known;

	(void)state;
	publish(policy(STS_NONE, BEFORE, ""), T0 + 1);
	fetch(2, MOVED - 1);
	publish(policy(STS_TESTING, BEFORE, "new.test"), MOVED);
	move("new.test", MOVED, 300, NOW, &is_known);
	assert_true(is_known);
}

/* The policy that is served now refuses it until it is replaced. */
static void what_the_current_one_lacks_is_not_known(void **state)
{
	struct mx_move m;
	bool is_known;

	(void)state;
	m = move("new.test", T0, 300, NOW, &is_known);
	assert_false(is_known);
	assert_int_equal(m.by_all, NOW + AGE);
}

/* Announced ten minutes after the move; times after that move. */
static const struct {
	enum announced txt;
	const char *id;
	long since, by_id;	/* 0: not known */
} shown[] = {
	{ ANNOUNCED_IN_STEP, "two", 0, 600 + 3600 },
	{ ANNOUNCED_IN_STEP, "two", 600, 600 + 3600 },
	/* it was away meanwhile: caches have the former one from then on */
	{ ANNOUNCED_IN_STEP, "two", 1800, 1800 + 3600 },
	/* it was there once, and is not any more */
	{ ANNOUNCED_IN_STEP, "one", 1800, 0 },
	{ ANNOUNCED_BEHIND, "one", 1800, 0 },
	{ ANNOUNCED_NOTHING, "", 1800, 0 },
	{ ANNOUNCED_DAMAGED, "", 1800, 0 },
	{ ANNOUNCED_FOREIGN, "", 1800, 0 },
	{ ANNOUNCED_UNKNOWN, "", 1800, 0 },
};

static void an_id_that_dns_shows_no_more_has_no_date(void **state)
{
	(void)state;
	publish(policy(STS_ENFORCE, BEFORE, ""), T0 + 1);
	fetch(1, MOVED - 60);
	publish(policy(STS_ENFORCE, BEFORE, "new.test"), MOVED);
	for (size_t i = 0; i < ARRAY_LEN(shown); i++) {
		struct watch w = { .txt = shown[i].txt,
				   .txt_since = MOVED + shown[i].since };
		struct mx_move m;
		bool is_known;

		print_message("%zu\n", i);
		strcpy(w.txt_id, shown[i].id);
		m = move_seen("new.test", MOVED + 600, &w, NOW, &is_known);
		assert_false(is_known);
		assert_int_equal(m.by_id, shown[i].by_id
						  ? MOVED + shown[i].by_id
						  : 0);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_A_DOMAIN(a_move_has_two_dates),
		WITH_A_DOMAIN(none_refuses_nobody),
		WITH_A_DOMAIN(an_id_that_dns_shows_no_more_has_no_date),
		WITH_A_DOMAIN(what_the_current_one_lacks_is_not_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
