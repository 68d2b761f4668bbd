/*
 * One TLS report as a table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/report_csv.h"

#define REPORT                                                                 \
	"\"id\":7,\"name\":\"a.example\",\"reporter\":\"Some, Inc.\","         \
	"\"report_id\":\"-1@x\",\"begin\":\"b\",\"end\":\"e\","                \
	"\"received\":\"r\",\"via\":\"mail\",\"signed_by\":\"x.example\","     \
	"\"contact\":\"@c\",\"successful\":1,\"failed\":2,"

#define HEAD                                                                   \
	"section,policy,id,domain,reporter,report_id,begin,end,received,via,"  \
	"signed_by,contact,policy_type,policy_version,policy_standing,"        \
	"policy_mx,policy_text,successful,failed,failure_sessions,result,"     \
	"mx_host,helo,receiving_ip,sending_ip,reason,additional\r\n"

#define WHOSE "7,a.example,\"Some, Inc.\",'-1@x,b,e,r,mail,x.example,'@c,"

static void assert_table(const char *json, const char *expected)
{
	json_t *report = json_loads(json, 0, NULL);
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	assert_non_null(report);
	report_csv_one(report, to);
	fclose(to);
	assert_string_equal(text, expected);
	json_decref(report);
	free(text);
}

/* Sessions stand in the row that counts them, and in no other. */
static void a_row_for_each_part(void **state)
{
	(void)state;
	assert_table(
		"{" REPORT "\"policies\":[{\"type\":\"sts\",\"version\":3,"
		"\"standing\":\"none\",\"policy\":\"\",\"mx\":[\"m1\",\"m2\"],"
		"\"successful\":1,\"failed\":2,\"failures\":[{\"result\":"
		"\"validation-failure\",\"sessions\":2,\"mx\":\"m1\",\"helo\":"
		"\"h\",\"sending_ip\":\"192.0.2.1\",\"receiving_ip\":"
		"\"192.0.2.2\",\"reason\":\"=1+1\",\"additional\":\"say "
		"\\\"so\\\"\\r\\ntwice\"}]},{\"type\":\"other\",\"version\":"
		"null,\"standing\":\"foreign\",\"policy\":\"a\\r\\nb\",\"mx\":"
		"[],\"successful\":0,\"failed\":0,\"failures\":[]}]}",
		HEAD "report,," WHOSE ",,,,,1,2,,,,,,,,\r\n"
		     "policy,1," WHOSE "sts,3,none,m1 m2,,1,2,,,,,,,,\r\n"
		     "failure,1," WHOSE
		     "sts,3,none,m1 m2,,,,2,validation-failure,m1,h,192.0.2.2,"
		     "192.0.2.1,'=1+1,\"say \"\"so\"\"\r\ntwice\"\r\n"
		     "policy,2," WHOSE
		     "other,,foreign,,\"a\r\nb\",0,0,,,,,,,,\r\n");
}

static void of_no_policy_the_report_remains(void **state)
{
	(void)state;
	assert_table("{" REPORT "\"policies\":[]}",
		     HEAD "report,," WHOSE ",,,,,1,2,,,,,,,,\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_for_each_part),
		cmocka_unit_test(of_no_policy_the_report_remains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
