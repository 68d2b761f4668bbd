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
	struct config_state s = { .path = "/a.conf", .is_missing = true };
	struct findings all;
	struct err why = ERR_INIT;

	(void)state;
	config_state_take(&s, "", T0);
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

	config_state_take(&s, "", T0 + 180);
	assert_string_equal(s.path, "/a.conf");
	assert_false(s.is_missing);
	assert_int_equal(judged(&s).count, 0);
}

static void what_waits_for_a_restart_is_said_until_then(void **state)
{
	struct config_state s = { .path = "/a.conf" };
	struct err why = ERR_INIT;
	struct findings all;

	(void)state;
	config_state_take(&s, "workers, proxies", T0);
	all = judged(&s);
	assert_int_equal(all.count, 1);
	assert_string_equal(all.item[0].id, "config.not-yet");
	assert_int_equal(all.item[0].level, HEALTH_WARNING);
	assert_string_equal(all.item[0].text,
			    "changed in /a.conf, and in no effect before a "
			    "restart: workers, proxies");
	assert_string_equal(all.item[0].hint, "restart mtastsd");

	err_set(&why, ERR_INPUT, "a.conf:3: no such key");
	config_state_refuse(&s, &why, T0 + 60);
	assert_int_equal(judged(&s).count, 2);
	config_state_take(&s, "", T0 + 120);
	assert_int_equal(judged(&s).count, 0);
}

static const struct {
	const char *contact;
	bool agree_tos, is_missing;
	const char *text; /* NULL: all is there */
} set_up[] = {
	{ "me@example.org", true, false, NULL },
	{ "me@example.org", true, true, NULL },
	{ "", false, false,
	  "no certificate is ordered before two lines are set in /a.conf: "
	  "contact = \"YOU@YOUR-DOMAIN\" (your mail address, which the CA is "
	  "told) and agree_tos = true (you have read the CA's terms of "
	  "service)" },
	{ "", true, true,
	  "no certificate is ordered before this line is set in /a.conf (there "
	  "is no such file yet): contact = \"YOU@YOUR-DOMAIN\" (your mail "
	  "address, which the CA is told)" },
	{ "me@example.org", false, false,
	  "no certificate is ordered before this line is set in /a.conf: "
	  "agree_tos = true (you have read the CA's terms of service)" },
};

static void what_is_lacking_is_said_as_lines_to_set(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(set_up); i++) {
		struct config_state s = { .path = "/a.conf",
					  .is_missing = set_up[i].is_missing };
		struct engine_settings settings = {
			.agree_tos = set_up[i].agree_tos
		};
		struct findings all = { .count = 0 };

		strcpy(settings.contact, set_up[i].contact);
		assert_int_equal(config_state_is_set_up(&s, &settings, &all),
				 !set_up[i].text);
		assert_int_equal(all.count, set_up[i].text != NULL);
		if (!set_up[i].text)
			continue;
		assert_string_equal(all.item[0].text, set_up[i].text);
		assert_int_equal(all.item[0].level, HEALTH_ERROR);
		assert_non_null(
			strstr(all.item[0].hint, "systemctl reload mtastsd"));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_lacking_is_said_as_lines_to_set),
		cmocka_unit_test(a_refusal_stands_until_a_good_one),
		cmocka_unit_test(what_waits_for_a_restart_is_said_until_then),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
