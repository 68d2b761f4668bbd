/*
 * The template that a domain follows, in a change that an admin asks for.
 */
#ifndef DAEMON_EDIT_TEMPLATE_H
#define DAEMON_EDIT_TEMPLATE_H

#include "daemon/edit.h"
#include "policy/sts_policy.h"

/*
 * The policy of e->domain becomes what its template says, now. Refused if it
 * enforces, and mail would be lost. What differs is noted.
 */
bool edit_follow_template(struct edit *e, struct err *err);

/* It has the template, and until that changes the policy that it has. */
bool edit_keep_policy(struct edit *e, struct err *err);

/*
 * What the template `id` says goes into *p; 0, and with `if_behind` one that
 * was applied to the domain as it is now: nothing.
 */
bool edit_template_policy(const struct edit *e, int64_t id, bool if_behind,
			  struct sts_policy *p, struct err *err);

#endif
