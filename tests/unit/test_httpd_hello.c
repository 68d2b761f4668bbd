#include "httpd/hello.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

#define BYTES(text) text, sizeof(text) - 1
#define RECORD	    "\x16\x03\x01"
#define ALERT	    "\x15\x03\x01\x00\x02\x01\x5a" /* user_canceled, a warning */
#define CHANGE	    "\x14\x03\x03\x00\x01\x01"

/* What follows all that is here is not too long by itself. */
static const struct {
	const char *what, *data;
	size_t len;
	bool fits, is_whole;
} streams[] = {
	{ "nothing", BYTES(""), true, false },
	{ "a record's head", BYTES(RECORD "\x40\x00"), true, false },
	{ "a short one", BYTES(RECORD "\x00\x06\x01\x00\x00\x02\x03\x03"), true,
	  true },
	{ "one of no length", BYTES(RECORD "\x00\x04\x01\x00\x00\x00"), true,
	  true },
	{ "a part", BYTES(RECORD "\x00\x05\x01\x00\x00\x02\x03"), true, false },
	{ "as long as may be", BYTES(RECORD "\x00\x05\x01\x00\x3f\xfc\x03"),
	  true, false },
	{ "a byte more", BYTES(RECORD "\x00\x05\x01\x00\x3f\xfd\x03"), false,
	  false },
	{ "much more", BYTES(RECORD "\x00\x04\x01\x01\xff\xb8"), false, false },
	{ "the most", BYTES(RECORD "\x00\x04\x01\xff\xff\xff"), false, false },
	{ "its head in two records",
	  BYTES(RECORD "\x00\x02\x01\x01" RECORD "\x00\x02\xff\xb8"), false,
	  false },
	{ "in four",
	  BYTES(RECORD "\x00\x01\x01" RECORD "\x00\x01\x01" RECORD
		       "\x00\x01\xff" RECORD "\x00\x01\xb8"),
	  false, false },
	{ "empty records between",
	  BYTES(RECORD "\x00\x02\x01\x01" RECORD "\x00\x00" RECORD
		       "\x00\x02\xff\xb8"),
	  false, false },
	{ "behind an alert", BYTES(ALERT RECORD "\x00\x04\x01\x01\xff\xb8"),
	  false, false },
	{ "a part, and the rest of it",
	  BYTES(RECORD "\x00\x05\x01\x00\x00\x02\x03" RECORD "\x00\x01\x03"),
	  true, true },
	{ "behind another",
	  BYTES(RECORD "\x00\x05\x01\x00\x00\x01\x03" CHANGE RECORD
		       "\x00\x04\x01\x01\xff\xb8"),
	  false, true },
	{ "in the same record",
	  BYTES(RECORD "\x00\x09\x01\x00\x00\x01\x03\x01\x01\xff\xb8"), false,
	  true },
	{ "data that looks like one",
	  BYTES("\x17\x03\x03\x00\x04\x01\x01\xff\xb8"), true, false },
};

static void a_hello_is_not_too_long_in_whatever_pieces(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3 * ARRAY_LEN(streams); i++) {
		static const size_t steps[] = { 100, 1, 3 };
		size_t step = steps[i % 3], n, len = streams[i / 3].len;
		struct hello h = { 0 };
		bool fits = true;

		print_message("%s\n", streams[i / 3].what);
		for (size_t at = 0; fits && at < len; at += n) {
			n = len - at < step ? len - at : step;
			fits = hello_follow(&h, streams[i / 3].data + at, n);
		}
		assert_int_equal(fits, streams[i / 3].fits);
		assert_int_equal(h.is_whole, streams[i / 3].is_whole);
	}
}

static void a_long_one_may_come_in_many_records(void **state)
{
	static const char first[] = RECORD "\x20\x00\x01\x00\x3f\xfc";
	static const char next[] = RECORD "\x20\x00";
	static const char zeroes[8192];
	struct hello h = { 0 };

	(void)state;
	assert_true(hello_follow(&h, first, sizeof(first) - 1));
	assert_true(hello_follow(&h, zeroes, sizeof(zeroes) - 4));
	assert_true(hello_follow(&h, next, sizeof(next) - 1));
	assert_true(hello_follow(&h, zeroes, sizeof(zeroes) - 1));
	assert_false(h.is_whole);
	assert_true(hello_follow(&h, zeroes, 1));
	assert_true(h.is_whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hello_is_not_too_long_in_whatever_pieces),
		cmocka_unit_test(a_long_one_may_come_in_many_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
