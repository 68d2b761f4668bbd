/*
 * A domain's way out, and back, as edits: used by DELETE of a domain, by its
 * handover, and by adding it again.
 */
#ifndef DAEMON_EDIT_LEAVING_H
#define DAEMON_EDIT_LEAVING_H

#include "daemon/edit.h"
#include "daemon/leaving.h"
#include "policy/sts_policy.h"

/* The policy before it said `none`. ERR_NOT_FOUND if it never said another. */
bool leaving_former_policy(struct store *s, const struct domain *d, time_t now,
			   struct sts_policy *policy, struct err *err);

/* What was handed over had nothing due: its renewal is again, in its time. */
void leaving_renew_in_time(struct store *s, struct domain *d);

/* It stays after all, with this policy. */
bool leaving_resume(struct edit *e, const struct sts_policy *policy,
		    struct err *err);

#endif
