/* The operator's own zone: from rows and configuration to records. */
#include "daemon/zone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "daemon/publish_settings.h"

#define ID  "20261123T201500Z"
#define STS "example.org._mta-sts.z.example TXT v=STSv1; id=" ID ";\n"
#define TLS                                                                    \
	"example.org._tls.z.example TXT v=TLSRPTv1; rua=mailto:a@b.example\n"

#define HTTPS                                                                  \
	"example.org._tls.z.example TXT v=TLSRPTv1; "                          \
	"rua=https://mta-sts.example.org/tlsrpt/0123"

/* ---- what is wanted ---- */

static const struct {
	const char *sts_id, *rua;
	const char *text;
	bool collects;
} wanted_cases[] = {
	{ ID, "", STS, false },
	{ ID, "mailto:a@b.example", STS TLS, false },
	{ NULL, "mailto:a@b.example", TLS, false },
	{ NULL, "", "", false },
	{ NULL, "", HTTPS "\n", true },
	{ ID, "mailto:a@b.example", STS HTTPS ",mailto:a@b.example\n", true },
};

static void what_is_to_be_told_stands_there(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wanted_cases); i++) {
		struct domain d = { .name = "example.org" };
		struct zone_set z = { .count = 0 };
		char *text;

		str_copy(d.rua, sizeof(d.rua), wanted_cases[i].rua);
		str_copy(d.report_token, sizeof(d.report_token), "0123");
		zone_of_domain(&z, "z.example", &d, wanted_cases[i].sts_id,
			       wanted_cases[i].collects);
		text = zone_set_text(&z);
		assert_string_equal(text, wanted_cases[i].text);
		free(text);
		zone_set_release(&z);
	}
}

static void what_was_told_is_known(void **state)
{
	static const struct {
		const char *told;
		bool announces;
	} rows[] = {
		{ "", false },
		{ TLS, false },
		{ STS, true },
		{ STS TLS, true },
		{ "example.org._mta-sts.other TXT v=STSv1; id=" ID ";\n",
		  false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(zone_announces(rows[i].told, "z.example",
						"example.org"),
				 rows[i].announces);
}

static const struct {
	const char *host_name, *text;
} box_cases[] = {
	{ "sts.z.example",
	  "sts.z.example A 192.0.2.1\nsts.z.example AAAA 2001:db8::1\n" },
	{ "z.example", "z.example A 192.0.2.1\nz.example AAAA 2001:db8::1\n" },
	{ "sts.example", "" },
	{ "stsz.example", "" },
	{ "example", "" },
	{ "", "" },
};

static void the_host_stands_in_its_zone_only(void **state)
{
	static const char *const addresses[] = { "192.0.2.1", "2001:db8::1" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(box_cases); i++) {
		struct zone_set z = { .count = 0 };
		char *text;

		zone_of_box(&z, "z.example", box_cases[i].host_name, addresses,
			    2);
		text = zone_set_text(&z);
		assert_string_equal(text, box_cases[i].text);
		free(text);
		zone_set_release(&z);
	}
}

/* ---- names ---- */

/* Labels of 60 bytes, and what is missing of `len`. */
static void long_name(char *out, size_t len, char letter)
{
	memset(out, letter, len);
	for (size_t i = 60; i < len - 1; i += 61)
		out[i] = '.';
	out[len] = '\0';
}

static void no_name_is_too_long(void **state)
{
	char zone[DOMAIN_NAME_SIZE], domain[DOMAIN_NAME_SIZE];
	char name[DOMAIN_NAME_SIZE], other[DOMAIN_NAME_SIZE];

	(void)state;
	long_name(domain, 232, 'a'); /* "._mta-sts.z.example" makes 251 */
	zone_sts_name("zz.z.example", domain, name);
	assert_true(str_starts(name, "h-"));
	zone_sts_name("z.z.example", domain, name);
	assert_int_equal(strlen(name), DOMAIN_NAME_MAX);
	assert_true(str_starts(name, "aaa"));

	long_name(zone, PUBLISH_ZONE_MAX, 'z');
	zone_sts_name(zone, domain, name);
	assert_true(str_ends(name, zone));
	assert_int_equal(strcspn(name, "."), 42);
	domain[0] = 'b';
	zone_sts_name(zone, domain, other);
	assert_false(streq(name, other));
	zone_tls_name(zone, "example.org", other);
	assert_true(str_starts(other, "example.org._tls.zzz"));
}

/* ---- changes ---- */

static const struct {
	const char *told, *wanted;
	const char *commands, *json;
} change_cases[] = {
	{ "", "a.z TXT x\n",
	  "update delete a.z. TXT\nupdate delete a.z. CNAME\n"
	  "update add a.z. 300 TXT \"x\"\n",
	  "[{\"name\":\"a.z\",\"type\":\"TXT\",\"ttl\":300,\"value\":\"x\"}]" },
	{ "a.z TXT x\n", "", "update delete a.z. TXT\n",
	  "[{\"name\":\"a.z\",\"type\":\"TXT\",\"ttl\":300,\"value\":null}]" },
	{ "a.z TXT x\n", "a.z TXT y\n",
	  "update delete a.z. TXT\nupdate delete a.z. CNAME\n"
	  "update add a.z. 300 TXT \"y\"\n",
	  "[{\"name\":\"a.z\",\"type\":\"TXT\",\"ttl\":300,\"value\":\"y\"}]" },

	/* Several values; what is gone is named once. */
	{ "h.z A 192.0.2.9\nh.z AAAA 2001:db8::9\nh.z AAAA 2001:db8::8\n",
	  "h.z A 192.0.2.1\nh.z A 192.0.2.2\n",
	  "update delete h.z. AAAA\nupdate delete h.z. CNAME\n"
	  "update delete h.z. A\nupdate add h.z. 300 A 192.0.2.1\n"
	  "update add h.z. 300 A 192.0.2.2\n",
	  "[{\"name\":\"h.z\",\"type\":\"AAAA\",\"ttl\":300,\"value\":null},"
	  "{\"name\":\"h.z\",\"type\":\"CNAME\",\"ttl\":300,"
	  "\"value\":null},"
	  "{\"name\":\"h.z\",\"type\":\"A\",\"ttl\":300,"
	  "\"value\":\"192.0.2.1\"},"
	  "{\"name\":\"h.z\",\"type\":\"A\",\"ttl\":300,"
	  "\"value\":\"192.0.2.2\"}]" },

	/* Whoever had the name before. */
	{ "", "h.z A 192.0.2.1\n",
	  "update delete h.z. AAAA\nupdate delete h.z. CNAME\n"
	  "update delete h.z. A\nupdate add h.z. 300 A 192.0.2.1\n",
	  "[{\"name\":\"h.z\",\"type\":\"AAAA\",\"ttl\":300,\"value\":null},"
	  "{\"name\":\"h.z\",\"type\":\"CNAME\",\"ttl\":300,"
	  "\"value\":null},"
	  "{\"name\":\"h.z\",\"type\":\"A\",\"ttl\":300,"
	  "\"value\":\"192.0.2.1\"}]" },

	/* Quotes are text; a line is a line, whatever stands in it. */
	{ "", "a.z TXT \"; send\\\n",
	  "update delete a.z. TXT\nupdate delete a.z. CNAME\n"
	  "update add a.z. 300 TXT \"\\\"; send\\\\\"\n",
	  "[{\"name\":\"a.z\",\"type\":\"TXT\",\"ttl\":300,"
	  "\"value\":\"\\\"; send\\\\\"}]" },
	{ "a.z TXT x\n", "a.z TXT y\rsend\n", "update delete a.z. TXT\n",
	  "[{\"name\":\"a.z\",\"type\":\"TXT\",\"ttl\":300,\"value\":null}]" },
};

static void a_change_is_said_in_both_ways(void **state)
{
	const struct zone_mark mark = { .id = "A1", .how = ZONE_IS_OURS };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(change_cases); i++) {
		struct zone_set told = { .count = 0 }, wanted = { .count = 0 },
				change = { .count = 0 };
		char *commands, *json, *expected;

		print_message("%s", change_cases[i].commands);
		zone_set_read(&told, change_cases[i].told);
		zone_set_read(&wanted, change_cases[i].wanted);
		zone_set_change(&change, &told, &wanted);
		commands = zone_set_commands(&change, "z", "192.0.2.53", "53",
					     &mark);
		json = zone_set_json(&change);
		expected = xasprintf("server 192.0.2.53 53\nzone z.\n"
				     "prereq yxrrset _mtastsd-owner.z. IN TXT "
				     "\"A1\"\n%ssend\n",
				     change_cases[i].commands);
		assert_string_equal(commands, expected);
		assert_string_equal(json, change_cases[i].json);
		assert_true(zone_set_size(&change) > 0);
		free(expected);
		free(commands);
		free(json);
		zone_set_release(&told);
		zone_set_release(&wanted);
		zone_set_release(&change);
	}
}

static void the_mark_is_held_or_set(void **state)
{
	static const struct {
		enum zone_mark_how how;
		const char *commands;
	} marks[] = {
		{ ZONE_IS_OURS, "prereq yxrrset _mtastsd-owner.z. IN TXT "
				"\"A1\"\n" },
		{ ZONE_IS_FREE, "prereq nxrrset _mtastsd-owner.z. IN TXT\n"
				"update add _mtastsd-owner.z. 300 TXT "
				"\"A1\"\n" },
		{ ZONE_IS_TAKEN, "update delete _mtastsd-owner.z. IN TXT\n"
				 "update add _mtastsd-owner.z. 300 TXT "
				 "\"A1\"\n" },
	};
	const struct zone_set none = { .count = 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
		const struct zone_mark m = { .id = "A1", .how = marks[i].how };
		char *is = zone_set_commands(&none, "z", "192.0.2.53", "53",
					     &m);
		char *expected = xasprintf("server 192.0.2.53 53\nzone z.\n"
					   "%ssend\n",
					   marks[i].commands);

		assert_string_equal(is, expected);
		free(expected);
		free(is);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_to_be_told_stands_there),
		cmocka_unit_test(what_was_told_is_known),
		cmocka_unit_test(the_host_stands_in_its_zone_only),
		cmocka_unit_test(no_name_is_too_long),
		cmocka_unit_test(a_change_is_said_in_both_ways),
		cmocka_unit_test(the_mark_is_held_or_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
