/*
 * The mail address that a CA is told: would it take that one?
 *
 * No I/O, no clock. Any thread.
 */
#ifndef POLICY_CONTACT_H
#define POLICY_CONTACT_H

#include <stdbool.h>

/*
 * Let's Encrypt makes no account for an address at a name that is reserved for
 * examples and tests (RFC 2606, RFC 6761). Is that its directory, and such an
 * address? Others are not known to mind.
 */
bool contact_is_refused(const char *contact, const char *directory_url);

#endif
