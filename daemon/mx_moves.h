/*
 * When the mail hosts that a policy names are known to senders: what whoever
 * moves a domain's MX has to wait for.
 *
 * Until then a sender may hold an earlier version, and would refuse the host.
 */
#ifndef DAEMON_MX_MOVES_H
#define DAEMON_MX_MOVES_H

#include "store/policy_version.h"
#include "store/watch.h"

struct mx_move {
	time_t by_id;	/* for senders that look for a new id before each
			   delivery; 0: DNS does not show the id, not
			   yet or not any more */
	time_t by_all;	/* for every sender */
};

/*
 * For how long caches may have what has changed: the TTL seen, but an hour at
 * least, for a resolver that caches says what is left of one, and seven days at
 * most.
 */
long mx_moves_ttl(long seen);

/*
 * When those of `hosts` that an earlier version lacks will be known. Both are
 * in the past, or 0, if they are known already; *is_known says so.
 */
bool mx_move_of(struct store *s, const struct domain *d, const struct watch *w,
		const struct policy_version *current,
		const struct sts_policy *hosts, time_t now,
		struct mx_move *move, bool *is_known, struct err *err);

#endif
