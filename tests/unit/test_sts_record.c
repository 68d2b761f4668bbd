#include "policy/sts_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"

#define ID32 "abcdefghijklmnopqrstuvwxyz012345"

/* ids */

static const struct {
	const char *id;
	bool is_valid;
} ids[] = {
	{ "1", true },       { "20261123T201500Z", true }, { ID32, true },
	{ ID32 "6", false }, { ID32 "-", false },          { ID32 ID32, false },
	{ "", false },       { "2026-11-23", false },      { "a b", false },
	{ "a;", false },     { "\xc3\xbc", false },
};

static void ids_are_letters_and_digits(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		print_message("%s\n", ids[i].id);
		assert_int_equal(sts_id_is_valid(ids[i].id), ids[i].is_valid);
	}
}

static const struct {
	time_t at;
	unsigned nth;
	const char *id;
} made[] = {
	{ 0, 0, "19700101T000000Z" },
	{ 1795464900, 0, "20261123T201500Z" },
	{ 1795464900, 1, "20261123T201500Za1" },
	{ 1795464900, 9, "20261123T201500Za9" },
	{ 1795464900, 10, "20261123T201500Zb10" },
	{ 1795464900, 4294967295U, "20261123T201500Zj4294967295" },
	{ 253402300799, 0, "99991231T235959Z" },
	/* Clocks beside themselves. */
	{ 253402300800, 0, "99991231T235959Z" },
	{ (time_t)INT64_MAX, 0, "99991231T235959Z" },
	{ -1, 0, "19700101T000000Z" },
	{ (time_t)INT64_MIN, 7, "19700101T000000Za7" },
};

static void ids_are_made_of_time(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(made); i++) {
		char id[STS_ID_SIZE];

		print_message("%s\n", made[i].id);
		sts_id_make(made[i].at, made[i].nth, id);
		assert_string_equal(id, made[i].id);
		assert_true(sts_id_is_valid(id));
	}
}

static void ids_of_one_second_differ_and_sort(void **state)
{
	char last[STS_ID_SIZE] = "", id[STS_ID_SIZE];

	(void)state;
	for (unsigned nth = 0; nth < 1200; nth++) {
		sts_id_make(1795464900, nth, id);
		assert_true(strcmp(id, last) > 0);
		memcpy(last, id, sizeof(last));
	}
	sts_id_make(1795464901, 0, id);
	assert_true(strcmp(id, last) > 0);
}

/* _mta-sts */

static void the_sts_record_is_one_line(void **state)
{
	char *text = sts_record_format("20261123T201500Z");
	char id[STS_ID_SIZE];

	(void)state;
	assert_string_equal(text, "v=STSv1; id=20261123T201500Z;");
	assert_true(sts_record_parse(text, id, NULL));
	assert_string_equal(id, "20261123T201500Z");
	free(text);
}

#define EXT32 "n23456789012345678901234567890ab"

static const struct {
	const char *text, *id; /* NULL: refused */
	enum err_kind kind;
} sts_records[] = {
	{ "v=STSv1; id=1;", "1", ERR_NONE },
	{ "v=STSv1;id=" ID32, ID32, ERR_NONE },
	{ "v=STSv1;id=1;", "1", ERR_NONE },
	{ "v=STSv1; \t id=1 \t ; ", "1", ERR_NONE },
	{ "v=STSv1; x=y; id=1; a.b-c_d=!$%:<>~;", "1", ERR_NONE },
	{ "v=STSv1; " EXT32 "=1; id=2", "2", ERR_NONE },
	{ "v=STSv1; ID=1; id=2", "2", ERR_NONE },

	/* Not ours: senders skip these. */
	{ "", NULL, ERR_NOT_FOUND },
	{ "v=spf1 -all", NULL, ERR_NOT_FOUND },
	{ "v=STSv1", NULL, ERR_NOT_FOUND },
	{ "v=STSv1 ; id=1;", NULL, ERR_NOT_FOUND },
	{ "v=STSv10; id=1;", NULL, ERR_NOT_FOUND },
	{ "v=stsv1; id=1;", NULL, ERR_NOT_FOUND },
	{ "V=STSv1; id=1;", NULL, ERR_NOT_FOUND },
	{ " v=STSv1; id=1;", NULL, ERR_NOT_FOUND },
	{ "id=1; v=STSv1;", NULL, ERR_NOT_FOUND },
	{ "v=TLSRPTv1; rua=mailto:a@b.example", NULL, ERR_NOT_FOUND },

	/* Ours, and wrong. */
	{ "v=STSv1;", NULL, ERR_INPUT },
	{ "v=STSv1; ", NULL, ERR_INPUT },
	{ "v=STSv1; x=y;", NULL, ERR_INPUT },
	{ "v=STSv1; id=;", NULL, ERR_INPUT },
	{ "v=STSv1; id=" ID32 "6;", NULL, ERR_INPUT },
	{ "v=STSv1; id=2026-11-23;", NULL, ERR_INPUT },
	{ "v=STSv1; id = 1;", NULL, ERR_INPUT },
	{ "v=STSv1; id= 1;", NULL, ERR_INPUT },
	{ "v=STSv1; id=1=2;", NULL, ERR_INPUT },
	{ "v=STSv1; id=1;;", NULL, ERR_INPUT },
	{ "v=STSv1;; id=1;", NULL, ERR_INPUT },
	{ "v=STSv1; id=1; id=1;", NULL, ERR_INPUT },
	{ "v=STSv1; id=1; id=2;", NULL, ERR_INPUT },
	{ "v=STSv1; id=1; nonsense;", NULL, ERR_INPUT },
	{ "v=STSv1; id=1 x=y;", NULL, ERR_INPUT },
	{ "v=STSv1; id=1; x=;", NULL, ERR_INPUT },
	{ "v=STSv1; id=1; x=y z;", NULL, ERR_INPUT },
	{ "v=STSv1; id=1; x=y=z;", NULL, ERR_INPUT },
	{ "v=STSv1; id=1; -x=y;", NULL, ERR_INPUT },
	{ "v=STSv1; id=1; =y;", NULL, ERR_INPUT },
	{ "v=STSv1; id=1; " EXT32 "c=1;", NULL, ERR_INPUT },
	{ "v=STSv1; id=1; x=\x1b[2J;", NULL, ERR_INPUT },
	{ "v=STSv1; id=1; x=\xc3\xbc;", NULL, ERR_INPUT },
	{ "v=STSv1; id=1;\n", NULL, ERR_INPUT },
	{ "v=STSv1, id=1;", NULL, ERR_NOT_FOUND },
};

static void sts_records_are_read_by_the_grammar(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sts_records); i++) {
		char id[STS_ID_SIZE] = "untouched";
		struct err err = ERR_INIT;
		bool ok = sts_record_parse(sts_records[i].text, id, &err);

		print_message("%s: %s (%s)\n", sts_records[i].text, err.text,
			      err.hint);
		assert_int_equal(ok, sts_records[i].id != NULL);
		assert_int_equal(err.kind, sts_records[i].kind);
		assert_string_equal(id, ok ? sts_records[i].id : "untouched");
		assert_int_equal(err.hint[0] == '\0', ok);
	}
}

/* _smtp._tls */

static const struct {
	const char *given, *uri; /* NULL: refused */
} uris[] = {
	{ "ops@example.org", "mailto:ops@example.org" },
	{ " ops@example.org ", "mailto:ops@example.org" },
	{ "Ops@EXAMPLE.org", "mailto:Ops@example.org" },
	{ "ops@m\xc3\xbcnchen.de", "mailto:ops@xn--mnchen-3ya.de" },
	{ "mailto:ops@m\xc3\xbcnchen.de", "mailto:ops@xn--mnchen-3ya.de" },
	{ "mailto:ops@example.org", "mailto:ops@example.org" },
	{ "MAILTO:ops@example.org", "mailto:ops@example.org" },
	{ "a!b,c;d@example.org", "mailto:a%21b%2Cc%3Bd@example.org" },
	{ "ops+tls@example.org", "mailto:ops+tls@example.org" },
	{ "mailto:ops@example.org?subject=a,b!",
	  "mailto:ops@example.org?subject=a%2Cb%21" },
	{ "https://r.example.org/v1?a=b;c",
	  "https://r.example.org/v1?a=b%3Bc" },
	{ "https://[2001:db8::1]:8443/x%2Cy",
	  "https://[2001:db8::1]:8443/x%2Cy" },
	{ "https://user@example.org/", "https://user@example.org/" },
	{ "HTTPS://r.example.org", "HTTPS://r.example.org" },
	{ "", NULL },
	{ "ops", NULL },
	{ "@example.org", NULL },
	{ "ops@", NULL },
	{ "ops@localhost", NULL },
	{ "ops@192.0.2.1", NULL },
	{ "a@b@example.org", NULL },
	{ "a@example.org,b@example.org", NULL },
	{ "mailto:", NULL },
	{ "mailto:ops", NULL },
	{ "mailto:?to=ops@example.org", NULL },
	{ "mailto:@example.org", NULL },
	{ "http://example.org/", NULL },
	{ "ftp://example.org/", NULL },
	{ "https://", NULL },
	{ "https:///path", NULL },
	{ "https:example.org", NULL },
	{ "https://example.org/a b", NULL },
	{ "https://example.org/%", NULL },
	{ "https://example.org/%2", NULL },
	{ "https://example.org/%zz", NULL },
	{ "https://example.org/\"", NULL },
	{ "https://example.org/\n", NULL },
	{ "https://example.org/\nx", NULL },
	{ "https://example.org/\xc3\xbc", NULL },
	{ "o ps@example.org", NULL },
	{ "javascript:alert@example.org", NULL },
};

static void report_uris_get_one_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(uris); i++) {
		struct tlsrpt_record r = { 0 };
		struct err err = ERR_INIT;
		bool ok = tlsrpt_record_add(&r, uris[i].given, &err);

		print_message("%s: %s (%s)\n", uris[i].given, err.text,
			      err.hint);
		assert_int_equal(ok, uris[i].uri != NULL);
		assert_int_equal(r.count, ok);
		if (ok)
			assert_string_equal(r.uri[0], uris[i].uri);
		else
			assert_int_equal(err.kind, ERR_INPUT);
		assert_int_equal(err.hint[0] == '\0', ok);
		tlsrpt_record_release(&r);
	}
}

static void the_list_of_uris_has_no_twins_and_an_end(void **state)
{
	struct tlsrpt_record r = { 0 };
	struct err err = ERR_INIT;
	char uri[64];

	(void)state;
	for (int i = 0; i < TLSRPT_URI_LIMIT; i++) {
		snprintf(uri, sizeof(uri), "ops%d@example.org", i);
		assert_true(tlsrpt_record_add(&r, uri, &err));
		assert_true(tlsrpt_record_add(&r, uri, &err));
		assert_int_equal(r.count, i + 1);
	}
	assert_false(tlsrpt_record_add(&r, "more@example.org", &err));
	assert_non_null(strstr(err.text, "too many"));
	assert_int_equal(r.count, TLSRPT_URI_LIMIT);
	tlsrpt_record_release(&r);
	tlsrpt_record_release(&r);
	tlsrpt_record_release(NULL);
}

static void even_the_longest_uris_make_a_record(void **state)
{
	struct tlsrpt_record r = { 0 }, again;
	struct err err = ERR_INIT;
	char uri[5000];
	char *text;

	(void)state;
	memset(uri, 'x', sizeof(uri));
	memcpy(uri, "https://a/", 10);
	uri[501] = '\0';
	assert_false(tlsrpt_record_add(&r, uri, &err));
	assert_non_null(strstr(err.text, "too long"));
	assert_true(strlen(err.text) < 140);
	for (int i = 0; i < TLSRPT_URI_LIMIT; i++) {
		uri[499] = (char)('0' + i);
		uri[500] = '\0';
		assert_true(tlsrpt_record_add(&r, uri, &err));
	}
	text = tlsrpt_record_format(&r);
	assert_true(tlsrpt_record_parse(&again, text, &err));
	assert_int_equal(again.count, TLSRPT_URI_LIMIT);
	assert_string_equal(again.uri[7], r.uri[7]);
	free(text);
	tlsrpt_record_release(&again);
	tlsrpt_record_release(&r);

	/* All of it to be encoded, at a length that cuts anywhere. */
	memset(uri, ',', sizeof(uri) - 1);
	for (size_t len = 495; len < 506; len++) {
		uri[len] = '\0';
		assert_false(tlsrpt_record_add(&r, uri, &err));
		uri[len] = ',';
	}
	memcpy(uri + 4000, "@example.org", 13);
	assert_false(tlsrpt_record_add(&r, uri, &err));
	assert_false(tlsrpt_record_add(&r, uri + 3600, &err));
	assert_int_equal(r.count, 0);
}

static void the_tlsrpt_record_is_one_line(void **state)
{
	struct tlsrpt_record r = { 0 };
	char *text;

	(void)state;
	assert_true(tlsrpt_record_add(&r, "https://r.example.org/v1", NULL));
	assert_true(tlsrpt_record_add(&r, "ops@example.org", NULL));
	text = tlsrpt_record_format(&r);
	assert_string_equal(text, "v=TLSRPTv1; rua=https://r.example.org/v1,"
				  "mailto:ops@example.org");
	free(text);
	tlsrpt_record_release(&r);
}

static const struct {
	const char *text;
	size_t count; /* of URIs; 0: refused */
	enum err_kind kind;
	const char *last;
} tlsrpt_records[] = {
	{ "v=TLSRPTv1;rua=mailto:a@b.example", 1, ERR_NONE,
	  "mailto:a@b.example" },
	{ "v=TLSRPTv1; rua=mailto:a@b.example;", 1, ERR_NONE,
	  "mailto:a@b.example" },
	{ "v=TLSRPTv1; x=y; rua=mailto:a@b.example , \thttps://c.example/d=e ;",
	  2, ERR_NONE, "https://c.example/d=e" },
	{ "v=TLSRPTv1; rua=mailto:a%21b@c.example?x=%2C", 1, ERR_NONE,
	  "mailto:a%21b@c.example?x=%2C" },

	{ "", 0, ERR_NOT_FOUND, NULL },
	{ "v=TLSRPTv1", 0, ERR_NOT_FOUND, NULL },
	{ "v=TLSRPTv1 ; rua=mailto:a@b.example", 0, ERR_NOT_FOUND, NULL },
	{ "v=STSv1; id=1;", 0, ERR_NOT_FOUND, NULL },

	{ "v=TLSRPTv1;", 0, ERR_INPUT, NULL },
	{ "v=TLSRPTv1; x=y", 0, ERR_INPUT, NULL },
	{ "v=TLSRPTv1; rua=", 0, ERR_INPUT, NULL },
	{ "v=TLSRPTv1; rua= mailto:a@b.example", 0, ERR_INPUT, NULL },
	{ "v=TLSRPTv1; rua=,", 0, ERR_INPUT, NULL },
	{ "v=TLSRPTv1; rua=mailto:a@b.example,", 0, ERR_INPUT, NULL },
	{ "v=TLSRPTv1; rua=a@b.example", 0, ERR_INPUT, NULL },
	{ "v=TLSRPTv1; rua=mailto:a@b.example!10m", 0, ERR_INPUT, NULL },
	{ "v=TLSRPTv1; rua=http://b.example/", 0, ERR_INPUT, NULL },
	{ "v=TLSRPTv1; rua=mailto:a@b.example; rua=mailto:c@d.example", 0,
	  ERR_INPUT, NULL },
	{ "v=TLSRPTv1; rua=mailto:a@b.example mailto:c@d.example", 0, ERR_INPUT,
	  NULL },
	{ "v=TLSRPTv1; rua=mailto:1@b.example,mailto:2@b.example,"
	  "mailto:3@b.example,mailto:4@b.example,mailto:5@b.example,"
	  "mailto:6@b.example,mailto:7@b.example,mailto:8@b.example,"
	  "mailto:9@b.example",
	  0, ERR_INPUT, NULL },
};

static void tlsrpt_records_are_read_by_the_grammar(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(tlsrpt_records); i++) {
		struct tlsrpt_record r;
		struct err err = ERR_INIT;
		bool ok = tlsrpt_record_parse(&r, tlsrpt_records[i].text, &err);

		print_message("%s: %s (%s)\n", tlsrpt_records[i].text, err.text,
			      err.hint);
		assert_int_equal(ok, tlsrpt_records[i].count > 0);
		assert_int_equal(r.count, tlsrpt_records[i].count);
		assert_int_equal(err.kind, tlsrpt_records[i].kind);
		assert_int_equal(err.hint[0] == '\0', ok);
		if (ok)
			assert_string_equal(r.uri[r.count - 1],
					    tlsrpt_records[i].last);
		tlsrpt_record_release(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_letters_and_digits),
		cmocka_unit_test(ids_are_made_of_time),
		cmocka_unit_test(ids_of_one_second_differ_and_sort),
		cmocka_unit_test(the_sts_record_is_one_line),
		cmocka_unit_test(sts_records_are_read_by_the_grammar),
		cmocka_unit_test(report_uris_get_one_form),
		cmocka_unit_test(the_list_of_uris_has_no_twins_and_an_end),
		cmocka_unit_test(even_the_longest_uris_make_a_record),
		cmocka_unit_test(the_tlsrpt_record_is_one_line),
		cmocka_unit_test(tlsrpt_records_are_read_by_the_grammar),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
