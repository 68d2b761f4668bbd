/* What is to be looked through for an order that may have been made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "acme/search.h"
#include "base/mem.h"

static void what_is_no_url_does_not_come_in(void **state)
{
	static const char *const wrong[] = {
		"",
		"/order/1",
		"+https://ca.test/1",
		"ftp://ca",
		"https:/ca",
		"https://ca.test/\n+1",
		"https://ca ",
		"~!",
		"https://ca.test/\x7f",
	};
	char list[ORDER_SEEK_SIZE] = "";
	char url[URL_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		assert_false(search_takes(wrong[i]));
		assert_true(search_has(list, wrong[i]));
		search_push(list, "", wrong[i]);
	}
	assert_string_equal(list, "");
	assert_false(search_first(list, url));
	search_pop(list);
	assert_string_equal(list, "");
}

static void it_is_a_queue(void **state)
{
	char list[ORDER_SEEK_SIZE] = "";
	char url[URL_SIZE];

	(void)state;
	search_push(list, "", "https://ca.test/1");
	search_push(list, "+", "https://ca.test/list");
	assert_true(search_has(list, "https://ca.test/1"));
	assert_true(search_has(list, "https://ca.test/list"));
	assert_false(search_has(list, "https://ca.test/"));
	assert_false(search_has(list, "https://ca.test/2"));
	assert_true(search_first(list, url));
	assert_string_equal(url, "https://ca.test/1");
	assert_false(search_has_mark(list, '+'));
	search_pop(list);
	assert_true(search_has_mark(list, '+'));
	assert_true(search_first(list, url));
	assert_string_equal(url, "https://ca.test/list");
}

static void marks_are_of_the_first(void **state)
{
	char list[ORDER_SEEK_SIZE] = "";
	char url[URL_SIZE];

	(void)state;
	search_note_good(list);
	assert_string_equal(list, "");
	search_push(list, "!!", "https://ca.test/1");
	search_push(list, "!", "https://ca.test/2");
	assert_int_equal(search_errors(list), 2);
	search_note_good(list);
	search_note_good(list);
	assert_true(search_has_mark(list, '~'));
	assert_int_equal(search_errors(list), 2);
	assert_true(search_first(list, url));
	assert_string_equal(url, "https://ca.test/1");
	search_pop(list);
	assert_false(search_has_mark(list, '~'));
	assert_int_equal(search_errors(list), 1);
}

static void what_has_no_room_is_left_out(void **state)
{
	char list[ORDER_SEEK_SIZE] = "";
	char url[URL_SIZE];
	char last[ORDER_SEEK_SIZE];

	(void)state;
	memset(url, 'x', sizeof(url) - 1);
	memcpy(url, "https://", 8);
	url[sizeof(url) - 1] = '\0';
	for (size_t i = 0; i < 2 * ORDER_SEEK_SIZE / URL_SIZE; i++)
		search_push(list, "+", url);
	strcpy(last, list);
	search_push(list, "+", url);
	assert_string_equal(list, last);
	assert_true(strlen(list) < ORDER_SEEK_SIZE);
	search_note_good(list);
	assert_true(strlen(list) < ORDER_SEEK_SIZE);
	search_pop(list);
	assert_true(search_first(list, last));
	assert_string_equal(last, url);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_url_does_not_come_in),
		cmocka_unit_test(it_is_a_queue),
		cmocka_unit_test(marks_are_of_the_first),
		cmocka_unit_test(what_has_no_room_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
