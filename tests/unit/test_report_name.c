/* Which domain the name of an attachment says that it is about. */
#include "cli/report_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/mem.h"

static const struct {
	const char *name, *domain;
} cases[] = {
	{ "google.com!shop.test!1795132800!1795219199!001.json.gz",
	  "shop.test" },
	{ "google.com!Shop.TEST.!1795132800!1795219199.json", "shop.test" },
	{ "mx.a!b\xc3\xbc"
	  "cher.test!1!2!x!y.json.gz",
	  "xn--bcher-kva.test" },
	{ "/in/box!a/mx.a!shop.test!1!2.json.gz", "shop.test" },
	{ "report.json.gz", "" },
	{ "a!shop.test.json", "" },
	{ "a!shop.test!1.json", "" },
	{ "a!shop.test!one!2.json", "" },
	{ "a!shop.test!1!.json", "" },
	{ "a!!1!2.json", "" },
	{ "!shop.test!1!2.json", "" },
	{ "a!no name!1!2.json", "" },
	{ "a!shop.test/../x!1!2.json", "" },
	{ "!!!!", "" },
	{ "", "" },
};

static void each_name_says_its_domain(void **state)
{
	char domain[DOMAIN_NAME_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		print_message("%s\n", cases[i].name);
		strcpy(domain, "before");
		assert_int_equal(report_name_domain(cases[i].name, domain),
				 *cases[i].domain != '\0');
		assert_string_equal(domain, *cases[i].domain ? cases[i].domain
							     : "before");
	}
}

static void a_long_one_is_none(void **state)
{
	char name[2000] = "a!", domain[DOMAIN_NAME_SIZE];

	(void)state;
	memset(name + 2, 'x', 1000);
	strcpy(name + 1002, "!1!2.json");
	assert_false(report_name_domain(name, domain));
	assert_false(report_name_domain(NULL, domain));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_name_says_its_domain),
		cmocka_unit_test(a_long_one_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
