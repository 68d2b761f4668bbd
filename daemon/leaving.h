/*
 * Domains on their way out.
 *
 * Removing (RFC 8461, 8.3): the policy says `none` under a new id; DNS shows
 * it; then every policy that a sender may hold has run out; then the records
 * may go, and with them the domain. Handing over: another host goes on with
 * the policy; the domain is served here, and its id stands in the operator's
 * own zone, until DNS has led elsewhere for so long that nobody's cache leads
 * here any more: watch_cached().
 */
#ifndef DAEMON_LEAVING_H
#define DAEMON_LEAVING_H

#include "base/when.h"
#include "store/watch.h"

#define LEAVING_MAX_AGE 86400L	/* of the policy that says none: a day */
#define LEAVING_SURE	WHEN_HOUR /* DNS has no record for so long */

struct leaving {
	bool waits_for_txt;	/* DNS does not show the new id yet */
	bool waits_for_host;	/* another host may serve its policy */
	bool waits_for_dns;	/* a handover: the name still leads here */
	bool waits_for_cname;	/* ... and _mta-sts into the operator's zone */
	time_t held_until;	/* what senders may hold; 0: nothing */
	time_t done_at;		/* when the records, or the domain, may go;
				   0: not known yet */
};

/* Nothing of a domain that stays. */
bool leaving_of(struct store *s, const struct domain *d, const struct watch *w,
		time_t now, struct leaving *l, struct err *err);

/*
 * Is it still to be served with a valid certificate? What is removed is, until
 * no sender holds a policy of it (RFC 8461, 8.3); what is handed over gets no
 * new one here.
 */
bool leaving_needs_cert(const struct domain *d, const struct leaving *l,
			time_t now);

/*
 * Handed over, and past its planned renewal at `renew_at`: does its name lead
 * here still, for all that is known? Then its certificate runs out on senders.
 */
bool leaving_lapses(const struct domain *d, const struct leaving *l,
		    time_t renew_at, time_t now);

/* ... and what helps. */
void leaving_lapse_hint(const struct domain *d, time_t not_after, time_t now,
			char *out, size_t size);

/*
 * Lets a domain go whose time is over and whose records are gone. Inside a
 * transaction; *is_gone says so.
 */
bool leaving_step(struct store *s, struct domain *d, const struct watch *w,
		  time_t now, bool *is_gone, struct err *err);

#endif
