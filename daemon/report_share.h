/*
 * Which policies of a TLS report are about which domain. Pure.
 *
 * A policy is its policy-domain's. Some reporters leave that out where no
 * policy was found, and of DANE name the mail host: then it is the domain's that
 * the report is about, by the path that it was posted to, or by what else is
 * known (daemon/report_about.h), but for one of DANE that names another domain of
 * ours. If that is not known, a policy without a domain is that of all the
 * others, if they are one.
 */
#ifndef DAEMON_REPORT_SHARE_H
#define DAEMON_REPORT_SHARE_H

#include "policy/tls_report.h"

#define REPORT_NAMES 16

/* Domains, each once. Borrowed. */
struct report_names {
	const char *name[REPORT_NAMES];
	size_t count;
	bool is_cut; /* there are more */
};

bool report_names_has(const struct report_names *n, const char *name);

/* What a report says of one domain. */
struct report_share {
	const char *domain;   /* "" of what cannot be told; the report's */
	const size_t *policy; /* numbers of its policies, ascending */
	size_t count;
};

/* All that a report says, in the order in which it names the domains. */
struct report_shares {
	struct report_share *share; /* owned */
	size_t count;
	size_t *policy; /* owned: the shares' numbers */
};

/*
 * `about` is the domain that it is about, or "", and those of `own` keep what
 * they are named by. All are borrowed.
 * A thousand policies take less than a millisecond.
 */
void report_shares_init(struct report_shares *s, const struct tls_report *r,
			const char *about, const struct report_names *own);
void report_shares_release(struct report_shares *s);

/* NULL: it says nothing of that one. */
const struct report_share *report_shares_find(const struct report_shares *s,
					      const char *domain);

#endif
