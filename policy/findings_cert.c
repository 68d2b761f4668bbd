/*
 * The policy host's certificate, and whether there can be another one.
 */
#include "base/mem.h"
#include "policy/caa.h"
#include "policy/findings_parts.h"

/* ---- CAA ---- */

static bool is_allowed(const struct bench *b, struct err *err)
{
	const char *names[CHECK_CA_MAX];
	struct caa_asker asker = { .identities = names,
				   .identity_count = b->f->ca_count,
				   .account_url = b->f->ca_account,
				   .method = "http-01" };

	for (size_t i = 0; i < b->f->ca_count; i++)
		names[i] = b->f->ca[i];
	if (!b->f->ca_account)
		asker.account_url = NULL;
	return caa_allows(&b->f->caa, &asker, err);
}

static bool is_known(const struct bench *b)
{
	return b->f->caa_look == CHECK_ABSENT || b->f->caa_look == CHECK_SEEN;
}

static bool forbids(struct bench *b)
{
	struct err err = ERR_INIT;

	return is_known(b) && !is_allowed(b, &err) &&
	       bench_say(b, "%.350s", err.text);
}

static bool caa_is_unknown(struct bench *b)
{
	return (b->f->caa_look == CHECK_FAILED ||
		b->f->caa_look == CHECK_TIMED_OUT) &&
	       bench_say(b, "%s", b->f->caa.problem);
}

static bool caa_is_good(struct bench *b)
{
	return is_known(b) && is_allowed(b, NULL) &&
	       bench_say(b, "%s", b->f->caa_look == CHECK_ABSENT ?
			 "no CAA record stands" : "the CAA records do not stand");
}

static const struct rule once[] = {
	{ "caa.forbids", CHECK_WARNING, forbids, 0,
	  "no certificate of mta-sts.{domain} can be renewed: {}",
	  "publish a CAA record for the authority that is to issue, or none" },
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

static const struct rule each[] = {
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
	{ "cert.ok", CHECK_GOOD, shows, CERT_GOOD,
	  "the certificate of mta-sts.{domain} is good: from {}", "" },
};

const struct rule_set rules_cert = { GROUP_CERTIFICATE, ONCE, once,
				     ARRAY_LEN(once) };
const struct rule_set rules_cert_each = { GROUP_CERTIFICATE, EACH_HTTPS, each,
					  ARRAY_LEN(each) };
