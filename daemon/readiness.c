#include "daemon/readiness.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "daemon/health.h"
#include "policy/preset.h"

static void against(struct readiness *r, const char *id, const char *hint,
		    const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static void against(struct readiness *r, const char *id, const char *hint,
		    const char *fmt, ...)
{
	struct readiness_reason *one = &r->reason[r->count];
	va_list ap;

	if (r->count == READINESS_MAX)
		return;
	r->count++;
	snprintf(one->id, sizeof(one->id), "%s", id);
	snprintf(one->hint, sizeof(one->hint), "%s", hint);
	va_start(ap, fmt);
	vsnprintf(one->text, sizeof(one->text), fmt, ap);
	va_end(ap);
}

#define DOMAIN "{domain}" /* of a hint: a command is there to be copied */

static void put_name(char *hint, size_t size, const char *name)
{
	char *place, *rest;

	while ((place = strstr(hint, DOMAIN))) {
		rest = xstrdup(place + strlen(DOMAIN));
		snprintf(place, size - (size_t)(place - hint), "%s%s", name,
			 rest);
		free(rest);
	}
}

static void put_names(struct readiness *r, const char *name)
{
	for (size_t i = 0; i < r->count; i++)
		put_name(r->reason[i].hint, sizeof(r->reason[i].hint), name);
}

/* ---- what the box knows itself ---- */

static void judge_state(const struct readiness_facts *f, struct readiness *r)
{
	const struct domain *d = &f->domain->domain;

	if (d->state != DOMAIN_LIVE)
		against(r, "state", "see mtastsctl domain show {domain}",
			"it is %s, not live: nobody can fetch its policy",
			domain_phase(d));
	else if (d->leaving)
		against(r, "state", "mtastsctl domain add {domain} keeps it",
			"it is on its way out: %s", domain_phase(d));
}

static void judge_cert(const struct readiness_facts *f, time_t now,
		       struct readiness *r)
{
	const struct domain_facts *d = f->domain;

	if (d->domain.state == DOMAIN_LIVE && ca_is_staging(&d->ca) &&
	    d->has_cert)
		against(r, "cert.staging", "set ca_order to another",
			"its certificate is from %s, which no sender trusts",
			d->ca.name);
	if (d->domain.state == DOMAIN_LIVE && !d->has_cert)
		against(r, "cert.missing", "mtastsctl cert renew {domain}",
			"the certificate served is not in the store");
	else if (d->has_cert && d->cert.not_after <= now)
		against(r, "cert.expired", "mtastsctl cert renew {domain}",
			"its certificate has expired");
	else if (d->has_cert && (d->cert.revoked_at || d->domain.revoked))
		against(r, "cert.revoked",
			"it is replaced soon: mtastsctl log {domain}",
			"its certificate is revoked, or will be");
	else if (d->has_cert && d->domain.failures > 2)
		against(r, "cert.renewal-failing", d->domain.hint,
			"its certificate is not renewed: %.200s",
			d->domain.problem);
}

static void judge_txt(const struct readiness_facts *f, time_t now,
		      struct readiness *r)
{
	const struct domain_facts *d = f->domain;
	static const char *const words[] = {
		[ANNOUNCED_UNKNOWN] = "its _mta-sts record was not seen yet",
		[ANNOUNCED_NOTHING] = "there is no _mta-sts record",
		[ANNOUNCED_DAMAGED] = "its _mta-sts record is damaged",
		[ANNOUNCED_IN_STEP] = "",
		[ANNOUNCED_BEHIND] = "it is behind, with an earlier one's id",
		[ANNOUNCED_AHEAD] = "the record has an id never made here",
		[ANNOUNCED_FOREIGN] = "the record has another host's id",
	};
	enum announced is = watch_announced(&d->watch, d->policy.sts_id);
	char hint[300], at[INSTANT_TEXT];

	if (is == ANNOUNCED_IN_STEP && !watch_is_lately(d->watch.txt_at, now))
		against(r, "announced", "mtastsctl domain check {domain}",
			"nobody has answered for its _mta-sts record since %s",
			instant_format(d->watch.txt_at, at));
	if (is == ANNOUNCED_IN_STEP)
		return;
	health_txt_hint(d, hint, sizeof(hint));
	against(r, "announced", hint, "DNS does not announce this version: %s",
		words[is]);
}

static void judge_time(const struct readiness_facts *f, time_t now,
		       struct readiness *r)
{
	char at[INSTANT_TEXT], whole[DURATION_TEXT], hint[300];

	if (!f->testing_since) {
		if (f->testing_time)
			against(r, "days", "",
				"senders are not known to have been asked to "
				"test it (%s of that are due)",
				duration_format(f->testing_time, whole));
		return;
	}
	r->ready_at = f->testing_since + f->testing_time;
	if (now >= r->ready_at)
		return;
	snprintf(hint, sizeof(hint), "it will have been at %s",
		 instant_format(r->ready_at, at));
	against(r, "days", hint,
		"its mail hosts have not been in testing for %s yet",
		duration_format(f->testing_time, whole));
}

static void judge_mx(const struct readiness_facts *f, time_t now,
		     struct readiness *r)
{
	const struct domain_facts *d = f->domain;
	const struct mx_seen *mx = &d->watch.mx;
	char at[INSTANT_TEXT], bad[200];

	if (mx->look == MX_UNKNOWN)
		against(r, "mx.unknown", "mtastsctl domain show {domain}",
			"its MX were not seen yet");
	else if (!watch_is_lately(d->watch.mx_at, now))
		against(r, "mx.unknown", "mtastsctl domain check {domain}",
			"nobody has answered for its MX since %s",
			instant_format(d->watch.mx_at, at));
	mx_say_bad(mx, bad, sizeof(bad));
	if (mx_has_bad(mx, &d->policy.policy))
		against(r, "mx.bad-name", "let the MX record name a host",
			"its MX record names no host: %s", bad);
	for (size_t i = 0; i < mx->count; i++)
		if (mx_is_stray(mx, i, &d->policy.policy))
			against(r, "mx.not-covered",
				"mtastsctl policy diff {domain}, then "
				"mtastsctl policy accept {domain}",
				"the policy does not name its mail host %s",
				mx->host[i]);
}

static bool is_used(const struct mx_seen *mx, char *pattern)
{
	struct sts_policy one = { .mx = { pattern }, .mx_count = 1 };

	for (size_t i = 0; i < mx->count; i++)
		if (sts_policy_allows(&one, mx->host[i]))
			return true;
	return false;
}

/* A provider has more hosts than the MX of each customer names. */
static bool is_of_preset(const char *pattern, const char *domain)
{
	struct sts_policy all = { .mx_count = 0 };
	bool is;

	for (size_t i = 0; preset_name(i); i++)
		preset_apply(preset_name(i), domain, &all, NULL);
	is = sts_policy_has_mx(&all, pattern);
	sts_policy_release(&all);
	return is;
}

/* An operator has written its template. */
static bool is_meant(const struct readiness_facts *f, const char *pattern)
{
	return f->meant && sts_policy_has_mx(f->meant, pattern);
}

/*
 * Nobody may have meant it: the box read MX from DNS at one moment, and who lied
 * then would take mail for as long as the policy is held.
 */
static void judge_stale(const struct readiness_facts *f, struct readiness *r)
{
	const struct sts_policy *p = &f->domain->policy.policy;
	const struct mx_seen *mx = &f->domain->watch.mx;

	if (f->keep_stale || !mx->count || mx->is_cut)
		return;
	for (size_t i = 0; i < p->mx_count; i++)
		if (!is_used(mx, p->mx[i]) && !is_meant(f, p->mx[i]) &&
		    !is_of_preset(p->mx[i], f->domain->domain.name))
			against(r, "mx.stale",
				"mtastsctl policy mx {domain} drop it, if you "
				"do not know that host; --keep-stale, if you "
				"do",
				"the policy names %s, which no MX is: senders "
				"would deliver there",
				p->mx[i]);
}

/* As whoever asks has waited for; mail may have been moved since any other. */
static void judge_mx_age(const struct readiness_facts *f, time_t now,
			 struct readiness *r)
{
	const struct watch *w = &f->domain->watch;
	char at[INSTANT_TEXT];

	if (f->any_age || w->mx.look == MX_UNKNOWN ||
	    !watch_is_lately(w->mx_at, now))
		return;
	if (now <= w->mx_at + READINESS_FRESH && watch_answers_mx(w))
		return;
	against(r, "mx.not-looked",
		"mtastsctl policy enforce {domain} looks first",
		"its MX were seen last at %s, which is too long ago",
		instant_format(w->mx_at, at));
}

/* ---- what was seen from outside ---- */

/* This box may not reach itself from within its own network. */
static bool may_be_here(const char *id)
{
	static const char *const ids[] = { "host.unreachable", "host.timeout",
					   "host.v6-unreachable" };

	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		if (streq(id, ids[i]))
			return true;
	return false;
}

/* By the first `own` reasons, or for good. */
static bool is_judged_above(const struct readiness *r, size_t own,
			    const char *id)
{
	for (size_t i = 0; i < own; i++)
		if (streq(r->reason[i].id, id))
			return true;
	return streq(id, "box.trouble") || str_starts(id, "id.") ||
	       streq(id, "txt.missing") || streq(id, "rpt.failures");
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* Nobody could say: that is not "it is well". */
static bool is_untested(const char *id)
{
	static const char *const ids[] = {
		"mx.timeout",	    "mx.host-timeout", "mx.many",
		"mx.server-failed", "mx.host-failed",  "mx.not-tested",
		"smtp.untested",    "txt.timeout",     "txt.not-tested",
	};

	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		if (streq(id, ids[i]))
			return true;
	return false;
}

/* What is no error, and good to know. */
static bool is_worth_a_note(const char *id)
{
	return str_starts(id, "smtp.") || streq(id, "mx.private") ||
	       streq(id, "host.not-tested");
}

/* Nobody got through to that mail host. */
static bool is_unreached(const char *id)
{
	return streq(id, "smtp.unreachable") || streq(id, "smtp.refused") ||
	       streq(id, "mx.private");
}

static bool is_connection(const json_t *one)
{
	static const char *const ids[] = { "smtp.partly", "smtp.cert-soon",
					   "smtp.v6-unreachable" };
	const char *id = text_of(one, "id"),
		   *severity = text_of(one, "severity");

	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		if (streq(id, ids[i]))
			return true;
	return str_starts(id, "smtp.") &&
	       (streq(severity, "good") || streq(severity, "error"));
}

/*
 * To any mail host somebody got through: so port 25 is open from here, and
 * what keeps the others from being reached is theirs.
 */
static bool is_port_25_open(const json_t *list)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		if (is_connection(one))
			return true;
	}
	return false;
}

/* At one of its addresses at least: senders take that one. */
static bool is_secure(const json_t *list, const char *host)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		const char *id = text_of(one, "id");

		if ((streq(id, "smtp.ok") || streq(id, "smtp.partly")) &&
		    *host && streq_case(text_of(one, "mx"), host))
			return true;
	}
	return false;
}

/* Nobody got through to a host, and it is not known to be well either. */
static bool is_untried(const json_t *list, const json_t *one)
{
	return is_unreached(text_of(one, "id")) && is_port_25_open(list) &&
	       !is_secure(list, text_of(one, "mx"));
}

/* In DNS as the watch saw it, or no lack any more. */
static bool is_told_of(const struct readiness_facts *f, const char *host)
{
	const struct watch *w = &f->domain->watch;

	for (size_t i = 0; i < w->mx.count; i++)
		if (streq_case(w->mx.host[i], host))
			return true;
	return sts_policy_allows(&f->domain->policy.policy, host) ||
	       (f->any_age && w->mx_at > f->checked->at);
}

/* While it is in testing that is only a warning. */
static bool is_lack(const char *id)
{
	return streq(id, "mx.not-covered");
}

/* One of each mail host may have the same id. */
static void judge_finding(const json_t *one, const struct readiness_facts *f,
			  size_t own, const json_t *list, struct readiness *r)
{
	const char *id = text_of(one, "id"), *text = text_of(one, "text"),
		   *severity = text_of(one, "severity"),
		   *mx = text_of(one, "mx");
	bool is_error = streq(severity, "error") || is_untested(id) ||
			is_lack(id) || is_untried(list, one);

	if (!*id || streq(severity, "good"))
		return;
	if (is_lack(id) && *mx ? is_told_of(f, mx)
			       : is_judged_above(r, own, id))
		return;
	if (is_error && !may_be_here(id))
		against(r, id, text_of(one, "todo"), "%s", text);
	else if (is_error || is_worth_a_note(id))
		json_array_append_new(r->notes, json_string(text));
}

/* Does it say how that host does, or why nobody knows? */
static bool says_how(const json_t *f, const char *host)
{
	static const char *const ids[] = { "mx.no-address", "mx.host-failed",
					   "mx.host-timeout", "mx.private" };
	const char *id = text_of(f, "id");

	if (!streq_case(text_of(f, "mx"), host))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		if (streq(id, ids[i]))
			return true;
	return str_starts(id, "smtp.") && !streq(id, "smtp.cert-soon");
}

static bool is_looked_at(const json_t *list, const char *host)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		if (says_how(one, host))
			return true;
	}
	return false;
}

/* Nothing against a host is not enough: it may be that nobody looked. */
static void judge_tested(const struct domain_facts *d, const json_t *list,
			 struct readiness *r)
{
	const struct mx_seen *mx = &d->watch.mx;

	for (size_t i = 0; i < mx->count; i++) {
		if (mx_is_stray(mx, i, &d->policy.policy) ||
		    is_looked_at(list, mx->host[i]))
			continue;
		against(r, "mx.not-tested",
			"mtastsctl policy enforce {domain} looks at it",
			"it is not known whether its mail host %s has STARTTLS "
			"and a good certificate",
			mx->host[i]);
		return;
	}
}

static void judge_outside(const struct readiness_facts *f, time_t now,
			  struct readiness *r)
{
	const struct checked *c = f->checked;
	json_t *list = json_loads(c->findings, 0, NULL), *one;
	size_t i, own = r->count;

	json_array_foreach(list, i, one) {
		judge_finding(one, f, own, list, r);
	}
	r->needs_look = !c->at || !json_is_array(list) ||
			(!f->any_age && now > c->at + READINESS_FRESH);
	if (!r->needs_look)
		judge_tested(f->domain, list, r);
	json_decref(list);
	if (r->needs_look)
		against(r, "not-looked",
			"mtastsctl policy enforce {domain} looks first",
			"it was not looked at from outside lately");
}

/* ---- what senders told ---- */

#define DAY_TEXT 11 /* of an instant: its date */

static void say_last(const struct report_recent *told, char *out, size_t size)
{
	int64_t sessions = told->all.successful + told->all.failed;
	char at[INSTANT_TEXT];

	if (sessions)
		snprintf(out, size,
			 "the TLS reports tell of %lld sessions, but of none "
			 "by its MTA-STS policy",
			 (long long)sessions);
	else if (told->reports)
		snprintf(out, size,
			 "the TLS reports of the last 7 days tell of none");
	else if (told->newest)
		snprintf(out, size, "the last TLS report is of %.*s",
			 DAY_TEXT - 1, instant_format(told->newest, at));
	else
		snprintf(out, size, "no TLS report has come yet");
}

/* No reports is not clean. */
static void judge_unknown(const struct readiness_facts *f, struct readiness *r)
{
	char last[120];

	if (f->without_reports)
		return;
	say_last(f->reports, last, sizeof(last));
	against(r, "reports.unknown",
		"--without-reports, if you know otherwise that mail "
		"arrives by TLS",
		"no sessions by MTA-STS of the last 7 days are known, so "
		"neither is whether senders meet failures: %s",
		last);
}

/* Failures are told of, and in no sum: that is not none, nor unknown. */
static void judge_uncounted(const struct report_told *told, struct readiness *r)
{
	enum tls_result worst = report_told_worst(told);

	against(r, "reports.uncounted", "mtastsctl report summary {domain}",
		"TLS reports of the last 7 days tell of failures, but not of "
		"how many: %s: %s",
		tls_result_name(worst), tls_result_meaning(worst));
}

static void judge_failing(const struct readiness_facts *f, struct readiness *r)
{
	const struct report_told *told = &f->reports->sts;
	enum tls_result worst = report_told_worst(told);
	int64_t sessions = told->successful + told->failed;
	bool is_told = worst != TLS_RESULT_COUNT;

	against(r, "reports.failing", "mtastsctl report summary {domain}",
		"%lld of %lld sessions by MTA-STS failed in 7 days, by TLS "
		"reports, "
		"and no more than %ld %% may: %s%s%s",
		(long long)told->failed, (long long)sessions, f->report_share,
		is_told ? tls_result_name(worst) : "none says why",
		is_told ? ": " : "", is_told ? tls_result_meaning(worst) : "");
}

static void note_reports(const struct report_told *told, struct readiness *r)
{
	int64_t sessions = told->successful + told->failed;
	char text[200];

	snprintf(text, sizeof(text),
		 "TLS reports of %lld reporter%s: %lld sessions by MTA-STS in "
		 "7 days, %lld failed",
		 (long long)told->reporters, told->reporters == 1 ? "" : "s",
		 (long long)sessions, (long long)told->failed);
	json_array_append_new(r->notes, json_string(text));
}

static void judge_reports(const struct readiness_facts *f, struct readiness *r)
{
	const struct report_told *told = &f->reports->sts;

	if (readiness_is_failing(told, f->report_share))
		judge_failing(f, r);
	else if (!told->failed && told->kinds)
		judge_uncounted(told, r);
	else if (!told->successful && !told->failed)
		judge_unknown(f, r);
	else
		note_reports(told, r);
}

bool readiness_is_failing(const struct report_told *t, long share)
{
	return t->failed > 0 &&
	       100 * t->failed > share * (t->successful + t->failed);
}

bool readiness_reports(struct store *s, int64_t domain_id, time_t now,
		       struct report_recent *out, struct err *err)
{
	return report_recent(s, domain_id, now - READINESS_REPORTS,
			     now + REPORT_AHEAD, out, err);
}

static void judge_all(const struct readiness_facts *f, time_t now,
		      struct readiness *r)
{
	judge_state(f, r);
	if (!f->domain->has_policy) {
		against(r, "policy.missing",
			"mtastsctl policy set {domain} --mx HOST",
			"there is no policy to enforce");
		return;
	}
	judge_cert(f, now, r);
	judge_txt(f, now, r);
	judge_time(f, now, r);
	judge_mx(f, now, r);
	judge_mx_age(f, now, r);
	judge_stale(f, r);
	judge_outside(f, now, r);
	judge_reports(f, r);
}

void readiness_judge(const struct readiness_facts *f, time_t now,
		     struct readiness *r)
{
	*r = (struct readiness){ .notes = json_array() };
	judge_all(f, now, r);
	put_names(r, f->domain->domain.name);
}

void readiness_release(struct readiness *r)
{
	json_decref(r->notes);
	r->notes = NULL;
}

#define TOLD_MAX   3
#define TOLD_TEXT  440 /* an error has some room for where it happened, too */
#define ALL_OF_IT  "%smtastsctl policy readiness %s has all of it; "
#define OVERRIDING "--force with --reason overrides"

/* As many as there is room for, and no more than anybody reads at once. */
static void tell_first(const struct readiness *r, struct buf *text)
{
	size_t n = 0;

	while (n < r->count && n < TOLD_MAX &&
	       text->len + strlen(r->reason[n].text) + 2 < TOLD_TEXT) {
		buf_printf(text, "%s%s", n ? "; " : "", r->reason[n].text);
		n++;
	}
	if (!n)
		buf_printf(text, "%zu reason%s against it", r->count,
			   r->count > 1 ? "s" : "");
	else if (n < r->count)
		buf_printf(text, "; and %zu more", r->count - n);
}

/* With what to do about the first, if that leaves room for the rest. */
static bool hint_at_rest(const struct readiness *r, const char *name,
			 struct err *err)
{
	char *first = *r->reason[0].hint ? xasprintf("%s; ", r->reason[0].hint)
					 : xstrdup("");
	size_t rest = strlen(ALL_OF_IT OVERRIDING) + strlen(name);

	if (strlen(first) + rest >= sizeof(err->hint))
		first[0] = '\0';
	err_hint(err, ALL_OF_IT OVERRIDING, first, name);
	free(first);
	return false;
}

bool readiness_refuse(const struct readiness *r, const char *name,
		      struct err *err)
{
	struct buf text;

	buf_init(&text, sizeof(err->text) - 1);
	buf_printf(&text, "%s is not ready: ", name);
	tell_first(r, &text);
	err_set(err, ERR_REFUSED, "%s", text.data);
	buf_release(&text);
	return hint_at_rest(r, name, err);
}

/* What its template makes of the policy; false if there is none. */
static bool template_says(struct store *s, const struct domain_facts *f,
			  struct sts_policy *says)
{
	const struct domain *d = &f->domain;
	struct template t;
	bool ok;

	if (!d->template_id || !template_by_id(s, d->template_id, &t, NULL))
		return false;
	sts_policy_copy(says, &f->policy.policy);
	ok = template_apply(&t, d->name, says, NULL);
	template_release(&t);
	return ok;
}

bool readiness_of(struct store *s, const struct domain_facts *f,
		  const struct config *config, bool without_reports,
		  bool keep_stale, bool any_age, time_t now,
		  struct readiness *r, struct err *err)
{
	struct readiness_facts facts = { .domain = f,
					 .testing_time = config->testing_time,
					 .report_share = config->report_share,
					 .without_reports = without_reports,
					 .keep_stale = keep_stale,
					 .any_age = any_age };
	struct report_recent reports;
	struct sts_policy meant = { .mx_count = 0 };
	struct checked checked;
	bool ok = checked_of(s, &f->domain, &checked, err) &&
		  readiness_reports(s, f->domain.id, now, &reports, err) &&
		  policy_version_tested_since(s, &f->domain,
					      &facts.testing_since, err);

	*r = (struct readiness){ .count = 0 };
	facts.checked = &checked;
	facts.reports = &reports;
	if (template_says(s, f, &meant))
		facts.meant = &meant;
	if (ok)
		readiness_judge(&facts, now, r);
	checked_release(&checked);
	sts_policy_release(&meant);
	return ok;
}

static const struct {
	long after, max_age;	/* enforced for so long: then this */
} steps[] = {
	{ 7 * WHEN_DAY, 14 * WHEN_DAY },
	{ 30 * WHEN_DAY, 30 * WHEN_DAY },
	{ 90 * WHEN_DAY, 90 * WHEN_DAY },
	{ 180 * WHEN_DAY, 180 * WHEN_DAY },
};

long readiness_next_max_age(long max_age, long enforced_for)
{
	for (size_t i = 0; i < ARRAY_LEN(steps); i++)
		if (steps[i].max_age > max_age)
			return enforced_for >= steps[i].after
				       ? steps[i].max_age : 0;
	return 0;
}
