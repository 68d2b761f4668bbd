/*
 * A new version of a domain's policy, as an edit: what `policy set`, `mx`,
 * `enforce`, `accept` and `rollback` have in common.
 */
#ifndef DAEMON_EDIT_POLICY_H
#define DAEMON_EDIT_POLICY_H

#include "daemon/edit.h"
#include "store/policy_version.h"

/*
 * Publishes what `wanted` says and notes how it differs from `was`, the
 * version before it. The same content is success, and notes nothing.
 *
 * ERR_REFUSED while the domain is being removed; and, unless it is forced, for
 * a policy of mode enforce by which senders would refuse a mail host that DNS
 * names and that they take now.
 */
bool edit_policy(struct edit *e, const struct policy_version *was,
		 const struct sts_policy *wanted, bool is_forced,
		 struct err *err);

/* Notes how two policies differ. */
void edit_note_policy(struct edit *e, const struct sts_policy *was,
		      const struct sts_policy *is);

#endif
