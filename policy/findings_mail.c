/*
 * The mail servers: whether the policy names them, and whether a sender that
 * keeps to it can deliver to them.
 */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "policy/findings_parts.h"
#include "policy/provider.h"

/* ---- all of them ---- */

static bool looked(struct bench *b)
{
	return (int)b->f->mx_look == b->arg &&
	       bench_say(b, "%s", b->f->mx_problem);
}

static bool is_null(struct bench *b)
{
	return b->f->mx_is_null;
}

static bool is_cut(struct bench *b)
{
	return b->f->mx_is_cut && bench_say(b, "%d", CHECK_MX_MAX);
}

/* Is there a policy by which MX can be judged? */
static bool can_cover(const struct bench *b)
{
	return b->lint && b->f->mx_look == CHECK_SEEN && b->f->mx_count &&
	       b->lint->policy.mx_count && b->lint->has_mode &&
	       b->lint->policy.mode != STS_NONE;
}

static bool is_used(const struct bench *b, const char *pattern)
{
	struct sts_policy one = { .mx = { (char *)pattern }, .mx_count = 1 };

	for (size_t i = 0; i < b->f->mx_count; i++)
		if (sts_policy_allows(&one, b->f->mx[i].name))
			return true;
	return b->f->mx_is_cut || b->f->mx_bad_count; /* there may be one */
}

static bool is_stale(struct bench *b)
{
	if (!can_cover(b))
		return false;
	for (size_t i = 0; i < b->lint->policy.mx_count; i++)
		if (!is_used(b, b->lint->policy.mx[i]))
			bench_list(b, b->lint->policy.mx[i]);
	return b->detail.len;
}

/* Under which others can have hosts too, or the domain's web servers are. */
static bool is_broad(const struct bench *b, const char *pattern)
{
	const char *rest = pattern + 2;

	return str_starts(pattern, "*.") &&
	       (!strchr(rest, '.') || streq(rest, "mx.microsoft") ||
		streq(rest, "google.com") || streq(rest, b->f->domain));
}

static bool has_broad(struct bench *b)
{
	for (size_t i = 0; b->lint && i < b->lint->policy.mx_count; i++)
		if (is_broad(b, b->lint->policy.mx[i]))
			bench_list(b, b->lint->policy.mx[i]);
	return b->detail.len;
}

static bool has_wildcard(struct bench *b)
{
	for (size_t i = 0; b->lint && i < b->lint->policy.mx_count; i++)
		if (str_starts(b->lint->policy.mx[i], "*.") &&
		    !is_broad(b, b->lint->policy.mx[i]))
			bench_list(b, b->lint->policy.mx[i]);
	return b->detail.len;
}

static bool policy_names(const struct bench *b, const char *provider)
{
	for (size_t i = 0; i < b->lint->policy.mx_count; i++)
		if (streq(provider_of(b->lint->policy.mx[i]), provider))
			return true;
	return false;
}

static bool mx_name(const struct bench *b, const char *provider)
{
	for (size_t i = 0; i < b->f->mx_count; i++)
		if (streq(provider_of(b->f->mx[i].name), provider))
			return true;
	return false;
}

/* Mail is at one of them, and the policy is for another one, or for none. */
static bool is_other_provider(struct bench *b)
{
	const char *in_dns, *in_policy;

	if (!can_cover(b))
		return false;
	in_dns = provider_of(b->f->mx[0].name);
	in_policy = provider_of(b->lint->policy.mx[0]);
	if (in_dns && !policy_names(b, in_dns))
		return bench_say(b, "the mail of %s is at %s, and the policy "
				    "names none of its hosts",
				 b->f->domain, in_dns);
	if (in_policy && !mx_name(b, in_policy))
		return bench_say(b, "the policy names hosts of %s, where no MX "
				    "of %s leads",
				 in_policy, b->f->domain);
	return false;
}

static bool is_covered(const struct bench *b, const struct check_mx *mx)
{
	return sts_policy_allows(&b->lint->policy, mx->name);
}

static bool all_covered(struct bench *b)
{
	if (!can_cover(b) || b->f->mx_bad_count)
		return false;
	for (size_t i = 0; i < b->f->mx_count; i++)
		if (!is_covered(b, &b->f->mx[i]))
			return false;
	return true;
}

/* There are records, and nothing in them that mail could be sent to. */
static bool is_unusable(struct bench *b)
{
	return b->f->mx_look == CHECK_SEEN && !b->f->mx_count &&
	       !b->f->mx_bad_count && !b->f->mx_is_null;
}

/* An address, or a name for which nobody has a certificate. */
static bool has_bad_name(struct bench *b)
{
	size_t more = b->f->mx_bad_count - 1;

	if (!b->f->mx_bad_count)
		return false;
	bench_quote(b, b->f->mx_bad);
	if (more)
		buf_printf(&b->detail, " (and %zu more)", more);
	return true;
}

static bool is_unasked(struct bench *b)
{
	return b->f->mx_count && !b->f->smtp_is_tested;
}

static const struct rule once[] = {
	{ "mx.missing", CHECK_ERROR, looked, CHECK_ABSENT,
	  "{domain} has no MX record: its mail goes to {domain} itself, which "
	  "the policy would have to name",
	  "publish an MX record" },
	{ "mx.server-failed", CHECK_ERROR, looked, CHECK_FAILED,
	  "the name servers fail when asked for MX of {domain}: {}",
	  "have the name servers of {domain} put right: mail waits" },
	{ "mx.timeout", CHECK_WARNING, looked, CHECK_TIMED_OUT,
	  "nobody answered for MX of {domain}: {}",
	  "check the resolvers of this machine, then the name servers of "
	  "{domain}; and try again" },
	{ "mx.not-tested", CHECK_WARNING, looked, CHECK_NOT_TESTED,
	  "MX of {domain} were not asked for: whether mail comes in is not "
	  "known",
	  "try again" },
	{ "mx.bad-name", CHECK_ERROR, has_bad_name, 0,
	  "an MX record of {domain} has {}, which is no host name: no policy "
	  "can name it, and no certificate can be for it",
	  "let it name a host that has an address and a certificate" },
	{ "mx.unusable", CHECK_ERROR, is_unusable, 0,
	  "no MX record of {domain} names a host",
	  "let it name the mail host" },
	{ "mx.null", CHECK_NOTE, is_null, 0, "{domain} takes no mail (null MX)",
	  "it needs no policy, or one of mode none" },
	{ "mx.many", CHECK_NOTE, is_cut, 0,
	  "{domain} has more than {} MX: only these are looked at", "" },
	{ "mx.stale", CHECK_WARNING, is_stale, 0,
	  "the policy names {}, which no MX of {domain} is",
	  "take it out, if that is no move under way" },
	{ "mx.wildcard-broad", CHECK_WARNING, has_broad, 0,
	  "the pattern {} is broad: who gets any certificate under it can take "
	  "the mail",
	  "name the mail hosts themselves (for Microsoft 365 "
	  "*.TENANT.mx.microsoft, such as *.a-v1.mx.microsoft)" },
	{ "mx.wildcard-one-label", CHECK_NOTE, has_wildcard, 0,
	  "the pattern {} stands for hosts that have exactly one label before "
	  "it",
	  "" },
	{ "mx.provider", CHECK_WARNING, is_other_provider, 0, "{}",
	  "let policy and MX name the same provider's hosts" },
	{ "mx.covered", CHECK_GOOD, all_covered, 0,
	  "the policy names every MX of {domain}", "" },
	{ "smtp.not-tested", CHECK_NOTE, is_unasked, 0,
	  "the mail servers were not asked: whether they offer STARTTLS with a "
	  "good certificate is not known",
	  "" },
};

/* ---- each of them ---- */

static bool is_not_covered(struct bench *b)
{
	if (!can_cover(b) || is_covered(b, b->mx))
		return false;
	if (bench_has_mode(b, STS_TESTING))
		b->severity = CHECK_WARNING;
	return true;
}

static bool is_alias(struct bench *b)
{
	return *b->mx->host.alias && bench_say(b, "%s", b->mx->host.alias);
}

static bool host_looked(struct bench *b)
{
	return (int)b->mx->host.look == b->arg &&
	       bench_say(b, "%s", b->mx->host.problem);
}

static bool is_private(struct bench *b)
{
	return *b->mx->host.private && bench_say(b, "%s", b->mx->host.private);
}

static bool came_to(struct bench *b)
{
	return (int)b->smtp->outcome == b->arg &&
	       bench_say(b, "%s", b->smtp->problem);
}

static bool shows(struct bench *b)
{
	return bench_cert(b, &b->smtp->cert);
}

/* A fault that is none of those above, or is in what the client thinks. */
static bool is_refused(struct bench *b)
{
	return b->smtp->outcome == SMTP_CERT_REFUSED &&
	       !bench_cert_is_bad(b, &b->smtp->cert) &&
	       bench_say(b, "%s", b->smtp->problem);
}

/* That it has no address, or none to be tried, is said elsewhere. */
static bool is_untested(struct bench *b)
{
	enum check_look look = b->mx->host.look;

	for (size_t i = 0; i < b->mx->smtp_count; i++)
		if (b->mx->smtp[i].outcome == SMTP_NOT_TESTED)
			return b->f->smtp_is_tested;
	return b->f->smtp_is_tested && !b->mx->smtp_count &&
	       (look == CHECK_SEEN || look == CHECK_NOT_TESTED) &&
	       !*b->mx->host.private;
}

/* The first of its addresses that is secure, or NULL. */
static const struct check_smtp *find_secure(const struct check_mx *mx)
{
	for (size_t i = 0; i < mx->smtp_count; i++)
		if (mx->smtp[i].outcome == SMTP_SECURE)
			return &mx->smtp[i];
	return NULL;
}

/* Not reached by IPv6, and well else: senders take the other way. */
static bool is_only_v6(const struct check_mx *mx, const struct check_smtp *smtp)
{
	return smtp->outcome == SMTP_UNREACHABLE &&
	       strchr(smtp->address, ':') && find_secure(mx);
}

static bool is_unreachable(struct bench *b)
{
	return came_to(b) && !is_only_v6(b->mx, b->smtp);
}

static bool is_v6_unreachable(struct bench *b)
{
	return came_to(b) && is_only_v6(b->mx, b->smtp);
}

/* At each of its addresses that was tried. */
static bool is_secure(struct bench *b)
{
	for (size_t i = 0; i < b->mx->smtp_count; i++)
		if (b->mx->smtp[i].outcome != SMTP_SECURE &&
		    !is_only_v6(b->mx, &b->mx->smtp[i]))
			return false;
	return find_secure(b->mx);
}

/* What keeps them from being tried is said of each by itself. */
static bool is_partly(struct bench *b)
{
	const struct check_smtp *secure = find_secure(b->mx), *one;

	for (size_t i = 0; secure && i < b->mx->smtp_count; i++) {
		one = &b->mx->smtp[i];
		if (one->outcome == SMTP_REFUSED ||
		    (one->outcome == SMTP_UNREACHABLE &&
		     !is_only_v6(b->mx, one)))
			return bench_say(b, "%s", secure->address);
	}
	return false;
}

static bool has_more(struct bench *b)
{
	const struct check_mx *mx = b->mx;

	return mx->smtp_count && mx->smtp_count < mx->host.count &&
	       !*mx->host.private &&
	       bench_say(b, "%zu of the %zu", mx->smtp_count, mx->host.count);
}

static bool has_tlsa(struct bench *b)
{
	return b->mx->has_tlsa;
}

#define THEN "; senders that keep to the policy do not deliver there"

static const struct rule each[] = {
	{ "mx.not-covered", CHECK_ERROR, is_not_covered, 0,
	  "the policy does not name the MX {mx}: senders that keep to it "
	  "refuse that host (\"MX host does not match\", 4.4.8)",
	  "add \"mx: {mx}\" to the policy, and a new id to the record" },
	{ "mx.cname", CHECK_WARNING, is_alias, 0,
	  "the MX {mx} is a CNAME, of {}, which RFC 2181 forbids: senders "
	  "differ about the name to verify",
	  "let the MX record name the host itself" },
	{ "mx.no-address", CHECK_ERROR, host_looked, CHECK_ABSENT,
	  "the MX {mx} has no address",
	  "publish A or AAAA for it, or take the MX record out" },
	{ "mx.host-failed", CHECK_ERROR, host_looked, CHECK_FAILED,
	  "the name servers fail when asked for addresses of the MX {mx}: {}",
	  "have its name servers put right" },
	{ "mx.host-timeout", CHECK_WARNING, host_looked, CHECK_TIMED_OUT,
	  "nobody answered for addresses of the MX {mx}: {}",
	  "check the resolvers of this machine, then the name servers of {mx}; "
	  "and try again" },
	{ "mx.private", CHECK_WARNING, is_private, 0,
	  "the MX {mx} leads to {}, which is no address of the public "
	  "Internet, and is not tried",
	  "publish the address that senders reach; --allow-private tries such "
	  "ones as well" },
	{ "smtp.untested", CHECK_WARNING, is_untested, 0,
	  "the MX {mx} was not tested: whether senders can deliver there is "
	  "not known",
	  "try again" },
	{ "smtp.ok", CHECK_GOOD, is_secure, 0,
	  "the MX {mx} has STARTTLS and a good certificate", "" },
	{ "smtp.partly", CHECK_NOTE, is_partly, 0,
	  "the MX {mx} has STARTTLS and a good certificate at {}, and was not "
	  "reached at each of its addresses",
	  "" },
	{ "mx.addresses", CHECK_NOTE, has_more, 0,
	  "{} addresses of the MX {mx} were tested", "" },
	{ "dane.present", CHECK_NOTE, has_tlsa, 0,
	  "the MX {mx} has TLSA records too: senders that know DANE go by "
	  "these",
	  "keep them in step with its certificate" },
};

/* ---- each address of each ---- */

static const struct rule each_smtp[] = {
	{ "smtp.unreachable", CHECK_WARNING, is_unreachable, SMTP_UNREACHABLE,
	  "the MX {mx} was not tested: no connection with {address}: {}",
	  "see whether this machine may go out to port 25; many may not" },
	{ "smtp.v6-unreachable", CHECK_NOTE, is_v6_unreachable,
	  SMTP_UNREACHABLE,
	  "the MX {mx} was not tested by IPv6: no connection with {address}: "
	  "{}",
	  "" },
	{ "smtp.refused", CHECK_WARNING, came_to, SMTP_REFUSED,
	  "the MX {mx} was not tested: {address} will not speak with this "
	  "machine: {}",
	  "try from a machine that may send mail" },
	{ "smtp.no-starttls", CHECK_ERROR, came_to, SMTP_NO_STARTTLS,
	  "the MX {mx} offers no STARTTLS at {address}" THEN,
	  "switch TLS on there" },
	{ "smtp.tls", CHECK_ERROR, came_to, SMTP_TLS_FAILED,
	  "the MX {mx} makes no TLS connection at {address}: {}" THEN,
	  "see its TLS settings" },
	{ "smtp.tls-old", CHECK_ERROR, came_to, SMTP_TLS_OLD,
	  "the MX {mx} speaks no TLS newer than 1.1 at {address}: {}" THEN,
	  "let it speak TLS 1.2 or 1.3" },
	{ "smtp.cert-name", CHECK_ERROR, shows, CERT_OTHER_NAME,
	  "the certificate of the MX {mx} at {address} is not for {mx}; it has "
	  "{}" THEN,
	  "get one with the name {mx}" },
	{ "smtp.cert-expired", CHECK_ERROR, shows, CERT_EXPIRED,
	  "the certificate of the MX {mx} at {address} has expired at {}" THEN,
	  "renew it" },
	{ "smtp.cert-early", CHECK_ERROR, shows, CERT_EARLY,
	  "the certificate of the MX {mx} at {address} is not valid before {}",
	  "check this machine's clock; if it is right, get a certificate that "
	  "is valid now" },
	{ "smtp.cert-untrusted", CHECK_ERROR, shows, CERT_UNTRUSTED,
	  "the certificate of the MX {mx} at {address} is not trusted: {}" THEN,
	  "get one from a public authority, and serve its whole chain" },
	{ "smtp.cert-refused", CHECK_ERROR, is_refused, 0,
	  "the certificate of the MX {mx} at {address} is refused: {}" THEN,
	  "get one from a public authority, for the very name {mx}" },
	{ "smtp.cert-soon", CHECK_WARNING, shows, CERT_SOON,
	  "the certificate of the MX {mx} at {address} expires at {}",
	  "see why it has not been renewed" },
};

const struct rule_set rules_mail = { GROUP_MAIL, ONCE, once, ARRAY_LEN(once) };
const struct rule_set rules_mail_each = { GROUP_MAIL, EACH_MX, each,
					  ARRAY_LEN(each) };
const struct rule_set rules_smtp_each = { GROUP_MAIL, EACH_SMTP, each_smtp,
					  ARRAY_LEN(each_smtp) };
