/*
 * Domain names as administrators write them, made into the one form that we
 * store, compare and publish: lower-case A-labels, no trailing dot.
 *
 * Through libidn2 (IDNA 2008, non-transitional). Accepted: U-labels, upper
 * case, one trailing dot, white space around. Refused, each with its reason:
 * IP addresses, wildcards, single labels, empty or over-long labels, names
 * over 253 octets, anything but letters, digits and hyphens (no underscore),
 * an all-numeric last label.
 *
 * No I/O, no clock. Any thread.
 */
#ifndef POLICY_DOMAIN_NAME_H
#define POLICY_DOMAIN_NAME_H

#include <stdbool.h>

#include "base/err.h"

#define DOMAIN_NAME_MAX 253
#define DOMAIN_NAME_SIZE (DOMAIN_NAME_MAX + 1)

/*
 * A mail domain to host. Also refused: a name so long that "mta-sts." before
 * it would not fit, and "mta-sts." with a whole domain behind it (the hint
 * says to give the mail domain). *out is untouched on failure.
 */
bool domain_name_normalise(const char *text, char out[static DOMAIN_NAME_SIZE],
			   struct err *err);

/* Any host name, such as an MX: the same form, without the two extra rules. */
bool host_name_normalise(const char *text, char out[static DOMAIN_NAME_SIZE],
			 struct err *err);

/* "example.org" to "mta-sts.example.org": the policy host (RFC 8461, 3.3). */
void domain_name_policy_host(const char *domain,
			     char out[static DOMAIN_NAME_SIZE]);

/* The U-label form for people, or the same text if it has none. Caller frees. */
char *domain_name_display(const char *domain);

#endif
