#include "base/err.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

static void setters_say_what_happened(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(err.kind, ERR_NONE);
	assert_false(err_set(&err, ERR_REFUSED, "no room for %d", 7));
	assert_int_equal(err.kind, ERR_REFUSED);
	assert_string_equal(err.text, "no room for 7");
	assert_string_equal(err.hint, "");
	assert_false(err_hint(&err, "make room for %s", "it"));
	assert_string_equal(err.text, "no room for 7");
	assert_string_equal(err.hint, "make room for it");
	assert_false(err_prefix(&err, "cert %s", "a.example"));
	assert_string_equal(err.text, "cert a.example: no room for 7");
	assert_string_equal(err.hint, "make room for it");
	assert_int_equal(err.kind, ERR_REFUSED);

	/* The next error has nothing of the last. */
	assert_false(err_set(&err, ERR_AGAIN, "busy"));
	assert_string_equal(err.text, "busy");
	assert_string_equal(err.hint, "");
}

static void the_systems_errors_are_in_words(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	err_hint(&err, "an old hint");
	errno = ENOENT;
	assert_false(err_sys(&err, "open %s", "/a"));
	assert_int_equal(err.kind, ERR_INTERNAL);
	assert_string_equal(err.text, "open /a: No such file or directory");
	assert_string_equal(err.hint, "");
}

static void long_text_is_cut(void **state)
{
	char flood[2000];
	struct err err = ERR_INIT;

	(void)state;
	memset(flood, 'x', sizeof(flood) - 1);
	flood[sizeof(flood) - 1] = '\0';
	assert_false(err_set(&err, ERR_INPUT, "%s", flood));
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_false(err_hint(&err, "%s", flood));
	assert_int_equal(strlen(err.hint), sizeof(err.hint) - 1);
	assert_false(err_prefix(&err, "line 1"));
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_memory_equal(err.text, "line 1: xxx", 11);
	errno = EIO;
	assert_false(err_sys(&err, "%s", flood));
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_false(err_set(&err, ERR_INPUT, "short"));
	assert_false(err_prefix(&err, "%s", flood));
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

static void nobody_need_care(void **state)
{
	(void)state;
	assert_false(err_set(NULL, ERR_INPUT, "a"));
	assert_false(err_sys(NULL, "a"));
	assert_false(err_hint(NULL, "a"));
	assert_false(err_prefix(NULL, "a"));
}

static const struct {
	enum err_kind kind;
	const char *name;
} kinds[] = {
	{ ERR_NONE, "none" },	      { ERR_AGAIN, "again" },
	{ ERR_LOOKING, "looking" },   { ERR_REFUSED, "refused" },
	{ ERR_INPUT, "input" },	      { ERR_NOT_FOUND, "not-found" },
	{ ERR_INTERNAL, "internal" }, { ERR_DAMAGED, "damaged" },
};

static void kinds_keep_their_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		assert_string_equal(err_kind_name(kinds[i].kind),
				    kinds[i].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(setters_say_what_happened),
		cmocka_unit_test(the_systems_errors_are_in_words),
		cmocka_unit_test(long_text_is_cut),
		cmocka_unit_test(nobody_need_care),
		cmocka_unit_test(kinds_keep_their_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
