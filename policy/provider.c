#include "policy/provider.h"

#include <stddef.h>

#include "base/mem.h"
#include "base/str.h"
#include "policy/preset.h"

#define MICROSOFT "Microsoft 365"
#define GOOGLE	  "Google Workspace"

/* What follows the first label or more of it, or the whole name. */
static const struct {
	const char *domain, *provider;
} hosts[] = {
	{ "mail.protection.outlook.com", MICROSOFT },
	{ "mx.microsoft", MICROSOFT },
	{ "office365.us", MICROSOFT },
	{ "partner.outlook.cn", MICROSOFT },
	{ "smtp.google.com", GOOGLE },
	{ "aspmx.l.google.com", GOOGLE },
	{ "googlemail.com", GOOGLE },
	{ "mimecast.com", "Mimecast" },
	{ "pphosted.com", "Proofpoint" },
	{ "ppe-hosted.com", "Proofpoint" },
	{ "iphmx.com", "Cisco" },
	{ "hornetsecurity.com", "Hornetsecurity" },
	{ "antispameurope.com", "Hornetsecurity" },
	{ "tmes.trendmicro.com", "Trend Micro" },
	{ "tmes.trendmicro.eu", "Trend Micro" },
	{ "messagelabs.com", "Symantec" },
	{ "hydra.sophos.com", "Sophos" },
	{ "mailcontrol.com", "Forcepoint" },
	{ "antispamcloud.com", "SpamExperts" },
	{ "spamexperts.com", "SpamExperts" },
	{ "barracudanetworks.com", "Barracuda" },
	{ "mx.cloudflare.net", "Cloudflare" },
	{ "protonmail.ch", "Proton" },
	{ "messagingengine.com", "Fastmail" },
	{ "zoho.com", "Zoho" },
	{ "zoho.eu", "Zoho" },
	{ "mail.icloud.com", "iCloud" },
	{ "emailsrvr.com", "Rackspace" },
	{ "migadu.com", "Migadu" },
	{ "mailbox.org", "mailbox.org" },
	{ "gandi.net", "Gandi" },
	{ "mail.ovh.net", "OVH" },
};

const char *provider_of(const char *host)
{
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		const char *end = hosts[i].domain, *dot = host;

		for (; dot; dot = *dot == '.' ? dot + 1 : dot) {
			if (streq_case(dot, end))
				return hosts[i].provider;
			while (*dot && *dot != '.')
				dot++;
			if (!*dot)
				break;
		}
	}
	return NULL;
}

const char *provider_of_all(const struct mx_seen *seen)
{
	const char *provider = NULL;

	for (size_t i = 0; i < seen->count; i++) {
		const char *one = provider_of(seen->host[i]);

		if (!one || (provider && !streq(provider, one)))
			return NULL;
		provider = one;
	}
	return provider;
}

/* Google moves mail between hosts that no MX of the domain names. */
bool provider_add_mx(const struct mx_seen *seen, const char *domain,
		     struct sts_policy *p, struct err *err)
{
	const char *provider = provider_of_all(seen);

	if (provider && streq(provider, GOOGLE))
		return preset_apply("google", domain, p, err);
	return mx_add_seen(seen, p, err);
}
