/*
 * What to do about a finding of a domain that this box hosts: by the verbs of
 * the box, and by the record that it wants, where findings of anybody's domain
 * say how to edit a policy, or a TXT.
 */
#include <stdio.h>

#include "base/mem.h"
#include "base/str.h"
#include "policy/findings_parts.h"

#define RECORDS "publish what this prints: mtastsctl domain records {domain}"

static const struct {
	const char *id, *todo;
} hosted[] = {
	{ "txt.missing", "{announce}" },
	{ "txt.duplicate", "keep one record there: {announce}" },
	{ "txt.grammar", "{announce}" },
	{ "txt.at-root", "take it out there: {announce}" },
	{ "id.behind", "{announce}" },
	{ "id.ahead", "{announce}" },
	{ "id.foreign", "lead mta-sts.{domain} here first (mtastsctl domain "
			"records {domain}), then {announce}" },
	{ "host.missing", RECORDS },
	{ "host.alias", RECORDS },
	{ "host.partly-here", "take these addresses out: mtastsctl domain "
			      "records {domain} prints those that are to be "
			      "there" },
	{ "cert.expired", "mtastsctl cert renew {domain} --wait" },
	{ "cert.untrusted", "set ca_order to a CA that senders trust, then "
			    "mtastsctl cert renew {domain} --wait" },
	{ "cert.soon", "mtastsctl domain show {domain} says why it has not "
		       "been renewed" },
	{ "cert.due",
	  "mtastsctl domain show {domain} says when it is renewed" },
	{ "policy.max-age-short",
	  "mtastsctl policy set {domain} --max-age 7d" },
	{ "policy.max-age-low", "mtastsctl policy set {domain} --max-age 14d" },
	{ "policy.testing", "read the reports, then see: mtastsctl policy "
			    "readiness {domain}" },
	{ "policy.mx-many", "mtastsctl policy set {domain} --mx HOST, with "
			    "fewer, or one \"*.\" pattern for several" },
	{ "policy.large", "mtastsctl policy set {domain} --mx HOST, with "
			  "fewer" },
	{ "mx.not-covered", "mtastsctl policy mx {domain} add {mx}; or "
			    "mtastsctl policy accept {domain}, if all that MX "
			    "names is right" },
	{ "mx.stale", "if that is no move under way: mtastsctl policy mx "
		      "{domain} drop HOST" },
	{ "mx.wildcard-broad", "mtastsctl policy set {domain} --mx HOST, with "
			       "the mail hosts themselves (for Microsoft 365 "
			       "*.TENANT.mx.microsoft, such as "
			       "*.a-v1.mx.microsoft)" },
	{ "mx.provider", "mtastsctl policy diff {domain} shows what would put "
			 "it right, mtastsctl policy accept {domain} does it" },
	{ "mx.null", "mtastsctl domain remove {domain}, if that is for good" },
	{ "rpt.missing", "{report}" },
	{ "rpt.duplicate", "keep one record there: {report}" },
	{ "rpt.bad", "{report}" },
	{ "rpt.https-only", "mtastsctl domain set {domain} --rua, with a "
			    "mailto: address as well; then {report}" },
	{ "rpt.first-elsewhere", "{report}" },
	{ "rpt.elsewhere", "{report}" },
	{ "rpt.own-mailbox", "mtastsctl domain set {domain} --rua, with an "
			     "address elsewhere; then {report}" },
};

const char *findings_hosted(const char *id)
{
	for (size_t i = 0; i < ARRAY_LEN(hosted); i++)
		if (streq(hosted[i].id, id))
			return hosted[i].todo;
	return NULL;
}

/* What it is handed over to says what is to stand there. */
static bool say_handed_over(const struct check_expected *e, const char *domain,
			    const char *prefix, char *out)
{
	if (e->is_handed_over)
		snprintf(out, FINDINGS_HOSTED,
			 "publish what the other host says of %s.%s", prefix,
			 domain);
	return e->is_handed_over;
}

/* The box does the rest; a CNAME that is there already needs no hand. */
static void say_cname(const struct check_facts *f, const char *prefix,
		      const char *to, char *out)
{
	snprintf(out, FINDINGS_HOSTED, "let it be %s.%s. IN CNAME %s.; %s %s",
		 prefix, f->domain, to,
		 f->expected.is_published
			 ? "what that leads to is published by this box, as "
			   "told by mtastsctl domain show"
			 : "and publish there what this prints: mtastsctl "
			   "domain records",
		 f->domain);
}

void findings_say_announce(const struct check_facts *f,
			   char out[static FINDINGS_HOSTED])
{
	const struct check_expected *e = &f->expected;

	if (say_handed_over(e, f->domain, "_mta-sts", out))
		return;
	if (*e->waits)
		snprintf(out, FINDINGS_HOSTED, "it waits: %s", e->waits);
	else if (*e->sts_cname)
		say_cname(f, "_mta-sts", e->sts_cname, out);
	else
		snprintf(out, FINDINGS_HOSTED,
			 "publish _mta-sts.%s. IN TXT \"v=STSv1; id=%s;\"",
			 f->domain, *e->id ? e->id : "...");
}

void findings_say_report(const struct check_facts *f,
			 char out[static FINDINGS_HOSTED])
{
	const struct check_expected *e = &f->expected;

	if (say_handed_over(e, f->domain, "_smtp._tls", out))
		return;
	if (!e->collector_count)
		snprintf(out, FINDINGS_HOSTED,
			 "say where reports are to go: mtastsctl domain set %s "
			 "--rua mailto:ADDRESS; mtastsctl domain records %s "
			 "prints what is to stand in DNS",
			 f->domain, f->domain);
	else if (*e->report_cname)
		say_cname(f, "_smtp._tls", e->report_cname, out);
	else
		snprintf(out, FINDINGS_HOSTED,
			 "publish what this prints: mtastsctl domain records "
			 "%s",
			 f->domain);
}
