/*
 * Does a name lead here? The judgement on what the resolvers said.
 *
 * Pure: the answer and our addresses come in, a verdict with a reason in
 * words goes out. A name leads here when at least two resolvers agree (or
 * the only one that is configured says so), none contradicts, and every A
 * and AAAA there is, at least one, is an address of ours: the CA and senders
 * may try any of them.
 */
#ifndef ACME_ARRIVAL_H
#define ACME_ARRIVAL_H

#include <stdbool.h>

#include "acme/engine.h"
#include "base/dns.h"

/*
 * True: it leads here. Else err says which addresses (all of one resolver's,
 * as far as they fit) or which resolver is why not.
 */
bool arrival_leads_here(const char *host, const struct dns_answer *answer,
			const struct engine_settings *settings,
			struct err *err);

bool arrival_is_ours(const struct engine_settings *settings,
		     const char *address);

#endif
