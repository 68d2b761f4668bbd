/* Notices in words. */
#include "daemon/notice_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static struct notice notice(enum notice_what what, long count)
{
	struct notice n = { .id = 7,
			    .what = what,
			    .kind = "ca.down",
			    .level = ALERT_WARNING,
			    .count = count,
			    .at = 1800000000 };

	for (long i = 0; i < count && i < NOTICE_ITEMS; i++) {
		struct notice_item *item = &n.item[n.item_count++];

		snprintf(item->subject, sizeof(item->subject), "s%ld", i);
		snprintf(item->text, sizeof(item->text), "it is down");
		snprintf(item->hint, sizeof(item->hint), "wait");
		item->level = ALERT_WARNING;
		item->since = 1800000000 - i;
	}
	return n;
}

static const struct {
	enum notice_what what;
	long count;
	const char *line, *subject;
} cases[] = {
	{ NOTICE_BEGUN, 1, "ca.down s0: it is down (wait)",
	  "[box] warning: ca.down s0" },
	{ NOTICE_WORSE, 1, "worse: ca.down s0: it is down (wait)",
	  "[box] warning: ca.down s0" },
	{ NOTICE_AGAIN, 1, "still: ca.down s0: it is down (wait)",
	  "[box] warning: ca.down s0" },
	{ NOTICE_ENDED, 1, "over: ca.down s0: it is down",
	  "[box] over: ca.down s0" },
	{ NOTICE_BEGUN, 2, "ca.down: 2 alike (s0, s1): it is down (wait)",
	  "[box] warning: ca.down, 2 alike" },
	{ NOTICE_ENDED, 90000,
	  "over: ca.down: 90000 alike (s0, s1, s2, ...): it is down",
	  "[box] over: ca.down, 90000 alike" },
};

static void a_line_and_a_subject(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct notice n = notice(cases[i].what, cases[i].count);
		char *line = notice_line(&n);
		char *subject = notice_subject(&n, "box");

		assert_string_equal(line, cases[i].line);
		assert_string_equal(subject, cases[i].subject);
		free(subject);
		free(line);
	}
}

static void a_mail_tells_of_each(void **state)
{
	struct notice n = notice(NOTICE_BEGUN, 12);
	char *text = notice_mail(&n, "box");

	(void)state;
	assert_non_null(strstr(text, "ca.down: 12 alike"));
	assert_non_null(strstr(text, "warning s9: it is down\n"
				     "  what helps: wait\n"
				     "  since 2027-01-15T07:59:51Z\n\n"
				     "and 2 more\n"));
	assert_non_null(strstr(text, "mtastsd on box"));
	free(text);
}

static void json_has_the_same_facts(void **state)
{
	struct notice n = notice(NOTICE_WORSE, 12);
	const char *what, *kind, *at, *subject;
	json_int_t id, count;
	json_t *whole;

	(void)state;
	snprintf(n.item[0].text, sizeof(n.item[0].text), "\377\033[1m");
	whole = notice_json(&n, "box");
	assert_non_null(whole);
	assert_int_equal(
		json_unpack(whole, "{s:I, s:s, s:s, s:I, s:s, s:[{s:s}]}", "id",
			    &id, "what", &what, "kind", &kind, "count", &count,
			    "at", &at, "alerts", "subject", &subject),
		0);
	assert_int_equal(id, 7);
	assert_int_equal(count, 12);
	assert_string_equal(what, "worse");
	assert_string_equal(kind, "ca.down");
	assert_string_equal(at, "2027-01-15T08:00:00Z");
	assert_string_equal(subject, "s0");
	assert_int_equal(json_array_size(json_object_get(whole, "alerts")),
			 NOTICE_ITEMS);
	json_decref(whole);
}

/* As long as they can be, and still whole JSON and a mail. */
static void the_longest_fits(void **state)
{
	struct notice n = notice(NOTICE_BEGUN, NOTICE_ITEMS);
	json_t *whole;
	char *text;

	(void)state;
	for (size_t i = 0; i < NOTICE_ITEMS; i++) {
		memset(n.item[i].text, 'x', sizeof(n.item[i].text) - 1);
		memset(n.item[i].hint, 'y', sizeof(n.item[i].hint) - 1);
		memset(n.item[i].subject, 'z', sizeof(n.item[i].subject) - 1);
	}
	text = notice_mail(&n, "box");
	assert_non_null(strstr(text, "mtastsd on box"));
	free(text);
	text = notice_line(&n);
	assert_non_null(strstr(text, "ca.down: 10 alike"));
	free(text);
	whole = notice_json(&n, "box");
	assert_non_null(whole);
	json_decref(whole);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_and_a_subject),
		cmocka_unit_test(a_mail_tells_of_each),
		cmocka_unit_test(json_has_the_same_facts),
		cmocka_unit_test(the_longest_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
