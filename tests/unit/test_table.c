/*
 * Tables, and what becomes of them where there is little room.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "cli/screen.h"
#include "cli/table.h"

static void texts_are_shortened_in_the_middle(void **state)
{
	static const struct {
		const char *text;
		size_t width;
		const char *shown;
	} cases[] = {
		{ "mx.example.org", 14, "mx.example.org" },
		{ "mx.example.org", 13, "mx.ex...e.org" },
		{ "mx.example.org", 12, "mx.ex....org" },
		{ "mx.example.org", 4, "m..." },
		{ "mx.example.org", 3, "mx." },
		{ "\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc", 7,
		  "\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc" },
		{ "\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00e4", 5,
		  "\u00fc...\u00e4" },
		{ "", 5, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *text = screen_shortened(cases[i].text, cases[i].width);

		assert_string_equal(text, cases[i].shown);
		free(text);
	}
}

static const char *const header[] = { "NAME", "VIA", "FAILED", "HOST" };

/* What is printed of one row where there is `room`. */
static void assert_printed(size_t room, const char *expected)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);
	struct table t;

	table_init(&t, header, ARRAY_LEN(header));
	t.room = room;
	t.spare = TABLE_COLUMN(1);
	t.shrinks = TABLE_COLUMN(0) | TABLE_COLUMN(3);
	table_row(&t,
		  (const char *const[]){ "A long name, Incorporated", "https",
					 "12", "mail.a.long.example.org" });
	table_print(&t, to);
	table_release(&t);
	fclose(to);
	assert_string_equal(text, expected);
	free(text);
}

static void a_table_fits_where_it_may(void **state)
{
	static const char whole[] =
		"NAME                       VIA    FAILED  HOST\n"
		"A long name, Incorporated  https  12      "
		"mail.a.long.example.org\n";
	static const char least[] = "NAME        FAILED  HOST\n"
				    "A lo...ted  12      mail...org\n";

	(void)state;
	assert_printed(0, whole);
	assert_printed(65, whole);
	assert_printed(64, "NAME                       FAILED  HOST\n"
			   "A long name, Incorporated  12      "
			   "mail.a.long.example.org\n");
	assert_printed(40, "NAME             FAILED  HOST\n"
			   "A long...orated  12      mail.a...le.org\n");
	assert_printed(30, least);
	assert_printed(9, least);
}

static void numbers_are_to_the_right_and_prose_below(void **state)
{
	static const char *const head[] = { "ID", "NAME", "COUNT", "TEXT" };
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);
	struct table t;

	(void)state;
	table_init(&t, head, ARRAY_LEN(head));
	t.numbers = TABLE_COLUMN(0) | TABLE_COLUMN(2);
	t.below = TABLE_COLUMN(3);
	t.room = 24;
	table_row(&t, (const char *const[]){ "7", "one", "12", NULL });
	table_row(&t, (const char *const[]){ "112", NULL, "3",
					     "some words about this" });
	table_print(&t, to);
	t.room = 0;
	table_print(&t, to);
	table_release(&t);
	fclose(to);
	assert_string_equal(text, " ID  NAME  COUNT\n"
				  "  7  one      12\n"
				  "112            3\n"
				  "    some words about\n"
				  "    this\n"
				  " ID  NAME  COUNT  TEXT\n"
				  "  7  one      12\n"
				  "112            3  some words about this\n");
	free(text);
}

static void words_are_wrapped(void **state)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	(void)state;
	screen_wrap("one two three", 2, 9, to);
	screen_wrap("one two three", 2, 10, to);
	screen_wrap("one  two three", 2, 0, to);
	screen_wrap("muchtoolongaword a b", 2, 9, to);
	fclose(to);
	assert_string_equal(text, "one two\n  three\n"
				  "one two\n  three\n"
				  "one  two three\n"
				  "muchtoolongaword\n  a b\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_shortened_in_the_middle),
		cmocka_unit_test(a_table_fits_where_it_may),
		cmocka_unit_test(numbers_are_to_the_right_and_prose_below),
		cmocka_unit_test(words_are_wrapped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
