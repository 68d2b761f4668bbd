/* What an address means for those who should reach it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "cli/address_kind.h"

static const struct {
	const char *text;
	enum address_kind kind;
} cases[] = {
	{ "192.0.2.1", ADDRESS_PRIVATE }, /* nobody's */
	{ "10.0.0.5", ADDRESS_PRIVATE },
	{ "172.31.255.255", ADDRESS_PRIVATE },
	{ "172.32.0.1", ADDRESS_PUBLIC_4 },
	{ "192.168.1.1", ADDRESS_PRIVATE },
	{ "100.63.255.255", ADDRESS_PUBLIC_4 },
	{ "100.64.0.0", ADDRESS_CARRIER },
	{ "100.127.255.255", ADDRESS_CARRIER },
	{ "100.128.0.0", ADDRESS_PUBLIC_4 },
	{ "127.0.0.1", ADDRESS_LOCAL },
	{ "169.254.7.7", ADDRESS_LOCAL },
	{ "8.8.8.8", ADDRESS_PUBLIC_4 },
	{ "2a01:4f8::1", ADDRESS_PUBLIC_6 },
	{ "fd00::2", ADDRESS_PRIVATE },
	{ "fe80::1", ADDRESS_LOCAL },
	{ "::1", ADDRESS_LOCAL },
	{ "2001:db8::1", ADDRESS_PRIVATE },
	{ "", ADDRESS_NONE },
	{ "ca.example.org", ADDRESS_NONE },
	{ "256.1.1.1", ADDRESS_NONE },
};

static void an_address_is_of_one_kind(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		print_message("%s\n", cases[i].text);
		assert_int_equal(address_kind_of(cases[i].text), cases[i].kind);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_of_one_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
