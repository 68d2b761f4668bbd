#include "httpd/wanted.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void a_host_is_told_once_in_a_while(void **state)
{
	struct wanted w = { 0 };

	(void)state;
	assert_true(wanted_may_tell(&w, "mta-sts.a.test", 1000));
	assert_false(wanted_may_tell(&w, "mta-sts.a.test", 1000));
	assert_false(wanted_may_tell(&w, "mta-sts.a.test",
				     1000 + WANTED_PERIOD_MS - 1));
	assert_true(wanted_may_tell(&w, "mta-sts.a.test",
				    1000 + WANTED_PERIOD_MS));
}

static void many_hosts_are_no_flood(void **state)
{
	struct wanted w = { 0 };
	char host[32];
	int told = 0;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		snprintf(host, sizeof(host), "mta-sts.d%d.test", i);
		told += wanted_may_tell(&w, host, 1000 + i % WANTED_PERIOD_MS);
	}
	assert_in_range(told, WANTED_SLOTS / 2, WANTED_SLOTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_is_told_once_in_a_while),
		cmocka_unit_test(many_hosts_are_no_flood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
