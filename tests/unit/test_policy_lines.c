/* A policy quoted by reporters, each in its way. */
#include "policy/policy_lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "policy/sts_policy.h"

#define MAX 40

static const struct {
	const char *text[4];
	const char *lines;
	bool fits;
} quotes[] = {
	{ { NULL }, "", true },
	{ { "", "\r\n", " " }, "", true },
	{ { "version: STSv1", "mode: none" },
	  "version: STSv1\nmode: none",
	  true },
	{ { "version: STSv1\r", "mode: none\r", "" },
	  "version: STSv1\nmode: none",
	  true },
	{ { "version: STSv1\r\nmode: none\r\n" },
	  "version: STSv1\nmode: none",
	  true },
	{ { "\n\na\n\n", "\nb" }, "a\nb", true },
	{ { " a b\t", "c\x07" }, "a b\nc?", true },

	/* exactly full, and one byte more */
	{ { "1234567890123456789", "12345678901234567890" },
	  "1234567890123456789\n12345678901234567890",
	  true },
	{ { "1234567890123456789", "123456789012345678901" },
	  "1234567890123456789",
	  false },
	{ { "1\n1234567890123456789012345678901234567890\n2" }, "1", false },
	{ { "1234567890123456789012345678901234567890", "", "\n" },
	  "1234567890123456789012345678901234567890",
	  true },
};

static void quotes_become_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(quotes); i++) {
		bool fits = true;
		struct buf lines;

		print_message("%s\n", quotes[i].lines);
		buf_init(&lines, MAX);
		for (size_t k = 0; k < 4 && quotes[i].text[k]; k++)
			fits = policy_lines_add(&lines, quotes[i].text[k],
						strlen(quotes[i].text[k])) &&
			       fits;
		assert_string_equal(lines.data, quotes[i].lines);
		assert_int_equal(fits, quotes[i].fits);
		buf_release(&lines);
	}
}

#define OURS                                                                   \
	"version: STSv1\r\nmode: testing\r\nmx: a.test\r\nmx: b.test\r\n"      \
	"max_age: 604800\r\n"

static const struct {
	const char *text;
	bool is_ours;
} policies[] = {
	{ OURS, true },
	{ "version: STSv1\nmode: testing\nmx: a.test\nmx: b.test\n"
	  "max_age: 604800",
	  true },
	{ "version: STSv1\nmode: testing\nmax_age: 604800\nmx: b.test\n"
	  "mx: a.test",
	  true },
	{ "\r\n\r\n" OURS " \r\n", true },
	{ "version:STSv1\nmode:testing\nmx:a.test\nmx:\tB.Test\n\n"
	  "max_age :604800 ",
	  true },

	{ "", false },
	{ "version: STSv1\nmode: enforce\nmx: a.test\nmx: b.test\n"
	  "max_age: 604800",
	  false },
	{ "version: STSv1\nmode: testing\nmx: a.test\nmax_age: 604800", false },
	{ "version: STSv1\nmode: testing\nmx: a.test\nmx: b.test\nmx: b.test\n"
	  "max_age: 604800",
	  false },
	{ "version: STSv1\nmode: testing\nmx: a.test\nmx: b.test\n"
	  "max_age: 86400",
	  false },
};

static void the_same_policy_has_the_same_key(void **state)
{
	char *ours = policy_lines_key(OURS);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(policies); i++) {
		char *key = policy_lines_key(policies[i].text);

		print_message("%s\n", policies[i].text);
		assert_int_equal(streq(key, ours), policies[i].is_ours);
		free(key);
	}
	free(ours);
}

/* As we write it, and as a sender quotes that. */
static void what_we_serve_is_found_again(void **state)
{
	struct sts_policy p = { .mode = STS_ENFORCE, .max_age = 86400 };
	char *body, *served, *quoted;
	struct buf lines;

	(void)state;
	assert_true(sts_policy_add_mx(&p, "*.mail.example.com", NULL));
	assert_true(sts_policy_add_mx(&p, "backup.example.com", NULL));
	body = sts_policy_format(&p);
	buf_init(&lines, STS_BODY_MAX);
	assert_true(policy_lines_add(&lines, body, strlen(body)));
	served = policy_lines_key(body);
	quoted = policy_lines_key(lines.data);
	assert_string_equal(served, quoted);
	assert_string_not_equal(served, "");
	free(served);
	free(quoted);
	free(body);
	buf_release(&lines);
	sts_policy_release(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quotes_become_lines),
		cmocka_unit_test(the_same_policy_has_the_same_key),
		cmocka_unit_test(what_we_serve_is_found_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
