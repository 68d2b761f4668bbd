#include "base/str.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

static const struct {
	const char *a, *b;
	bool is_same, is_same_folded, starts, ends;
} pairs[] = {
	{ "abc", "abc", true, true, true, true },
	{ "abc", "ABC", false, true, false, false },
	{ "abc", "ab", false, false, true, false },
	{ "abc", "bc", false, false, false, true },
	{ "abc", "", false, false, true, true },
	{ "", "", true, true, true, true },
	{ "bc", "abc", false, false, false, false },
	{ "ab", "abc", false, false, false, false },
	{ "[", "{", false, false, false, false }, /* not letters */
};

static void two_strings_compare(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		const char *a = pairs[i].a, *b = pairs[i].b;

		print_message("\"%s\" and \"%s\"\n", a, b);
		assert_int_equal(streq(a, b), pairs[i].is_same);
		assert_int_equal(streq_case(a, b), pairs[i].is_same_folded);
		assert_int_equal(str_starts(a, b), pairs[i].starts);
		assert_int_equal(str_ends(a, b), pairs[i].ends);
	}
}

static void null_is_unequal_and_empty(void **state)
{
	(void)state;
	assert_false(streq(NULL, NULL));
	assert_false(streq(NULL, ""));
	assert_false(streq("", NULL));
	assert_false(streq_case(NULL, NULL));
	assert_false(streq_case("", NULL));
	assert_true(str_is_empty(NULL));
	assert_true(str_is_empty(""));
	assert_false(str_is_empty(" "));
}

static void only_ascii_letters_are_lowered(void **state)
{
	char text[] = "AZaz@[`{09 \xc3\x9c";

	(void)state;
	str_lower(text);
	assert_string_equal(text, "azaz@[`{09 \xc3\x9c");
}

static const struct {
	const char *text;
	size_t len;
	long max;
	long value; /* -1: refused */
} numbers[] = {
	{ "0", 1, 9, 0 },
	{ "9", 1, 9, 9 },
	{ "9", 1, 8, -1 },
	{ "9", 1, 5, -1 },
	{ "5", 1, 0, -1 },
	{ "0", 1, 0, 0 },
	{ "05", 2, 5, 5 },
	{ "09", 2, 5, -1 },
	{ "10", 2, 9, -1 },
	{ "604800", 6, 31557600, 604800 },
	{ "31557600", 8, 31557600, 31557600 },
	{ "31557601", 8, 31557600, -1 },
	{ "123", 2, 999, 12 }, /* `len` is where it ends */
	{ "9223372036854775807", 19, LONG_MAX, LONG_MAX },
	{ "9223372036854775808", 19, LONG_MAX, -1 },
	{ "99999999999999999999999", 23, LONG_MAX, -1 },
	{ "", 0, 9, -1 },
	{ "1", 0, 9, -1 },
	{ "-1", 2, 9, -1 },
	{ "+1", 2, 9, -1 },
	{ " 1", 2, 9, -1 },
	{ "1 ", 2, 99, -1 },
	{ "1\0", 2, 99, -1 },
	{ "0x1", 3, 99, -1 },
	{ "\xb2", 1, 99, -1 },
};

static void numbers_are_digits_within_a_maximum(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		long value = -1;
		bool ok = str_to_long(numbers[i].text, numbers[i].len,
				      numbers[i].max, &value);

		print_message("%s up to %ld\n", numbers[i].text,
			      numbers[i].max);
		assert_int_equal(ok, numbers[i].value >= 0);
		assert_int_equal(value, numbers[i].value);
	}
}

static const struct {
	const char *text;
	size_t max;
	const char *printable, *quoted;
} prints[] = {
	{ "plain ~", 80, "plain ~", "\"plain ~\"" },
	{ "", 80, "", "\"\"" },
	{ "a\nb\x1b[2J", 80, "a\\x0ab\\x1b[2J", "\"a\\x0ab\\x1b[2J\"" },
	{ "\x01\x7f\x80\xff", 80, "\\x01\\x7f\\x80\\xff",
	  "\"\\x01\\x7f\\x80\\xff\"" },
	{ "abcdef", 6, "abcdef", "\"abcdef\"" },
	{ "abcdefg", 6, "abcdef", "\"abcdef...\"" },
	{ "\n\n", 1, "\\x0a", "\"\\x0a...\"" },
	{ "abc", 0, "", "\"...\"" },
};

static void strangers_text_is_made_harmless(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(prints); i++) {
		char *out = str_printable(prints[i].text, prints[i].max);

		assert_string_equal(out, prints[i].printable);
		free(out);
		out = str_quoted(prints[i].text, prints[i].max);
		assert_string_equal(out, prints[i].quoted);
		free(out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_strings_compare),
		cmocka_unit_test(null_is_unequal_and_empty),
		cmocka_unit_test(only_ascii_letters_are_lowered),
		cmocka_unit_test(numbers_are_digits_within_a_maximum),
		cmocka_unit_test(strangers_text_is_made_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
