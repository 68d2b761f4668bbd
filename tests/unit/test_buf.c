#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void it_grows_to_its_maximum_and_no_further(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	assert_string_equal(b.data, "");
	for (size_t i = 0; i < 1000; i++) {
		assert_true(buf_add(&b, "x", 1));
		assert_int_equal(b.len, i + 1);
		assert_int_equal(strlen(b.data), i + 1);
		assert_true(b.cap <= 1001);
	}
	assert_false(buf_add(&b, "y", 1));
	assert_false(buf_puts(&b, "y"));
	assert_false(buf_printf(&b, "%d", 1));
	assert_true(buf_add(&b, "y", 0));
	assert_true(buf_puts(&b, ""));
	assert_int_equal(b.len, 1000);
	assert_null(strchr(b.data, 'y'));
	buf_release(&b);
	buf_release(&b);
}

static void what_does_not_fit_leaves_no_trace(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 5);
	assert_true(buf_puts(&b, "abc"));
	assert_false(buf_puts(&b, "def"));
	assert_false(buf_add(&b, "", SIZE_MAX)); /* nor overflows */
	assert_string_equal(b.data, "abc");
	assert_true(buf_printf(&b, "%s%d", "d", 5));
	assert_string_equal(b.data, "abcd5");
	buf_release(&b);
}

static void bytes_are_bytes(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	assert_true(buf_add(&b, "a\0b", 3));
	assert_int_equal(b.len, 3);
	assert_memory_equal(b.data, "a\0b", 4);
	buf_release(&b);
}

static void clearing_keeps_the_room(void **state)
{
	struct buf b;
	size_t cap;

	(void)state;
	buf_init(&b, 100);
	buf_clear(&b);
	assert_string_equal(b.data, "");
	assert_true(buf_puts(&b, "something"));
	cap = b.cap;
	buf_clear(&b);
	assert_int_equal(b.len, 0);
	assert_string_equal(b.data, "");
	assert_int_equal(b.cap, cap);
	buf_release(&b);
}

static void what_was_taken_is_the_callers(void **state)
{
	struct buf b;
	char *one, *two, *none;

	(void)state;
	buf_init(&b, 3);
	assert_true(buf_puts(&b, "one"));
	one = buf_take(&b);
	assert_int_equal(b.len, 0);
	assert_string_equal(b.data, "");
	assert_true(buf_puts(&b, "two")); /* the maximum stays */
	assert_false(buf_puts(&b, "x"));
	two = buf_take(&b);
	none = buf_take(&b);
	assert_string_equal(one, "one");
	assert_string_equal(two, "two");
	assert_string_equal(none, "");
	none[0] = 'x'; /* their own memory, not shared */
	assert_string_equal(b.data, "");
	free(one);
	free(two);
	free(none); /* and nothing is left to release */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_grows_to_its_maximum_and_no_further),
		cmocka_unit_test(what_does_not_fit_leaves_no_trace),
		cmocka_unit_test(bytes_are_bytes),
		cmocka_unit_test(clearing_keeps_the_room),
		cmocka_unit_test(what_was_taken_is_the_callers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
