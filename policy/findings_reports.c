/*
 * TLS reports: whether they are asked for, and what they say. And what the box
 * that hosts a domain says of it.
 */
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "policy/findings_parts.h"

#define VERSION	    "v=TLSRPTv1"
#define SILENT_DAYS 7

/* ---- the record ---- */

static bool looked(struct bench *b)
{
	return (int)b->f->report.look == b->arg &&
	       bench_say(b, "%s", b->f->report.problem);
}

static bool is_one(const char *text)
{
	return strncasecmp(text, VERSION, strlen(VERSION)) == 0;
}

static size_t count(const struct bench *b)
{
	const struct check_txt *t = &b->f->report;
	size_t n = 0;

	for (size_t i = 0; t->look == CHECK_SEEN && i < t->count; i++)
		n += is_one(t->text[i]);
	return n;
}

/* False: there is not just one, or it is none. To be released if true. */
static bool read_record(const struct bench *b, struct tlsrpt_record *r,
			struct err *err)
{
	const struct check_txt *t = &b->f->report;

	*r = (struct tlsrpt_record){ .count = 0 };
	for (size_t i = 0; count(b) == 1 && i < t->count; i++)
		if (is_one(t->text[i]))
			return tlsrpt_record_parse(r, t->text[i], err);
	return false;
}

static bool is_missing(struct bench *b)
{
	enum check_look look = b->f->report.look;

	return look == CHECK_ABSENT || (look == CHECK_SEEN && !count(b));
}

static bool is_twice(struct bench *b)
{
	return count(b) > 1 && bench_say(b, "%zu", count(b));
}

static bool is_bad(struct bench *b)
{
	struct err err = ERR_INIT;
	struct tlsrpt_record r;
	bool ok = count(b) != 1 || read_record(b, &r, &err);

	if (ok && count(b) == 1)
		tlsrpt_record_release(&r);
	return !ok && bench_say(b, "%s", err.text);
}

/* ---- where it asks them to go ---- */

static bool is_web(const char *uri)
{
	return strncasecmp(uri, "https:", 6) == 0;
}

static bool has_web_only(const struct bench *b, const struct tlsrpt_record *r)
{
	(void)b;
	for (size_t i = 0; i < r->count; i++)
		if (!is_web(r->uri[i]))
			return false;
	return true;
}

static bool is_collector(const struct bench *b, const char *uri)
{
	for (size_t i = 0; i < b->f->expected.collector_count; i++)
		if (streq(b->f->expected.collector[i], uri))
			return true;
	return false;
}

static bool is_elsewhere(const struct bench *b, const struct tlsrpt_record *r)
{
	if (!b->f->expected.collector_count)
		return false;
	for (size_t i = 0; i < r->count; i++)
		if (is_collector(b, r->uri[i]))
			return false;
	return true;
}

static bool is_first_elsewhere(const struct bench *b,
			       const struct tlsrpt_record *r)
{
	return b->f->expected.collector_count && !is_elsewhere(b, r) &&
	       !is_collector(b, r->uri[0]);
}

static bool is_own_mailbox(const struct bench *b, const char *uri)
{
	const char *at = strchr(uri, '@');
	size_t len = strlen(b->f->domain);

	return !is_web(uri) && at &&
	       strncasecmp(at + 1, b->f->domain, len) == 0 &&
	       strchr("?", at[1 + len]);
}

static bool has_own_only(const struct bench *b, const struct tlsrpt_record *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (!is_own_mailbox(b, r->uri[i]))
			return false;
	return true;
}

static bool is_any(const struct bench *b, const struct tlsrpt_record *r)
{
	(void)b;
	(void)r;
	return true;
}

static bool (*const asks[])(const struct bench *b,
			    const struct tlsrpt_record *r) = {
	has_web_only, is_elsewhere, is_first_elsewhere, has_own_only, is_any,
};
enum { WEB_ONLY, ELSEWHERE, FIRST_ELSEWHERE, OWN_ONLY, ANY };

static bool asks_for(struct bench *b)
{
	struct tlsrpt_record r;
	bool holds;

	if (!read_record(b, &r, NULL))
		return false;
	holds = asks[b->arg](b, &r);
	for (size_t i = 0; holds && i < r.count; i++)
		bench_list(b, r.uri[i]);
	tlsrpt_record_release(&r);
	return holds;
}

/* ---- what came ---- */

/* As the UK's NCSC rates them. */
static bool has_failures(struct bench *b)
{
	const struct check_expected *e = &b->f->expected;

	if (!e->has_reports || e->failures <= 0)
		return false;
	if (e->failures >= e->sessions - e->sessions / 2)
		b->severity = CHECK_ERROR;
	else if (e->failures < e->sessions / 10)
		b->severity = CHECK_NOTE;
	return bench_say(b, "%ld of %ld", e->failures, e->sessions);
}

static bool is_silent(struct bench *b)
{
	const struct check_expected *e = &b->f->expected;

	return e->has_reports && e->silent_days > SILENT_DAYS &&
	       bench_say(b, "%ld days", e->silent_days);
}

#define RECORD "_smtp._tls.{domain}. IN TXT \"v=TLSRPTv1; rua=mailto:...\""

static const struct rule rules[] = {
	{ "rpt.missing", CHECK_WARNING, is_missing, 0,
	  "_smtp._tls.{domain} asks for no TLS reports: nobody tells when "
	  "senders fail",
	  "publish " RECORD },
	{ "rpt.server-failed", CHECK_WARNING, looked, CHECK_FAILED,
	  "the name servers fail when asked for TXT of _smtp._tls.{domain}: {}",
	  "have the name servers of {domain} put right" },
	{ "rpt.not-tested", CHECK_WARNING, looked, CHECK_NOT_TESTED,
	  "_smtp._tls.{domain} was not asked for: whether senders report is "
	  "not known",
	  "try again" },
	{ "rpt.timeout", CHECK_WARNING, looked, CHECK_TIMED_OUT,
	  "nobody answered for TXT of _smtp._tls.{domain}: {}",
	  "check the resolvers of this machine, then the name servers of "
	  "{domain}; and try again" },
	{ "rpt.duplicate", CHECK_ERROR, is_twice, 0,
	  "_smtp._tls.{domain} has {} TLSRPT records: senders then send no "
	  "report",
	  "keep one of them" },
	{ "rpt.bad", CHECK_ERROR, is_bad, 0,
	  "the record of _smtp._tls.{domain} is malformed: {}",
	  "publish " RECORD },
	{ "rpt.https-only", CHECK_WARNING, asks_for, WEB_ONLY,
	  "TLS reports are asked for by https only: {}; senders that report by "
	  "mail drop them",
	  "add a mailto: address" },
	{ "rpt.elsewhere", CHECK_NOTE, asks_for, ELSEWHERE,
	  "TLS reports go to {}, and not where this box was told",
	  "publish the records of: mtastsctl domain records {domain}" },
	{ "rpt.first-elsewhere", CHECK_WARNING, asks_for, FIRST_ELSEWHERE,
	  "where this box was told comes late in {}: many senders use the "
	  "first address only",
	  "put it first" },
	{ "rpt.own-mailbox", CHECK_NOTE, asks_for, OWN_ONLY,
	  "TLS reports go to {domain} itself: when its mail fails, so do they",
	  "add an address elsewhere" },
	{ "rpt.ok", CHECK_GOOD, asks_for, ANY, "TLS reports go to {}", "" },
	{ "rpt.failures", CHECK_WARNING, has_failures, 0,
	  "of the sessions of the last seven days {} failed",
	  "mtastsctl report summary {domain}" },
	{ "rpt.silent", CHECK_WARNING, is_silent, 0,
	  "no TLS report has come for {}",
	  "check the address that reports go to" },
};

/* ---- what the box knows ---- */

static bool has_trouble(struct bench *b)
{
	if (b->f->expected.trouble_is_error)
		b->severity = CHECK_ERROR;
	return *b->f->expected.trouble &&
	       bench_say(b, "%s", b->f->expected.trouble);
}

static const struct rule box[] = {
	{ "box.trouble", CHECK_WARNING, has_trouble, 0, "{}",
	  "see: mtastsctl domain show {domain}" },
};

const struct rule_set rules_box = { GROUP_BOX, ONCE, box, ARRAY_LEN(box) };
const struct rule_set rules_reports = { GROUP_REPORTS, ONCE, rules,
					ARRAY_LEN(rules) };
