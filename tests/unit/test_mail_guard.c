#include "cli/mail_guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"

/* `count` times `text`, behind `start`. */
static const struct {
	const char *start, *text;
	size_t count;
	const char *says; /* NULL: it is fine */
} cases[] = {
	{ "", "", 0, NULL },
	{ "", "a\n", MAIL_LINES_MAX, NULL },
	{ "", "a\n", MAIL_LINES_MAX + 1, "lines" },
	{ "", "--b\r\n", MAIL_MARKS_MAX, NULL },
	{ "", "--b\r\n", MAIL_MARKS_MAX + 1, "parts" },
	{ "", "a --b\n", MAIL_MARKS_MAX + 1, NULL },
	{ "", "Content-Type: a/b\n\n", MAIL_TYPES_MAX, NULL },
	{ "", "CONTENT-type : a/b\n\n", MAIL_TYPES_MAX + 1, "content types" },
	{ "", "a", MAIL_BYTES_MAX, NULL },
	{ "", "a", MAIL_BYTES_MAX + 1, "larger" },
	{ "To:", "0123456789abcdef", 511, NULL },
	{ "To:", "0123456789abcdef", 512, "header" },
	{ "To :\n", "\t0123456789abcd\n", 512, "header" },
	{ "", "X-A: 0123456\n", 40000, NULL },
	{ "", "X-A: 0123456\n", 41000, "bytes of headers" },
	{ "To:\n", " a\nX: y\n", 9000, NULL },
	{ "{\n", "  \"key\": \"value\",\n", 9000, NULL }, /* JSON */
	{ "Some words: and more\n\n", " indented text\n", 9000, NULL },
};

static void limits(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;
		struct buf b;

		print_message("%zu of %s%s\n", cases[i].count, cases[i].start,
			      cases[i].text);
		buf_init(&b, 2 * MAIL_BYTES_MAX);
		buf_puts(&b, cases[i].start);
		for (size_t n = 0; n < cases[i].count; n++)
			buf_puts(&b, cases[i].text);
		assert_int_equal(mail_guard(b.data, b.len, &err),
				 !cases[i].says);
		assert_int_equal(err.kind,
				 cases[i].says ? ERR_REFUSED : ERR_NONE);
		if (cases[i].says)
			assert_non_null(strstr(err.text, cases[i].says));
		buf_release(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(limits) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
