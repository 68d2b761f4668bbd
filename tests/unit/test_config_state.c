/* What is said of a reload that was refused, and until when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "daemon/config_state.h"

#define T0 1795860000 /* 2026-11-28T10:00:00Z */

static struct findings judged(const struct config_state *s)
{
	struct findings all = { .count = 0 };

	config_state_judge(s, &all);
	return all;
}

static void a_refusal_stands_until_a_good_one(void **state)
{
	struct config_state s = { 0 };
	struct findings all;
	struct err why = ERR_INIT;

	(void)state;
	config_state_take(&s, T0);
	assert_int_equal(judged(&s).count, 0);

	err_set(&why, ERR_INPUT, "a.conf:3: no such key");
	config_state_refuse(&s, &why, T0 + 60);
	all = judged(&s);
	assert_int_equal(all.count, 1);
	assert_string_equal(all.item[0].id, "config.refused");
	assert_int_equal(all.item[0].level, HEALTH_WARNING);
	assert_string_equal(all.item[0].text,
			    "configuration of 2026-11-28T10:01:00Z refused: "
			    "a.conf:3: no such key; running with the one of "
			    "2026-11-28T10:00:00Z");
	assert_non_null(strstr(all.item[0].hint, "--check-config"));

	err_hint(&why, "known are a and b");
	config_state_refuse(&s, &why, T0 + 120);
	all = judged(&s);
	assert_string_equal(all.item[0].hint, "known are a and b");
	assert_non_null(strstr(all.item[0].text, "T10:02:00Z refused"));
	assert_non_null(strstr(all.item[0].text, "of 2026-11-28T10:00:00Z"));

	config_state_take(&s, T0 + 180);
	assert_int_equal(judged(&s).count, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_refusal_stands_until_a_good_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
