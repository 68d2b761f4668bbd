#include "policy/findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "policy/findings_parts.h"

#define DETAIL_MAX    400
#define SENTENCE_MAX  1000
#define QUOTED_MAX    100
#define HTTP_OK	      200

static const struct rule_set *const sets[] = {
	&rules_records,	  &rules_host,	    &rules_host_each,	&rules_cert,
	&rules_cert_each, &rules_policy,    &rules_policy_each, &rules_mail,
	&rules_mail_each, &rules_smtp_each, &rules_reports,	&rules_box,
};

const char *check_severity_name(enum check_severity severity)
{
	static const char *const names[] = {
		[CHECK_GOOD] = "good",
		[CHECK_NOTE] = "note",
		[CHECK_WARNING] = "warning",
		[CHECK_ERROR] = "error",
	};

	return names[severity];
}

const char *check_group_name(enum check_group group)
{
	static const char *const names[] = {
		[GROUP_RECORDS] = "records",
		[GROUP_HOST] = "policy host",
		[GROUP_CERTIFICATE] = "certificate",
		[GROUP_POLICY] = "policy",
		[GROUP_MAIL] = "mail servers",
		[GROUP_REPORTS] = "reports",
		[GROUP_BOX] = "this box",
	};

	return names[group];
}

const char *check_finding_id(size_t i)
{
	for (size_t s = 0; s < ARRAY_LEN(sets); s++) {
		if (i < sets[s]->count)
			return sets[s]->rule[i].id;
		i -= sets[s]->count;
	}
	return NULL;
}

/* ---- what rows say ---- */

bool bench_say(struct bench *b, const char *fmt, ...)
{
	char text[DETAIL_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_clear(&b->detail);
	return buf_puts(&b->detail, text) || true;
}

bool bench_quote(struct bench *b, const char *text)
{
	char *quoted = str_quoted(text, QUOTED_MAX);

	bench_say(b, "%s", quoted);
	free(quoted);
	return true;
}

void bench_list(struct bench *b, const char *item)
{
	buf_printf(&b->detail, "%s%s", b->detail.len ? ", " : "", item);
}

bool bench_has_mode(const struct bench *b, enum sts_mode mode)
{
	return b->lint && b->lint->has_mode && b->lint->policy.mode == mode;
}

bool bench_is_own(const struct check_facts *f, const char *address)
{
	for (size_t i = 0; i < f->expected.address_count; i++)
		if (streq(f->expected.address[i], address))
			return true;
	return false;
}

/* ---- certificates ---- */

static enum cert_fault cert_fault_of(const struct tls_look *cert, time_t now)
{
	time_t life = cert->not_after - cert->not_before,
	       left = cert->not_after - now;

	if (!cert->is_for_host)
		return CERT_OTHER_NAME;
	if (left <= 0)
		return CERT_EXPIRED;
	if (now < cert->not_before)
		return CERT_EARLY;
	if (!cert->is_trusted)
		return CERT_UNTRUSTED;
	if (left < 14 * WHEN_DAY && left < life / 4)
		return CERT_SOON;
	if (left < 30 * WHEN_DAY && left < life / 3)
		return CERT_DUE;
	return CERT_GOOD;
}

/* What is to be said of each. */
bool bench_cert(struct bench *b, const struct tls_look *cert)
{
	enum cert_fault fault = (enum cert_fault)b->arg;
	char rough[DURATION_TEXT], end[INSTANT_TEXT];

	if (!cert->is_seen || cert_fault_of(cert, b->now) != fault)
		return false;
	duration_rough(labs((long)(cert->not_after - b->now)), rough);
	instant_format(cert->not_after, end);
	if (fault == CERT_OTHER_NAME)
		return bench_say(b, "%s",
				 *cert->names ? cert->names : "no name");
	if (fault == CERT_UNTRUSTED)
		return bench_say(b, "%s", cert->problem);
	if (fault == CERT_EARLY)
		return bench_say(b, "%s",
				 instant_format(cert->not_before, end));
	if (fault == CERT_GOOD)
		return bench_say(b, "%s, valid for %s more", cert->issuer,
				 rough);
	return bench_say(b, "%s (%s%s%s)", end, fault == CERT_EXPIRED ? "" :
			 "in ", rough, fault == CERT_EXPIRED ? " ago" : "");
}

bool bench_cert_is_bad(const struct bench *b, const struct tls_look *cert)
{
	return cert->is_seen && cert_fault_of(cert, b->now) < CERT_SOON;
}

/* ---- sentences ---- */

static const char *announced_id(const struct bench *b)
{
	return *b->f->expected.id ? b->f->expected.id : "...";
}

/* What a name between braces stands for; NULL: it is no such name. */
static const char *value_of(const struct bench *b, const char *name,
			    size_t len)
{
	const struct {
		const char *name, *value;
	} names[] = {
		{ "", b->detail.data },
		{ "domain", b->f->domain },
		{ "id", announced_id(b) },
		{ "mx", b->mx ? b->mx->name : "" },
		{ "hint", b->why.hint },
		{ "announce", b->announce },
		{ "report", b->report },
		{ "address", b->https  ? b->https->address
			     : b->smtp ? b->smtp->address
				       : "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strlen(names[i].name) == len &&
		    memcmp(names[i].name, name, len) == 0)
			return names[i].value;
	return NULL;
}

/* The caller frees. */
static char *sentence(const struct bench *b, const char *pattern)
{
	struct buf out;
	char *text;

	buf_init(&out, SENTENCE_MAX);
	while (*pattern) {
		size_t len = strcspn(pattern, "{");

		buf_add(&out, pattern, len);
		pattern += len;
		if (!*pattern)
			break;
		len = strcspn(++pattern, "}");
		buf_puts(&out, value_of(b, pattern, len));
		pattern += len + 1;
	}
	text = buf_take(&out);
	buf_release(&out);
	return text;
}

/* Both addresses of a host mostly have the same to say: once will do. */
static bool is_said(const struct check_findings *out, const char *id,
		    const char *text)
{
	for (size_t i = 0; i < out->count; i++)
		if (out->item[i].id == id && streq(out->item[i].text, text))
			return true;
	return false;
}

static const char *todo_of(const struct bench *b, const struct rule *rule)
{
	const char *todo = b->f->expected.is_hosted ? findings_hosted(rule->id)
						    : NULL;

	return todo ? todo : rule->todo;
}

static void add(struct check_findings *out, const struct rule_set *set,
		const struct rule *rule, const struct bench *b)
{
	char *text = sentence(b, rule->text);
	struct check_finding *f;

	if (is_said(out, rule->id, text)) {
		free(text);
		return;
	}
	out->item = xrealloc_array(out->item, out->count + 1, sizeof(*f));
	f = &out->item[out->count++];
	*f = (struct check_finding){ .id = rule->id,
				     .group = set->group,
				     .severity = b->severity,
				     .text = text,
				     .todo = sentence(b, todo_of(b, rule)),
				     .mx = b->mx ? xstrdup(b->mx->name)
						 : NULL };
}

/* ---- going through ---- */

static void go_through(const struct rule_set *set, struct bench *b,
		       struct check_findings *out)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct rule *rule = &set->rule[i];

		buf_clear(&b->detail);
		b->why = (struct err)ERR_INIT;
		b->arg = rule->arg;
		b->severity = rule->severity;
		if (rule->holds(b))
			add(out, set, rule, b);
	}
}

/* Is there one? */
static bool take_smtp(struct bench *b, size_t i)
{
	b->mx = &b->f->mx[i / CHECK_TRIED_MAX];
	b->smtp = &b->mx->smtp[i % CHECK_TRIED_MAX];
	return i % CHECK_TRIED_MAX < b->mx->smtp_count;
}

static void take_turns(const struct rule_set *set, struct bench *b,
		       struct check_findings *out)
{
	size_t turns[] = {
		[ONCE] = 1,
		[EACH_HTTPS] = ARRAY_LEN(b->f->https),
		[EACH_FAULT] = b->lint ? b->lint->count : 0,
		[EACH_MX] = b->f->mx_count,
		[EACH_SMTP] = b->f->mx_count * CHECK_TRIED_MAX,
	};

	for (size_t i = 0; i < turns[set->turn]; i++) {
		b->https = set->turn == EACH_HTTPS ? &b->f->https[i] : NULL;
		b->fault = set->turn == EACH_FAULT ? &b->lint->fault[i] : NULL;
		b->mx = set->turn == EACH_MX ? &b->f->mx[i] : NULL;
		if (set->turn != EACH_SMTP || take_smtp(b, i))
			go_through(set, b, out);
		b->smtp = NULL;
	}
}

/* The first one that came; they are compared elsewhere. */
static const struct check_https *body_of(const struct check_facts *f)
{
	for (size_t i = 0; i < ARRAY_LEN(f->https); i++)
		if (f->https[i].outcome == HTTPS_ANSWERED &&
		    f->https[i].status == HTTP_OK)
			return &f->https[i];
	return NULL;
}

void check_judge(const struct check_facts *facts, time_t now,
		 struct check_findings *out)
{
	const struct check_https *source = body_of(facts);
	char announce[FINDINGS_HOSTED], report[FINDINGS_HOSTED];
	struct bench b = {
		.f = facts, .now = now, .announce = announce, .report = report
	};
	struct sts_lint lint = { .count = 0 };

	findings_say_announce(facts, announce);
	findings_say_report(facts, report);
	*out = (struct check_findings){ .count = 0 };
	if (source) {
		sts_lint(&lint, source->body, source->body_len);
		b.lint = &lint;
	}
	buf_init(&b.detail, DETAIL_MAX);
	for (size_t i = 0; i < ARRAY_LEN(sets); i++)
		take_turns(sets[i], &b, out);
	buf_release(&b.detail);
	sts_lint_release(&lint);
}

void check_findings_release(struct check_findings *f)
{
	for (size_t i = 0; i < f->count; i++) {
		free(f->item[i].text);
		free(f->item[i].todo);
		free(f->item[i].mx);
	}
	free(f->item);
	*f = (struct check_findings){ .count = 0 };
}

enum check_severity check_findings_worst(const struct check_findings *f)
{
	enum check_severity worst = CHECK_GOOD;

	for (size_t i = 0; i < f->count; i++)
		if (f->item[i].severity > worst)
			worst = f->item[i].severity;
	return worst;
}
