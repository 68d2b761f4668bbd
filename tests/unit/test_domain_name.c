#include "policy/domain_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"

#define L10 "abcdefghij"
#define L63 L10 L10 L10 L10 L10 L10 "abc"
/* 61 + 3 * 64 = 253 characters, the longest name there is. */
#define NAME253 "a" L10 L10 L10 L10 L10 L10 "." L63 "." L63 "." L63

typedef bool normalise(const char *text, char out[static DOMAIN_NAME_SIZE],
		       struct err *err);

static const struct {
	const char *text, *name;
} good[] = {
	{ "example.org", "example.org" },
	{ "Example.ORG", "example.org" },
	{ "example.org.", "example.org" },
	{ " \t example.org \r\n", "example.org" },
	{ "example.org. ", "example.org" },
	{ "a.b", "a.b" },
	{ "1and1.com", "1and1.com" },
	{ "1.2.3.com", "1.2.3.com" },
	{ "4.example.x1", "4.example.x1" },
	{ "m\xc3\xbcnchen.de", "xn--mnchen-3ya.de" },
	{ "M\xc3\x9cNCHEN.DE", "xn--mnchen-3ya.de" },
	{ "mu\xcc\x88nchen.de", "xn--mnchen-3ya.de" }, /* u, then the dots */
	{ "XN--MNCHEN-3YA.de", "xn--mnchen-3ya.de" },
	{ "fa\xc3\x9f.de", "xn--fa-hia.de" },        /* not fass.de */
	{ "example\xe3\x80\x82org", "example.org" }, /* ideographic dot */
	{ "\xef\xbd\x85xample.org", "example.org" }, /* full-width e */
	{ L63 ".org", L63 ".org" },
};

static void names_get_one_form(void **state)
{
	normalise *both[] = { domain_name_normalise, host_name_normalise };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		for (size_t k = 0; k < ARRAY_LEN(both); k++) {
			char out[DOMAIN_NAME_SIZE] = "";
			struct err err = ERR_INIT;

			print_message("%s\n", good[i].text);
			assert_true(both[k](good[i].text, out, &err));
			assert_string_equal(out, good[i].name);
		}
}

static const struct {
	const char *text, *why;
} bad[] = {
	{ "", "empty" },
	{ " ", "empty" },
	{ ".", "empty label" },
	{ "a..b", "empty label" },
	{ ".example.org", "empty label" },
	{ "example.org..", "empty label" },
	{ "localhost", "single label" },
	{ "com.", "single label" },
	{ "192.0.2.1", "IP address" },
	{ "192.0.2.1.", "IP address" },
	{ "\xef\xbc\x91.2.3.4", "IP address" }, /* full-width 1 */
	{ "2001:db8::1", "IP address" },
	{ "[2001:db8::1]", "IP address" },
	{ "::ffff:192.0.2.1", "IP address" },
	{ "1.2.3", "only digits" },
	{ "example.123", "only digits" },
	{ "192.0.2.256", "only digits" },
	{ "*.example.org", "wildcard" },
	{ "mx.*.org", "wildcard" },
	{ "user@example.org", "mail address" },
	{ "https://example.org/", "URL" },
	{ "example.org:443", "port" },
	{ "_mta-sts.example.org", "underscore" },
	{ "a_b.example.org", "underscore" },
	{ "exa mple.org", "only letters" },
	{ "exa\nmple.org", "only letters" },
	{ "example.org\x7f", "only letters" },
	{ "a;b.org", "only letters" },
	{ "a\xe2\x84\x80"
	  "b.org",
	  "only letters" }, /* maps to "aa/cb" */
	{ "-a.org", "hyphen" },
	{ "a-.org", "hyphen" },
	{ L63 "d.org", "63 characters" },
	{ "a" NAME253, "" },
	{ NAME253 ".a", "" },
	{ "\xf0\x9f\x98\x80.org", "disallowed" },
	{ "\xff\xfe.org", "encoding" },
};

static void the_rest_is_refused_with_reason(void **state)
{
	normalise *both[] = { domain_name_normalise, host_name_normalise };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		for (size_t k = 0; k < ARRAY_LEN(both); k++) {
			char out[DOMAIN_NAME_SIZE] = "untouched";
			struct err err = ERR_INIT;

			print_message("%s\n", bad[i].text);
			assert_false(both[k](bad[i].text, out, &err));
			print_message("  %s (%s)\n", err.text, err.hint);
			assert_int_equal(err.kind, ERR_INPUT);
			assert_non_null(strstr(err.text, bad[i].why));
			assert_null(strchr(err.text, '\n'));
			assert_string_not_equal(err.hint, "");
			assert_string_equal(out, "untouched");
		}
}

/* What may be an MX but no domain that a CA would certify, and so on. */
static const struct {
	const char *text;
	bool is_domain, is_host;
} different[] = {
	{ "ab--cd.example.org", false, true },
	{ "r3---sn.example.net", false, true },
	{ "xn--mnchen-3ya-de.mail.protection.outlook.com", false, true },
	{ "xn--zzzzzzzzz.org", false, true },
	{ "mta-sts.example.org", false, true },
	{ "MTA-STS.example.org", false, true },
	{ "mta-sts.org", true, true },
	{ "mta-sts-x.example.org", true, true },
	{ NAME253, false, true },
	{ NAME253 ".", false, true },
	/* 245 is the last that "mta-sts." fits before. */
	{ L10 L10 L10 L10 L10 "abc." L63 "." L63 "." L63, true, true },
	{ L10 L10 L10 L10 L10 "abcd." L63 "." L63 "." L63, false, true },
};

static void a_mail_domain_is_more_than_a_host(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(different); i++) {
		const char *text = different[i].text;
		char out[DOMAIN_NAME_SIZE] = "untouched";
		struct err err = ERR_INIT;

		print_message("%s\n", text);
		assert_int_equal(domain_name_normalise(text, out, &err),
				 different[i].is_domain);
		if (!different[i].is_domain) {
			assert_string_equal(out, "untouched");
			assert_int_equal(err.kind, ERR_INPUT);
			assert_string_not_equal(err.hint, "");
		}
		assert_int_equal(host_name_normalise(text, out, &err),
				 different[i].is_host);
	}
}

static void the_hint_names_the_domain_behind_a_policy_host(void **state)
{
	char out[DOMAIN_NAME_SIZE];
	struct err err = ERR_INIT;

	(void)state;
	assert_false(domain_name_normalise("mta-sts.example.org", out, &err));
	assert_string_equal(err.hint,
			    "write the mail domain itself: example.org");
}

static void a_flood_of_text_is_refused_and_cut(void **state)
{
	char out[DOMAIN_NAME_SIZE], *flood = xmalloc(100001);
	struct err err = ERR_INIT;

	(void)state;
	memset(flood, 'a', 100000);
	flood[100000] = '\0';
	assert_false(host_name_normalise(flood, out, &err));
	assert_non_null(strstr(err.text, "too long"));
	assert_non_null(strstr(err.text, "aaa...\""));
	assert_true(strlen(err.text) < 140);

	memset(flood, '.', 1000);
	flood[1000] = '\0';
	assert_false(host_name_normalise(flood, out, &err));
	free(flood);
}

static void the_policy_host_has_its_prefix(void **state)
{
	char out[DOMAIN_NAME_SIZE];

	(void)state;
	domain_name_policy_host("example.org", out);
	assert_string_equal(out, "mta-sts.example.org");
}

static const struct {
	const char *name, *shown;
} displays[] = {
	{ "example.org", "example.org" },
	{ "xn--mnchen-3ya.de", "m\xc3\xbcnchen.de" },
	{ "mail.xn--fa-hia.de", "mail.fa\xc3\x9f.de" },
	{ "xn--zzzzzzzzz.org", "xn--zzzzzzzzz.org" },
	{ "xn--a.org", "xn--a.org" },       /* hides a control character */
	{ "xn--im6c.org", "xn--im6c.org" }, /* a ligature; would read ff.org */
	{ "r3---sn.example.net", "r3---sn.example.net" },
	{ "localhost", "localhost" },
	{ "", "" },
};

static void people_see_u_labels(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(displays); i++) {
		char *shown = domain_name_display(displays[i].name);

		print_message("%s\n", displays[i].name);
		assert_string_equal(shown, displays[i].shown);
		free(shown);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_get_one_form),
		cmocka_unit_test(the_rest_is_refused_with_reason),
		cmocka_unit_test(a_mail_domain_is_more_than_a_host),
		cmocka_unit_test(
			the_hint_names_the_domain_behind_a_policy_host),
		cmocka_unit_test(a_flood_of_text_is_refused_and_cut),
		cmocka_unit_test(the_policy_host_has_its_prefix),
		cmocka_unit_test(people_see_u_labels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
