#include "cli/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"

#define WORDS_MAX 8

static int count(const char *const *argv)
{
	int n = 0;

	while (argv[n])
		n++;
	return n;
}

static void options_stand_anywhere(void **state)
{
	const char *argv[] = { "--json",  "domain", "add",	 "a.example",
			 "--mx=m1", "--mx",   "m2,,m3,", "b.example",
			 "--wait",  "--timeout", "90s",	 "--limit=5",
			 "--",	    "--mx",   "-x",	 NULL };
	static const char *const words[] = { "domain",	  "add",  "a.example",
					     "b.example", "--mx", "-x" };
	static const char *const mx[] = { "m1", "m2", "m3" };
	struct err err = ERR_INIT;
	struct options o;

	(void)state;
	assert_true(options_parse(&o, count(argv), argv, &err));
	assert_int_equal(o.words.count, ARRAY_LEN(words));
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		assert_string_equal(o.words.item[i], words[i]);
	assert_int_equal(o.mx.count, ARRAY_LEN(mx));
	for (size_t i = 0; i < ARRAY_LEN(mx); i++)
		assert_string_equal(o.mx.item[i], mx[i]);
	assert_true(o.json && o.wait);
	assert_false(o.all || o.dry_run || o.follow || o.help);
	assert_int_equal(o.timeout, 90);
	assert_int_equal(o.limit, 5);
	assert_int_equal(o.given, OPTION(JSON) | OPTION(MX) | OPTION(WAIT) |
					  OPTION(TIMEOUT) | OPTION(LIMIT));
	options_release(&o);
}

static void without_options_there_are_defaults(void **state)
{
	const char *argv[] = { "status", NULL };
	struct options o;

	(void)state;
	assert_true(options_parse(&o, 1, argv, NULL));
	assert_int_equal(o.given, 0);
	assert_int_equal(o.timeout, TIMEOUT_DEFAULT);
	assert_int_equal(o.limit, 0);
	assert_null(o.label);
	options_release(&o);
}

/* `--rua ''` says something: that there is none. */
static void an_empty_value_is_a_value(void **state)
{
	const char *argv[] = { "--rua", "", "--label=", NULL };
	struct options o;

	(void)state;
	assert_true(options_parse(&o, 3, argv, NULL));
	assert_int_equal(o.given, OPTION(RUA) | OPTION(LABEL));
	assert_int_equal(o.rua.count, 0);
	assert_string_equal(o.label, "");
	options_release(&o);
}

static const struct {
	const char *argv[WORDS_MAX];
	const char *text, *hint;	/* contained in the error */
} refused[] = {
	{ { "--staet", "live" }, "--staet", "--state" },
	{ { "--stat=live" }, "--stat", "--state" },
	{ { "--zzzzzzzz" }, "--zzzzzzzz", "" },
	{ { "--mx" }, "--mx needs a value: HOST", "" },
	{ { "--json=1" }, "--json takes no value", "" },
	{ { "-m", "x" }, "-m", "two dashes" },
	{ { "--limit", "0" }, "--limit: \"0\"", "" },
	{ { "--limit", "-1" }, "--limit: \"-1\"", "" },
	{ { "--limit", "99999999999999999999" }, "--limit", "" },
	{ { "--max-age", "7" }, "--max-age: \"7\"", "7d" },
	{ { "--since=1w" }, "--since: \"1w\"", "7d" },
	{ { "--=x" }, "unknown option --", "" },
};

static void what_is_wrong_is_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		const char *argv[WORDS_MAX + 1] = { NULL };
		struct err err = ERR_INIT;
		struct options o;

		memcpy(argv, refused[i].argv, sizeof(refused[i].argv));
		print_message("%s\n", argv[0]);
		assert_false(options_parse(&o, count(argv), argv, &err));
		assert_int_equal(err.kind, ERR_INPUT);
		assert_non_null(strstr(err.text, refused[i].text));
		assert_non_null(strstr(err.hint, refused[i].hint));
		if (!*refused[i].hint)
			assert_string_equal(err.hint, "");
		options_release(&o);
	}
}

static void every_option_is_in_the_table(void **state)
{
	(void)state;
	for (unsigned id = 0; id < OPT_COUNT; id++) {
		const struct option_about *o = option_about((enum option_id)id);

		assert_non_null(o->name);
		assert_false(str_is_empty(o->about));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_stand_anywhere),
		cmocka_unit_test(without_options_there_are_defaults),
		cmocka_unit_test(an_empty_value_is_a_value),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(every_option_is_in_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
