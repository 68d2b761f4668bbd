/*
 * --track-mx: a recognised provider's new mail hosts go into the policy by
 * themselves.
 *
 * DNS alone never writes a policy: only hosts of a provider that the policy
 * names already are taken, beside what is there, and only after at least two
 * resolvers have agreed on them for an hour, and for the TTL besides: what they
 * say may come out of their caches.
 */
#ifndef DAEMON_MX_TRACK_H
#define DAEMON_MX_TRACK_H

#include "base/when.h"
#include "store/watch.h"

#define MX_TRACK_AFTER	WHEN_HOUR
#define MX_TRACK_VOICES 2

/* Inside a transaction. */
bool mx_track_step(struct store *s, struct domain *d, const struct watch *w,
		   time_t now, struct err *err);

/* May it be taken without a person? Pure. */
bool mx_track_may(const struct watch *w, const struct sts_policy *policy);

#endif
