/*
 * A new version of a domain's policy, as an edit: what `policy set`, `mx`,
 * `enforce`, `accept` and `rollback` have in common.
 */
#ifndef DAEMON_EDIT_POLICY_H
#define DAEMON_EDIT_POLICY_H

#include "daemon/edit.h"
#include "store/policy_version.h"
#include "store/watch.h"

/*
 * Publishes what `wanted` says and notes how it differs from `was`, the
 * version before it. The same content is success, and notes nothing.
 *
 * ERR_REFUSED while the domain is being removed; and, unless it is forced, for
 * a policy of mode enforce that edit_may_drop() refuses.
 */
bool edit_policy(struct edit *e, const struct policy_version *was,
		 const struct sts_policy *wanted, bool is_forced,
		 struct err *err);

/* policy_version_publish(), signed by who asks. */
bool edit_publish(struct edit *e, const struct sts_policy *policy,
		  bool *changed, struct err *err);

/* The version that was made just now is theirs. */
bool edit_sign(struct edit *e, struct err *err);

/*
 * May `wanted` leave out the hosts of `was` that it does (daemon/mx_drop.h)? If
 * DNS has to be looked at first, that is begun, and it is ERR_LOOKING; but
 * ERR_REFUSED if nobody answered at the last one.
 */
bool edit_may_drop(struct edit *e, const struct sts_policy *was,
		   const struct sts_policy *wanted, struct err *err);

/* The look is begun when the change has been taken back. Returns false. */
bool edit_look_first(struct edit *e, const struct watch *w);

/* Notes how two policies differ. */
void edit_note_policy(struct edit *e, const struct sts_policy *was,
		      const struct sts_policy *is);

#endif
