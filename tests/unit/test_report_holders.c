/* Who holds a version that enforces, as TLS reports tell. */
#include "store/report_holders.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/when.h"
#include "store/policy_version.h"
#include "tests/sim/fixture.h"
#include "tests/sim/reports.h"
#include "tests/sim/scratch.h"

#define NOW	  ROWS_NOW
#define AGO(days) (NOW - (days)*WHEN_DAY)

static struct domain shop;

static void publish(enum sts_mode mode, time_t at)
{
	struct sts_policy p = { .mode = mode, .max_age = STS_MAX_AGE_DEFAULT };
	bool changed;

	must(sts_policy_add_mx(&p, "mx1.shop.test", NULL), NULL);
	must(policy_version_publish(fix.store, &shop, &p, at, &changed, NULL),
	     NULL);
	sts_policy_release(&p);
}

/* Versions 2, which enforces, and 3, which tests. */
static int set_up(void **state)
{
	fixture_begin_with_domain(state);
	shop = reports_shop(fix.store, AGO(60));
	publish(STS_ENFORCE, AGO(50));
	publish(STS_TESTING, AGO(3));
	return 0;
}

/* By this version of ours; 0: by none that is told. */
static void tell_as(const char *id, const struct domain *d, const char *who,
		    long version, time_t at, long sessions)
{
	struct policy_version v = { .version = 0 };
	struct tls_report r = reports_make(who, id, at, sessions, 0);

	if (version) {
		must(policy_version_numbered(fix.store, &shop, version, NOW, &v,
					     NULL),
		     NULL);
		free(r.policy->policy);
		r.policy->policy = xstrdup(v.body);
		policy_version_release(&v);
	}
	assert_true(reports_add(fix.store, d, &r, at + WHEN_DAY));
	tls_report_release(&r);
}

static void tell(const struct domain *d, const char *who, long version,
		 time_t at, long sessions)
{
	static int number;
	char id[20];

	snprintf(id, sizeof(id), "%d", number++);
	tell_as(id, d, who, version, at, sessions);
}

static struct report_holders holders(void)
{
	struct report_holders h;
	struct err err = ERR_INIT;

	must(report_holders(fix.store, shop.id, NOW, &h, &err), &err);
	return h;
}

static const struct {
	struct {
		long version, ago; /* days; ago 0: no more of them */
	} told[2];
	bool holds;
} cases[] = {
	{ { { 2, 5 } }, true },
	{ { { 2, 29 } }, true },
	{ { { 2, 33 } }, false },
	{ { { 1, 5 } }, false },
	{ { { 0, 5 } }, false },
	{ { { 2, 5 }, { 0, 2 } }, true },
	{ { { 2, 5 }, { 3, 2 } }, false }, /* it has heard of the way back */
	{ { { 2, 2 }, { 3, 2 } }, true },  /* perhaps not all of it */
	{ { { 1, 9 }, { 2, 5 } }, true },
};

static void who_told_of_it_last_holds_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char who[20];
		struct report_holders h;
		size_t before = holders().count;

		snprintf(who, sizeof(who), "Org %zu", i);
		print_message("%s\n", who);
		for (size_t k = 0; k < 2 && cases[i].told[k].ago; k++)
			tell(&shop, who, cases[i].told[k].version,
			     AGO(cases[i].told[k].ago), 5);
		h = holders();
		assert_int_equal(h.count - before, cases[i].holds);
		assert_int_equal(h.more, 0);
	}
}

static void nobody_is_no_error(void **state)
{
	struct report_holders h;

	(void)state;
	tell(&fix.domain, "Org", 2, AGO(5), 5); /* of another domain */
	h = holders();
	assert_int_equal(h.count, 0);
	assert_int_equal(h.more, 0);
}

/* Of one id and day the first counts: who writes another's adds nobody. */
static void what_does_not_count_tells_nothing(void **state)
{
	(void)state;
	tell_as("same", &shop, "Org", 0, AGO(5), 5);
	tell_as("same", &shop, "Org", 2, AGO(5), 9);
	assert_int_equal(holders().count, 0);
}

static void the_greatest_are_named_and_the_others_counted(void **state)
{
	struct report_holders h;
	char who[32];

	(void)state;
	for (long i = 1; i <= REPORT_HOLDERS_NAMED + 3; i++) {
		snprintf(who, sizeof(who), "Org %ld", i);
		tell(&shop, who, 2, AGO(5), i);
	}
	tell(&shop, "Org 1", 2, AGO(6), 1000);
	h = holders();
	assert_int_equal(h.count, REPORT_HOLDERS_NAMED);
	assert_int_equal(h.more, 3);
	assert_string_equal(h.name[0], "Org 1");
	assert_string_equal(h.name[1], "Org 13");
	assert_string_equal(h.name[9], "Org 5");
}

#define WITH_A_SHOP(test)                                                      \
	cmocka_unit_test_setup_teardown(test, set_up, fixture_close)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_A_SHOP(who_told_of_it_last_holds_it),
		WITH_A_SHOP(nobody_is_no_error),
		WITH_A_SHOP(what_does_not_count_tells_nothing),
		WITH_A_SHOP(the_greatest_are_named_and_the_others_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
