#include "policy/preset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "policy/sts_policy.h"

#define M365 ".mail.protection.outlook.com"
#define L30  "abcdefghijklmnopqrstuvwxyz0123"

static const struct {
	const char *preset, *domain, *host;
	bool is_allowed;
} cases[] = {
	{ "m365", "contoso.com", "contoso-com" M365, true },
	{ "m365", "contoso.com", "fabrikam-com" M365, false },
	{ "m365", "mail.contoso.co.uk", "mail-contoso-co-uk" M365, true },
	/* A hyphen is dropped, and coded behind. */
	{ "m365", "my-mail.com", "mymail-com0i" M365, true },
	{ "m365", "xn--mnchen-3ya.de", "whatever-it-is" M365, true },
	/* Exactly one label's worth, and one more. */
	{ "m365", L30 "." L30 ".a", L30 "-" L30 "-a" M365, true },
	{ "m365", L30 "." L30 ".a", "another" M365, false },
	{ "m365", L30 "." L30 ".ab", "another" M365, true },
	{ "m365", "contoso.com", "aspmx.l.google.com", false },

	{ "google", "example.org", "smtp.google.com", true },
	{ "google", "example.org", "ASPMX.L.GOOGLE.COM", true },
	{ "google", "example.org", "alt1.aspmx.l.google.com", true },
	{ "google", "example.org", "alt2.aspmx.l.google.com", true },
	{ "google", "example.org", "alt3.aspmx.l.google.com", true },
	{ "google", "example.org", "alt4.aspmx.l.google.com", true },
	{ "google", "example.org", "aspmx2.googlemail.com", true },
	{ "google", "example.org", "aspmx3.googlemail.com", true },
	{ "google", "example.org", "aspmx4.googlemail.com", true },
	{ "google", "example.org", "aspmx5.googlemail.com", true },
	{ "google", "example.org", "alt5.aspmx.l.google.com", false },
	{ "google", "example.org", "mx.google.com", false },
};

static void presets_cover_the_providers_hosts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sts_policy p = { .mode = STS_TESTING,
					.max_age = 604800 };
		struct err err = ERR_INIT;

		print_message("%s %s: %s\n", cases[i].preset, cases[i].domain,
			      cases[i].host);
		assert_true(preset_apply(cases[i].preset, cases[i].domain, &p,
					 &err));
		assert_int_equal(sts_policy_allows(&p, cases[i].host),
				 cases[i].is_allowed);
		assert_true(sts_policy_validate(&p, &err));
		sts_policy_release(&p);
	}
}

static void a_preset_adds_to_what_is_there(void **state)
{
	struct sts_policy p = { 0 };

	(void)state;
	assert_true(sts_policy_add_mx(&p, "mx.example.org", NULL));
	assert_true(preset_apply("m365", "example.org", &p, NULL));
	assert_int_equal(p.mx_count, 2);
	assert_true(preset_apply("m365", "example.org", &p, NULL));
	assert_int_equal(p.mx_count, 2);
	assert_true(preset_apply("google", "example.org", &p, NULL));
	assert_int_equal(p.mx_count, 12);
	assert_string_equal(p.mx[0], "mx.example.org");
	sts_policy_release(&p);
}

static void a_preset_fits_whole_or_not_at_all(void **state)
{
	struct sts_policy p = { 0 };
	struct err err = ERR_INIT;
	char name[32];

	(void)state;
	for (int i = 0; i < STS_MX_LIMIT - 3; i++) {
		snprintf(name, sizeof(name), "mx%d.example.org", i);
		assert_true(sts_policy_add_mx(&p, name, NULL));
	}
	assert_false(preset_apply("google", "example.org", &p, &err));
	assert_int_equal(err.kind, ERR_INPUT);
	assert_int_equal(p.mx_count, STS_MX_LIMIT - 3);
	sts_policy_release(&p);
}

static void other_names_get_the_list(void **state)
{
	const char *const names[] = { "", "M365", "m365 ", "office", "goo" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct sts_policy p = { 0 };
		struct err err = ERR_INIT;

		assert_false(preset_apply(names[i], "example.org", &p, &err));
		assert_int_equal(err.kind, ERR_INPUT);
		assert_non_null(strstr(err.text, names[i]));
		assert_non_null(strstr(err.hint, "m365 or google"));
		assert_int_equal(p.mx_count, 0);
	}
}

static void presets_can_be_listed(void **state)
{
	size_t count = 0;

	(void)state;
	for (; preset_name(count); count++) {
		struct sts_policy p = { 0 };

		assert_string_not_equal(preset_about(count), "");
		assert_true(preset_apply(preset_name(count), "a.example", &p,
					 NULL));
		sts_policy_release(&p);
	}
	assert_int_equal(count, 2);
	assert_null(preset_about(count));
	assert_null(preset_name((size_t)-1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(presets_cover_the_providers_hosts),
		cmocka_unit_test(a_preset_adds_to_what_is_there),
		cmocka_unit_test(a_preset_fits_whole_or_not_at_all),
		cmocka_unit_test(other_names_get_the_list),
		cmocka_unit_test(presets_can_be_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
