#include "policy/tls_report.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/inflate.h"
#include "base/json_guard.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"
#include "base/when.h"
#include "policy/policy_lines.h"
#include "policy/report_date.h"

#define WORDS_MAX 255
#define INFO_MAX  1024	/* additional-information: a URL may be long */
#define LINES_MAX 16384 /* more than any policy of 50 mx lines */
#define UTF8_MARK "\xef\xbb\xbf"

/*
 * 5,000 failures of 8 fields are 17 values each, and policies have some. Six
 * levels are needed.
 */
static const struct json_size json_max = {
	.values = 100000,
	.containers = 10000,
	.depth = 16,
};

static const char *const type_names[] = {
	[TLS_POLICY_STS] = "sts",
	[TLS_POLICY_TLSA] = "tlsa",
	[TLS_POLICY_NONE_FOUND] = "no-policy-found",
	[TLS_POLICY_OTHER] = "other",
};

const char *tls_policy_type_name(enum tls_policy_type type)
{
	return type_names[type];
}

/* ---- values ---- */

/* Some write a single thing where a list of them should be. */
static size_t item_count(const json_t *list)
{
	if (json_is_array(list))
		return json_array_size(list);
	return list && !json_is_null(list);
}

static const json_t *item(const json_t *list, size_t i)
{
	return json_is_array(list) ? json_array_get(list, i) : list;
}

/* Numbers are taken as well: some ids are. */
static char *text_of(const json_t *value, size_t max)
{
	if (json_is_string(value))
		return utf8_plain(json_string_value(value),
				  json_string_length(value), max);
	if (json_is_integer(value))
		return xasprintf("%lld", (long long)json_integer_value(value));
	return xstrdup("");
}

/* Digits in a string are a number; what is huge is the most there is. */
static double number_of(const json_t *value)
{
	const char *text = json_string_value(value);
	long n;

	if (!text)
		return json_number_value(value); /* 0 if it is none */
	if (str_to_long(text, strlen(text), TLS_REPORT_COUNT_MAX, &n))
		return (double)n;
	if (*text && strspn(text, "0123456789") == strlen(text))
		return (double)TLS_REPORT_COUNT_MAX;
	return 0;
}

static long count_of(const json_t *value)
{
	double n = number_of(value);

	if (!(n > 0))
		return 0;
	if (n >= (double)TLS_REPORT_COUNT_MAX)
		return TLS_REPORT_COUNT_MAX;
	return (long)n;
}

/* Lines of all strings of the list, as far as there is room. */
static char *lines_of(const json_t *list)
{
	struct buf lines;

	buf_init(&lines, LINES_MAX);
	for (size_t i = 0; i < item_count(list); i++) {
		const json_t *line = item(list, i);

		if (json_is_string(line) &&
		    !policy_lines_add(&lines, json_string_value(line),
				      json_string_length(line)))
			break;
	}
	return buf_take(&lines);
}

struct text_field {
	const char *key;
	size_t at;  /* of a char * in the struct */
	size_t max; /* bytes */
};

static char **text_at(void *in, const struct text_field *field)
{
	return (char **)(void *)((char *)in + field->at);
}

static void read_texts(const json_t *object, const struct text_field *fields,
		       size_t count, void *to)
{
	for (size_t i = 0; i < count; i++)
		*text_at(to, &fields[i]) = text_of(
			json_object_get(object, fields[i].key), fields[i].max);
}

static void free_texts(void *in, const struct text_field *fields, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(*text_at(in, &fields[i]));
}

static void replace(char **text, const char *with)
{
	char *had = *text;

	*text = xstrdup(with);
	free(had);
}

/* ---- failures ---- */

static const struct text_field failure_fields[] = {
	{ "result-type", offsetof(struct tls_failure, result_text), WORDS_MAX },
	{ "sending-mta-ip", offsetof(struct tls_failure, sending_ip),
	  WORDS_MAX },
	{ "receiving-ip", offsetof(struct tls_failure, receiving_ip),
	  WORDS_MAX },
	{ "receiving-mx-hostname", offsetof(struct tls_failure, mx_host),
	  WORDS_MAX },
	{ "receiving-mx-helo", offsetof(struct tls_failure, mx_helo),
	  WORDS_MAX },
	{ "additional-information", offsetof(struct tls_failure, additional),
	  INFO_MAX },
	{ "failure-reason-code", offsetof(struct tls_failure, reason),
	  WORDS_MAX },
};

static void normalise_ip(char **ip)
{
	static const int families[] = { AF_INET, AF_INET6 };
	unsigned char bytes[sizeof(struct in6_addr)];
	char text[INET6_ADDRSTRLEN];

	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		if (inet_pton(families[i], *ip, bytes) == 1 &&
		    inet_ntop(families[i], bytes, text, sizeof(text)))
			replace(ip, text);
}

static void normalise_host(char **host)
{
	char name[DOMAIN_NAME_SIZE];

	if (**host && host_name_normalise(*host, name, NULL))
		replace(host, name);
}

static void read_failure(const json_t *given, struct tls_failure *f)
{
	read_texts(given, failure_fields, ARRAY_LEN(failure_fields), f);
	f->result = tls_result_parse(f->result_text);
	if (f->result != TLS_RESULT_OTHER)
		replace(&f->result_text, "");
	f->sessions = count_of(json_object_get(given, "failed-session-count"));
	normalise_ip(&f->sending_ip);
	normalise_ip(&f->receiving_ip);
	normalise_host(&f->mx_host);
}

static void read_failures(const json_t *list, struct tls_report_policy *p)
{
	size_t count = item_count(list);

	p->failure = xcalloc(count, sizeof(*p->failure));
	for (size_t i = 0; i < count; i++)
		if (json_is_object(item(list, i)))
			read_failure(item(list, i),
				     &p->failure[p->failure_count++]);
}

/* ---- policies ---- */

static void read_type(const json_t *given, struct tls_report_policy *p)
{
	int type = 0;

	p->type_text = text_of(given, WORDS_MAX);
	while (type < TLS_POLICY_OTHER &&
	       !streq_case(type_names[type], p->type_text))
		type++;
	p->type = (enum tls_policy_type)type;
	if (p->type != TLS_POLICY_OTHER)
		replace(&p->type_text, "");
}

static void read_domain(const json_t *given, struct tls_report_policy *p)
{
	p->domain_text = text_of(given, WORDS_MAX);
	if (host_name_normalise(p->domain_text, p->domain, NULL))
		replace(&p->domain_text, "");
}

static void read_policy(const json_t *given, struct tls_report_policy *p)
{
	const json_t *policy = json_object_get(given, "policy");
	const json_t *summary = json_object_get(given, "summary");

	read_type(json_object_get(policy, "policy-type"), p);
	read_domain(json_object_get(policy, "policy-domain"), p);
	p->policy = lines_of(json_object_get(policy, "policy-string"));
	p->mx = lines_of(json_object_get(policy, "mx-host"));
	str_lower(p->mx);
	p->successful = count_of(
		json_object_get(summary, "total-successful-session-count"));
	p->failed = count_of(
		json_object_get(summary, "total-failure-session-count"));
	read_failures(json_object_get(given, "failure-details"), p);
}

static bool are_few(const json_t *policies, struct err *err)
{
	size_t count = item_count(policies), failures = 0;

	if (count > TLS_REPORT_POLICIES_MAX)
		return err_set(err, ERR_REFUSED,
			       "the report has %zu policies: more than %d",
			       count, TLS_REPORT_POLICIES_MAX);
	for (size_t i = 0; i < count; i++)
		failures += item_count(
			json_object_get(item(policies, i), "failure-details"));
	if (failures > TLS_REPORT_FAILURES_MAX)
		return err_set(err, ERR_REFUSED,
			       "the report has %zu failure details: more than "
			       "%d",
			       failures, TLS_REPORT_FAILURES_MAX);
	return true;
}

static bool read_policies(const json_t *list, struct tls_report *r,
			  struct err *err)
{
	size_t count = item_count(list);

	if (!are_few(list, err))
		return false;
	r->policy = xcalloc(count, sizeof(*r->policy));
	for (size_t i = 0; i < count; i++) {
		struct tls_report_policy *p = &r->policy[r->policy_count];

		if (!json_is_object(item(list, i)))
			continue;
		read_policy(item(list, i), p);
		r->policy_count++;
		r->failure_count += p->failure_count;
	}
	return true;
}

/* ---- the report ---- */

static const struct text_field report_fields[] = {
	{ "organization-name", offsetof(struct tls_report, organization),
	  WORDS_MAX },
	{ "report-id", offsetof(struct tls_report, id), WORDS_MAX },
	{ "contact-info", offsetof(struct tls_report, contact), WORDS_MAX },
};

static bool read_date(const json_t *range, const char *key, time_t *at,
		      struct err *err)
{
	char *text = text_of(json_object_get(range, key), WORDS_MAX);
	bool ok = report_date_parse(text, at);

	if (!*text)
		err_set(err, ERR_INPUT, "the report has no %s", key);
	else if (!ok)
		err_set(err, ERR_INPUT,
			"the %s of the report is no date: %.60s", key, text);
	free(text);
	return ok;
}

static bool read_window(const json_t *range, struct tls_report *r,
			struct err *err)
{
	if (!read_date(range, "start-datetime", &r->begin, err) ||
	    !read_date(range, "end-datetime", &r->end, err))
		return false;
	if (r->end < r->begin)
		return err_set(err, ERR_INPUT,
			       "the report ends before it begins");
	if (r->end - r->begin > TLS_REPORT_DAYS_MAX * WHEN_DAY)
		return err_set(err, ERR_INPUT,
			       "the report is of more than %d days",
			       TLS_REPORT_DAYS_MAX);
	return true;
}

static bool read_report(const json_t *root, struct tls_report *r,
			struct err *err)
{
	if (!json_is_object(root))
		return err_set(err, ERR_INPUT,
			       "the report is JSON, but no object");
	if (!read_window(json_object_get(root, "date-range"), r, err) ||
	    !read_policies(json_object_get(root, "policies"), r, err))
		return false;
	read_texts(root, report_fields, ARRAY_LEN(report_fields), r);
	return true;
}

/* Numbers too large for an integer are none that matter: once more, inexact. */
static json_t *load(const char *json, size_t len, struct err *err)
{
	json_error_t why;
	json_t *root = json_loadb(json, len, JSON_ALLOW_NUL, &why);
	char *what;

	if (!root && json_error_code(&why) == json_error_numeric_overflow)
		root = json_loadb(json, len,
				  JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL,
				  &why);
	if (root)
		return root;
	what = str_printable(why.text, sizeof(why.text));
	err_set(err, ERR_INPUT, "the report is not JSON: line %d: %s", why.line,
		what);
	free(what);
	return NULL;
}

/* I-JSON is UTF-8; a name in another encoding spoils no report. */
static json_t *load_mended(const char *json, size_t len, struct err *err)
{
	char *copy;
	json_t *root;

	if (utf8_is_valid(json, len))
		return load(json, len, err);
	copy = xmemdup(json, len);
	utf8_mend(copy, len);
	root = load(copy, len, err);
	free(copy);
	return root;
}

static void skip_mark(const char **json, size_t *len)
{
	size_t mark = sizeof(UTF8_MARK) - 1;

	if (*len >= mark && memcmp(*json, UTF8_MARK, mark) == 0) {
		*json += mark;
		*len -= mark;
	}
}

static json_t *tree_of(const char *json, size_t len, struct err *err)
{
	if (len > TLS_REPORT_JSON_MAX) {
		err_set(err, ERR_REFUSED, "the report is longer than %d bytes",
			TLS_REPORT_JSON_MAX);
		return NULL;
	}
	skip_mark(&json, &len);
	if (!json_guard(json, len, &json_max, NULL, err))
		return NULL;
	return load_mended(json, len, err);
}

/* The text is gone before what it says is copied: two megabytes less. */
static json_t *inflated_tree_of(const void *data, size_t len, struct err *err)
{
	json_t *root = NULL;
	struct buf json;

	buf_init(&json, TLS_REPORT_JSON_MAX);
	if (inflate_gzip(data, len, TLS_REPORT_RATIO_MAX, &json, err))
		root = tree_of(json.data, json.len, err);
	buf_release(&json);
	return root;
}

/* Takes the tree, or that there is none. */
static bool read_tree(json_t *root, struct tls_report *r, struct err *err)
{
	bool ok;

	*r = (struct tls_report){ 0 };
	if (!root)
		return false;
	ok = read_report(root, r, err);
	json_decref(root);
	if (!ok)
		tls_report_release(r);
	return ok;
}

bool tls_report_parse(struct tls_report *r, const char *json, size_t len,
		      struct err *err)
{
	return read_tree(tree_of(json, len, err), r, err);
}

bool tls_report_read(struct tls_report *r, const void *data, size_t len,
		     struct err *err)
{
	if (!inflate_is_gzip(data, len))
		return tls_report_parse(r, data, len, err);
	return read_tree(inflated_tree_of(data, len, err), r, err);
}

static void release_policy(struct tls_report_policy *p)
{
	for (size_t i = 0; i < p->failure_count; i++)
		free_texts(&p->failure[i], failure_fields,
			   ARRAY_LEN(failure_fields));
	free(p->failure);
	free(p->type_text);
	free(p->domain_text);
	free(p->policy);
	free(p->mx);
}

void tls_report_release(struct tls_report *r)
{
	for (size_t i = 0; i < r->policy_count; i++)
		release_policy(&r->policy[i]);
	free(r->policy);
	free_texts(r, report_fields, ARRAY_LEN(report_fields));
	*r = (struct tls_report){ 0 };
}
