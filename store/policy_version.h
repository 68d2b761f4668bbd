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
 * Until when a sender may hold a version of mode enforce: served till now, or
 * until the next one was made, and then for its max_age. 0: there was none.
 */
bool policy_version_enforced_until(struct store *s, const struct domain *d,
				   time_t now, time_t *until, struct err *err);

/* The domain's current version. */
bool policy_version_current(struct store *s, const struct domain *d,
			    struct policy_version *v, struct err *err);

#endif
