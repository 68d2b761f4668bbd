/*
 * Watches DNS for the domains hosted here: the `_mta-sts` and `_smtp._tls`
 * records, the policy host's addresses, and MX. What it sees goes into the
 * store (store/watch.h); what is news goes into the trail, and an id that is
 * shown marks its version as announced.
 *
 * A few domains at once, at most fifty a second: a hundred thousand, each
 * looked at every six hours, take five.
 *
 * Control thread only.
 */
#ifndef DAEMON_DNS_WATCH_H
#define DAEMON_DNS_WATCH_H

#include "acme/engine.h"
#include "base/dns.h"
#include "base/loop.h"
#include "daemon/config.h"
#include "store/store.h"

/* All of it outlives the watch. */
struct dns_watch_parts {
	struct loop *loop;
	struct store *store;
	struct engine *engine;		/* whose time it goes by */
	const struct config *config;	/* as it is when it is needed */
};

struct dns_watch;

struct dns_watch *dns_watch_start(const struct dns_watch_parts *parts,
				  struct err *err);

/* Asks this one from now on, and takes it. */
void dns_watch_use(struct dns_watch *w, struct resolver *resolver);

/* Something is due now: looks at once. */
void dns_watch_poke(struct dns_watch *w);
void dns_watch_stop(struct dns_watch *w);	/* NULL is fine */

#endif
