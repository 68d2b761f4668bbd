/*
 * Alerts about a domain's policy, judged whenever DNS was looked at: mail
 * hosts that the policy does not name, or that senders refuse, an id that DNS
 * does not show, a domain whose records may go, one that has become ready for
 * enforce.
 *
 * Pure but for the store. Control thread only.
 */
#ifndef DAEMON_POLICY_ALERTS_H
#define DAEMON_POLICY_ALERTS_H

#include "base/when.h"
#include "daemon/config.h"
#include "daemon/domain_facts.h"

/* What may be DNS on its way, or one resolver's bad minute, is not told. */
#define STRAYS_SURE	(15 * WHEN_MINUTE)
#define UNANNOUNCED_MAX WHEN_DAY	/* after that somebody has forgotten */
#define UNANNOUNCED_REFUSES                                                    \
	(30 * WHEN_MINUTE) /* the same, where senders go on to enforce what is
			      not to be enforced any more */
#define UNPUBLISHED_MAX WHEN_HOUR /* what the box publishes is there by then */

/*
 * Raises and ends them, and marks the domain for status if it needs a hand
 * (watch_mark()). Inside a transaction.
 */
bool policy_alerts_judge(struct store *s, const struct domain_facts *f,
			 const struct config *config, time_t now,
			 struct err *err);

#endif
