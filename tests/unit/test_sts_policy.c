#include "policy/sts_policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"

#define V    "version: STSv1\n"
#define REST "mode: testing\nmx: mx.example.org\nmax_age: 604800\n"

/* modes */

static void modes_have_their_names(void **state)
{
	const char *const names[] = { "none", "testing", "enforce" };
	const char *const others[] = { "",       "None",     "ENFORCE",
				       "report", "testing ", "enforced" };
	enum sts_mode mode;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		assert_true(sts_mode_parse(names[i], &mode, NULL));
		assert_string_equal(sts_mode_name(mode), names[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		struct err err = ERR_INIT;

		assert_false(sts_mode_parse(others[i], &mode, &err));
		assert_int_equal(err.kind, ERR_INPUT);
		assert_non_null(strstr(err.hint, "none, testing or enforce"));
	}
}

/* reading */

static const struct {
	const char *text;
	enum sts_mode mode;
	long max_age;
	size_t mx_count;
	const char *first; /* mx */
} readable[] = {
	{ V REST, STS_TESTING, 604800, 1, "mx.example.org" },
	{ "version: STSv1\r\nmode: enforce\r\nmx: mx.example.org\r\n"
	  "mx: *.example.net\r\nmax_age: 31557600\r\n",
	  STS_ENFORCE, 31557600, 2, "mx.example.org" },
	/* No terminator at the end, any order, both kinds of ends. */
	{ V "max_age: 1\r\nmx: a.example\nmode: enforce", STS_ENFORCE, 1, 1,
	  "a.example" },
	{ V "mode: none\nmax_age: 86400\n", STS_NONE, 86400, 0, NULL },
	/* White space where the grammar has it. */
	{ "version:STSv1 \nmode:\ttesting\t \nmx:  a.example \nmax_age:9\n",
	  STS_TESTING, 9, 1, "a.example" },
	/* Other fields, with anything printable in them. */
	{ V "x-Comment_1.0: a: b; c=d\n" REST, STS_TESTING, 604800, 1,
	  "mx.example.org" },
	{ V "n23456789012345678901234567890ab: x\n" REST, STS_TESTING, 604800,
	  1, "mx.example.org" },
	{ V "nmx: a.example\n" REST, STS_TESTING, 604800, 1, "mx.example.org" },
	/* The same host once, case folded. */
	{ V "mx: MX.Example.Org\n" REST, STS_TESTING, 604800, 1,
	  "mx.example.org" },
	/* Useless, but nothing to guess about. */
	{ V "mode: enforce\nmx: *.mx.microsoft\nmax_age: 86400\n", STS_ENFORCE,
	  86400, 1, "*.mx.microsoft" },
	{ V "mode: testing\nmx: a.example\nmax_age: 0000086400\n", STS_TESTING,
	  86400, 1, "a.example" },
};

static void policies_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(readable); i++) {
		const char *text = readable[i].text;
		struct sts_policy p;
		struct err err = ERR_INIT;

		print_message("%s--\n", text);
		assert_true(sts_policy_parse(&p, text, strlen(text), &err));
		assert_int_equal(p.mode, readable[i].mode);
		assert_int_equal(p.max_age, readable[i].max_age);
		assert_int_equal(p.mx_count, readable[i].mx_count);
		if (p.mx_count)
			assert_string_equal(p.mx[0], readable[i].first);
		sts_policy_release(&p);
		assert_int_equal(p.mx_count, 0);
	}
}

#define T(text) text, sizeof(text) - 1

static const struct {
	const char *text;
	size_t len;
	const char *why;
} doubtful[] = {
	{ T(""), "no version line" },
	{ T("\n"), "line 1: \"\" is a blank line" },
	{ T("<!DOCTYPE html>\n<title>404</title>\n"), "line 1: " },
	{ T(REST), "line 1: \"mode\" stands first" },
	{ T("\xef\xbb\xbf" V REST), "line 1: byte 0xef" },
	{ T("version: STSv2\n" REST), "line 1: \"STSv2\" is not a version" },
	{ T("version: stsv1\n" REST), "line 1: \"stsv1\" is not a version" },
	{ T("Version: STSv1\n" REST), "line 1: \"Version\"" },
	{ T("version : STSv1\n" REST), "line 1: \"version \"" },
	{ T(" version: STSv1\n" REST), "line 1: \" version\"" },
	{ T(V), "no mode line" },
	{ T(V "mode: testing\nmx: a.example\n"), "no max_age line" },
	{ T(V "mode: testing\nmax_age: 86400\n"), "no mx line" },
	{ T(V "mode: none\n"), "no max_age line" },
	{ T(V "mx: a.example\nmax_age: 86400\n"), "no mode line" },
	/* Twice is once too often for all but mx. */
	{ T(V V REST), "line 2: \"version\" is there twice" },
	{ T(V REST "mode: testing\n"), "line 5: \"mode\" is there twice" },
	{ T(V REST "max_age: 604800\n"), "line 5: \"max_age\" is there twice" },
	/* Blank lines, alone or at the end, and broken ends. */
	{ T(V "\n" REST), "line 2: \"\" is a blank line" },
	{ T(V " \t\n" REST), "line 2: " },
	{ T(V REST "\n"), "line 5: \"\" is a blank line" },
	{ T(V REST "\r\n"), "line 5: \"\" is a blank line" },
	{ T("version: STSv1\rmode: none\rmax_age: 86400\r"), "byte 0x0d" },
	{ T("version: STSv1\r\r\n" REST), "line 1: byte 0x0d" },
	{ T(V "mode: none\nmax_age: 86400\r"), "line 3: byte 0x0d" },
	/* Bytes. */
	{ T(V "mode: testing\0\nmx: a.example\nmax_age: 86400\n"),
	  "byte 0x00" },
	{ T(V REST "\0"), "line 5: byte 0x00" },
	{ T(V "x: \x1b[2J\n" REST), "line 2: byte 0x1b" },
	{ T(V "x: \x7f\n" REST), "line 2: byte 0x7f" },
	{ T(V "x: \xc3\xbc\n" REST), "line 2: byte 0xc3" },
	/* Fields. */
	{ T(V "nonsense\n" REST), "line 2: \"nonsense\" is not" },
	{ T(V ": x\n" REST), "line 2: \"\" is no name" },
	{ T(V "x:\n" REST), "line 2: \"x\" is no name of a field" },
	{ T(V "-x: y\n" REST), "line 2: \"-x\" is no name" },
	{ T(V "a b: y\n" REST), "line 2: \"a b\" is no name" },
	{ T(V "n23456789012345678901234567890abc: x\n" REST), "is no name" },
	{ T(V "MX: b.example\n" REST), "line 2: \"MX\" is not in lower case" },
	{ T(V "Max_Age: 1\n" REST), "line 2: \"Max_Age\" is not in lower" },
	{ T(V "mode: report\n"), "line 2: \"report\" is not a mode" },
	{ T(V "mode: Enforce\n"), "line 2: \"Enforce\" is not a mode" },
	{ T(V "max_age: 0\n"), "line 2: \"0\" is not a max_age" },
	{ T(V "max_age: 31557601\n"), "is not a max_age" },
	{ T(V "max_age: 00000086400\n"), "is not a max_age" },
	{ T(V "max_age: -1\n"), "is not a max_age" },
	{ T(V "max_age: 86400s\n"), "is not a max_age" },
	{ T(V "max_age: 99999999999999999999\n"), "is not a max_age" },
	/* Hosts. */
	{ T(V "mx: a.example.\n"), "line 2: \"a.example.\"" },
	{ T(V "mx: a.example, b.example\n"), "line 2: " },
	{ T(V "mx: *. a.example\n"), "line 2: " },
	{ T(V "mx: *\n"), "line 2: mx: " },
	{ T(V "mx: *.\n"), "line 2: " },
	{ T(V "mx: *example.org\n"), "line 2: mx: " },
	{ T(V "mx: a.*.example.org\n"), "line 2: mx: " },
	{ T(V "mx: *.*.example.org\n"), "line 2: mx: " },
	{ T(V "mx: .example.org\n"), "line 2: mx: " },
	{ T(V "mx: *.org\n"), "single label" },
	{ T(V "mx: 192.0.2.1\n"), "IP address" },
	{ T(V "mx: [192.0.2.1]\n"), "IP address" },
	{ T(V "mx: a.example:25\n"), "port" },
};

static void doubtful_text_is_an_error_with_its_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(doubtful); i++) {
		struct sts_policy p;
		struct err err = ERR_INIT;

		/* Exactly as long as it says: a read beyond would show. */
		char *text = xmemdup(doubtful[i].text, doubtful[i].len);

		print_message("%s--\n", doubtful[i].text);
		assert_false(sts_policy_parse(&p, text, doubtful[i].len, &err));
		print_message("  %s (%s)\n", err.text, err.hint);
		assert_int_equal(err.kind, ERR_INPUT);
		assert_non_null(strstr(err.text, doubtful[i].why));
		assert_string_not_equal(err.hint, "");
		assert_int_equal(p.mx_count, 0);
		assert_int_equal(p.max_age, 0);
		free(text);
	}
}

/* A whole policy with `count` mx lines "mNNNNN.example"; the caller frees. */
static char *policy_text(size_t count)
{
	size_t size = sizeof(V REST) + count * 20;
	char *text = xmalloc(size), *p = text;

	p += sprintf(p, "%s", V "mode: testing\nmax_age: 604800\n");
	for (size_t i = 0; i < count; i++)
		p += sprintf(p, "mx: m%05zu.example\n", i);
	return text;
}

static const struct {
	size_t mx;
	const char *why; /* or NULL */
} sizes[] = {
	{ STS_MX_LIMIT, NULL },
	{ STS_MX_LIMIT + 1, "line 54: mx: \"m00050.example\" is one too many" },
	{ 4000, "more than 65536 bytes" },
};

static void lists_and_bodies_have_a_limit(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		char *text = policy_text(sizes[i].mx);
		struct err err = ERR_INIT;
		struct sts_policy p;
		bool ok = sts_policy_parse(&p, text, strlen(text), &err);

		print_message("%zu mx\n", sizes[i].mx);
		assert_int_equal(ok, sizes[i].why == NULL);
		assert_int_equal(p.mx_count, ok ? sizes[i].mx : 0);
		if (!ok)
			assert_non_null(strstr(err.text, sizes[i].why));
		sts_policy_release(&p);
		free(text);
	}
}

static void a_strangers_long_line_is_cut_in_the_error(void **state)
{
	char flood[60000], *text;
	struct err err = ERR_INIT;
	struct sts_policy p;

	(void)state;
	memset(flood, 'x', sizeof(flood) - 1);
	flood[sizeof(flood) - 1] = '\0';
	text = xasprintf(V "mode: %s\n", flood);
	assert_false(sts_policy_parse(&p, text, strlen(text), &err));
	assert_true(strlen(err.text) < 140);
	assert_non_null(strstr(err.text, "xxx...\" is not a mode"));
	free(text);
}

/* mx */

static const struct {
	const char *text, *mx; /* NULL: refused */
} patterns[] = {
	{ "mx.example.org", "mx.example.org" },
	{ " MX.Example.ORG. ", "mx.example.org" },
	{ "*.Example.org", "*.example.org" },
	{ " *.example.org.", "*.example.org" },
	{ "mx.m\xc3\xbcnchen.de", "mx.xn--mnchen-3ya.de" },
	{ "*.m\xc3\xbcnchen.de", "*.xn--mnchen-3ya.de" },
	{ "*.a-v1.mx.microsoft", "*.a-v1.mx.microsoft" },
	{ "contoso-com.a-v1.mx.microsoft", "contoso-com.a-v1.mx.microsoft" },
	{ "*.mx.microsoft", NULL },
	{ "*.MX.Microsoft.", NULL },
	{ "", NULL },
	{ "*", NULL },
	{ "*.", NULL },
	{ "*.org", NULL },
	{ "**.example.org", NULL },
	{ "*.*.example.org", NULL },
	{ "mx.*.org", NULL },
	{ "mx", NULL },
	{ "192.0.2.25", NULL },
	{ "10 mx.example.org", NULL },
};

static void mx_patterns_get_one_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
		struct sts_policy p = { 0 };
		struct err err = ERR_INIT;
		bool ok = sts_policy_add_mx(&p, patterns[i].text, &err);

		print_message("%s: %s\n", patterns[i].text, err.text);
		assert_int_equal(ok, patterns[i].mx != NULL);
		assert_int_equal(p.mx_count, ok);
		if (ok)
			assert_string_equal(p.mx[0], patterns[i].mx);
		else
			assert_string_not_equal(err.hint, "");
		/* Once more is fine, and changes nothing. */
		assert_int_equal(sts_policy_add_mx(&p, patterns[i].text, NULL),
				 ok);
		assert_int_equal(p.mx_count, ok);
		sts_policy_release(&p);
	}
}

static void the_useless_microsoft_pattern_comes_with_the_useful_ones(
	void **state)
{
	struct sts_policy p = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_false(sts_policy_add_mx(&p, "*.mx.microsoft", &err));
	assert_int_equal(err.kind, ERR_INPUT);
	assert_non_null(strstr(err.text, "\"*.mx.microsoft\""));
	assert_non_null(strstr(err.hint, "*.a-v1.mx.microsoft"));
}

static void the_list_of_mx_ends_at_its_limit(void **state)
{
	struct sts_policy p = { 0 };
	struct err err = ERR_INIT;
	char name[32];

	(void)state;
	for (int i = 0; i < STS_MX_LIMIT; i++) {
		snprintf(name, sizeof(name), "mx%d.example.org", i);
		assert_true(sts_policy_add_mx(&p, name, &err));
	}
	assert_true(sts_policy_add_mx(&p, "mx7.example.org", &err));
	assert_false(sts_policy_add_mx(&p, "one.example.org", &err));
	assert_int_equal(p.mx_count, STS_MX_LIMIT);
	assert_string_not_equal(err.hint, "");
	sts_policy_release(&p);
}

static const struct {
	const char *pattern, *host;
	bool is_allowed;
} matches[] = {
	{ "mx.example.org", "mx.example.org", true },
	{ "mx.example.org", "MX.Example.ORG", true },
	{ "mx.example.org", "mx.example.org.evil", false },
	{ "mx.example.org", "xmx.example.org", false },
	{ "mx.example.org", "a.mx.example.org", false },
	{ "mx.example.org", "example.org", false },
	{ "mx.example.org", "", false },
	{ "*.example.org", "mx.example.org", true },
	{ "*.example.org", "MX.EXAMPLE.ORG", true },
	{ "*.example.org", "xn--mx-xka.example.org", true },
	{ "*.example.org", "a.b.example.org", false }, /* one label only */
	{ "*.example.org", "example.org", false },
	{ "*.example.org", ".example.org", false },
	{ "*.example.org", "mx.notexample.org", false },
	{ "*.example.org", "mx.example.org.evil", false },
	{ "*.example.org", "mx", false },
	{ "*.example.org", "", false },
	{ "*.mail.protection.outlook.com",
	  "contoso-com.mail.protection.outlook.com", true },
	{ "*.a-v1.mx.microsoft", "contoso-com.a-v1.mx.microsoft", true },
	{ "*.a-v1.mx.microsoft", "contoso-com.b-v1.mx.microsoft", false },
};

static void a_pattern_allows_its_hosts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(matches); i++) {
		struct sts_policy p = { 0 };

		print_message("%s against %s\n", matches[i].host,
			      matches[i].pattern);
		assert_false(sts_policy_allows(&p, matches[i].host));
		assert_true(sts_policy_add_mx(&p, matches[i].pattern, NULL));
		assert_int_equal(sts_policy_allows(&p, matches[i].host),
				 matches[i].is_allowed);
		/* Any pattern of several will do. */
		assert_true(sts_policy_add_mx(&p, "mx.example.net", NULL));
		assert_true(sts_policy_allows(&p, "mx.example.net"));
		sts_policy_release(&p);
	}
}

/* publishing */

static const struct {
	enum sts_mode mode;
	long max_age;
	const char *mx[3];
	const char *body; /* NULL: not fit to be published */
} bodies[] = {
	{ STS_TESTING,
	  604800,
	  { "mx.example.org" },
	  "version: STSv1\r\nmode: testing\r\nmx: mx.example.org\r\n"
	  "max_age: 604800\r\n" },
	{ STS_ENFORCE,
	  31557600,
	  { "b.example", "*.a.example" },
	  "version: STSv1\r\nmode: enforce\r\nmx: b.example\r\n"
	  "mx: *.a.example\r\nmax_age: 31557600\r\n" },
	{ STS_NONE,
	  86400,
	  { "mx.example.org" },
	  "version: STSv1\r\nmode: none\r\nmx: mx.example.org\r\n"
	  "max_age: 86400\r\n" },
	{ STS_TESTING, 86399, { "mx.example.org" }, NULL },
	{ STS_TESTING, 31557601, { "mx.example.org" }, NULL },
	{ STS_NONE, 86399, { "mx.example.org" }, NULL },
	{ STS_TESTING, 0, { "mx.example.org" }, NULL },
	{ STS_TESTING, -604800, { "mx.example.org" }, NULL },
	{ STS_TESTING, 604800, { NULL }, NULL },
	{ STS_NONE, 86400, { NULL }, NULL }, /* two senders want one */
};

static void bodies_have_the_safe_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		struct sts_policy p = { .mode = bodies[i].mode,
					.max_age = bodies[i].max_age },
				  again;
		struct err err = ERR_INIT;
		char *body;

		print_message("%s %ld\n", sts_mode_name(p.mode), p.max_age);
		for (const char *const *mx = bodies[i].mx; *mx; mx++)
			assert_true(sts_policy_add_mx(&p, *mx, NULL));
		assert_int_equal(sts_policy_validate(&p, &err),
				 bodies[i].body != NULL);
		if (bodies[i].body) {
			body = sts_policy_format(&p);
			assert_string_equal(body, bodies[i].body);
			assert_true(sts_policy_parse(&again, body, strlen(body),
						     &err));
			assert_true(sts_policy_equal(&p, &again));
			sts_policy_release(&again);
			free(body);
		} else {
			assert_int_equal(err.kind, ERR_INPUT);
			assert_string_not_equal(err.hint, "");
		}
		sts_policy_release(&p);
	}
}

/* Names of 253 characters: 40 of them are too much for a sender's 10 KB. */
static void a_body_stays_below_ten_kilobytes(void **state)
{
	struct sts_policy p = { .mode = STS_TESTING, .max_age = 604800 };
	char name[DOMAIN_NAME_SIZE];
	struct err err = ERR_INIT;
	char *body;
	size_t len;

	(void)state;
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (size_t dot = 61; dot < sizeof(name) - 1; dot += 64)
		name[dot] = '.';
	for (int i = 0; i < 39; i++) {
		name[0] = (char)('a' + i % 26);
		name[1] = (char)('a' + i / 26);
		assert_true(sts_policy_add_mx(&p, name, &err));
	}
	assert_true(sts_policy_validate(&p, &err));
	body = sts_policy_format(&p);
	len = strlen(body);
	assert_true(len > 10000 && len <= 10240);
	assert_string_equal(body + len - 17, "max_age: 604800\r\n");
	free(body);

	name[0] = 'z';
	name[1] = 'z';
	assert_true(sts_policy_add_mx(&p, name, &err));
	assert_false(sts_policy_validate(&p, &err));
	assert_non_null(strstr(err.text, "longer than 10240 bytes"));
	sts_policy_release(&p);
}

/* comparing and copying */

static const struct {
	const char *a, *b;
	bool is_equal;
} pairs[] = {
	{ V REST, V REST, true },
	{ V REST,
	  "version: STSv1\r\nmax_age:604800\r\nx: y\r\nmode: testing\r\n"
	  "mx: MX.example.org",
	  true },
	{ V "mode: enforce\nmax_age: 9\nmx: a.example\nmx: b.example\n",
	  V "mode: enforce\nmax_age: 9\nmx: b.example\nmx: a.example\n", true },
	{ V "mode: enforce\nmax_age: 9\nmx: a.example\n",
	  V "mode: testing\nmax_age: 9\nmx: a.example\n", false },
	{ V "mode: enforce\nmax_age: 9\nmx: a.example\n",
	  V "mode: enforce\nmax_age: 8\nmx: a.example\n", false },
	{ V "mode: enforce\nmax_age: 9\nmx: a.example\n",
	  V "mode: enforce\nmax_age: 9\nmx: b.example\n", false },
	{ V "mode: enforce\nmax_age: 9\nmx: a.example\n",
	  V "mode: enforce\nmax_age: 9\nmx: a.example\nmx: b.example\n",
	  false },
};

static void policies_are_equal_by_what_they_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct sts_policy a, b;

		print_message("pair %zu\n", i);
		assert_true(sts_policy_parse(&a, pairs[i].a, strlen(pairs[i].a),
					     NULL));
		assert_true(sts_policy_parse(&b, pairs[i].b, strlen(pairs[i].b),
					     NULL));
		assert_int_equal(sts_policy_equal(&a, &b), pairs[i].is_equal);
		assert_int_equal(sts_policy_equal(&b, &a), pairs[i].is_equal);
		sts_policy_release(&a);
		sts_policy_release(&b);
	}
}

static void a_copy_lives_by_itself(void **state)
{
	struct sts_policy p, copy;

	(void)state;
	assert_true(sts_policy_parse(&p, V REST, strlen(V REST), NULL));
	sts_policy_copy(&copy, &p);
	assert_true(sts_policy_equal(&p, &copy));
	assert_true(sts_policy_add_mx(&copy, "new.example.org", NULL));
	assert_int_equal(p.mx_count, 1);
	sts_policy_release(&p);
	assert_string_equal(copy.mx[0], "mx.example.org");
	sts_policy_release(&copy);
	sts_policy_release(&copy);
	sts_policy_release(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(modes_have_their_names),
		cmocka_unit_test(policies_are_read),
		cmocka_unit_test(doubtful_text_is_an_error_with_its_line),
		cmocka_unit_test(lists_and_bodies_have_a_limit),
		cmocka_unit_test(a_strangers_long_line_is_cut_in_the_error),
		cmocka_unit_test(mx_patterns_get_one_form),
		cmocka_unit_test(
			the_useless_microsoft_pattern_comes_with_the_useful_ones),
		cmocka_unit_test(the_list_of_mx_ends_at_its_limit),
		cmocka_unit_test(a_pattern_allows_its_hosts),
		cmocka_unit_test(bodies_have_the_safe_form),
		cmocka_unit_test(a_body_stays_below_ten_kilobytes),
		cmocka_unit_test(policies_are_equal_by_what_they_say),
		cmocka_unit_test(a_copy_lives_by_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
