#include "cli/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"

#define WORDS_MAX 4

static struct words words_of(const char *const *list)
{
	struct words w = { 0 };

	for (size_t i = 0; i < WORDS_MAX && list[i]; i++)
		words_add(&w, list[i]);
	return w;
}

static const struct {
	const char *words[WORDS_MAX];
	enum exit_code (*run)(struct cli *cli);	/* NULL: there is none */
	size_t used;
	const char *text, *hint;
} finds[] = {
	{ { "status" }, cmd_status, 1, "", "" },
	{ { "domain", "add", "a.example" }, cmd_domain_add, 2, "", "" },
	{ { "log", "a.example" }, cmd_log, 1, "", "" },
	{ { "domian", "add" }, NULL, 0, "\"domian\"", "domain?" },
	{ { "domain", "ad" }, NULL, 0, "\"ad\"", "add?" },
	{ { "cert", "enforce" }, NULL, 0, "cert: \"enforce\"", "" },
	{ { "policy" }, NULL, 0, "policy: what", "help policy" },
	{ { "xyzzy" }, NULL, 0, "\"xyzzy\"", "" },
	{ { "" }, NULL, 0, "\"\"", "" },
	{ { NULL }, NULL, 0, "no command", "help" },
};

static void commands_are_found_by_their_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(finds); i++) {
		struct words words = words_of(finds[i].words);
		struct err err = ERR_INIT;
		size_t used = 0;
		const struct command *c = command_find(&words, &used, &err);

		print_message("%s\n", words.count ? words.item[0] : "(none)");
		assert_true(c ? c->run == finds[i].run : !finds[i].run);
		assert_int_equal(used, finds[i].used);
		assert_non_null(strstr(err.text, finds[i].text));
		assert_non_null(strstr(err.hint, finds[i].hint));
		if (!c)
			assert_int_equal(err.kind, ERR_INPUT);
		words_release(&words);
	}
}

static const struct {
	const char *words[WORDS_MAX];
	unsigned long long given;
	const char *text;	/* NULL: it may be called so */
} checks[] = {
	{ { "status" }, 0, NULL },
	{ { "status" }, OPTION(JSON) | OPTION(SOCKET), NULL },
	{ { "status", "x" }, 0, "status does not take \"x\"" },
	{ { "status" }, OPTION(MX), "status does not take --mx" },
	{ { "domain", "add", "a", "b" }, OPTION(MX) | OPTION(LABEL), NULL },
	{ { "domain", "add", "a" }, OPTION(ALL), "not take --all" },
	{ { "domain", "remove", "a" }, OPTION(DRY_RUN), NULL },
	{ { "policy", "mx", "add", "h" }, OPTION(LABEL) | OPTION(LIMIT), NULL },
	{ { "policy", "mx", "add", "h" }, OPTION(FILE) | OPTION(ALL), NULL },
	{ { "domain", "list", "a" }, 0, "not take \"a\"" },
	{ { "domain", "add", "a" }, OPTION(TIMEOUT), "--timeout goes with" },
	{ { "log", "a" }, OPTION(FOLLOW), NULL },
	{ { "log", "a", "b" }, 0, "not take \"b\"" },
};

static void what_a_command_does_not_take_is_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
		struct words words = words_of(checks[i].words);
		struct cli cli = { .options = { .given = checks[i].given } };
		struct err err = ERR_INIT;
		size_t used = 0;
		const struct command *c = command_find(&words, &used, &err);

		assert_non_null(c);
		cli.names = words.item + used;
		cli.name_count = words.count - used;
		print_message("%zu: %s\n", i, c->noun);
		assert_int_equal(command_check(c, &cli, &err),
				 !checks[i].text);
		if (checks[i].text)
			assert_non_null(strstr(err.text, checks[i].text));
		words_release(&words);
	}
}

static char *help_of(const char *noun, const char *verb)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	command_help(to, noun, verb);
	fclose(to);
	return text;
}

static void help_comes_from_the_table(void **state)
{
	char *all = help_of(NULL, NULL), *one = help_of("domain", "add");
	const struct command *c;

	(void)state;
	for (size_t i = 0; (c = command_at(i)) != NULL; i++)
		assert_non_null(strstr(all, c->about));
	assert_non_null(strstr(one, "mtastsctl domain add NAME..."));
	assert_non_null(strstr(one, "--mx HOST"));
	assert_null(strstr(one, "--follow"));
	free(all);
	free(one);
}

static const struct {
	const char *word, *nearest;
} near[] = {
	{ "statsu", "status" },	 { "pol", "policy" }, { "polciy", "policy" },
	{ "certificate", NULL }, { "", NULL },	      { "x", NULL },
	{ "domains", "domain" },
};

static void the_nearest_word_is_suggested(void **state)
{
	static const char *const nouns[] = { "status", "domain", "policy",
					     "cert",   "ca",	 "log" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(near); i++) {
		const char *got = words_nearest(near[i].word, nouns,
						ARRAY_LEN(nouns));

		print_message("%s\n", near[i].word);
		if (near[i].nearest)
			assert_string_equal(got, near[i].nearest);
		else
			assert_null(got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_are_found_by_their_words),
		cmocka_unit_test(what_a_command_does_not_take_is_named),
		cmocka_unit_test(help_comes_from_the_table),
		cmocka_unit_test(the_nearest_word_is_suggested),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
