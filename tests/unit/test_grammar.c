#include "policy/grammar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"

#define N32 "abcdefghijklmnopqrstuvwxyz012345"

static const struct {
	const char *name;
	bool is_valid;
} names[] = {
	{ "a", true },       { "9", true },    { "max_age", true },
	{ "A.b-c_d", true }, { N32, true },    { N32 "6", false },
	{ "", false },       { "_a", false },  { "-a", false },
	{ ".a", false },     { "a b", false }, { "a=", false },
	{ "a:", false },     { "a\n", false }, { "\xc3\xbc", false },
};

static void field_names_are_a_letter_or_digit_and_more(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		print_message("%s\n", names[i].name);
		assert_int_equal(grammar_is_field_name(names[i].name),
				 names[i].is_valid);
	}
}

static void a_refusal_shows_what_was_given(void **state)
{
	char flood[5000];
	struct err err = ERR_INIT;

	(void)state;
	assert_false(grammar_refuse("a\n", "is no b", "write 100% b", &err));
	assert_int_equal(err.kind, ERR_INPUT);
	assert_string_equal(err.text, "\"a\\x0a\" is no b");
	assert_string_equal(err.hint, "write 100% b");

	memset(flood, '\n', sizeof(flood) - 1);
	flood[sizeof(flood) - 1] = '\0';
	assert_false(grammar_refuse(flood, "is no b", "write b", &err));
	assert_non_null(strstr(err.text, "...\" is no b"));
	assert_false(grammar_refuse(flood, "is no b", "write b", NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(field_names_are_a_letter_or_digit_and_more),
		cmocka_unit_test(a_refusal_shows_what_was_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
