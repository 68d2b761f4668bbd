/* The addresses of this box. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "daemon/own_address.h"

#define MOST 3

static size_t fill(char (*out)[DNS_ADDRESS_TEXT], const char *text)
{
	char copy[256], *rest = copy, *one;
	size_t n = 0;

	snprintf(copy, sizeof(copy), "%s", text);
	while ((one = strsep(&rest, " ")) != NULL)
		if (*one)
			assert_true(own_address_normalise(one, out[n++]));
	return n;
}

static const struct {
	const char *a, *b;
	bool same;
} cases[] = {
	{ "", "", true },
	{ "192.0.2.1", "", false },
	{ "", "192.0.2.1", false },
	{ "192.0.2.1 2001:db8::1", "2001:DB8:0::1 192.0.2.1", true },
	{ "192.0.2.1", "192.0.2.1 2001:db8::1", false },
	{ "192.0.2.1 2001:db8::1", "192.0.2.1", false },
	{ "192.0.2.1", "192.0.2.2", false },
};

static void order_does_not_matter(void **state)
{
	char a[MOST][DNS_ADDRESS_TEXT], b[MOST][DNS_ADDRESS_TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		print_message("%s | %s\n", cases[i].a, cases[i].b);
		assert_int_equal(own_address_same(a, fill(a, cases[i].a), b,
						  fill(b, cases[i].b)),
				 cases[i].same);
	}
}

static void what_is_none_is_refused(void **state)
{
	char out[DNS_ADDRESS_TEXT];

	(void)state;
	assert_false(own_address_normalise("192.0.2.256", out));
	assert_false(own_address_normalise("fe80::1%eth0", out));
	assert_false(own_address_normalise("", out));
}

static void a_box_knows_its_own(void **state)
{
	char own[16][DNS_ADDRESS_TEXT];
	size_t n = own_address_list(own, ARRAY_LEN(own));

	(void)state;
	for (size_t i = 0; i < n; i++)
		assert_true(own_address_is(own[i]));
	assert_true(own_address_is("127.0.0.9"));
	assert_true(own_address_is("::1"));
	assert_false(own_address_is("192.0.2.1"));
	assert_false(own_address_is("localhost"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_box_knows_its_own),
		cmocka_unit_test(order_does_not_matter),
		cmocka_unit_test(what_is_none_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
