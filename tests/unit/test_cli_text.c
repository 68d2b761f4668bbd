/*
 * What mtastsctl prints: clean texts, aligned tables; and the names it reads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "cli/clean.h"
#include "cli/say.h"
#include "cli/table.h"
#include "cli/targets.h"

static const struct {
	const char *text, *clean;
} cleans[] = {
	{ "plain text", "plain text" },
	{ "b\xc3\xbc"
	  "cher.example",
	  "b\xc3\xbc"
	  "cher.example" },
	{ "\xf0\x9f\x93\xa7", "\xf0\x9f\x93\xa7" },
	{ "two\nlines", "two\\x0alines" },
	{ "\x1b[2J", "\\x1b[2J" },
	{ "del\x7f", "del\\x7f" },
	{ "c1\xc2\x9b", "c1\\u{9b}" }, /* another escape */
	{ "\xe2\x80\xaegro.elpmaxe", "\\u{202e}gro.elpmaxe" },
	{ "\xe2\x80\xa8line", "\\u{2028}line" },
	{ "\xff\xfe", "\\xff\\xfe" },
	{ "cut \xe2\x80", "cut \\xe2\\x80" },
	{ "\xc0\xaf\xe0\x80\xaf", "\\xc0\\xaf\\xe0\\x80\\xaf" }, /* too long */
	{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },		/* half a pair */
	{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" }, /* none so high */
};

static void nothing_harmful_reaches_the_terminal(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cleans); i++) {
		char *got = clean_text(cleans[i].text);

		assert_string_equal(got, cleans[i].clean);
		free(got);
	}
}

static void answers_are_cleaned_throughout(void **state)
{
	json_t *v = json_pack("{s:s, s:[{s:s}], s:{s:s}}", "a", "x\ny", "list",
			      "deep", "\x1b", "policy", "body", "1\r\n2");

	(void)state;
	clean_json(v);
	assert_string_equal(text_at(v, "a"), "x\\x0ay");
	assert_string_equal(text_at(json_array_get(value_at(v, "list"), 0),
				    "deep"), "\\x1b");
	assert_string_equal(text_at(v, "policy.body"), "1\r\n2");
	json_decref(v);
}

static void paths_lead_into_documents(void **state)
{
	json_t *v = json_pack("{s:{s:s}, s:n, s:[s, s]}", "a", "b", "deep",
			      "none", "mx", "m1", "m2");
	char *joined = joined_at(v, "mx", ", ");
	char when[WHEN_TEXT];

	(void)state;
	assert_string_equal(text_at(v, "a.b"), "deep");
	assert_string_equal(text_at(v, "a"), "");
	assert_string_equal(text_at(v, "none"), "");
	assert_string_equal(text_at(v, "none.more"), "");
	assert_string_equal(text_at(v, "x.y.z"), "");
	assert_string_equal(joined, "m1, m2");
	assert_string_equal(when_at(v, "none", 0, when), "");
	free(joined);
	json_decref(v);
}

static void instants_say_how_far_they_are(void **state)
{
	json_t *v = json_pack("{s:s}", "at", "2026-11-23T20:15:00Z");
	time_t at = 1795464900;
	char when[WHEN_TEXT];

	(void)state;
	assert_string_equal(when_at(v, "at", at - 3 * 86400L, when),
			    "2026-11-23T20:15:00Z (in 3 days)");
	assert_string_equal(when_at(v, "at", at + 40, when),
			    "2026-11-23T20:15:00Z (40 s ago)");
	json_decref(v);
}

static void columns_are_aligned(void **state)
{
	static const char *const header[] = { "NAME", "STATE", "EMPTY",
					      "LABEL" };
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);
	struct table t;

	(void)state;
	table_init(&t, header, ARRAY_LEN(header));
	table_print(&t, to);	/* no rows: nothing */
	table_row(&t, (const char *const[]){ "a.example", "live", NULL, "x" });
	table_row(&t, (const char *const[]){ "b\xc3\xbc.example", "issuing",
					     "", "" });
	table_print(&t, to);
	table_release(&t);
	fclose(to);
	assert_string_equal(text, "NAME        STATE    LABEL\n"
				  "a.example   live     x\n"
				  "b\xc3\xbc.example  issuing\n");
	free(text);
}

static void names_are_read_from_a_file(void **state)
{
	static const char text[] = "# customers\n\n  a.example  \n"
				   "b.example # new\r\n\tc.example extra\n"
				   "d.example";
	static const char *const names[] = { "a.example", "b.example",
					     "c.example", "d.example" };
	char path[] = "/tmp/test_cli_text.XXXXXX";
	int fd = mkstemp(path);
	struct words words = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	assert_true(targets_read_file(path, &words, &err));
	assert_int_equal(words.count, ARRAY_LEN(names));
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_string_equal(words.item[i], names[i]);
	unlink(path);
	assert_false(targets_read_file(path, &words, &err));
	assert_non_null(strstr(err.text, path));
	words_release(&words);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_harmful_reaches_the_terminal),
		cmocka_unit_test(answers_are_cleaned_throughout),
		cmocka_unit_test(paths_lead_into_documents),
		cmocka_unit_test(instants_say_how_far_they_are),
		cmocka_unit_test(columns_are_aligned),
		cmocka_unit_test(names_are_read_from_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
