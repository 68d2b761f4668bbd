/*
 * Which policy DNS announces: the id in the `_mta-sts` record (RFC 8461, 3.1)
 * compared with those that this box made.
 *
 * Who is asked are resolvers, each with a cache of its own: an id counts as
 * announced only when all that answer show it.
 *
 * Pure: no I/O, no clock.
 */
#ifndef POLICY_ANNOUNCED_H
#define POLICY_ANNOUNCED_H

#include <stdbool.h>

#include "base/dns.h"
#include "policy/sts_record.h"

enum announced {
	ANNOUNCED_UNKNOWN,	/* nobody answered, or never asked */
	ANNOUNCED_NOTHING,	/* there is no such record */
	ANNOUNCED_DAMAGED,	/* there are several, or one that senders skip */
	ANNOUNCED_IN_STEP,	/* the id of the policy served */
	ANNOUNCED_BEHIND,	/* of an earlier one: the record must change */
	ANNOUNCED_AHEAD,	/* never made here, though the name leads here */
	ANNOUNCED_FOREIGN	/* never made here, and another host has it */
};

struct announced_known {
	const char *id;		/* of the policy served */
	bool leads_here;	/* its host's name does */
	bool (*is_past)(void *arg, const char *id);	/* made here before? */
	void *arg;
};

struct announced_seen {
	enum announced what;
	char id[STS_ID_SIZE];	/* that the record has, or "" */
	long ttl;		/* the longest; 0 if there is none */
};

const char *announced_name(enum announced what);	/* "in-step" ... */

/* Names of the store's column, read back; false if it is none. */
bool announced_parse(const char *name, enum announced *what);

void announced_judge(const struct dns_records_answer *answer,
		     const struct announced_known *known,
		     struct announced_seen *seen);

#endif
