/*
 * Reports as they come: tests/data/reports, and what is worse than they are.
 */
#include "policy/tls_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"
#include "base/when.h"

#define REPORTS	  "tests/data/reports/"
#define FILE_MAX  65536
#define SHOWN_MAX 65536

struct file {
	char data[FILE_MAX];
	size_t len;
};

static void file_read(const char *name, struct file *f)
{
	char *path = xasprintf(REPORTS "%s", name);
	FILE *from = fopen(path, "rb");

	print_message("%s\n", path);
	assert_non_null(from);
	f->len = fread(f->data, 1, sizeof(f->data), from);
	assert_true(f->len && f->len < sizeof(f->data));
	fclose(from);
	free(path);
}

/* ---- a report, written out ---- */

static void show_lines(struct buf *b, const char *what, const char *lines)
{
	buf_printf(b, " %s[", what);
	for (; *lines; lines++)
		buf_add(b, *lines == '\n' ? "|" : lines, 1);
	buf_puts(b, "]");
}

static void show_failure(struct buf *b, const struct tls_failure *f)
{
	buf_printf(b, "    %s", tls_result_name(f->result));
	if (f->result == TLS_RESULT_OTHER)
		buf_printf(b, "(%s)", f->result_text);
	else
		assert_string_equal(f->result_text, "");
	buf_printf(b, " %ld [%s] to [%s] [%s] [%s] [%s] [%s]\n", f->sessions,
		   f->sending_ip, f->receiving_ip, f->mx_host, f->mx_helo,
		   f->additional, f->reason);
}

static void show_policy(struct buf *b, const struct tls_report_policy *p)
{
	buf_printf(b, "  %s", tls_policy_type_name(p->type));
	if (p->type == TLS_POLICY_OTHER)
		buf_printf(b, "(%s)", p->type_text);
	else
		assert_string_equal(p->type_text, "");
	buf_printf(b, " %s", p->domain);
	if (*p->domain_text)
		buf_printf(b, "(%s)", p->domain_text);
	buf_printf(b, " %ld+%ld", p->successful, p->failed);
	show_lines(b, "policy", p->policy);
	show_lines(b, "mx", p->mx);
	buf_puts(b, "\n");
	for (size_t i = 0; i < p->failure_count; i++)
		show_failure(b, &p->failure[i]);
}

static char *shown(const struct tls_report *r)
{
	char begin[INSTANT_TEXT], end[INSTANT_TEXT];
	size_t failures = 0;
	struct buf b;

	buf_init(&b, SHOWN_MAX);
	buf_printf(&b, "[%s] [%s] [%s] %s %s\n", r->organization, r->id,
		   r->contact, instant_format(r->begin, begin),
		   instant_format(r->end, end));
	for (size_t i = 0; i < r->policy_count; i++) {
		show_policy(&b, &r->policy[i]);
		failures += r->policy[i].failure_count;
	}
	assert_int_equal(r->failure_count, failures);
	return buf_take(&b);
}

#define DAY	   "2026-11-20T00:00:00Z 2026-11-20T23:59:59Z\n"
#define DAY_24	   "2026-11-20T00:00:00Z 2026-11-21T00:00:00Z\n"
#define NO_DETAILS "[] to [] [] [] [] []\n"
#define GOOGLE                                                                 \
	"[Big Mail One] [2026-11-20T00:00:00Z_shop.test] "                     \
	"[tls-reports@one.example.com] " DAY "  sts shop.test 118+2 "          \
	"policy[version: STSv1|mode: testing|mx: mx1.shop.test|"               \
	"mx: mx2.shop.test|max_age: 604800] mx[mx1.shop.test|mx2.shop.test]\n" \
	"    certificate-expired 2 [192.0.2.40] to [198.51.100.7] "            \
	"[mx2.shop.test] [] [] []\n"

static const struct {
	const char *file, *shown;
} reports[] = {
	{ "google-like.json", GOOGLE },
	{ "google-like.json.gz", GOOGLE },
	{ "google-like-again.json", GOOGLE },
	{ "microsoft-like.json",
	  "[Big Mail Two] [134081568000000000+shop.test] "
	  "[tlsrpt-noreply@two.example.com] " DAY
	  "  sts shop.test 41+0 policy[version: STSv1|mode: testing|"
	  "mx: mx1.shop.test|mx: mx2.shop.test|max_age: 604800] mx[]\n" },
	{ "microsoft-like-fetch-error.json",
	  "[Big Mail Two] [134082432000000000+shop.test] "
	  "[tlsrpt-noreply@two.example.com] "
	  "2026-11-21T00:00:00Z 2026-11-21T23:59:59Z\n"
	  "  sts shop.test 0+3 policy[] mx[]\n"
	  "    sts-policy-fetch-error 3 " NO_DETAILS },
	{ "mx-host-string.json",
	  "[String Sender] [string-1] [mailto:tls@string.example.com] " DAY_24
	  "  sts shop.test 7+0 policy[version: STSv1|mode: enforce|"
	  "max_age: 86400|mx: *.Shop.test] mx[*.shop.test]\n" },
	{ "mx-host-array.json",
	  "[Array Sender] [array-1] [tls@array.example.com] " DAY_24
	  "  sts shop.test 7+0 policy[version: STSv1|mode: enforce|"
	  "max_age: 86400|mx: *.shop.test] mx[*.shop.test]\n" },
	{ "nulls.json",
	  "[] [1795132800_1] [] " DAY_24 "  sts shop.test 1+0 policy[] mx[]\n"
	  "  other()  0+0 policy[] mx[]\n"
	  "    other() 0 " NO_DETAILS },
	{ "missing.json",
	  "[] [missing-1] [] " DAY_24 "  sts shop.test 0+1 policy[] mx[]\n"
	  "    certificate-not-trusted 0 [] to [] [mx1.shop.test] [] [] []\n"
	  "  other()  0+0 policy[] mx[]\n" },
	{ "empty-policies.json",
	  "[Quiet Sender] [quiet-1] [tls@quiet.example.com] " DAY },
	{ "no-policy-found.json",
	  "[mail.small.test] [2026-11-20T00:00:00Z_idx1_shop.test] "
	  "[tls@small.test] " DAY "  no-policy-found  1+0 policy[] mx[]\n" },
	{ "unknown-result.json",
	  "[New Sender] [new-1] [tls@new.example.com] " DAY
	  "  other(bimi-over-carrier-pigeon) shop.test 10+4 policy[] mx[]\n"
	  "    other(quantum-cipher-required) 3 [] to [] [] [] [] [QC-7]\n"
	  "    other() 1 " NO_DETAILS
	  "    starttls-not-supported 1 " NO_DETAILS },
	{ "rfc-like.json",
	  "[Company X] [5065427c-23d3-47ca-b6e0-946ea0e8c4be] "
	  "[sts-reporting@company-x.test] " DAY_24
	  "  sts company-y.test 5326+303 policy[version: STSv1|mode: testing|"
	  "mx: *.mail.company-y.test|max_age: 86400] "
	  "mx[*.mail.company-y.test]\n"
	  "    certificate-expired 100 [2001:db8:abcd:12::1] to [] "
	  "[mx1.mail.company-y.test] [] [] []\n"
	  "    starttls-not-supported 200 [2001:db8:abcd:13::1] to "
	  "[2001:db8::56] [mx2.mail.company-y.test] [] "
	  "[https://reports.company-x.test/report_info?id=5065427c-23d3"
	  "#StarttlsNotSupported] []\n"
	  "    validation-failure 3 [198.51.100.62] to [203.0.113.58] "
	  "[mx-backup.mail.company-y.test] [backup.company-y.test] [] "
	  "[X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED]\n" },
	{ "two-policies.json",
	  "[Both Sender] [both-1] [tls@both.example.com] " DAY
	  "  tlsa mx1.shop.test 5+4 policy[3 1 1 0f1e2d3c4b5a69788796a5b4c3d2e1"
	  "f00f1e2d3c4b5a69788796a5b4c3d2e1f0] mx[]\n"
	  "    tlsa-invalid 4 [] to [] [mx1.shop.test] [] [] []\n"
	  "    dnssec-invalid 4 [] to [] [mx1.shop.test] [] [] []\n"
	  "  sts shop.test 5+1 policy[version: STSv1|mode: testing|"
	  "max_age: 604800|mx: mx1.shop.test] mx[mx1.shop.test]\n"
	  "    certificate-host-mismatch 1 [] to [] [mx1.shop.test] [] [] []\n"
	  "  sts shop.test 2+0 policy[] mx[]\n" },
	{ "counts.json",
	  "[Odd Counter] [134081568000000001] [] " DAY
	  "  sts a.test 0+2 policy[] mx[]\n"
	  "  sts b.test 17+0 policy[] mx[]\n"
	  "  sts c.test 1000000000000+1000000000000 policy[] mx[]\n"
	  "  sts d.test 0+0 policy[] mx[]\n"
	  "  sts e.test 1000000000000+0 policy[] mx[]\n" },
	{ "huge-integer.json",
	  "[Odd Counter] [huge-1] [] " DAY
	  "  sts shop.test 1000000000000+12 policy[] mx[]\n" },
	{ "hostile-text.json",
	  "[?[2JEvil? <script>alert(1)</script>] [?gnp.exe] [two  lines] " DAY
	  "  sts (../../etc/passwd) 1+1 policy[version: STSv1|mode: none|"
	  "mx:?bell] mx[a.test?b]\n"
	  "    other(certificate-expired?) 1 [999.1.1.1] to [] "
	  "['; DROP TABLE report; --] [] [\xf0\x9f\x94\x92 \xc3\xa4] []\n" },
	{ "bytes.json", "[Caf? Mail] [bytes-1] [] "
			"2026-11-19T23:00:00Z 2026-11-20T23:00:00Z\n"
			"  sts xn--bcher-kva.test 3+1 policy[] mx[]\n"
			"    sts-webpki-invalid 1 " NO_DETAILS },
};

static void reports_are_read_as_they_are_meant(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(reports); i++) {
		struct err err = ERR_INIT;
		struct tls_report r;
		struct file f;
		char *text;

		file_read(reports[i].file, &f);
		if (!tls_report_read(&r, f.data, f.len, &err))
			fail_msg("%s", err.text);
		text = shown(&r);
		assert_string_equal(text, reports[i].shown);
		free(text);
		tls_report_release(&r);
	}
}

/* ---- what is none ---- */

#define RANGE(begin, end)                                                      \
	"\"date-range\":{\"start-datetime\":\"" begin                          \
	"\",\"end-datetime\":\"" end "\"}"
#define WINDOW RANGE("2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z")

static const struct {
	const char *json;
	enum err_kind kind; /* ERR_NONE: it is one */
	const char *says;
} texts[] = {
	{ "{" WINDOW "}", ERR_NONE, "" },
	{ "{" WINDOW ",\"policies\":null}", ERR_NONE, "" },
	{ "{" WINDOW ",\"policies\":7}", ERR_NONE, "" },
	{ "{" WINDOW ",\"policies\":[null,7,\"x\",[]]}", ERR_NONE, "" },
	{ "{" WINDOW ",\"more\":[{\"a\":[[[1]]]}]}", ERR_NONE, "" },
	{ "{" WINDOW ",\"report-id\":1,\"report-id\":2}", ERR_NONE, "" },
	{ "{" RANGE("2026-11-20T00:00:00", "2026-11-20T00:00:00") "}", ERR_NONE,
	  "" },
	{ "{" RANGE("2026-11-01T00:00:00Z", "2026-12-02T00:00:00Z") "}",
	  ERR_NONE, "" },

	{ "", ERR_INPUT, "the JSON is empty" },
	{ "\xef\xbb\xbf", ERR_INPUT, "the JSON is empty" },
	{ "hello", ERR_INPUT,
	  "the report is not JSON: line 1: '[' or '{' expected near 'hello'" },
	{ "{" WINDOW, ERR_INPUT, "the JSON ends before what it has begun" },
	{ "{" WINDOW "}}", ERR_INPUT, "the JSON closes more than it opens" },
	{ "{" WINDOW "} {}", ERR_INPUT,
	  "the report is not JSON: line 1: end of file expected near '{'" },
	{ "{" WINDOW ",}", ERR_INPUT,
	  "the report is not JSON: line 1: string or '}' expected near '}'" },
	{ "{\n" WINDOW ",\n\"\x1b\":\"\x07\"}", ERR_INPUT,
	  "the report is not JSON: line 3: control character 0x1b near '\"'" },
	{ "[]", ERR_INPUT, "the report is JSON, but no object" },
	{ "[{" WINDOW "}]", ERR_INPUT, "the report is JSON, but no object" },
	{ "{}", ERR_INPUT, "the report has no start-datetime" },
	{ "{\"date-range\":null}", ERR_INPUT,
	  "the report has no start-datetime" },
	{ "{\"date-range\":\"2026-11-20\"}", ERR_INPUT,
	  "the report has no start-datetime" },
	{ "{\"date-range\":{\"start-datetime\":\"2026-11-20T00:00:00Z\"}}",
	  ERR_INPUT, "the report has no end-datetime" },
	{ "{" RANGE("2026-11-20T00:00:00Z", "tomor\\u001brow") "}", ERR_INPUT,
	  "the end-datetime of the report is no date: tomor?row" },
	{ "{" RANGE("2026-11-20T00:00:00Z", "2026-11-19T23:59:59Z") "}",
	  ERR_INPUT, "the report ends before it begins" },
	{ "{" RANGE("2026-11-01T00:00:00Z", "2026-12-02T00:00:01Z") "}",
	  ERR_INPUT, "the report is of more than 31 days" },
	{ "{" RANGE("1000-01-01T00:00:00Z", "9999-12-31T24:00:00Z") "}",
	  ERR_INPUT, "the report is of more than 31 days" },

	{ "{" WINDOW ",\"x\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}", ERR_REFUSED,
	  "the JSON is nested deeper than 16" },
};

static void is_empty(const struct tls_report *r)
{
	static const struct tls_report empty;

	assert_memory_equal(r, &empty, sizeof(empty));
}

static void what_is_no_report_is_told_from_one(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		size_t len = strlen(texts[i].json);
		char *json = xmemdup(texts[i].json, len);
		struct err err = ERR_INIT;
		struct tls_report r;

		print_message("%s\n", texts[i].json);
		memset(&r, 0xff, sizeof(r));
		assert_int_equal(tls_report_read(&r, json, len, &err),
				 texts[i].kind == ERR_NONE);
		assert_int_equal(err.kind, texts[i].kind);
		assert_string_equal(err.text, texts[i].says);
		if (texts[i].kind != ERR_NONE)
			is_empty(&r);
		tls_report_release(&r);
		free(json);
	}
}

static void gzip_that_is_none_is_no_report(void **state)
{
	struct err err = ERR_INIT;
	struct tls_report r;
	struct file f;

	(void)state;
	file_read("google-like.json.gz", &f);
	memset(&r, 0xff, sizeof(r));
	assert_false(tls_report_read(&r, f.data, f.len - 1, &err));
	assert_int_equal(err.kind, ERR_INPUT);
	assert_string_equal(err.text, "the gzip data is cut off");
	is_empty(&r);
	f.data[f.len / 2] = (char)~f.data[f.len / 2];
	assert_false(tls_report_read(&r, f.data, f.len, &err));
	assert_int_equal(err.kind, ERR_INPUT);
	is_empty(&r);
}

/* ---- as much as there may be ---- */

#define FULL_FAILURE                                                           \
	"{\"result-type\":\"certificate-not-trusted\","                        \
	"\"sending-mta-ip\":\"2001:db8:abcd:12::1\","                          \
	"\"receiving-ip\":\"203.0.113.58\","                                   \
	"\"receiving-mx-hostname\":\"mx-backup.mail.company-y.test\","         \
	"\"receiving-mx-helo\":\"mx-backup.mail.company-y.test\","             \
	"\"failed-session-count\":3,"                                          \
	"\"additional-information\":\"https://reports.company-x.test/"         \
	"r?id=5\","                                                            \
	"\"failure-reason-code\":\"X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED\"}"

/* `policies` of them; and `failures` in all, in the first and the last. */
static char *large_report(size_t policies, size_t failures)
{
	struct buf b;

	buf_init(&b, 8 * TLS_REPORT_JSON_MAX);
	buf_puts(&b, "{" WINDOW ",\"policies\":[");
	for (size_t i = 0; i < policies; i++) {
		size_t n = i == policies - 1 ? failures : i ? 0 : failures / 2;

		failures -= n;
		buf_printf(&b,
			   "%s{\"policy\":{\"policy-type\":\"sts\","
			   "\"policy-domain\":\"d%zu.test\"},\"summary\":{"
			   "\"total-failure-session-count\":1},"
			   "\"failure-details\":%s",
			   i ? "," : "", i, n ? "[" : "null");
		for (size_t k = 0; k < n; k++)
			buf_printf(&b, "%s" FULL_FAILURE, k ? "," : "");
		buf_puts(&b, n ? "]}" : "}");
	}
	buf_puts(&b, "]}");
	return buf_take(&b);
}

static const struct {
	size_t policies, failures;
	const char *says; /* NULL: it is taken */
} sizes[] = {
	{ TLS_REPORT_POLICIES_MAX, 0, NULL },
	{ 1, TLS_REPORT_FAILURES_MAX, NULL },
	{ 2, TLS_REPORT_FAILURES_MAX, NULL },
	{ 200, TLS_REPORT_FAILURES_MAX, NULL },
	{ TLS_REPORT_POLICIES_MAX + 1, 0,
	  "the report has 1001 policies: more than 1000" },
	{ 1, TLS_REPORT_FAILURES_MAX + 1,
	  "the report has 5001 failure details: more than 5000" },
	{ 2, TLS_REPORT_FAILURES_MAX + 1,
	  "the report has 5001 failure details: more than 5000" },
	{ 1, 5600, "the report has 5600 failure details: more than 5000" },
	{ 1, 15000, "the report is longer than 2097152 bytes" },
};

static void a_large_report_is_taken_and_a_larger_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		char *json = large_report(sizes[i].policies, sizes[i].failures);
		struct err err = ERR_INIT;
		struct tls_report r;

		print_message("%zu policies, %zu failures, %zu bytes\n",
			      sizes[i].policies, sizes[i].failures,
			      strlen(json));
		assert_int_equal(tls_report_parse(&r, json, strlen(json), &err),
				 !sizes[i].says);
		if (sizes[i].says) {
			assert_int_equal(err.kind, ERR_REFUSED);
			assert_string_equal(err.text, sizes[i].says);
			is_empty(&r);
		} else {
			assert_int_equal(r.policy_count, sizes[i].policies);
			assert_int_equal(r.failure_count, sizes[i].failures);
		}
		tls_report_release(&r);
		free(json);
	}
}

static void long_texts_are_cut(void **state)
{
	size_t len = 20000;
	char *words = xmalloc(len + 1), *json;
	struct tls_report r;

	(void)state;
	memset(words, 'w', len);
	words[len] = '\0';
	json = xasprintf("{" WINDOW ",\"organization-name\":\"%s\","
			 "\"policies\":[{\"policy\":{\"policy-domain\":\"%s\","
			 "\"policy-string\":[\"mode: none\",\"%s\",\"x: y\"]},"
			 "\"failure-details\":[{\"additional-information\":"
			 "\"%s\",\"result-type\":\"%s\"}]}]}",
			 words, words, words, words, words);
	assert_true(tls_report_parse(&r, json, strlen(json), NULL));
	assert_int_equal(strlen(r.organization), 255);
	assert_int_equal(strlen(r.policy[0].domain_text), 255);
	assert_string_equal(r.policy[0].domain, "");
	assert_string_equal(r.policy[0].policy, "mode: none");
	assert_int_equal(strlen(r.policy[0].failure[0].additional), 1024);
	assert_int_equal(strlen(r.policy[0].failure[0].result_text), 255);
	tls_report_release(&r);
	free(json);
	free(words);
}

/* The costliest of what is not refused: an array of this, as often as it may. */
static const struct {
	const char *item;
	size_t count;
	bool is_failure; /* else it is built, and not read */
} costly[] = {
	{ "\"0123456789abcdef\"", 99900, false },
	{ "{}", 9900, false },
	{ "{\"a\":\"0123456789abcdef\",\"b\":\"0123456789abcdef\"}", 9900,
	  false },
	{ FULL_FAILURE, TLS_REPORT_FAILURES_MAX, true },
};

static void make_costly(const char *item, size_t count, bool is_failure,
			struct buf *b)
{
	buf_init(b, TLS_REPORT_JSON_MAX);
	buf_printf(b, "{" WINDOW ",\"policies\":[{\"%s\":[",
		   is_failure ? "failure-details" : "else");
	for (size_t k = 0; k < count; k++)
		buf_printf(b, "%s%s", k ? "," : "", item);
	assert_true(buf_puts(b, "]}]}"));
}

static long peak_kb(void)
{
	struct rusage use;

	getrusage(RUSAGE_SELF, &use);
	return use.ru_maxrss;
}

#define NOT_TAKEN 255
#ifdef __SANITIZE_ADDRESS__
#define COST_MAX 60 /* its own memory counts with ours */
#else
#define COST_MAX (16 - 2) /* 2: what is inflated */
#endif

/* In a process of its own, for a peak does not go away. In megabytes. */
static int cost_of(const struct buf *b)
{
	struct tls_report r;
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (!child) {
		long before = peak_kb();
		bool ok = tls_report_parse(&r, b->data, b->len, NULL);

		_exit(ok ? (int)((peak_kb() - before + 1023) / 1024)
			 : NOT_TAKEN);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void no_report_costs_more_than_16_megabytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(costly); i++) {
		struct buf b;
		int cost;

		make_costly(costly[i].item, costly[i].count,
			    costly[i].is_failure, &b);
		cost = cost_of(&b);
		print_message("%zu bytes: %d MB\n", b.len, cost);
		assert_in_range(cost, 1, COST_MAX);
		buf_release(&b);
	}
}

/* Too much of what is not even read. */
static const struct {
	const char *item, *says;
} swollen[] = {
	{ "1", "the JSON has more than 100000 values" },
	{ "[]", "the JSON has more than 10000 arrays and objects" },
};

static void what_is_not_read_has_limits_too(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(swollen); i++) {
		struct err err = ERR_INIT;
		struct tls_report r;
		struct buf b;

		make_costly(swollen[i].item, 100000, false, &b);
		assert_false(tls_report_parse(&r, b.data, b.len, &err));
		assert_int_equal(err.kind, ERR_REFUSED);
		assert_string_equal(err.text, swollen[i].says);
		buf_release(&b);
	}
}

/* ---- at random ---- */

static void is_plain(const char *text, size_t max, const char *also)
{
	size_t len = strlen(text);
	char *plain, *line = xstrdup(text);

	assert_true(len <= max);
	assert_true(utf8_is_valid(text, len));
	for (char *p = line; *also && (p = strchr(p, *also)); p++)
		*p = '|';
	plain = utf8_plain(line, len, max);
	assert_string_equal(plain, line);
	free(plain);
	free(line);
}

static void failure_is_sound(const struct tls_failure *f)
{
	assert_in_range(f->result, 0, TLS_RESULT_COUNT - 1);
	assert_in_range(f->sessions, 0, TLS_REPORT_COUNT_MAX);
	is_plain(f->result_text, 255, "");
	is_plain(f->sending_ip, 255, "");
	is_plain(f->receiving_ip, 255, "");
	is_plain(f->mx_host, 255, "");
	is_plain(f->mx_helo, 255, "");
	is_plain(f->additional, 1024, "");
	is_plain(f->reason, 255, "");
}

static void policy_is_sound(const struct tls_report_policy *p)
{
	assert_in_range(p->type, 0, TLS_POLICY_OTHER);
	assert_in_range(p->successful, 0, TLS_REPORT_COUNT_MAX);
	assert_in_range(p->failed, 0, TLS_REPORT_COUNT_MAX);
	assert_true(!*p->domain || !*p->domain_text);
	is_plain(p->type_text, 255, "");
	is_plain(p->domain, 253, "");
	is_plain(p->domain_text, 255, "");
	is_plain(p->policy, 16384, "\n");
	is_plain(p->mx, 16384, "\n");
	for (size_t i = 0; i < p->failure_count; i++)
		failure_is_sound(&p->failure[i]);
}

static void report_is_sound(const struct tls_report *r)
{
	is_plain(r->organization, 255, "");
	is_plain(r->id, 255, "");
	is_plain(r->contact, 255, "");
	assert_in_range(r->end - r->begin, 0, TLS_REPORT_DAYS_MAX * WHEN_DAY);
	assert_true(r->policy_count <= TLS_REPORT_POLICIES_MAX);
	assert_true(r->failure_count <= TLS_REPORT_FAILURES_MAX);
	for (size_t i = 0; i < r->policy_count; i++)
		policy_is_sound(&r->policy[i]);
}

/* True if it was taken. */
static bool is_survived(const char *data, size_t len)
{
	char *copy = xmemdup(data, len);
	struct err err = ERR_INIT;
	struct tls_report r;
	bool ok = tls_report_read(&r, copy, len, &err);

	free(copy);
	if (ok) {
		report_is_sound(&r);
	} else {
		assert_true(err.kind == ERR_INPUT || err.kind == ERR_REFUSED);
		assert_string_not_equal(err.text, "");
		is_plain(err.text, sizeof(err.text), "");
		is_empty(&r);
	}
	tls_report_release(&r);
	return ok;
}

/* A byte becomes another, often one that JSON knows; or goes, or comes twice. */
static void damage(struct file *f, unsigned *seed)
{
	static const char marks[] = "\"\"{}[],,::\\0-9.e+ntf\r\n\0\x1b\xc3\xff";
	size_t at = (size_t)rand_r(seed) % f->len;

	switch (rand_r(seed) % 4) {
	case 0:
		f->data[at] = (char)rand_r(seed);
		break;
	case 1:
		f->data[at] = marks[(size_t)rand_r(seed) % sizeof(marks)];
		break;
	case 2:
		memmove(f->data + at, f->data + at + 1, f->len - at - 1);
		f->len -= f->len > 1;
		break;
	case 3:
		memmove(f->data + at + 1, f->data + at, f->len - at);
		f->len++;
		break;
	}
}

#define ROUNDS 2000

static void random_damage_is_survived(void **state)
{
	unsigned seed = 20261128, taken = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(reports); i++) {
		struct file whole, f;

		file_read(reports[i].file, &whole);
		for (int n = 0; n < ROUNDS; n++) {
			f = whole;
			for (int hits = 1 + rand_r(&seed) % 8; hits; hits--)
				damage(&f, &seed);
			taken += is_survived(f.data, f.len);
		}
	}
	print_message("%u of %zu taken\n", taken, ROUNDS * ARRAY_LEN(reports));
	assert_in_range(taken, 1000, ROUNDS * ARRAY_LEN(reports) - 1000);
}

static void a_piece_of_a_report_is_none(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(reports); i++) {
		size_t len;
		struct file f;

		file_read(reports[i].file, &f);
		for (len = f.len; f.data[len - 1] == '\n'; len--)
			;
		while (--len)
			assert_false(is_survived(f.data, len));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_report_costs_more_than_16_megabytes),
		cmocka_unit_test(reports_are_read_as_they_are_meant),
		cmocka_unit_test(what_is_no_report_is_told_from_one),
		cmocka_unit_test(gzip_that_is_none_is_no_report),
		cmocka_unit_test(a_large_report_is_taken_and_a_larger_refused),
		cmocka_unit_test(what_is_not_read_has_limits_too),
		cmocka_unit_test(long_texts_are_cut),
		cmocka_unit_test(random_damage_is_survived),
		cmocka_unit_test(a_piece_of_a_report_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
