/* Every policy that was ever published. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/policy_version.h"
#include "tests/sim/fixture.h"
#include "tests/sim/scratch.h"

static struct sts_policy a_policy(enum sts_mode mode, const char *mx)
{
	struct sts_policy p = { .mode = mode, .max_age = STS_MAX_AGE_DEFAULT };
	struct err err = ERR_INIT;

	must(sts_policy_add_mx(&p, mx, &err), &err);
	return p;
}

/* Takes `p`. Was it a change? */
static bool publish(struct sts_policy p, time_t now)
{
	struct err err = ERR_INIT;
	bool changed;

	must(policy_version_publish(fix.store, &fix.domain, &p, now, &changed, &err),
	     &err);
	sts_policy_release(&p);
	return changed;
}

static struct policy_version current(void)
{
	struct err err = ERR_INIT;
	struct policy_version v;

	must(policy_version_current(fix.store, &fix.domain, &v, &err), &err);
	return v;
}

static void a_version_comes_back_as_it_was(void **state)
{
	struct policy_version v = current();
	char *body = sts_policy_format(&v.policy);

	(void)state;
	assert_int_equal(v.version, 1);
	assert_int_equal(v.domain_id, fix.domain.id);
	assert_int_equal(v.created_at, ROWS_NOW);
	assert_int_equal(v.policy.mode, STS_TESTING);
	assert_string_equal(v.policy.mx[0], "mx.example.net");
	assert_string_equal(v.body, body);
	assert_true(sts_id_is_valid(v.sts_id));
	free(body);
	policy_version_release(&v);
}

static void the_same_content_makes_no_new_version(void **state)
{
	struct sts_policy p = a_policy(STS_ENFORCE, "b.example.net");
	struct policy_version v;
	long epoch;

	(void)state;
	must(sts_policy_add_mx(&p, "a.example.net", NULL), NULL);
	assert_true(publish(p, ROWS_NOW + 1));
	epoch = fix.domain.epoch;
	p = a_policy(STS_ENFORCE, "a.example.net");	/* in another order */
	must(sts_policy_add_mx(&p, "B.example.net.", NULL), NULL);
	assert_false(publish(p, ROWS_NOW + 2));
	assert_int_equal(fix.domain.epoch, epoch);
	v = current();
	assert_int_equal(v.version, 2);
	policy_version_release(&v);
}

/* Back to what was is a new version: senders go by the id. */
static void going_back_is_a_new_version(void **state)
{
	struct policy_version first = current(), third;

	(void)state;
	assert_true(publish(a_policy(STS_ENFORCE, "mx.example.net"), 2));
	assert_true(publish(a_policy(STS_TESTING, "mx.example.net"), 3));
	third = current();
	assert_int_equal(third.version, 3);
	assert_string_not_equal(third.sts_id, first.sts_id);
	assert_string_equal(third.body, first.body);
	policy_version_release(&first);
	policy_version_release(&third);
}

/* Not in the same second, not when the clock goes back. */
static void ids_are_never_used_again(void **state)
{
	char seen[60][STS_ID_SIZE];

	(void)state;
	for (int i = 0; i < 60; i++) {
		enum sts_mode mode = i % 2 ? STS_TESTING : STS_ENFORCE;
		struct policy_version v;

		assert_true(publish(a_policy(mode, "mx.example.net"),
				    ROWS_NOW - i / 20));
		v = current();
		assert_true(sts_id_is_valid(v.sts_id));
		snprintf(seen[i], sizeof(seen[i]), "%s", v.sts_id);
		for (int k = 0; k < i; k++)
			assert_string_not_equal(seen[k], seen[i]);
		policy_version_release(&v);
	}
}

static void a_stale_hand_publishes_nothing(void **state)
{
	struct domain stale = fix.domain;
	struct sts_policy p = a_policy(STS_NONE, "mx.example.net");
	struct err err = ERR_INIT;
	bool changed;

	(void)state;
	assert_true(publish(a_policy(STS_ENFORCE, "mx.example.net"), 2));
	assert_false(policy_version_publish(fix.store, &stale, &p, 3, &changed,
					    &err));
	assert_int_equal(err.kind, ERR_AGAIN);
	sts_policy_release(&p);
}

static const char *const damages[] = {
	"UPDATE policy SET mx = 'not a host name!'",
	"UPDATE policy SET mode = 17",
	"UPDATE policy SET sts_id = hex(zeroblob(50))",
	"DELETE FROM policy",
};

static void a_damaged_version_is_an_error(void **state)
{
	(void)state;
	must(store_commit(fix.store, NULL), NULL);
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		struct err err = ERR_INIT;
		struct policy_version v;

		scratch_sql(fix.dir, "state.db", damages[i]);
		assert_false(policy_version_current(fix.store, &fix.domain, &v, &err));
		assert_int_not_equal(err.kind, ERR_NONE);
	}
}

/* ---- announced, and tested since ---- */

static void announce(const char *sts_id, time_t at)
{
	struct err err = ERR_INIT;

	must(policy_version_announce(fix.store, &fix.domain, sts_id, at, &err),
	     &err);
}

static void an_id_is_announced_once(void **state)
{
	struct domain other = rows_domain(fix.store, "other.test");
	struct policy_version v = current(), o;

	(void)state;
	assert_int_equal(v.announced_at, 0);
	announce("never1", ROWS_NOW + 4);
	announce(v.sts_id, ROWS_NOW + 5);
	announce(v.sts_id, ROWS_NOW + 9);
	policy_version_release(&v);
	v = current();
	assert_int_equal(v.announced_at, ROWS_NOW + 5);

	/* made in the same second, its id is the same */
	must(policy_version_current(fix.store, &other, &o, NULL), NULL);
	assert_string_equal(o.sts_id, v.sts_id);
	assert_int_equal(o.announced_at, 0);
	policy_version_release(&o);
	policy_version_release(&v);
}

/*
 * Versions one after the other: "t" testing, "e" enforce, "n" none; in
 * capitals: announced, so many seconds after the first as it stands there.
 */
static const struct {
	const char *versions;
	time_t since; /* -1: not known */
} tests_of_it[] = {
	{ "t", -1 },   { "T", 0 },   { "tT", 1 },   { "TT", 0 },
	{ "Tt", 0 },   { "ttT", 2 }, { "E", -1 },   { "TE", -1 },
	{ "TEt", -1 }, { "TET", 2 }, { "TETT", 2 }, { "TETeT", 4 },
	{ "Te", -1 },  { "TN", -1 }, { "TNtT", 3 }, { "TTTTE", -1 },
};

static enum sts_mode mode_of(char kind)
{
	if (kind == 't' || kind == 'T')
		return STS_TESTING;
	return kind == 'n' || kind == 'N' ? STS_NONE : STS_ENFORCE;
}

/* One a second; what went before says none. */
static void publish_all(const char *kinds)
{
	publish(a_policy(STS_NONE, "first.test"), ROWS_NOW);
	for (int i = 0; kinds[i]; i++) {
		struct policy_version v;
		char mx[20];

		snprintf(mx, sizeof(mx), "mx%d.test", i);
		publish(a_policy(mode_of(kinds[i]), mx), ROWS_NOW + i);
		v = current();
		if (strchr("TEN", kinds[i]))
			announce(v.sts_id, ROWS_NOW + i);
		policy_version_release(&v);
	}
}

static void testing_begins_with_the_first_of_its_kind(void **state)
{
	const struct domain first = fix.domain;

	(void)state;
	must(store_commit(fix.store, NULL), NULL);
	for (size_t i = 0; i < ARRAY_LEN(tests_of_it); i++) {
		time_t wanted = tests_of_it[i].since, since;
		struct err err = ERR_INIT;

		print_message("%s\n", tests_of_it[i].versions);
		must(store_begin(fix.store, NULL), NULL);
		publish_all(tests_of_it[i].versions);
		must(policy_version_mode_since(fix.store, &fix.domain,
					       STS_TESTING, &since, &err),
		     &err);
		assert_int_equal(since, wanted < 0 ? 0 : ROWS_NOW + wanted);
		store_rollback(fix.store);
		fix.domain = first;
	}
	must(store_begin(fix.store, NULL), NULL);
}

/* The versions, each announced when it was made, a second after the other. */
static const struct {
	const char *versions[5]; /* hosts; ">": enforce */
	time_t since;		 /* -1: not known */
} hosts_tested[] = {
	{ { "a" }, 0 },
	{ { "a", "a b" }, 1 },
	{ { "a b", "a" }, 0 },
	{ { "a", "a b", "a" }, 0 },   /* a move that was given up */
	{ { "a b", "b", "a b" }, 2 }, /* nobody tested it between */
	{ { "a", "a b", "b" }, 1 },
	{ { "a", "a b", "b", "c" }, 3 },
	{ { "*", "* a" }, 0 }, /* it was allowed before */
	{ { "a", "*" }, 1 },
	{ { "a", ">a b", "a b" }, 2 },
	{ { "a", ">a" }, -1 },
	{ { "-a", "a" }, 1 }, /* another max_age; unannounced */
	{ { "a", "-a b", "a b" }, 2 },
	{ { "a", "-a b" }, -1 },
};

static void add_hosts(struct sts_policy *p, const char *letters)
{
	struct err err = ERR_INIT;

	for (; *letters; letters++) {
		char mx[20];

		if (*letters == ' ')
			continue;
		snprintf(mx, sizeof(mx), "%c.hosts.test", *letters);
		must(sts_policy_add_mx(p, mx, &err), &err);
	}
}

static void publish_hosts(const char *words, time_t now)
{
	struct sts_policy p = { .mode = *words == '>' ? STS_ENFORCE
						      : STS_TESTING,
				.max_age = 86400 + (now - ROWS_NOW) };
	struct policy_version v;

	add_hosts(&p, words + strspn(words, ">-"));
	publish(p, now);
	v = current();
	if (*words != '-')
		announce(v.sts_id, now);
	policy_version_release(&v);
}

static void a_mail_host_that_is_new_is_tested_anew(void **state)
{
	const struct domain first = fix.domain;

	(void)state;
	must(store_commit(fix.store, NULL), NULL);
	for (size_t i = 0; i < ARRAY_LEN(hosts_tested); i++) {
		time_t wanted = hosts_tested[i].since, since;
		struct err err = ERR_INIT;

		must(store_begin(fix.store, NULL), NULL);
		publish(a_policy(STS_NONE, "first.test"), ROWS_NOW);
		for (int n = 0; n < 5 && hosts_tested[i].versions[n]; n++) {
			print_message("%s, ", hosts_tested[i].versions[n]);
			publish_hosts(hosts_tested[i].versions[n],
				      ROWS_NOW + n);
		}
		print_message("\n");
		must(policy_version_tested_since(fix.store, &fix.domain, &since,
						 &err),
		     &err);
		assert_int_equal(since, wanted < 0 ? 0 : ROWS_NOW + wanted);
		store_rollback(fix.store);
		fix.domain = first;
	}
	must(store_begin(fix.store, NULL), NULL);
}

/* Damage elsewhere in the row is no matter. */
static void a_damaged_version_was_tested_all_the_same(void **state)
{
	struct policy_version v = current();
	struct err err = ERR_INIT;
	time_t since;

	(void)state;
	announce(v.sts_id, ROWS_NOW + 5);
	policy_version_release(&v);
	must(store_commit(fix.store, NULL), NULL);
	scratch_sql(fix.dir, "state.db",
		    "UPDATE policy SET mx = '!', body = 7");
	assert_true(policy_version_mode_since(fix.store, &fix.domain,
					      STS_TESTING, &since, &err));
	assert_int_equal(since, ROWS_NOW + 5);
	assert_true(policy_version_tested_since(fix.store, &fix.domain, &since,
						&err));
	assert_int_equal(since, ROWS_NOW + 5);
	must(store_begin(fix.store, NULL), NULL);
}

/* ---- what each version would do to a mail host ---- */

static const struct {
	enum sts_mode mode;
	const char *has, *wanted;
	bool is_enforced, is_live, refuses;
} kinds[] = {
	{ STS_ENFORCE, "a.test", "a.test", true, true, false },
	{ STS_ENFORCE, "a.test", "b.x.test", true, true, true },
	{ STS_TESTING, "a.test", "b.x.test", false, true, true },
	{ STS_NONE, "a.test", "b.x.test", false, false, false },
	{ STS_ENFORCE, "*.x.test", "b.x.test", true, true, false },
	{ STS_ENFORCE, "*.x.test", "*.x.test", true, true, false },
	{ STS_ENFORCE, "b.x.test", "*.x.test", true, true, true },
};

static void versions_are_told_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct policy_version v = {
			.policy = a_policy(kinds[i].mode, kinds[i].has),
		};
		struct sts_policy wanted = a_policy(STS_NONE, kinds[i].wanted);

		assert_int_equal(policy_version_is_enforced(&v, NULL),
				 kinds[i].is_enforced);
		assert_int_equal(policy_version_is_live(&v, NULL),
				 kinds[i].is_live);
		assert_int_equal(policy_version_refuses(&v, &wanted),
				 kinds[i].refuses);
		sts_policy_release(&wanted);
		policy_version_release(&v);
	}
}

/* ---- a policy that comes from another host ---- */

static bool adopt(const char *mx, const char *sts_id, struct err *err)
{
	struct sts_policy p = a_policy(STS_ENFORCE, mx);
	bool ok = policy_version_adopt(fix.store, &fix.domain, &p, sts_id,
				       ROWS_NOW + 9, err);

	sts_policy_release(&p);
	return ok;
}

/* The domain goes, and one of its name comes: it has no policy yet. */
static void leave_and_come(void)
{
	struct domain d = { .created_at = ROWS_NOW, .state_at = ROWS_NOW };

	memcpy(d.name, fix.domain.name, sizeof(d.name));
	must(domain_delete(fix.store, &fix.domain, ROWS_NOW + 5, NULL) &&
		     domain_insert(fix.store, &d, NULL),
	     NULL);
	fix.domain = d;
}

static const struct {
	const char *mx, *sts_id;
	bool is_adopted;
} returns[] = {
	{ "a.test", "former7", true },	  /* it was handed over, as it is */
	{ "b.test", "former7", false },	  /* another policy under our id */
	{ "b.test", "elsewhere8", true }, /* an id that was never here */
};

static void what_was_here_may_come_back(void **state)
{
	const struct domain first = fix.domain;

	(void)state;
	must(store_commit(fix.store, NULL), NULL);
	for (size_t i = 0; i < ARRAY_LEN(returns); i++) {
		struct err err = ERR_INIT;

		print_message("%s as %s\n", returns[i].mx, returns[i].sts_id);
		must(store_begin(fix.store, NULL), NULL);
		leave_and_come();
		must(adopt("a.test", "former7", &err), &err);
		leave_and_come();
		assert_int_equal(adopt(returns[i].mx, returns[i].sts_id, &err),
				 returns[i].is_adopted);
		if (!returns[i].is_adopted) {
			assert_int_equal(err.kind, ERR_REFUSED);
			assert_non_null(strstr(err.text, "former7"));
			assert_non_null(strstr(err.hint, "a new id"));
			assert_non_null(strstr(err.hint, "--mx"));
		}
		store_rollback(fix.store);
		fix.domain = first;
	}
	must(store_begin(fix.store, NULL), NULL);
}

/* By an older version of ours, which did not keep what it said. */
static void what_is_not_known_does_not_come_back(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	leave_and_come();
	must(store_commit(fix.store, NULL), NULL);
	scratch_sql(fix.dir, "state.db",
		    "INSERT INTO retired_id(name, sts_id)"
		    " VALUES('example.org', 'former7')");
	must(store_begin(fix.store, NULL), NULL);
	assert_false(adopt("a.test", "former7", &err));
	assert_non_null(strstr(err.hint, "a new id"));
}

/* ---- what senders use meanwhile ---- */

static void assert_shown(const char *id, long version, enum sts_mode mode)
{
	struct policy_shown got;
	struct err err = ERR_INIT;

	print_message("%s\n", id);
	must(policy_version_shown(fix.store, &fix.domain, id, &got, &err),
	     &err);
	assert_int_equal(got.is_known, version >= 0);
	if (version < 0)
		return;
	assert_int_equal(got.version, version);
	assert_int_equal(got.mode, mode);
}

static void the_version_that_dns_shows_is_known(void **state)
{
	char ids[4][STS_ID_SIZE];

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct policy_version v;

		if (i)
			publish(a_policy(i == 2 ? STS_ENFORCE : STS_TESTING,
					 i == 1 ? "a.test" : "b.test"),
				ROWS_NOW + i);
		v = current();
		memcpy(ids[i], v.sts_id, sizeof(ids[i]));
		policy_version_release(&v);
	}
	assert_shown("", -1, STS_NONE); /* it never showed any */
	assert_shown(ids[1], 2, STS_TESTING);
	assert_shown(ids[2], 3, STS_ENFORCE);
	assert_shown("never1", -1, STS_NONE);
	announce(ids[2], ROWS_NOW + 50);
	announce(ids[0], ROWS_NOW + 40);
	assert_shown("", 3, STS_ENFORCE);
	assert_shown(ids[0], 1, STS_TESTING);
	assert_shown("never1", -1, STS_NONE);
}

static void assert_made_by(const char *actor, const char *channel,
			   const char *reason)
{
	struct policy_version v = current();

	assert_string_equal(v.actor, actor);
	assert_string_equal(v.channel, channel);
	assert_string_equal(v.reason, reason);
	policy_version_release(&v);
}

static void who_made_it_is_kept_with_it(void **state)
{
	const struct policy_author alice = { "alice (uid 1000)", "admin.sock",
					     "new filter" };
	const struct policy_author roll = { "mtastsd", "template", NULL };
	struct policy_version v;

	(void)state;
	assert_made_by("mtastsd", "box", "");
	publish(a_policy(STS_TESTING, "a.test"), ROWS_NOW + 1);
	must(policy_version_sign(fix.store, &fix.domain, &alice, NULL), NULL);
	assert_made_by(alice.actor, alice.channel, alice.reason);
	publish(a_policy(STS_TESTING, "b.test"), ROWS_NOW + 2);
	assert_made_by("mtastsd", "box", "");
	must(policy_version_sign(fix.store, &fix.domain, &roll, NULL), NULL);
	assert_made_by("mtastsd", "template", "");
	must(policy_version_numbered(fix.store, &fix.domain, 2, ROWS_NOW + 3,
				     &v, NULL),
	     NULL);
	assert_string_equal(v.actor, alice.actor);
	policy_version_release(&v);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_A_DOMAIN(a_version_comes_back_as_it_was),
		WITH_A_DOMAIN(the_same_content_makes_no_new_version),
		WITH_A_DOMAIN(going_back_is_a_new_version),
		WITH_A_DOMAIN(ids_are_never_used_again),
		WITH_A_DOMAIN(a_stale_hand_publishes_nothing),
		WITH_A_DOMAIN(a_damaged_version_is_an_error),
		WITH_A_DOMAIN(an_id_is_announced_once),
		WITH_A_DOMAIN(the_version_that_dns_shows_is_known),
		WITH_A_DOMAIN(testing_begins_with_the_first_of_its_kind),
		WITH_A_DOMAIN(a_mail_host_that_is_new_is_tested_anew),
		WITH_A_DOMAIN(a_damaged_version_was_tested_all_the_same),
		cmocka_unit_test(versions_are_told_apart),
		WITH_A_DOMAIN(what_was_here_may_come_back),
		WITH_A_DOMAIN(what_is_not_known_does_not_come_back),
		WITH_A_DOMAIN(who_made_it_is_kept_with_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
