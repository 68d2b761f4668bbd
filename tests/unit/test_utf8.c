/* Characters, whole and broken, and lines fit for a person. */
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const struct {
	const char *bytes;
	size_t len; /* of the character, or 0 */
	uint32_t code;
} characters[] = {
	{ "a", 1, 'a' },
	{ "\x7f", 1, 0x7f },
	{ "\xc2\x80", 2, 0x80 },
	{ "\xc3\xa9", 2, 0xe9 },
	{ "\xdf\xbf", 2, 0x7ff },
	{ "\xe0\xa0\x80", 3, 0x800 },
	{ "\xe2\x82\xac!", 3, 0x20ac },
	{ "\xed\x9f\xbf", 3, 0xd7ff },
	{ "\xee\x80\x80", 3, 0xe000 },
	{ "\xef\xbf\xbf", 3, 0xffff },
	{ "\xf0\x90\x80\x80", 4, 0x10000 },
	{ "\xf4\x8f\xbf\xbf", 4, 0x10ffff },

	{ "\x80", 0, 0 }, /* not a first byte */
	{ "\xbf", 0, 0 },
	{ "\xf8\x88\x80\x80\x80", 0, 0 }, /* five bytes, once */
	{ "\xff", 0, 0 },
	{ "\xc3", 0, 0 }, /* one too few */
	{ "\xe2\x82", 0, 0 },
	{ "\xf0\x90\x80", 0, 0 },
	{ "\xc3\x28", 0, 0 }, /* not a next byte */
	{ "\xe2\x28\xac", 0, 0 },
	{ "\xe2\x82\x28", 0, 0 },
	{ "\xc3\xc3", 0, 0 },
	{ "\xc0\x80", 0, 0 }, /* overlong */
	{ "\xc1\xbf", 0, 0 },
	{ "\xe0\x9f\xbf", 0, 0 },
	{ "\xf0\x8f\xbf\xbf", 0, 0 },
	{ "\xed\xa0\x80", 0, 0 }, /* surrogates */
	{ "\xed\xbf\xbf", 0, 0 },
	{ "\xf4\x90\x80\x80", 0, 0 }, /* past the last */
};

static void characters_are_whole_or_none(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(characters); i++) {
		const char *bytes = characters[i].bytes;
		size_t len = strlen(bytes);
		char *copy = xmemdup(bytes, len);
		uint32_t code = 0;

		print_message("row %zu\n", i);
		assert_int_equal(utf8_char(copy, len, &code),
				 characters[i].len);
		if (characters[i].len)
			assert_int_equal(code, characters[i].code);
		assert_int_equal(utf8_is_valid(copy, len),
				 characters[i].len > 0);
		free(copy);
	}
}

static const struct {
	const char *bytes, *mended;
} broken[] = {
	{ "", "" },
	{ "plain \xc3\xa9", "plain \xc3\xa9" },
	{ "Caf\xe9", "Caf?" },
	{ "Caf\xe9 Mail", "Caf? Mail" },
	{ "\xe2\x82", "??" },
	{ "\xe2\x82\xe2\x82\xac", "??\xe2\x82\xac" },
	{ "\xff\xfe", "??" },
	{ "\xed\xa0\x80", "???" },
};

static void broken_bytes_are_marked_in_their_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
		char *copy = xstrdup(broken[i].bytes);
		size_t len = strlen(copy);

		print_message("row %zu\n", i);
		utf8_mend(copy, len);
		assert_string_equal(copy, broken[i].mended);
		assert_true(utf8_is_valid(copy, len));
		free(copy);
	}
}

#define ALL 100

static const struct {
	const char *text;
	size_t max;
	const char *plain;
} lines[] = {
	{ "", ALL, "" },
	{ "plain", ALL, "plain" },
	{ "caf\xc3\xa9 \xf0\x9f\x94\x92", ALL, "caf\xc3\xa9 \xf0\x9f\x94\x92" },

	/* blanks */
	{ " \t\r\n", ALL, "" },
	{ "\r\n a\tb\rc\nd \r", ALL, "a b c d" },
	{ "version: STSv1\r", ALL, "version: STSv1" },

	/* what acts or deceives */
	{ "\x1b[2Jgone", ALL, "?[2Jgone" },
	{ "a\x01\x1f\x7f.", ALL, "a???." },
	{ "a\xc2\x85\xc2\x9b.", ALL, "a??." },	       /* C1 */
	{ "a\xc2\xad!", ALL, "a?!" },		       /* soft hyphen */
	{ "a\xd8\x9c!", ALL, "a?!" },		       /* 061C */
	{ "a\xe2\x80\x8b\xe2\x80\x8f.", ALL, "a??." }, /* 200B, 200F */
	{ "a\xe1\xa0\x8e!", ALL, "a?!" },	       /* 180E */
	{ "a\xef\xb7\x90!", ALL, "a?!" },	       /* FDD0 */
	{ "a\xef\xbf\xb9!", ALL, "a?!" },	       /* FFF9 */
	{ "\xe2\x80\xaegnp.exe", ALL, "?gnp.exe" },    /* 202E */
	{ "a\xe2\x80\xa8!", ALL, "a?!" },	       /* 2028 */
	{ "a\xe2\x81\xa6!", ALL, "a?!" },	       /* 2066 */
	{ "\xef\xbb\xbf!", ALL, "?!" },		       /* FEFF */
	{ "a\xef\xbf\xbf!", ALL, "a?!" },	       /* FFFF */
	{ "a\xf0\x9f\xbf\xbe!", ALL, "a?!" },	       /* 1FFFE */
	{ "a\xf3\xa0\x81\x81!", ALL, "a?!" },	       /* E0041 */
	{ "Caf\xe9", ALL, "Caf?" },
	{ "a\xef\xbf\xbd!", ALL, "a\xef\xbf\xbd!" }, /* FFFD may stay */
	{ "a\xe2\x80\x90!", ALL, "a\xe2\x80\x90!" }, /* 2010 too */

	/* cut */
	{ "abcdef", 6, "abcdef" },
	{ "abcdef", 5, "abcde" },
	{ "abcdef", 0, "" },
	{ "ab\xc3\xa9", 4, "ab\xc3\xa9" },
	{ "ab\xc3\xa9", 3, "ab" },
	{ "ab\xc3\xa9z", 3, "ab" }, /* and nothing behind the cut */
	{ "ab cd", 3, "ab" },
	{ "  ab", 2, "ab" },
};

static void lines_are_fit_for_a_person(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		size_t len = strlen(lines[i].text);
		char *copy = xmemdup(lines[i].text, len);
		char *plain = utf8_plain(copy, len, lines[i].max);

		print_message("%s\n", lines[i].plain);
		assert_string_equal(plain, lines[i].plain);
		free(plain);
		free(copy);
	}
}

static void a_nul_is_a_control_too(void **state)
{
	char *plain = utf8_plain("a\0b", 3, ALL);

	(void)state;
	assert_string_equal(plain, "a?b");
	free(plain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(characters_are_whole_or_none),
		cmocka_unit_test(broken_bytes_are_marked_in_their_place),
		cmocka_unit_test(lines_are_fit_for_a_person),
		cmocka_unit_test(a_nul_is_a_control_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
