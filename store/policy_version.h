/*
 * Every policy that was ever published for a domain: table `policy`.
 *
 * A version is never edited. Its id (RFC 8461, 3.1) is unique for the name
 * over all versions, so that a sender can trust "same id, same policy": also
 * if the domain was removed in between and added again.
 */
#ifndef STORE_POLICY_VERSION_H
#define STORE_POLICY_VERSION_H

#include <time.h>

#include "policy/sts_policy.h"
#include "policy/sts_record.h"
#include "store/domain.h"

struct policy_version {
	int64_t id;
	int64_t domain_id;
	long version;			/* 1, 2, ... per domain */
	char sts_id[STS_ID_SIZE];
	struct sts_policy policy;
	char *body;			/* owned: the exact bytes served */
	time_t created_at;
	time_t replaced_at;		/* by the next one; 0: it is current */
	time_t first_served;		/* 0: never, as far as is known */
	time_t last_served;		/* never too early: store/served.h */
	long fetches;			/* that were counted */
};

void policy_version_release(struct policy_version *v);

/*
 * Makes `policy` the domain's current one (d->policy_id is set and the row
 * written). The same content as the current version is success and makes no
 * new one; *changed tells. `policy` must be valid.
 */
bool policy_version_publish(struct store *s, struct domain *d,
			    const struct sts_policy *policy, time_t now,
			    bool *changed, struct err *err);

/*
 * Until when a sender may hold a version of mode enforce: from the last time
 * that it was served, for its max_age; the current one is served just now.
 * 0: none was ever served.
 */
bool policy_version_enforced_until(struct store *s, const struct domain *d,
				   time_t now, time_t *until, struct err *err);

/* The domain's current version; and one by its number, at the time `now`. */
bool policy_version_current(struct store *s, const struct domain *d,
			    struct policy_version *v, struct err *err);
bool policy_version_numbered(struct store *s, const struct domain *d, long n,
			     time_t now, struct policy_version *v,
			     struct err *err);

/*
 * Up to `most` versions before number `before` (0: from the last one), the
 * newest first; the times of serving as they are known at `now`. Returns how
 * many; each is to be released. One that is damaged is passed over.
 */
size_t policy_version_list(struct store *s, const struct domain *d,
			   long before, time_t now, struct policy_version *out,
			   size_t most, struct err *err);

#endif
