#include "base/b64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

static const struct {
	const char *bytes;
	size_t len;
	const char *text;
} pairs[] = {
	{ "", 0, "" },
	{ "f", 1, "Zg" },
	{ "fo", 2, "Zm8" },
	{ "foo", 3, "Zm9v" },
	{ "foob", 4, "Zm9vYg" },
	{ "fooba", 5, "Zm9vYmE" },
	{ "foobar", 6, "Zm9vYmFy" },
	{ "\0", 1, "AA" },
	{ "\0\0\0\0", 4, "AAAAAA" },
	{ "\xff\xff\xff", 3, "____" },
	{ "\xfb\xef\xbe", 3, "----" },
	{ "\x03\xec\xff\xe0\xc1", 5, "A-z_4ME" }, /* RFC 7515, C */
};

static void bytes_and_text_are_two_forms_of_one(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		char *text = b64url_encode(pairs[i].bytes, pairs[i].len);
		unsigned char *bytes = NULL;
		size_t len = 99;

		print_message("%s\n", pairs[i].text);
		assert_string_equal(text, pairs[i].text);
		assert_true(b64url_decode(text, &bytes, &len));
		assert_int_equal(len, pairs[i].len);
		assert_memory_equal(bytes, pairs[i].bytes, len);
		assert_int_equal(bytes[len], 0);
		free(bytes);
		free(text);
	}
}

static void every_length_survives_the_round(void **state)
{
	unsigned char in[300], *out;
	size_t len;
	char *text;

	(void)state;
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (unsigned char)(i * 151 + 7);
	for (size_t n = 0; n <= sizeof(in); n++) {
		text = b64url_encode(in, n);
		assert_int_equal(strlen(text), (n * 4 + 2) / 3);
		assert_true(b64url_decode(text, &out, &len));
		assert_int_equal(len, n);
		assert_memory_equal(out, in, n);
		free(out);
		free(text);
	}
}

static const char *const refused[] = {
	"Zg==",    "Zm8=",   "Zm9v=",                /* padding */
	"Zm9v Zg", "Zm9v\n", " Zm9v",                /* white space */
	"Zm+v",    "Zm/v",   "Zm,v",  "Zm9\xc3\xbc", /* other alphabets */
	"Z",       "Zm9vY",  "A",     "AAAAA",       /* cut short */
	"Zh",      "Zm9",    "AB", /* bits that encode nothing */
};

static void anything_else_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		unsigned char *bytes = NULL;
		size_t len = 99;

		print_message("%s\n", refused[i]);
		assert_false(b64url_decode(refused[i], &bytes, &len));
		assert_null(bytes);
		assert_int_equal(len, 99);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_and_text_are_two_forms_of_one),
		cmocka_unit_test(every_length_survives_the_round),
		cmocka_unit_test(anything_else_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
