/* Comments go, lines stay. */
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
#include "daemon/config_text.h"

static const struct {
	const char *text, *left;
} cases[] = {
	{ "", "" },
	{ "a = 1\nb = 2\n", "a = 1\nb = 2\n" },
	{ "# one\na = 1", "     \na = 1" },
	{ "a = 1 # \"one\nb = 2", "a = 1       \nb = 2" },
	{ "a#b\nc", "a  \nc" },
	{ "a = \"#b\" # c", "a = \"#b\"    " },
	{ "a = '#b'#c", "a = '#b'  " },
	{ "a = \"b\\\"#c\"", "a = \"b\\\"#c\"" },
	{ "a = \"b\n# c\" # d\ne", "a = \"b\n# c\"    \ne" },
	{ "a = \"'\" # 'b\nc", "a = \"'\"     \nc" },
	{ "// a\nb", "    \nb" },
	{ "a = {b,// c\nd}", "a = {b,    \nd}" },
	{ "a = http://b", "a = http://b" }, /* inside a word it is none */
	{ "a = b/*c*/", "a = b/*c*/" },
	{ "a = /* b\n # */ c", "a =     \n      c" },
	{ "/*/ a */ b", "         b" },
	{ "/* a\n", "    \n" },
	{ "a = \"b # c", "a = \"b # c" }, /* libconfuse says that */
	{ "a = \"b\\", "a = \"b\\" },
};

static void comments_are_blanks(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *text = xstrdup(cases[i].text);

		print_message("%s\n", text);
		config_text_blank(text);
		assert_string_equal(text, cases[i].left);
		free(text);
	}
}

static char *read_bytes(const char *bytes, size_t len, struct err *err)
{
	char path[] = "/tmp/test-config-text-XXXXXX", *text;
	int fd = mkstemp(path);

	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
	text = config_text_read(path, err);
	unlink(path);
	return text;
}

static void a_file_is_read_whole_or_not(void **state)
{
	char *big = xcalloc(1, 1024 * 1024 + 1), *text;
	struct err err = ERR_INIT;

	(void)state;
	text = read_bytes("a # b", 5, &err);
	assert_string_equal(text, "a    \n");
	free(text);
	text = read_bytes("", 0, &err);
	assert_string_equal(text, "\n");
	free(text);
	assert_null(read_bytes("a\0b", 3, &err));
	memset(big, ' ', 1024 * 1024 + 1);
	assert_null(read_bytes(big, 1024 * 1024 + 1, &err));
	assert_non_null(strstr(err.text, "megabyte"));
	assert_null(config_text_read("/", &err));
	assert_null(config_text_read("/nonexistent", &err));
	assert_non_null(strstr(err.text, "No such file"));
	free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comments_are_blanks),
		cmocka_unit_test(a_file_is_read_whole_or_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
