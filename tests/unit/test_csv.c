#include "cli/csv.h"

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

/* What was read, as "[a|b] [c]", with "!" and the lines for a bad record. */
#define SEEN 4096

static void add(char *seen, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void add(char *seen, const char *fmt, ...)
{
	size_t len = strlen(seen);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(seen + len, SEEN - len, fmt, ap);
	va_end(ap);
}

static void add_record(char *seen, const struct csv *c)
{
	for (size_t i = 0; i < c->count; i++)
		add(seen, "%c%s", i ? '|' : '[', c->field[i]);
	add(seen, "]");
}

/* `step` bytes at a time. */
static void read_all(const char *text, size_t len, size_t step, char *seen)
{
	struct csv c;
	struct err err;
	enum csv_step got;

	seen[0] = '\0';
	csv_init(&c, 1);
	while ((got = csv_next(&c, &err)) != CSV_END) {
		size_t room, n = len < step ? len : step;

		if (got == CSV_RECORD)
			add_record(seen, &c);
		if (got == CSV_BAD)
			add(seen, "!%ld-%ld", c.line, c.last_line);
		if (got != CSV_MORE)
			continue;
		memcpy(csv_fill(&c, &room), text, n);
		assert_true(room >= n);
		csv_filled(&c, n);
		text += n;
		len -= n;
		if (!len)
			csv_end(&c);
	}
	csv_release(&c);
}

static const struct {
	const char *text, *seen;
} cases[] = {
	{ "", "" },
	{ "\n\r\n\n", "" },
	{ "a", "[a]" },
	{ "a,b\nc,d\n", "[a|b][c|d]" },
	{ "a,b\r\nc,d\r\n", "[a|b][c|d]" },
	{ "a,,\n,\n", "[a||][|]" },
	{ "a\n\n\r\nb", "[a][b]" },
	{ "\"a\"", "[a]" },
	{ "\"a,b\",c\n", "[a,b|c]" },
	{ "\"a\"\"b\"\n", "[a\"b]" },
	{ "\"\",\"\"\n", "[|]" },
	{ "\"\"\"\"\n", "[\"]" },
	{ "\"a\nb\",c\r\nd", "[a\nb|c][d]" },
	{ "\"a\r\nb\"\r\nd", "[a\r\nb][d]" },
	{ " a , b\n", "[ a | b]" },
	/* what is none */
	{ "a\"b\nc\n", "!1-1[c]" },
	{ "a,\"b\"x\nc\n", "!1-1[c]" },
	{ "\"a\" ,b\nc\n", "!1-1[c]" },
	{ "a, \"b\"\nc\n", "!1-1[c]" },
	{ "\"a\nb\"x,y\nc\n", "!1-2[c]" },
	{ "a\rb\nc\n", "!1-1[c]" },
	{ "a\r\rb\nc\n", "!1-1[c]" },
	{ "a\r", "!1-1" },
	{ "x\n\"a\nb\nc\n", "[x]!2-2[b][c]" },
	{ "x\n\"a\nb", "[x]!2-2[b]" },
	{ "\"", "!1-1" },
	{ "a,\"\"\"\n", "!1-1" },
};

static void records_are_read(void **state)
{
	char seen[SEEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t len = strlen(cases[i].text);

		print_message("%s\n", cases[i].text);
		for (size_t step = 1; step <= len + 1; step++) {
			read_all(cases[i].text, len, step, seen);
			assert_string_equal(seen, cases[i].seen);
		}
	}
}

static void a_nul_is_refused(void **state)
{
	static const char plain[] = "a\0b,c\nd\n", quoted[] = "\"a\0b\"\nd\n";
	char seen[SEEN];

	(void)state;
	read_all(plain, sizeof(plain) - 1, 3, seen);
	assert_string_equal(seen, "!1-1[d]");
	read_all(quoted, sizeof(quoted) - 1, 3, seen);
	assert_string_equal(seen, "!1-1[d]");
}

/* `len` times `c`, between the two. */
static char *filled(const char *before, char c, size_t len, const char *after)
{
	char *text = xmalloc(len + strlen(before) + strlen(after) + 1);

	strcpy(text, before);
	memset(text + strlen(before), c, len);
	strcpy(text + strlen(before) + len, after);
	return text;
}

static void check_filled(const char *before, char c, size_t len,
			 const char *after, const char *seen_is)
{
	char *text = filled(before, c, len, after), seen[SEEN];

	for (size_t step = 997; step < 100000; step *= 10) {
		read_all(text, strlen(text), step, seen);
		assert_string_equal(seen, seen_is);
	}
	free(text);
}

static void what_is_too_long_is_one_bad_line(void **state)
{
	(void)state;
	check_filled("", 'a', 10 * CSV_RECORD_MAX, "\nb\n", "!1-1[b]");
	check_filled("\"", 'a', 10 * CSV_RECORD_MAX, "\nb\n", "!1-1[b]");
	check_filled("\"", 'a', 10 * CSV_RECORD_MAX, "\"\nb\n", "!1-1[b]");
	check_filled("", ',', 3 * CSV_RECORD_MAX, "\nb\n", "!1-1[b]");
	check_filled("", 'a', 10 * CSV_RECORD_MAX, "", "!1-1");
	check_filled("", ',', CSV_FIELDS_MAX, "\nb\n", "!1-1[b]");
}

static void the_longest_is_read(void **state)
{
	char *text = filled("", 'a', CSV_RECORD_MAX - 1, "\nb\n");
	struct csv c;
	struct err err;
	size_t room;

	(void)state;
	csv_init(&c, 1);
	assert_int_equal(csv_next(&c, &err), CSV_MORE);
	memcpy(csv_fill(&c, &room), text, strlen(text));
	csv_filled(&c, strlen(text));
	assert_int_equal(csv_next(&c, &err), CSV_RECORD);
	assert_int_equal(strlen(c.field[0]), CSV_RECORD_MAX - 1);
	assert_int_equal(csv_next(&c, &err), CSV_RECORD);
	assert_string_equal(c.field[0], "b");
	csv_release(&c);
	free(text);
}

/* A quotation mark that nothing closes must not swallow the lines behind. */
static void an_open_quote_spoils_one_line(void **state)
{
	char *text = filled("\"x,y\n", '\n', 2 * CSV_RECORD_MAX, "b,c\n");
	char seen[SEEN];

	(void)state;
	read_all(text, strlen(text), 4096, seen);
	assert_string_equal(seen, "!1-1[b|c]");
	free(text);
}

static unsigned next_random(unsigned *seed)
{
	*seed = *seed * 1103515245u + 12345u;
	return *seed >> 16;
}

/* Whatever comes, in whatever pieces, it reads the same and ends. */
static void pieces_make_no_difference(void **state)
{
	static const char letters[] = "a,\"\n\r\"b";
	char text[200], whole[SEEN], seen[SEEN];
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t len = next_random(&seed) % sizeof(text);

		for (size_t i = 0; i < len; i++)
			text[i] = letters[next_random(&seed) % sizeof(letters)];
		read_all(text, len, sizeof(text), whole);
		read_all(text, len, 1 + next_random(&seed) % 7, seen);
		assert_string_equal(seen, whole);
	}
}

static const struct {
	const char *text, *written;
} fields[] = {
	{ "", "" },
	{ "a", "a" },
	{ "a b", "a b" },
	{ "a,b", "\"a,b\"" },
	{ "a\"b", "\"a\"\"b\"" },
	{ " a", "\" a\"" },
	{ "a ", "\"a \"" },
	{ "a\nb", "\"a\nb\"" },
};

static void what_is_written_is_read_back(void **state)
{
	char seen[SEEN], expected[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		char *cell = csv_quoted(fields[i].text);
		char *line = xasprintf("%s,x\r\n", cell);

		assert_string_equal(cell, fields[i].written);
		read_all(line, strlen(line), 100, seen);
		snprintf(expected, sizeof(expected), "[%s|x]", fields[i].text);
		assert_string_equal(seen, expected);
		free(line);
		free(cell);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_are_read),
		cmocka_unit_test(a_nul_is_refused),
		cmocka_unit_test(what_is_too_long_is_one_bad_line),
		cmocka_unit_test(the_longest_is_read),
		cmocka_unit_test(an_open_quote_spoils_one_line),
		cmocka_unit_test(pieces_make_no_difference),
		cmocka_unit_test(what_is_written_is_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
