#include "daemon/report_share.h"

#include "base/str.h"

/* The one domain that is named at all, or "". */
static const char *only_domain(const struct tls_report *r)
{
	const char *only = "";

	for (size_t i = 0; i < r->policy_count; i++) {
		const char *domain = r->policy[i].domain;

		if (!*domain)
			continue;
		if (*only && !streq(only, domain))
			return "";
		only = domain;
	}
	return only;
}

const char *report_share_domain(const struct tls_report *r, size_t i,
				const char *path)
{
	const struct tls_report_policy *p = &r->policy[i];

	if (*path && p->type == TLS_POLICY_TLSA)
		return path;
	if (*p->domain || *p->domain_text)
		return p->domain; /* "" if it is no name */
	return *path ? path : only_domain(r);
}

size_t report_share(const struct tls_report *r, const char *domain,
		    const char *path, size_t *out)
{
	size_t n = 0;

	for (size_t i = 0; i < r->policy_count; i++)
		if (streq(report_share_domain(r, i, path), domain))
			out[n++] = i;
	return n;
}
