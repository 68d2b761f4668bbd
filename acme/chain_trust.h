/*
 * Do senders trust a chain: does it lead to a root that this machine trusts?
 */
#ifndef ACME_CHAIN_TRUST_H
#define ACME_CHAIN_TRUST_H

#include <stdbool.h>

#include "acme/chain.h"

#define CHAIN_DISTRUST 300

/*
 * `ca_file` has more roots, beside the system's; NULL or "": none. If not,
 * `why` says what is wrong. Reads the system's roots: some ten milliseconds.
 */
bool chain_is_trusted(const struct chain *c, const char *ca_file, time_t at,
		      char why[static CHAIN_DISTRUST]);

#endif
