/*
 * TLS reports as mtastsctl prints them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "cli/clean.h"
#include "cli/report_view.h"

typedef void view(const json_t *value, FILE *to);

/* What `show` prints of it. The caller frees. */
static char *shown(view *show, const char *json)
{
	json_error_t e;
	json_t *value = json_loads(json, 0, &e);
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	if (!value)
		fail_msg("%s", e.text);
	show(value, to);
	fclose(to);
	json_decref(value);
	return text;
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no \"%s\" in:\n%s", part, text);
}

static void assert_not(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("\"%s\" in:\n%s", part, text);
}

#define SUMMARY                                                                \
	"{\"name\":\"a.example\",\"mode\":\"testing\",\"since\":\"2026-10-"    \
	"29T00:00:00Z\","                                                      \
	"\"until\":\"2026-11-28T00:00:00Z\",\"reports\":3,"                    \
	"\"successful\":9990,\"failed\":10,"                                   \
	"\"days\":[{\"day\":\"2026-11-26\",\"successful\":9000,\"failed\":0}," \
	"{\"day\":\"2026-11-27\",\"successful\":990,\"failed\":10}],"          \
	"\"reporters\":[{\"reporter\":\"Some Mail, Inc.\",\"reports\":2,"      \
	"\"successful\":9990,\"failed\":10,"                                   \
	"\"last\":\"2026-11-27T00:00:00Z\"},"                                  \
	"{\"reporter\":\"\",\"reports\":1,\"successful\":0,\"failed\":0,"      \
	"\"last\":\"2026-11-26T00:00:00Z\"}],"                                 \
	"\"results\":[{\"result\":\"certificate-expired\",\"sessions\":25,"    \
	"\"reports\":1,\"meaning\":\"it means\",\"todo\":\"do this\","         \
	"\"first\":\"2026-11-03T00:00:00Z\","                                  \
	"\"last\":\"2026-11-27T00:00:00Z\",\"reporters\":[{\"reporter\":"      \
	"\"Some Mail, Inc.\",\"sessions\":20},{\"reporter\":\"\","             \
	"\"sessions\":null}],\"more_reporters\":4},"                           \
	"{\"result\":\"tlsa-invalid\",\"sessions\":null,\"reports\":2,"        \
	"\"meaning\":\"m\",\"todo\":\"t\"}],"                                  \
	"\"hosts\":[{\"mx\":\"mx.a.example\",\"failed\":25},"                  \
	"{\"mx\":\"mx2.a.example\",\"failed\":null}],"                         \
	"\"versions\":[{\"version\":5,\"id\":\"x\",\"mode\":\"enforce\","      \
	"\"kind\":\"ours\",\"is_current\":true,\"reports\":2,"                 \
	"\"successful\":9990,\"failed\":10,"                                   \
	"\"last\":\"2026-11-27T00:00:00Z\"},{\"version\":null,\"id\":\"\","    \
	"\"mode\":\"\",\"kind\":\"no-sts\",\"is_current\":false,"              \
	"\"reports\":1,\"successful\":0,\"failed\":0,"                         \
	"\"last\":\"2026-11-26T00:00:00Z\"}],"                                 \
	"\"more\":{\"reporters\":7,\"results\":0,\"hosts\":0}}"

static void a_summary_answers_each_question(void **state)
{
	char *text = shown(report_view_summary, SUMMARY);

	(void)state;
	assert_has(text, "a.example: TLS reports of 2026-10-29 to 2026-11-28");
	assert_has(text, "      told from 2026-11-03 to 2026-11-27, by Some "
			 "Mail, Inc.: 20; (no name): (not told); and 4 more\n");
	assert_has(text, "MAIL HOST      TOLD IN DETAILS\n");
	assert_has(text, "safe to enforce:\n  mtastsctl policy readiness "
			 "a.example\n");
	assert_has(text, "10000 sessions in 3 reports, 10 failed (0.10 %)");
	assert_has(text, "Some Mail, Inc.");
	assert_has(text, "(no name)");
	assert_has(text, "... and 7 more");
	assert_has(text, "5 (enforce, now)");
	assert_has(text, "none by MTA-STS");
	assert_has(text, "mx.a.example");
	assert_has(text, "certificate-expired: 25 in 1 report\n");
	assert_has(text, "tlsa-invalid: (not told) in 2 reports\n");
	assert_has(text, "mx2.a.example       (not told)");
	assert_has(text, "it means");
	assert_has(text, "-> do this");
	free(text);
}

/* One of very many is seen, and the longest fills the width. */
static void a_line_per_day_is_drawn(void **state)
{
	char *text = shown(report_view_summary, SUMMARY);
	const char *first = strstr(text, "  2026-11-26  ");
	const char *second = strstr(text, "  2026-11-27  ");

	(void)state;
	assert_non_null(first);
	assert_non_null(second);
	assert_int_equal(strspn(first + 14, "#"), 40);
	assert_int_equal(strspn(second + 14, "#"), 4);
	assert_int_equal(strspn(second + 18, "x"), 1);
	assert_has(second, "1000, 10 failed (1.00 %)");
	assert_has(text, "Sessions by day");
	free(text);
}

/* Days: 20, 21, 25, 27; now is the evening of `until`. */
static void assert_gaps(const char *until, const char *expected)
{
	static const char day[] = "{\"day\":\"2026-11-%d\","
				  "\"successful\":1,\"failed\":0}";
	static const int numbers[] = { 20, 21, 25, 27 };
	char json[1000], *text, *p = json;

	p += sprintf(p,
		     "{\"reports\":4,\"successful\":4,\"failed\":0,"
		     "\"since\":\"2026-11-01T00:00:00Z\",\"until\":"
		     "\"%sT20:00:00Z\",\"days\":[",
		     until);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		p += sprintf(p, "%s", i ? "," : "");
		p += sprintf(p, day, numbers[i]);
	}
	sprintf(p, "]}");
	text = shown(report_view_summary, json);
	p = strstr(text, "  2026-11-20");
	assert_non_null(p);
	assert_string_equal(p, expected);
	free(text);
}

#define BAR(day)                                                               \
	"  2026-11-" day "  ########################################  1\n"
#define FOUR_DAYS                                                              \
	BAR("20")                                                              \
	BAR("21") "  ...         no reports for 3 days\n" BAR(                 \
		"25") "  ...         no reports for 1 day\n" BAR("27")

/* Of today nothing can be there, and of yesterday it need not be. */
static void days_without_reports_are_told(void **state)
{
	(void)state;
	assert_gaps("2026-11-27", FOUR_DAYS);
	assert_gaps("2026-11-29", FOUR_DAYS);
	assert_gaps("2026-11-30",
		    FOUR_DAYS "  ...         no reports for 1 day\n");
	assert_gaps("2026-12-09",
		    FOUR_DAYS "  ...         no reports for 10 days\n");
}

static json_t *many_days(int count)
{
	json_t *days = json_array();

	for (int i = 0; i < count; i++) {
		char day[40];

		snprintf(day, sizeof(day), "2026-%02d-%02d", 1 + i / 28,
			 1 + i % 28);
		json_array_append_new(days,
				      json_pack("{s:s, s:i, s:i}", "day", day,
						"successful", 1, "failed", 0));
	}
	return days;
}

static void many_days_are_drawn_by_the_week(void **state)
{
	char *json, *text;
	json_t *answer = json_pack("{s:n, s:s, s:s, s:i, s:i, s:i, s:o}",
				   "name", "since", "2026-01-01T00:00:00Z",
				   "until", "2026-12-01T00:00:00Z", "reports",
				   71, "successful", 71, "failed", 0, "days",
				   many_days(71));

	(void)state;
	json = json_dumps(answer, 0);
	json_decref(answer);
	text = shown(report_view_summary, json);
	assert_has(text, "all domains");
	assert_has(text, "none failed");
	assert_has(text, "Sessions by week");
	assert_has(text, "  2026-01-08  ");
	assert_not(text, "  2026-01-09  ");
	free(json);
	free(text);
}

static void failures_without_a_number_are_not_none(void **state)
{
	char *text = shown(report_view_summary,
			   "{\"reports\":1,\"successful\":7,\"failed\":0,"
			   "\"results\":[{\"result\":\"sts-webpki-invalid\","
			   "\"sessions\":null,\"reports\":1}]}");

	(void)state;
	assert_has(text, "7 sessions in 1 report, how many failed is not told");
	assert_not(text, "none failed");
	free(text);
}

static void none_says_where_to_look(void **state)
{
	char *text = shown(report_view_summary,
			   "{\"name\":\"a.example\",\"reports\":0,"
			   "\"since\":\"2026-10-29T00:00:00Z\"}");

	(void)state;
	assert_has(text, "a.example: no TLS reports of the days since 2026-10-29");
	assert_has(text, "mtastsctl domain records a.example");
	free(text);
}

static void few_of_very_many_are_not_none(void **state)
{
	char *text = shown(report_view_summary,
			   "{\"name\":null,\"reports\":1,\"successful\":"
			   "99999999,\"failed\":1,\"since\":"
			   "\"2026-10-29T00:00:00Z\"}");

	(void)state;
	assert_has(text, "1 failed (<0.01 %)");
	free(text);
}

/* A spreadsheet computes what a stranger called himself, if it may. */
static void csv_is_quoted_and_is_no_formula(void **state)
{
	char *text = shown(report_view_list_csv,
			   "[{\"id\":7,\"name\":\"a.example\",\"reporter\":"
			   "\"=cmd(\\\"x\\\")\",\"report_id\":\"a,b\","
			   "\"begin\":\"2026-11-27T00:00:00Z\",\"end\":"
			   "\"2026-11-28T00:00:00Z\",\"received\":"
			   "\"2026-11-28T03:00:00Z\",\"via\":\"https\","
			   "\"signed_by\":\"\",\"successful\":5,\"failed\":2,"
			   "\"results\":[\"x\",\"y\"]}]");

	(void)state;
	assert_string_equal(text,
			    "7,a.example,\"'=cmd(\"\"x\"\")\",\"a,b\","
			    "2026-11-27T00:00:00Z,2026-11-28T00:00:00Z,"
			    "2026-11-28T03:00:00Z,https,,5,2,x y,yes\r\n");
	free(text);
}

static void a_summary_is_a_table_too(void **state)
{
	char *text = shown(report_view_summary_csv, SUMMARY);

	(void)state;
	assert_has(text, "section,name,reports,successful,failed\r\n");
	assert_has(text, "total,a.example,3,9990,10\r\n");
	assert_has(text, "day,2026-11-27,,990,10\r\n");
	assert_has(text, "reporter,\"Some Mail, Inc.\",2,9990,10\r\n");
	assert_has(text, "result,certificate-expired,1,,25\r\n");
	assert_has(text, "host,mx.a.example,,,25\r\n");
	assert_has(text, "version,\"5 (enforce, now)\",2,9990,10\r\n");
	assert_has(text, "cut,reporters: 7 more,,,\r\n");
	free(text);
}

static void one_report_is_shown_whole(void **state)
{
	char *text = shown(
		report_view_one,
		"{\"id\":7,\"name\":\"a.example\",\"reporter\":\"R\","
		"\"report_id\":\"id-1\",\"begin\":\"b\",\"end\":\"e\","
		"\"received\":\"r\",\"via\":\"mail\",\"signed_by\":\"r."
		"example\""
		",\"contact\":\"c@r.example\",\"policies\":[{\"type\":\"sts\","
		"\"version\":3,\"policy\":\"\",\"mx\":[\"mx.a.example\"],"
		"\"successful\":1,\"failed\":2,\"failures\":[{\"result\":"
		"\"validation-failure\",\"sessions\":2,\"meaning\":\"m\","
		"\"todo\":\"t\",\"mx\":\"mx.a.example\",\"helo\":\"\","
		"\"sending_ip\":\"192.0.2.1\",\"receiving_ip\":\"\","
		"\"reason\":\"bad\",\"additional\":\"\"},"
		"{\"result\":\"other\",\"sessions\":null}]}]}");

	(void)state;
	assert_has(text, "a.example: TLS report 7\n  reporter   R\n"
			 "  its id     id-1\n");
	assert_has(text, "signed by  r.example");
	assert_has(text, "policy of type sts, our version 3");
	assert_has(text, "1 sessions fine, 2 failed");
	assert_has(text, "2 failed: validation-failure");
	assert_has(text, "(not told) failed: other");
	assert_has(text, "the sender's 192.0.2.1");
	assert_has(text, "reason       bad");
	assert_not(text, "it said");
	free(text);
}

/* By what the reports are of; the version came on the 20th. */
static void who_could_not_know_better_is_not_named(void **state)
{
	static const char answer[] =
		"{\"name\":\"a.example\",\"reports\":3,\"successful\":3,"
		"\"failed\":0,\"current_since\":%s,\"versions\":[{"
		"\"version\":2,\"kind\":\"ours\",\"is_current\":true}],"
		"\"holders\":[{\"reporter\":\"Before\",\"version\":1,\"last\":"
		"\"2026-11-19T00:00:00Z\"},{\"reporter\":\"That day\","
		"\"version\":1,\"last\":\"2026-11-20T00:00:00Z\"},{"
		"\"reporter\":\"Late\",\"version\":1,\"last\":"
		"\"2026-11-21T00:00:00Z\"},{\"reporter\":\"Good\","
		"\"version\":2,\"last\":\"2026-11-21T00:00:00Z\"}]}";
	char json[sizeof(answer) + 32], *text;

	(void)state;
	snprintf(json, sizeof(json), answer, "\"2026-11-20T12:00:00Z\"");
	text = shown(report_view_summary, json);
	assert_has(text, "STILL HELD AN OLDER VERSION");
	assert_has(text, "Late");
	assert_not(text, "Before");
	assert_not(text, "That day");
	assert_not(text, "Good");
	free(text);
	snprintf(json, sizeof(json), answer, "\"2026-11-22T12:00:00Z\"");
	text = shown(report_view_summary, json);
	assert_not(text, "OLDER VERSION");
	free(text);
}

static void a_quoted_policy_is_lines(void **state)
{
	json_t *report = json_pack("{s:[{s:s}, {s:s}]}", "policies", "policy",
				   "version: STSv1\r\nmode: x\033\n", "policy",
				   "");
	char *json, *text;

	(void)state;
	report_view_split(report);
	clean_json(report);
	json = json_dumps(report, 0);
	text = shown(report_view_one, json);
	assert_has(text, "as they quote it:\n      version: STSv1\n"
			 "      mode: x\\x1b\n");
	assert_null(strstr(strstr(text, "as they") + 1, "as they"));
	free(text);
	free(json);
	json_decref(report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_summary_answers_each_question),
		cmocka_unit_test(a_line_per_day_is_drawn),
		cmocka_unit_test(days_without_reports_are_told),
		cmocka_unit_test(many_days_are_drawn_by_the_week),
		cmocka_unit_test(failures_without_a_number_are_not_none),
		cmocka_unit_test(none_says_where_to_look),
		cmocka_unit_test(few_of_very_many_are_not_none),
		cmocka_unit_test(csv_is_quoted_and_is_no_formula),
		cmocka_unit_test(a_summary_is_a_table_too),
		cmocka_unit_test(one_report_is_shown_whole),
		cmocka_unit_test(who_could_not_know_better_is_not_named),
		cmocka_unit_test(a_quoted_policy_is_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
