/*
 * What makes two texts the same report, and what does not.
 */
#include "policy/report_content.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/mem.h"

#define WINDOW                                                                 \
	"\"date-range\":{\"start-datetime\":\"2026-11-22T00:00:00Z\","         \
	"\"end-datetime\":\"2026-11-22T23:59:59Z\"}"
#define STS                                                                    \
	"{\"policy\":{\"policy-type\":\"sts\",\"policy-domain\":\"a.test\","   \
	"\"mx-host\":[\"mx.a.test\"]},\"summary\":"                            \
	"{\"total-successful-session-count\":7},\"failure-details\":["
#define ONE   "{\"result-type\":\"certificate-expired\",\"receiving-ip\":\"::1\"}"
#define OTHER "{\"result-type\":\"sts-webpki-invalid\"}"
#define TLSA  "{\"policy\":{\"policy-type\":\"tlsa\"}}"
#define NAMED(id, contact)                                                     \
	"{\"organization-name\":\"Org\",\"report-id\":\"" id "\","             \
	"\"contact-info\":\"" contact "\"," WINDOW ","
#define MODEL                                                                  \
	NAMED("1", "a@x") "\"policies\":[" STS ONE "," OTHER "]}," TLSA "]}"

static const struct {
	const char *text;
	bool is_same;
} cases[] = {
	{ MODEL, true },
	{ "\n " MODEL " ", true },
	{ NAMED("1", "b@x") "\"policies\":[" STS ONE "," OTHER "]}," TLSA "]}",
	  true },
	{ NAMED("1", "a@x") "\"policies\":[" TLSA "," STS OTHER "," ONE "]}]}",
	  true },
	{ "{\"policies\":[{\"failure-details\":["
	  "{\"receiving-ip\":\"0:0::1\",\"result-type\":\"CERTIFICATE-"
	  "expired\"},"
	  "{\"result-type\":\"sts-webpki-invalid\",\"new\":[1]}],\"summary\":"
	  "{\"total-failure-session-count\":0,"
	  "\"total-successful-session-count\":\"7\"},\"policy\":{\"mx-host\":"
	  "\"MX.a.test\",\"policy-domain\":\"A.test.\",\"policy-type\":\"sts\"}"
	  "}," TLSA "],\"date-range\":{\"end-datetime\":"
	  "\"2026-11-23T00:59:59+01:00\",\"start-datetime\":"
	  "\"2026-11-22T00:00:00.000Z\"},\"report-id\":1,"
	  "\"organization-name\":\"Org\"}",
	  true },
	{ NAMED("2", "a@x") "\"policies\":[" STS ONE "," OTHER "]}," TLSA "]}",
	  false },
	{ NAMED("1", "a@x") "\"policies\":[" STS ONE "," OTHER "]}]}", false },
	{ NAMED("1", "a@x") "\"policies\":[" STS ONE "," ONE "]}," TLSA "]}",
	  false },
	{ NAMED("1", "a@x") "\"policies\":[" STS ONE "]}," TLSA "]}", false },
	{ NAMED("1", "a@x") "\"policies\":[" STS ONE "," OTHER "]}," TLSA
			    "," TLSA "]}",
	  false },
};

static void content_of(const char *text,
		       unsigned char content[REPORT_CONTENT_SIZE])
{
	struct err err = ERR_INIT;
	struct tls_report r;

	if (!tls_report_parse(&r, text, strlen(text), &err))
		fail_msg("%s", err.text);
	assert_true(report_content(&r, content, &err));
	tls_report_release(&r);
}

static void it_is_what_is_said_and_not_how(void **state)
{
	unsigned char model[REPORT_CONTENT_SIZE], other[REPORT_CONTENT_SIZE];

	(void)state;
	content_of(MODEL, model);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		print_message("%zu\n", i);
		content_of(cases[i].text, other);
		assert_int_equal(!memcmp(model, other, sizeof(model)),
				 cases[i].is_same);
	}
}

static void it_can_be_written(void **state)
{
	unsigned char content[REPORT_CONTENT_SIZE] = { 0x01, 0xff };
	char text[REPORT_CONTENT_TEXT];

	(void)state;
	report_content_text(content, text);
	assert_int_equal(strlen(text), 64);
	assert_memory_equal(text, "01ff00", 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_what_is_said_and_not_how),
		cmocka_unit_test(it_can_be_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
