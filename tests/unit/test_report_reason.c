/*
 * What strangers hear of a report that was not taken: a sentence of ours, and
 * none of their own words.
 */
#include "daemon/report_reason.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/mem.h"

#define EVIL "evil"
#define DATES(from, to)                                                        \
	"{\"date-range\":{\"start-datetime\":\"" from                          \
	"\",\"end-datetime\":\"" to "\"}}"

static const struct {
	const char *text, *reason;
} cases[] = {
	{ "", "the JSON is empty" },
	{ EVIL, "the report is not JSON" },
	{ "{\"" EVIL "\":" EVIL "}", "the report is not JSON" },
	{ "[\"" EVIL "\"]", "the report is JSON, but no object" },
	{ "{\"a\":\"" EVIL, "the JSON ends within a string" },
	{ "{\"a\":[", "the JSON ends before what it has begun" },
	{ "[[[[[[[[[[[[[[[[[[[[[[[[", "the JSON is nested too deep" },
	{ "{\"" EVIL "\":1}", "the report has no start-datetime" },
	{ DATES(EVIL, EVIL), "the start-datetime of the report is no date" },
	{ DATES("2026-11-22T00:00:00Z", EVIL),
	  "the end-datetime of the report is no date" },
	{ DATES("2026-11-22T00:00:00Z", "2026-11-21T00:00:00Z"),
	  "the report ends before it begins" },
	{ DATES("2026-11-22T00:00:00Z", "2027-11-21T00:00:00Z"),
	  "the report is of more than 31 days" },
	{ "\x1f\x8b" EVIL, "the gzip data is damaged" },
};

static void each_has_a_sentence_of_ours(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct intake_answer a = { .outcome = INTAKE_NO_REPORT };
		struct tls_report r;

		assert_false(tls_report_read(&r, cases[i].text,
					     strlen(cases[i].text), &a.err));
		print_message("%s\n", a.err.text);
		assert_string_equal(report_reason(&a), cases[i].reason);
	}
}

static void what_is_not_listed_is_not_said(void **state)
{
	struct intake_answer a = { .outcome = INTAKE_STORED };

	(void)state;
	for (a.outcome = 0; a.outcome <= INTAKE_LATER; a.outcome++) {
		err_set(&a.err, ERR_INPUT, "%s", EVIL);
		assert_non_null(report_reason(&a));
		assert_null(strstr(report_reason(&a), EVIL));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_has_a_sentence_of_ours),
		cmocka_unit_test(what_is_not_listed_is_not_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
