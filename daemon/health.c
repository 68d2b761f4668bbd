#include "daemon/health.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"

static const char *const names[] = {
	[HEALTH_OK] = "ok",
	[HEALTH_WARNING] = "warning",
	[HEALTH_ERROR] = "error",
};

const char *health_name(enum health level)
{
	return names[level];
}

void findings_add(struct findings *f, const char *id, enum health level,
		  const char *hint, const char *fmt, ...)
{
	struct finding *item;
	va_list ap;

	if (f->count == FINDINGS_MAX)
		return;
	item = &f->item[f->count++];
	item->id = id;
	item->level = level;
	snprintf(item->hint, sizeof(item->hint), "%s", hint);
	va_start(ap, fmt);
	vsnprintf(item->text, sizeof(item->text), fmt, ap);
	va_end(ap);
}

bool health_is_seen(const char *id)
{
	static const char *const kinds[] = { "txt.", "id.", "host.", "mx." };

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (str_starts(id, kinds[i]))
			return true;
	return false;
}

enum health findings_worst(const struct findings *f)
{
	enum health worst = HEALTH_OK;

	for (size_t i = 0; i < f->count; i++)
		if (f->item[i].level > worst)
			worst = f->item[i].level;
	return worst;
}

/* The hint that came with the problem, or else "COMMAND NAME". */
static const char *hint_or(const struct domain *d, const char *command,
			   char *out, size_t size)
{
	if (d->hint[0])
		return d->hint;
	snprintf(out, size, "%s %s", command, d->name);
	return out;
}

static void no_policy(const struct domain_facts *f, time_t now,
		      struct findings *out)
{
	char hint[sizeof(out->item[0].hint)];

	(void)now;
	if (f->has_policy)
		return;
	snprintf(hint, sizeof(hint), "mtastsctl policy set %s --mx HOST",
		 f->domain.name);
	findings_add(out, "policy.missing", HEALTH_ERROR, hint,
		     "there is no policy to serve");
}

static void not_here(const struct domain_facts *f, time_t now,
		     struct findings *out)
{
	const struct domain *d = &f->domain;
	char hint[sizeof(out->item[0].hint)];

	(void)now;
	if (d->state != DOMAIN_WAITING_FOR_DNS)
		return;
	findings_add(out, "dns.not-here", HEALTH_WARNING,
		     hint_or(d, "publish what this prints: "
				"mtastsctl domain records",
			     hint, sizeof(hint)),
		     "%s", d->problem[0]
				   ? d->problem
				   : "its policy host does not lead here yet");
}

/* Two failures may be the CA's bad minute; from the third on it is ours. */
static void issuance_failing(const struct domain_facts *f, time_t now,
			     struct findings *out)
{
	const struct domain *d = &f->domain;
	char hint[sizeof(out->item[0].hint)];

	(void)now;
	if (d->state != DOMAIN_ISSUING || (!d->problem[0] && !d->failures))
		return;
	findings_add(out, "issuance.failing",
		     d->failures > 2 ? HEALTH_ERROR : HEALTH_WARNING,
		     hint_or(d, "mtastsctl log", hint, sizeof(hint)),
		     "no certificate yet: %s",
		     d->problem[0] ? d->problem : "the last order failed");
}

/* It has not been ordered, or not answered: nothing failed that is its own. */
static void issuance_waits(const struct domain_facts *f, time_t now,
			   struct findings *out)
{
	const struct domain *d = &f->domain;

	(void)now;
	if (d->state != DOMAIN_ISSUING || d->problem[0] || d->failures ||
	    !f->no_ca[0])
		return;
	findings_add(out, "issuance.waiting", HEALTH_WARNING,
		     "it is ordered by itself once that is over: mtastsctl ca "
		     "list says how things stand",
		     "no certificate yet: %s", f->no_ca);
}

/* On its way out it does, until the end of what senders hold. */
static bool needs_cert(const struct domain_facts *f, time_t now)
{
	return f->domain.state == DOMAIN_LIVE &&
	       leaving_needs_cert(&f->domain, &f->leaving, now);
}

static void cert_expired(const struct domain_facts *f, time_t now,
			 struct findings *out)
{
	const struct domain *d = &f->domain;
	char at[INSTANT_TEXT], hint[sizeof(out->item[0].hint)];

	if (!needs_cert(f, now))
		return;
	snprintf(hint, sizeof(hint), "mtastsctl cert renew %s --wait", d->name);
	if (!f->has_cert)
		findings_add(out, "cert.missing", HEALTH_ERROR, hint,
			     "the certificate served is not in the store");
	else if (f->cert.not_after <= now)
		findings_add(out, "cert.expired", HEALTH_ERROR, hint,
			     "the certificate expired at %s",
			     instant_format(f->cert.not_after, at));
}

/* Nothing more is ordered for it, so it is for a person to see to. */
static void cert_lapses(const struct domain_facts *f, time_t now,
			struct findings *out)
{
	const struct domain *d = &f->domain;
	bool has_expired = f->cert.not_after <= now;
	char at[INSTANT_TEXT], hint[sizeof(out->item[0].hint)];

	if (!f->has_cert ||
	    !leaving_lapses(d, &f->leaving, f->cert.renew_at, now))
		return;
	instant_format(f->cert.not_after, at);
	leaving_lapse_hint(d, f->cert.not_after, now, hint, sizeof(hint));
	findings_add(out, has_expired ? "cert.expired" : "cert.lapsing",
		     has_expired ? HEALTH_ERROR : HEALTH_WARNING, hint,
		     "it is handed over, and DNS leads here still for "
		     "all that is known: its certificate %s at %s, "
		     "and none is ordered",
		     has_expired ? "expired" : "expires", at);
}

/* Past the last quarter the promise is broken: senders will soon see it. */
static void renewal_failing(const struct domain_facts *f, time_t now,
			    struct findings *out)
{
	const struct domain *d = &f->domain;
	char hint[sizeof(out->item[0].hint)];
	time_t left = f->cert.not_after - now;
	time_t life = f->cert.not_after - f->cert.not_before;

	if (!needs_cert(f, now) || !f->has_cert ||
	    (!d->problem[0] && !d->failures))
		return;
	findings_add(out, "cert.renewal-failing",
		     left < life / 4 ? HEALTH_ERROR : HEALTH_WARNING,
		     hint_or(d, "mtastsctl log", hint, sizeof(hint)),
		     "the certificate is not renewed: %s",
		     d->problem[0] ? d->problem : "the last order failed");
}

/* A tenth of its life is more than any tick or queue should cost it. */
static void renewal_late(const struct domain_facts *f, time_t now,
			 struct findings *out)
{
	const struct domain *d = &f->domain;
	char at[INSTANT_TEXT];
	time_t life = f->cert.not_after - f->cert.not_before;

	if (!needs_cert(f, now) || !f->has_cert || f->has_order ||
	    d->problem[0] || d->failures || f->cert.not_after <= now ||
	    now < f->cert.renew_at + life / 10)
		return;
	findings_add(out, "cert.renewal-late", HEALTH_WARNING,
		     "mtastsctl ca list says whether orders can be made",
		     "the renewal was due at %s and has not begun",
		     instant_format(f->cert.renew_at, at));
}

/* Asked for by an admin; who checks revocation refuses what is served. */
static void cert_revoked(const struct domain_facts *f, time_t now,
			 struct findings *out)
{
	const struct domain *d = &f->domain;
	char hint[sizeof(out->item[0].hint)];

	(void)now;
	if (d->state != DOMAIN_LIVE || !f->has_cert ||
	    (!d->revoked && !f->cert.revoked_at))
		return;
	snprintf(hint, sizeof(hint), "it is replaced before all others: "
				     "mtastsctl log %s", d->name);
	findings_add(out, "cert.revoked",
		     f->cert.revoked_at ? HEALTH_ERROR : HEALTH_WARNING, hint,
		     "the certificate %s, and its replacement is not there yet",
		     f->cert.revoked_at ? "is revoked" : "is to be revoked");
}

/* It works, so nothing else would say that senders refuse it. */
static void cert_staging(const struct domain_facts *f, time_t now,
			 struct findings *out)
{
	char hint[sizeof(out->item[0].hint)];

	if (!needs_cert(f, now) || !f->has_cert || !ca_is_staging(&f->ca))
		return;
	snprintf(hint, sizeof(hint),
		 "set ca_order to another, then mtastsctl "
		 "cert renew %.200s --wait",
		 f->domain.name);
	findings_add(out, "cert.staging", HEALTH_WARNING, hint,
		     "the certificate served is from %s, a CA for trying "
		     "things out, and no sender trusts it",
		     f->ca.name);
}

/* ---- what DNS was seen to say ---- */

static bool is_served(const struct domain_facts *f)
{
	return f->domain.state == DOMAIN_LIVE && f->has_policy;
}

/*
 * What was seen before it became live is of the time when it waited for DNS; but
 * a look of its first second may count as of the second before (dns_watch.c). A
 * clock that was set back since is no reason to say nothing for long.
 */
static bool is_seen_live(const struct domain_facts *f, time_t seen, time_t now)
{
	time_t live = f->domain.state_at;

	return is_served(f) && (seen + 1 >= live || live > now);
}

/* A policy that is enforced may cost mail; another only protection. */
static enum health by_mode(const struct domain_facts *f)
{
	return f->policy.policy.mode == STS_ENFORCE ? HEALTH_ERROR
						    : HEALTH_WARNING;
}

static const struct {
	const char *id, *text;
} txt_findings[] = {
	[ANNOUNCED_NOTHING] = { "txt.missing",
				"DNS has no _mta-sts record: senders do not "
				"know of the policy" },
	[ANNOUNCED_DAMAGED] = { "txt.grammar",
				"the _mta-sts record is doubled or damaged: "
				"senders skip it" },
	[ANNOUNCED_BEHIND] = { "id.behind",
			       "the TXT record does not show the new id yet" },
	[ANNOUNCED_AHEAD] = { "id.ahead",
			      "DNS announces an id that was never made here" },
	[ANNOUNCED_FOREIGN] = { "id.foreign",
				"DNS announces another host's policy" },
	[ANNOUNCED_IN_STEP] = { NULL, NULL },
};

/* The verb that may help comes first: what is too long is cut. */
static void say_waiting(const struct domain_facts *f,
			const struct announce_words *w, char *out, size_t size)
{
	const char *name = f->domain.name;
	bool is_tried = f->announce == ANNOUNCE_UNSEEN &&
			f->reached.why != REACHED_NOT_TRIED;

	if (is_tried)
		snprintf(out, size,
			 "mtastsctl domain records %.100s says what to do; if "
			 "mtasts-check elsewhere gets the policy: mtastsctl "
			 "policy announce %.100s; it waits: %s",
			 name, name, w->why);
	else
		snprintf(out, size,
			 "mtastsctl domain records %s says what it "
			 "waits for: %s",
			 name, w->why);
}

void health_txt_hint(const struct domain_facts *f, char *out, size_t size)
{
	const char *name = f->domain.name;
	struct announce_words w;

	announce_say(f->announce, &f->domain, &f->ca, &f->reached, &w);
	if (!announce_stands(f->announce, &f->domain, &f->reached))
		say_waiting(f, &w, out, size);
	else if (f->has_publication)
		snprintf(out, size,
			 "the box publishes it: mtastsctl domain records "
			 "%.150s shows the CNAME that leads there", name);
	else
		snprintf(out, size,
			 "publish: _mta-sts.%.180s. IN TXT \"v=STSv1; id=%s;\"",
			 name, f->policy.sts_id);
}

/* Behind its id; or beside a record that is gone, or of no use. */
static void say_shown(const struct domain_facts *f, enum announced is,
		      char *out, size_t size)
{
	const struct policy_shown *v = &f->shown;
	char which[60] = "an earlier version";

	*out = '\0';
	if (v->is_known)
		snprintf(which, sizeof(which), "version %ld, mode %s",
			 v->version, sts_mode_name(v->mode));
	if (is == ANNOUNCED_BEHIND)
		snprintf(out, size, "; senders still use %s", which);
	else if (v->is_known && is <= ANNOUNCED_DAMAGED)
		snprintf(out, size, "; who holds %s keeps it", which);
}

/* Removing, once the records may go, wants none of it. */
static void not_announced(const struct domain_facts *f, time_t now,
			  struct findings *out)
{
	enum announced is = watch_announced(&f->watch, f->policy.sts_id);
	char hint[sizeof(out->item[0].hint)], shown[100];

	if (!is_seen_live(f, f->watch.txt_at, now) || is == ANNOUNCED_UNKNOWN ||
	    !txt_findings[is].id || f->domain.leaving == DOMAIN_HANDING_OVER ||
	    (f->leaving.done_at && f->leaving.done_at <= now) ||
	    (f->domain.leaving && is == ANNOUNCED_NOTHING))
		return;
	health_txt_hint(f, hint, sizeof(hint));
	say_shown(f, is, shown, sizeof(shown));
	findings_add(out, txt_findings[is].id, HEALTH_WARNING, hint,
		     "%s%s%s%s%s", txt_findings[is].text, shown,
		     *f->watch.txt_id ? " (id " : "", f->watch.txt_id,
		     *f->watch.txt_id ? ")" : "");
}

static void not_led_here(const struct domain_facts *f, time_t now,
			 struct findings *out)
{
	const struct watch *w = &f->watch;
	char hint[sizeof(out->item[0].hint)];

	if (!is_seen_live(f, w->host_at, now) || w->host <= HOST_HERE ||
	    f->domain.leaving == DOMAIN_HANDING_OVER ||
	    (f->leaving.done_at && f->leaving.done_at <= now))
		return;
	snprintf(hint, sizeof(hint), "publish what this prints: mtastsctl "
				     "domain records %s", f->domain.name);
	findings_add(out, w->host == HOST_PARTLY ? "host.partly-here"
						 : "host.not-here",
		     by_mode(f), hint, "%s", w->host_problem);
}

/* Bytes of them, so that an alert has room for two lists; the rest are counted. */
#define HOSTS_SAID 200

static void has_strays(const struct domain_facts *f, time_t now,
		       struct findings *out)
{
	char hint[sizeof(out->item[0].hint)], hosts[HOSTS_SAID];
	const struct mx_seen *mx = &f->watch.mx;

	(void)now;
	if (!is_served(f) || !mx_strays(mx, &f->policy.policy))
		return;
	mx_say_strays(mx, &f->policy.policy, hosts, sizeof(hosts));
	snprintf(hint, sizeof(hint),
		 "mtastsctl policy diff %.100s shows what would put it right, "
		 "mtastsctl policy accept %.100s does it",
		 f->domain.name, f->domain.name);
	findings_add(out, "mx.not-covered", by_mode(f), hint,
		     "the policy does not name these mail hosts of DNS: %s",
		     hosts);
}

static void has_bad_mx(const struct domain_facts *f, time_t now,
		       struct findings *out)
{
	char hosts[HOSTS_SAID];

	(void)now;
	if (!is_served(f) || !mx_has_bad(&f->watch.mx, &f->policy.policy))
		return;
	mx_say_bad(&f->watch.mx, hosts, sizeof(hosts));
	findings_add(out, "mx.bad-name", by_mode(f),
		     "let the MX record name a host that has an address and "
		     "a certificate",
		     "%s: %s",
		     f->watch.mx.bad_count > 1
			     ? "MX of DNS that are no host names"
			     : "an MX of DNS is no host name",
		     hosts);
}

static void has_refused_mx(const struct domain_facts *f, time_t now,
			   struct findings *out)
{
	char hint[sizeof(out->item[0].hint)], more[280] = "";

	(void)now;
	if (!is_served(f) || f->domain.leaving || !f->mx_is_sure ||
	    f->policy.policy.mode != STS_ENFORCE)
		return;
	if (f->mx.bad > 1)
		snprintf(more, sizeof(more), " (and %zu more%s%s)",
			 f->mx.bad - 1, *f->mx.others ? ": " : "",
			 f->mx.others);
	snprintf(hint, sizeof(hint),
		 "%.150s%smtastsctl policy testing %.100s lets mail through "
		 "meanwhile",
		 f->mx.todo, *f->mx.todo ? "; " : "", f->domain.name);
	findings_add(out, "mx.refused", HEALTH_ERROR, hint, "%s%s", f->mx.text,
		     more);
}

static time_t latest(time_t a, time_t b, time_t c)
{
	time_t later = a > b ? a : b;

	return later > c ? later : c;
}

/* What is shown of it is of then; guards go by it no more. */
static void unseen(const char *id, const char *what, time_t since, time_t now,
		   const char *name, struct findings *out)
{
	char at[INSTANT_TEXT], hint[sizeof(out->item[0].hint)];

	if (watch_is_lately(since, now))
		return;
	snprintf(hint, sizeof(hint),
		 "see to its name servers, or to this box's resolvers: "
		 "mtastsctl domain check %.200s",
		 name);
	findings_add(out, id, HEALTH_WARNING, hint,
		     "no resolver has had an answer for %s since %s", what,
		     instant_format(since, at));
}

/*
 * Nobody looked, such as while the box was off: that is no silence of DNS. Nor
 * is a single lost answer after it: the next look comes in two minutes.
 */
static bool was_asked(const struct watch *w, time_t at)
{
	return w->unanswered > 1 && (w->failures || w->looked_at > at);
}

static void not_seen(const struct domain_facts *f, time_t now,
		     struct findings *out)
{
	const struct watch *w = &f->watch;
	const struct domain *d = &f->domain;

	if (!is_served(f))
		return;
	if (was_asked(w, w->host_at))
		unseen("host.unseen", "mta-sts",
		       latest(w->host_at, w->host_since, d->state_at), now,
		       d->name, out);
	if (was_asked(w, w->txt_at))
		unseen("txt.unseen", "_mta-sts",
		       latest(w->txt_at, w->txt_since, d->state_at), now,
		       d->name, out);
	if (was_asked(w, w->mx_at))
		unseen("mx.unseen", "MX",
		       latest(w->mx_at, w->mx_since, d->state_at), now, d->name,
		       out);
}

static void is_leaving(const struct domain_facts *f, time_t now,
		       struct findings *out)
{
	char at[INSTANT_TEXT], hint[sizeof(out->item[0].hint)], more[100] = "";
	time_t foreign = watch_foreign_until(&f->watch, now);

	if (f->domain.leaving != DOMAIN_REMOVING || !f->leaving.done_at ||
	    f->leaving.done_at > now)
		return;
	snprintf(hint, sizeof(hint),
		 "take mta-sts, _mta-sts and _smtp._tls of %s out of DNS",
		 f->domain.name);
	if (foreign)
		snprintf(more, sizeof(more),
			 " (another host's, seen in DNS, until %s at the "
			 "latest)",
			 instant_format(foreign, at));
	findings_add(
		out, "txt.removable", HEALTH_WARNING, hint,
		"no sender holds a policy%s since %s: its records may go%s",
		foreign ? " of this box" : "",
		instant_format(f->leaving.done_at, at), more);
}

/* The other host's policy, and this one's id: it is for the customer. */
static void still_led(const struct domain_facts *f, time_t now,
		      struct findings *out)
{
	char hint[sizeof(out->item[0].hint)];

	(void)now;
	if (f->domain.leaving != DOMAIN_HANDING_OVER ||
	    f->leaving.waits_for_dns || !f->leaving.waits_for_cname)
		return;
	snprintf(hint, sizeof(hint),
		 "publish in its place what the other host says of "
		 "_mta-sts.%.150s; it goes from here a day after",
		 f->domain.name);
	findings_add(out, "txt.leads-here", HEALTH_WARNING, hint,
		     "it is handed over, and its _mta-sts record leads into "
		     "this box's zone still: senders see the id of the policy "
		     "as it was here");
}

static void (*const judges[])(const struct domain_facts *f, time_t now,
			      struct findings *out) = {
	no_policy,    not_here,	    issuance_failing, issuance_waits,
	cert_expired, cert_lapses,  renewal_failing,  renewal_late,
	cert_revoked, cert_staging, not_announced,    not_led_here,
	has_strays,   has_bad_mx,   has_refused_mx,   not_seen,
	is_leaving,   still_led,
};

void health_of_domain(const struct domain_facts *f, time_t now,
		      struct findings *out)
{
	for (size_t i = 0; i < ARRAY_LEN(judges); i++)
		judges[i](f, now, out);
}
