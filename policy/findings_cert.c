/*
 * The policy host's certificate, and whether there can be another one.
 */
#include "base/mem.h"
#include "policy/caa.h"
#include "policy/findings_parts.h"

/* ---- CAA ---- */

static const char *const methods[] = { "http-01", "tls-alpn-01" };

/* By one of the methods; if not, `why` is about the first of them. */
static bool may_issue(const struct bench *b, const struct check_ca *ca,
		      struct err *why)
{
	const char *names[CHECK_CA_NAMES];
	struct caa_asker asker = { .identities = names,
				   .identity_count = ca->identity_count,
				   .account_url = *ca->account ? ca->account
							       : NULL };
	struct err later = ERR_INIT;

	for (size_t i = 0; i < ca->identity_count; i++)
		names[i] = ca->identity[i];
	for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
		asker.method = methods[i];
		if (caa_allows(&b->f->caa, &asker, i ? &later : why))
			return true;
	}
	return false;
}

/* By one of the authorities; of a stranger's domain, by any there is. */
static bool is_allowed(const struct bench *b, struct err *why)
{
	static const struct check_ca anybody;
	struct err later = ERR_INIT;

	if (!b->f->ca_count)
		return may_issue(b, &anybody, why);
	for (size_t i = 0; i < b->f->ca_count; i++)
		if (may_issue(b, &b->f->ca[i], i ? &later : why))
			return true;
	return false;
}

static bool is_known(const struct bench *b)
{
	return b->f->caa_look == CHECK_ABSENT || b->f->caa_look == CHECK_SEEN;
}

static bool forbids(struct bench *b)
{
	return is_known(b) && !is_allowed(b, &b->why) &&
	       bench_say(b, "%.350s", b->why.text);
}

/* Others may, so that all is well for as long as they are. */
static bool forbids_some(struct bench *b)
{
	struct err later = ERR_INIT;
	bool is_found = false;

	if (!is_known(b) || !is_allowed(b, NULL))
		return false;
	for (size_t i = 0; i < b->f->ca_count; i++) {
		if (may_issue(b, &b->f->ca[i], is_found ? &later : &b->why))
			continue;
		bench_list(b, b->f->ca[i].name);
		is_found = true;
	}
	return is_found;
}

static bool caa_is_unknown(struct bench *b)
{
	return !is_known(b) && bench_say(b, "%s",
					 b->f->caa_look == CHECK_NOT_TESTED
						 ? "they were not asked for"
						 : b->f->caa.problem);
}

static bool caa_is_good(struct bench *b)
{
	return is_known(b) && is_allowed(b, NULL) &&
	       bench_say(b, "%s", b->f->caa_look == CHECK_ABSENT ?
			 "no CAA record stands" : "the CAA records do not stand");
}

static const struct rule once[] = {
	{ "caa.forbids", CHECK_WARNING, forbids, 0,
	  "no certificate of mta-sts.{domain} can be renewed: {}", "{hint}" },
	{ "caa.not-all", CHECK_NOTE, forbids_some, 0,
	  "the CAA records of mta-sts.{domain} do not let {} issue, which "
	  "could not step in if the others are away",
	  "{hint}" },
	{ "caa.unknown", CHECK_WARNING, caa_is_unknown, 0,
	  "the CAA records of mta-sts.{domain} cannot be read: {}",
	  "have the name servers put right: an authority that cannot read them "
	  "does not issue" },
	{ "caa.ok", CHECK_GOOD, caa_is_good, 0,
	  "{} in the way of a certificate for mta-sts.{domain}", "" },
};

/* ---- what an address shows ---- */

static bool shows(struct bench *b)
{
	return bench_cert(b, &b->https->cert);
}

/* A fault that is none of those below, or is in what the client thinks. */
static bool is_refused(struct bench *b)
{
	return b->https->outcome == HTTPS_CERT_REFUSED &&
	       !bench_cert_is_bad(b, &b->https->cert) &&
	       bench_say(b, "%s", b->https->problem);
}

static bool is_good(struct bench *b)
{
	return b->https->outcome != HTTPS_CERT_REFUSED && shows(b);
}

static const struct rule each[] = {
	{ "cert.refused", CHECK_ERROR, is_refused, 0,
	  "the certificate at {address} is refused for mta-sts.{domain}: {}",
	  "get one from a public authority, for the very name "
	  "mta-sts.{domain}" },
	{ "cert.name", CHECK_ERROR, shows, CERT_OTHER_NAME,
	  "the certificate at {address} is not for mta-sts.{domain}; it has {}",
	  "get one for mta-sts.{domain}" },
	{ "cert.expired", CHECK_ERROR, shows, CERT_EXPIRED,
	  "the certificate of mta-sts.{domain} has expired at {}",
	  "renew it: no sender can fetch the policy" },
	{ "cert.early", CHECK_ERROR, shows, CERT_EARLY,
	  "the certificate of mta-sts.{domain} is not valid before {}",
	  "check this machine's clock; if it is right, get a certificate that "
	  "is valid now" },
	{ "cert.untrusted", CHECK_ERROR, shows, CERT_UNTRUSTED,
	  "the certificate of mta-sts.{domain} is not trusted: {}",
	  "get one from a public authority, and serve its whole chain" },
	{ "cert.soon", CHECK_WARNING, shows, CERT_SOON,
	  "the certificate of mta-sts.{domain} expires at {}",
	  "see why it has not been renewed" },
	{ "cert.due", CHECK_NOTE, shows, CERT_DUE,
	  "the certificate of mta-sts.{domain} expires at {}",
	  "see that it is renewed" },
	{ "cert.ok", CHECK_GOOD, is_good, CERT_GOOD,
	  "the certificate of mta-sts.{domain} is good: from {}", "" },
};

const struct rule_set rules_cert = { GROUP_CERTIFICATE, ONCE, once,
				     ARRAY_LEN(once) };
const struct rule_set rules_cert_each = { GROUP_CERTIFICATE, EACH_HTTPS, each,
					  ARRAY_LEN(each) };
