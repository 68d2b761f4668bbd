/*
 * Which policies of a TLS report are about which domain. Pure.
 *
 * A policy is its policy-domain's. Some reporters leave that out where no
 * policy was found, and of DANE name the mail host: then it is the domain's at
 * whose path the report was posted; or, of one that came by mail, a policy
 * without a domain is that of all the others, if they are one.
 */
#ifndef DAEMON_REPORT_SHARE_H
#define DAEMON_REPORT_SHARE_H

#include "policy/tls_report.h"

/*
 * The domain of policy `i`, or "" if it cannot be told. `path` is that of the
 * path, or "".
 */
const char *report_share_domain(const struct tls_report *r, size_t i,
				const char *path);

/*
 * Those of a domain: their numbers go to `out`, which has room for all.
 * Returns how many.
 */
size_t report_share(const struct tls_report *r, const char *domain,
		    const char *path, size_t *out);

#endif
