/*
 * The large mail providers, by the names of their mail hosts.
 *
 * No I/O, no clock. Any thread.
 */
#ifndef POLICY_PROVIDER_H
#define POLICY_PROVIDER_H

#include "policy/mx_seen.h"

/*
 * "Microsoft 365" for the name of an MX or an mx pattern of theirs; NULL for
 * hosts that are nobody's whom we know.
 */
const char *provider_of(const char *host);

/* The one whose all of them are; NULL if there is none. */
const char *provider_of_all(const struct mx_seen *seen);

/* What a policy must name for mail that goes to these hosts. */
bool provider_add_mx(const struct mx_seen *seen, const char *domain,
		     struct sts_policy *p, struct err *err);

#endif
