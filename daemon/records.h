/*
 * The DNS records that a domain's administrator is to publish.
 *
 * The delegated form comes first: with `mta-sts` a CNAME to the operator's
 * host_name, a new address never needs the customer. Where the operator has
 * no host_name, or besides it, the plain form: A and AAAA.
 *
 * Pure: rows and configuration come in, a list comes out.
 */
#ifndef DAEMON_RECORDS_H
#define DAEMON_RECORDS_H

#include "daemon/config.h"
#include "daemon/domain_facts.h"

#define RECORDS_MAX (ENGINE_ADDRESS_LIMIT + 3)
#define RECORD_TTL  3600	/* a longer one makes a new policy id slow */

enum record_when {
	RECORD_NOW,		/* the domain waits for it */
	RECORD_INSTEAD,		/* another form of one above: not both */
	RECORD_ONCE_LIVE	/* not before the policy can be fetched */
};

struct record {
	char name[DOMAIN_NAME_SIZE + 16];	/* no trailing dot */
	const char *type;			/* "CNAME", "A", "TXT" ... */
	char *value;				/* owned; a TXT's text joined */
	enum record_when when;
	const char *why;
};

struct records {
	struct record item[RECORDS_MAX];
	size_t count;
};

const char *record_when_name(enum record_when when);	/* "now" ... */

void records_make(struct records *r, const struct domain_facts *f,
		  const struct config *c);
void records_release(struct records *r);

/* As a line of a zone file, quoted and cut as that needs. Caller frees. */
char *record_zone_line(const struct record *r);

#endif
