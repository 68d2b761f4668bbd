/* What the head of a database tells of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "cli/database_head.h"

/* Pages of 4096 bytes, three of them, as sqlite wrote them. */
static void make(unsigned char head[DATABASE_HEAD])
{
	memset(head, 0, DATABASE_HEAD);
	strcpy((char *)head, "SQLite format 3");
	head[16] = 0x10;
	head[27] = head[95] = 7; /* the change counter, twice */
	head[31] = 3;
}

static const struct {
	const char *about;
	size_t at;
	unsigned char is; /* at != 0: what stands there instead */
	size_t len;
	uint64_t size;
	bool has_log;
	enum database_look look;
	const char *why;
} cases[] = {
	{ "whole", 0, 0, 100, 12288, false, DATABASE_GOOD, "" },
	{ "new", 0, 0, 0, 0, false, DATABASE_GOOD, "" },
	{ "cut off", 0, 0, 100, 8192, false, DATABASE_BAD, "it is cut off" },
	{ "the rest is in its log", 0, 0, 100, 8192, true, DATABASE_GOOD, "" },
	{ "an old count", 95, 6, 100, 8192, false, DATABASE_GOOD, "" },
	{ "another file", 3, 'x', 100, 12288, false, DATABASE_BAD,
	  "it is no database" },
	{ "half a head", 0, 0, 50, 50, false, DATABASE_BAD,
	  "it is no database" },
	{ "an odd page", 17, 3, 100, 12288, false, DATABASE_BAD,
	  "its head is garbled" },
	{ "no page", 16, 0, 100, 12288, false, DATABASE_BAD,
	  "its head is garbled" },
};

static void a_head_tells(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		unsigned char head[DATABASE_HEAD];
		char why[64] = "";

		print_message("%s\n", cases[i].about);
		make(head);
		if (cases[i].at)
			head[cases[i].at] = cases[i].is;
		assert_int_equal(
			database_head_judge(head, cases[i].len, cases[i].size,
					    cases[i].has_log, why, sizeof(why)),
			cases[i].look);
		assert_string_equal(why, cases[i].why);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_head_tells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
