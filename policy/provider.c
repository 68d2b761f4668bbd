#include "policy/provider.h"

#include <stddef.h>

#include "base/mem.h"
#include "base/str.h"

#define MICROSOFT "Microsoft 365"
#define GOOGLE	  "Google Workspace"

/* What follows the first label or more of it, or the whole name. */
static const struct {
	const char *domain, *provider;
} hosts[] = {
	{ "mail.protection.outlook.com", MICROSOFT },
	{ "mx.microsoft", MICROSOFT },
	{ "smtp.google.com", GOOGLE },
	{ "aspmx.l.google.com", GOOGLE },
	{ "googlemail.com", GOOGLE },
	{ "mimecast.com", "Mimecast" },
	{ "pphosted.com", "Proofpoint" },
	{ "messagelabs.com", "Symantec" },
	{ "barracudanetworks.com", "Barracuda" },
	{ "mx.cloudflare.net", "Cloudflare" },
	{ "protonmail.ch", "Proton" },
	{ "messagingengine.com", "Fastmail" },
	{ "zoho.com", "Zoho" },
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
