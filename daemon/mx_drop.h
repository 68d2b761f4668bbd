/*
 * May a policy leave mail hosts out that it had? One judge for every verb that
 * could, and for templates: what DNS sends mail to now, or what caches may still
 * send it to, is not to be refused by senders.
 *
 * Pure: no I/O, no clock.
 */
#ifndef DAEMON_MX_DROP_H
#define DAEMON_MX_DROP_H

#include "store/watch.h"

enum mx_drop {
	MX_DROP_FINE, /* or it leaves none out */
	MX_DROP_LOOK, /* MX have to be seen first */
	MX_DROP_WAIT, /* until no cache has the former MX any more */
	MX_DROP_LOSES /* DNS sends mail there, or nobody can say */
};

/* Why it may not be, if so: ERR_LOOKING for a look, else ERR_REFUSED; that too
   for a look if the last one had no answer. */
enum mx_drop mx_drop_judge(const struct watch *w, const struct domain *d,
			   const struct sts_policy *was,
			   const struct sts_policy *wanted, time_t now,
			   struct err *why);

#endif
