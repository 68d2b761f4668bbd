#include "base/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"

static const struct {
	const char *text;
	bool is_public;
} cases[] = {
	{ "8.8.8.8", true },
	{ "172.32.0.1", true },
	{ "100.128.0.1", true },
	{ "2606:4700::1", true },
	{ "2a00:1450:4001::1a", true },
	{ "127.0.0.1", false },
	{ "10.1.2.3", false },
	{ "172.31.255.255", false },
	{ "192.168.1.1", false },
	{ "169.254.169.254", false },
	{ "100.64.0.1", false },
	{ "0.0.0.0", false },
	{ "224.0.0.1", false },
	{ "255.255.255.255", false },
	{ "::", false },
	{ "::1", false },
	{ "::ffff:127.0.0.1", false },
	{ "::ffff:8.8.8.8", false },
	{ "64:ff9b::7f00:1", false },
	{ "2002:7f00:1::", false },
	{ "fe80::1", false },
	{ "fd00::1", false },
	{ "ff02::1", false },
	{ "2001:db8::1", false },
	{ "", false },
	{ "localhost", false },
	{ "127.1", false },
};

static void only_public_ones_are(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		print_message("%s\n", cases[i].text);
		assert_int_equal(address_is_public(cases[i].text),
				 cases[i].is_public);
	}
}

static const struct {
	const char *text;
	bool is_own;
} own_cases[] = {
	{ "127.0.0.1", true },	{ "127.255.0.9", true },
	{ "::1", true },	{ "126.0.0.1", false },
	{ "0.0.0.0", false },	{ "::", false },
	{ "192.0.2.1", false }, { "::ffff:127.0.0.1", false },
	{ "localhost", false }, { "127.1", false },
	{ "", false },
};

static void only_our_own_are_loopback(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(own_cases); i++) {
		print_message("%s\n", own_cases[i].text);
		assert_int_equal(address_is_loopback(own_cases[i].text),
				 own_cases[i].is_own);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_public_ones_are),
		cmocka_unit_test(only_our_own_are_loopback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
