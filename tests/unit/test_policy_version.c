/* Every policy that was ever published. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_A_DOMAIN(a_version_comes_back_as_it_was),
		WITH_A_DOMAIN(the_same_content_makes_no_new_version),
		WITH_A_DOMAIN(going_back_is_a_new_version),
		WITH_A_DOMAIN(ids_are_never_used_again),
		WITH_A_DOMAIN(a_stale_hand_publishes_nothing),
		WITH_A_DOMAIN(a_damaged_version_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
