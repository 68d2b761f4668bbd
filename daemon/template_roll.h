/*
 * Brings domains up to their templates when these have changed: some at a
 * time, so that nothing else waits, and on from where it was after a restart.
 *
 * A domain that cannot follow (more hosts than a policy may have) keeps its
 * policy, and the trail says so. One whose MX have to be seen first, or may be in
 * caches still, waits, and holds up no other: some are looked at for it at a time.
 * Those on their way out stay as they are.
 *
 * Control thread only.
 */
#ifndef DAEMON_TEMPLATE_ROLL_H
#define DAEMON_TEMPLATE_ROLL_H

#include "base/loop.h"
#include "daemon/mx_drop.h"
#include "store/policy_version.h"
#include "store/template.h"

struct template_roll;

/* `now` is asked for the time, with `arg`. All of it outlives the roll. */
struct template_roll *template_roll_start(struct loop *loop, struct store *s,
					  time_t (*now)(void *arg), void *arg,
					  struct err *err);
void template_roll_stop(struct template_roll *r);	/* NULL is fine */

/*
 * What a domain that has `is` would get by *t; unless it is MX_DROP_FINE it would
 * keep what it has, at first or for good, and `why` says why. `wanted` is to be
 * released in any case.
 */
enum mx_drop template_roll_would(struct store *s, const struct domain *d,
				 const struct template *t,
				 const struct sts_policy *is, time_t now,
				 struct sts_policy *wanted, struct err *why);

#endif
