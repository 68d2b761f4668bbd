/*
 * A sealed stream: whole in whatever pieces it comes, and nothing else.
 */
#include "base/seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define KIND "test-file"

static const char inside[] = "what is inside\n\nof it";
static char sealed[1024];
static size_t length;

static int make_one(void **state)
{
	struct seal_about about = { .program = "0.1.0",
				    .schema = 14,
				    .made = "2026-11-23T20:15:00Z",
				    .size = sizeof(inside) };
	struct sealer s;

	(void)state;
	sealer_init(&s);
	length = sealer_head(&s, KIND, &about, sealed);
	memcpy(sealed + length, inside, sizeof(inside));
	sealer_body(&s, inside, sizeof(inside));
	length += sizeof(inside);
	length += sealer_tail(&s, sealed + length);
	sealer_release(&s);
	assert_int_equal(length, seal_length(KIND, &about));
	return 0;
}

/* In pieces of so many bytes; what came out is compared if it was whole. */
static bool read_back(const char *data, size_t len, size_t piece,
		      struct err *err)
{
	char out[1024];
	size_t got = 0, n = 0;
	struct unsealer u;
	bool ok = true;

	unsealer_init(&u, KIND);
	for (size_t at = 0; ok && at < len; at += piece) {
		const void *body = NULL;

		ok = unsealer_feed(&u, data + at,
				   len - at < piece ? len - at : piece, &body,
				   &n, err);
		if (ok && n)
			memcpy(out + got, body, n);
		got += ok ? n : 0;
	}
	ok = ok && unsealer_end(&u, err);
	if (ok) {
		assert_int_equal(got, sizeof(inside));
		assert_memory_equal(out, inside, got);
		assert_int_equal(u.about.schema, 14);
		assert_string_equal(u.about.program, "0.1.0");
	}
	unsealer_release(&u);
	return ok;
}

static void it_is_whole_in_any_pieces(void **state)
{
	(void)state;
	for (size_t piece = 1; piece <= length; piece++) {
		struct err err = ERR_INIT;

		if (!read_back(sealed, length, piece, &err))
			fail_msg("pieces of %zu: %s", piece, err.text);
	}
}

static void cut_off_anywhere_it_is_not(void **state)
{
	(void)state;
	for (size_t len = 0; len < length; len++) {
		struct err err = ERR_INIT;

		assert_false(read_back(sealed, len, 7, &err));
		assert_non_null(strstr(err.text, "cut off"));
	}
}

static void nor_with_any_bit_changed(void **state)
{
	(void)state;
	for (size_t i = 0; i < length * 8; i++) {
		struct err err = ERR_INIT;
		char copy[sizeof(sealed)];

		memcpy(copy, sealed, length);
		copy[i / 8] ^= (char)(1 << i % 8);
		if (read_back(copy, length, length, &err))
			fail_msg("bit %zu of byte %zu", i % 8, i / 8);
	}
}

static void nor_with_more_behind_it(void **state)
{
	struct err err = ERR_INIT;
	char copy[sizeof(sealed) + 1];

	(void)state;
	memcpy(copy, sealed, length);
	copy[length] = '\n';
	assert_false(read_back(copy, length + 1, 100, &err));
}

static const struct {
	const char *text;
	enum err_kind kind;
	const char *says;
} others[] = {
	{ "test-file 2\nprogram 0.9.0\nhow-it-is new\n\n", ERR_REFUSED,
	  "made by version 0.9.0" },
	{ "test-file 2\n\n", ERR_REFUSED, "format 2" },
	{ "test-file one\n\n", ERR_INPUT, "no test-file" },
	{ "SQLite format 3", ERR_INPUT, "no test-file" },
	{ "test-file 1\nsize 3\n\n", ERR_DAMAGED, "head" },
	{ "test-file 1\nschema 1\nsize 99999999999999999999\n\n", ERR_DAMAGED,
	  "head" },
	{ "test-file 1\nschema 1\nsize -3\n\n", ERR_DAMAGED, "head" },
};

static void what_is_another(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct err err = ERR_INIT;

		print_message("%s", others[i].text);
		assert_false(read_back(others[i].text, strlen(others[i].text),
				       5, &err));
		assert_int_equal(err.kind, others[i].kind);
		assert_non_null(strstr(err.text, others[i].says));
	}
}

static void a_head_without_end_is_bounded(void **state)
{
	struct err err = ERR_INIT;
	static const char first[] = "test-file 1\n";
	char text[4 * SEAL_HEAD_MAX];

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, first, sizeof(first) - 1);
	assert_false(read_back(text, sizeof(text), 64, &err));
	assert_int_equal(err.kind, ERR_DAMAGED);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(it_is_whole_in_any_pieces, make_one),
		cmocka_unit_test_setup(cut_off_anywhere_it_is_not, make_one),
		cmocka_unit_test_setup(nor_with_any_bit_changed, make_one),
		cmocka_unit_test_setup(nor_with_more_behind_it, make_one),
		cmocka_unit_test(what_is_another),
		cmocka_unit_test(a_head_without_end_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
