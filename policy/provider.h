/*
 * The large mail providers, by the names of their mail hosts.
 *
 * No I/O, no clock. Any thread.
 */
#ifndef POLICY_PROVIDER_H
#define POLICY_PROVIDER_H

/*
 * "Microsoft 365" for the name of an MX or an mx pattern of theirs; NULL for
 * hosts that are nobody's whom we know.
 */
const char *provider_of(const char *host);

#endif
