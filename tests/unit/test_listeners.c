/* What is said where the configuration names other addresses than are used. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "daemon/listeners.h"

static const struct {
	const char *listens, *says;
	bool is_named, is_passed;
	const char *id; /* NULL: nothing is wrong */
} cases[] = {
	{ "0.0.0.0:443", "0.0.0.0:443", true, true, NULL },
	{ "0.0.0.0:443", "192.0.2.1:443", true, true, "port.not-used" },
	{ "0.0.0.0:443", "0.0.0.0:8443", true, true, "port.not-used" },
	{ "192.0.2.1:443", "0.0.0.0:443", false, true, NULL },
	{ "[2001:db8::1]:443", "[2001:DB8:0::1]:443", true, true, NULL },
	{ "192.0.2.1:443", "192.0.2.1:443", true, false, NULL },
	{ "192.0.2.1:443", "192.0.2.2:443", true, false, "port.not-yet" },
	/* the line was taken out */
	{ "192.0.2.1:443", "0.0.0.0:443", false, false, "port.not-yet" },
};

static struct findings judged(size_t i)
{
	struct both_listeners l = { .https = { .count = 1 } };
	struct config c = { .listen_https_count = 1 };
	struct findings all = { .count = 0 };

	l.https.is_passed = cases[i].is_passed;
	str_copy(l.https.address[0], 64, cases[i].listens);
	str_copy(c.listen_https[0], 64, cases[i].says);
	c.names_https = cases[i].is_named;
	listeners_note(&l, &c);
	assert_string_equal(c.listen_https[0], cases[i].listens);
	assert_int_equal(listeners_await_restart(&l.https),
			 cases[i].id && streq(cases[i].id, "port.not-yet"));
	listeners_judge(&l, "/a.conf", &all);
	return all;
}

static void what_is_not_used_is_said(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct findings all = judged(i);

		print_message("%s, and %s is set\n", cases[i].listens,
			      cases[i].says);
		assert_int_equal(all.count, cases[i].id != NULL);
		if (cases[i].id) {
			assert_string_equal(all.item[0].id, cases[i].id);
			assert_non_null(strstr(all.item[0].text, "/a.conf"));
			assert_non_null(
				strstr(all.item[0].text, cases[i].listens));
		}
	}
}

static void of_each_kind_in_words(void **state)
{
	struct both_listeners l = { .http = { .count = 2,
					      .is_passed = true,
					      .address = { "0.0.0.0:80",
							   "[::]:80" } } };
	struct config c = { .listen_http = { "[::]:80" },
			    .listen_http_count = 1,
			    .names_http = true };
	struct findings all = { .count = 0 };

	(void)state;
	listeners_note(&l, &c);
	assert_int_equal(c.listen_http_count, 2);
	listeners_judge(&l, "/a.conf", &all);
	assert_int_equal(all.count, 1);
	assert_string_equal(all.item[0].text,
			    "listen_http of /a.conf is not used: mtastsd was "
			    "given its sockets, and they listen at 0.0.0.0:80, "
			    "[::]:80");
	assert_non_null(
		strstr(all.item[0].hint, "systemctl edit mtastsd-http.socket"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_used_is_said),
		cmocka_unit_test(of_each_kind_in_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
