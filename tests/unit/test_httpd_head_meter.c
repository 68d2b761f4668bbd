#include "httpd/head_meter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

static const struct {
	const char *text;
	size_t bytes;		/* of the head */
	bool is_complete;
} heads[] = {
	{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27, true },
	{ "GET / HTTP/1.1\nHost: a\n\n", 24, true },
	{ "GET / HTTP/1.1\r\n\r\nbody, not head", 18, true },
	{ "GET / HTTP/1.1\r\nHost: a\r\n", 25, false },
	{ "GET / HTTP/1.1\r\nA: \r\r\n \r\n", 25, false },
	{ "", 0, false },
};

static void ends_at_the_empty_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
		struct head_meter whole = { 0 }, pieces = { 0 };
		size_t len = strlen(heads[i].text);

		print_message("head %zu\n", i);
		assert_true(head_meter_add(&whole, heads[i].text, len));
		for (size_t n = 0; n < len; n++)
			assert_true(head_meter_add(&pieces, heads[i].text + n,
						   1));
		assert_int_equal(whole.bytes, heads[i].bytes);
		assert_int_equal(whole.is_complete, heads[i].is_complete);
		assert_int_equal(pieces.bytes, heads[i].bytes);
		assert_int_equal(pieces.is_complete, heads[i].is_complete);
	}
}

static void the_limit_is_exact(void **state)
{
	static char text[HEAD_MAX + 1];
	struct head_meter m = { 0 };

	(void)state;
	memset(text, 'a', sizeof(text));
	assert_true(head_meter_add(&m, text, HEAD_MAX));
	assert_false(head_meter_add(&m, text, 1));
	assert_false(head_meter_add(&m, "\n\n", 2));	/* and stays */

	m = (struct head_meter){ 0 };
	text[HEAD_MAX - 2] = text[HEAD_MAX - 1] = '\n';
	assert_true(head_meter_add(&m, text, HEAD_MAX));
	assert_true(m.is_complete);
	assert_true(head_meter_add(&m, text, HEAD_MAX));	/* the body */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_at_the_empty_line),
		cmocka_unit_test(the_limit_is_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
