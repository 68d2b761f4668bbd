/*
 * A domain's row with the rows that belong to it: what a view of it shows and
 * what its health is judged by.
 *
 * A row that cannot be read is logged and counts as missing: one damaged
 * certificate must not hide the list of all domains.
 */
#ifndef DAEMON_DOMAIN_FACTS_H
#define DAEMON_DOMAIN_FACTS_H

#include "daemon/announce.h"
#include "daemon/leaving.h"
#include "daemon/mx_health.h"
#include "store/ca.h"
#include "store/cert.h"
#include "store/domain.h"
#include "store/order.h"
#include "store/policy_version.h"
#include "store/publication.h"
#include "store/template.h"
#include "store/watch.h"

struct domain_facts {
	struct domain domain;
	bool has_policy, has_cert, has_order, has_publication;
	struct policy_version policy;	/* the one served */
	struct cert cert;		/* the one served */
	struct ca ca;			/* that it came from */
	struct order order;		/* the live one */
	struct publication publication; /* what the zone was told of it */
	char template[TEMPLATE_NAME_SIZE];	/* that it follows, or "" */
	struct template_own own;		/* what it has besides */
	time_t mode_since;	/* DNS announces the policy's mode; 0: not */
	struct watch watch;		/* what DNS was seen to say */
	struct policy_shown shown;	/* the version by that, if another */
	struct reached reached;		/* was the policy fetched? */
	enum announce announce;		/* so may senders be told of it? */
	struct leaving leaving;		/* how far it is on its way out */
	struct mx_verdict mx;		/* its mail hosts from outside, if it
					   enforces */
	bool mx_is_sure;		/* ... and two looks say they are bad */

	/*
	 * Why no CA takes an order just now; empty: one does, or it is not
	 * known. Whoever knows the engine sets it: it is in no row.
	 */
	char no_ca[sizeof(((struct err *)0)->text)];
};

void domain_facts_load(struct domain_facts *f, struct store *s,
		       const struct domain *d, time_t now);
void domain_facts_release(struct domain_facts *f);

#endif
