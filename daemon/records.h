/*
 * The DNS records that a domain's administrator is to publish.
 *
 * The delegated form comes first: CNAMEs to names that the operator owns,
 * `mta-sts` to his host_name, and with a delegate_zone `_mta-sts` and
 * `_smtp._tls` to names in it (daemon/zone.h); so nothing that changes here
 * ever needs the customer again. Besides it, or where the operator has no such
 * names, the plain form: A, AAAA and TXT. Of a domain that is handed over there
 * are none: its records are the other host's business. That which tells senders
 * of the policy is left out while it waits (daemon/announce.h).
 *
 * Pure: rows and configuration come in, a list comes out.
 */
#ifndef DAEMON_RECORDS_H
#define DAEMON_RECORDS_H

#include "base/buf.h"
#include "daemon/config.h"
#include "daemon/domain_facts.h"

#define RECORDS_MAX (ENGINE_ADDRESS_LIMIT + 5)
#define RECORD_TTL  3600	/* a longer one makes a new policy id slow */

enum record_when {
	RECORD_NOW,    /* the domain waits for it */
	RECORD_INSTEAD /* another form of one above: not both */
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

/*
 * Is its `_mta-sts` TXT among them? If senders may be told of the policy
 * (daemon/announce.h), or are told by DNS already, as of one that was adopted.
 */
bool records_have_policy(const struct domain_facts *f);

void records_make(struct records *r, const struct domain_facts *f,
		  const struct config *c);
void records_release(struct records *r);

/*
 * Where its TLS reports are to go: URIs, comma-separated, "" if nowhere. Ours
 * is the first if the box collects, for many senders use no other; then those
 * that the domain was given. Caller frees.
 */
char *records_collectors(const struct domain *d, bool collects);

/* Ours, or "". */
char *records_own_collector(const struct domain *d, bool collects);

/* The text of the `_smtp._tls` TXT; NULL: there is none. Caller frees. */
char *records_reports(const struct domain *d, bool collects);

/* As a line of a zone file, quoted and cut as that needs. Caller frees. */
char *record_zone_line(const struct record *r);
void record_add_value(struct buf *b, const char *type, const char *value);

/*
 * Commands for nsupdate or knsupdate that make what is due now so, and take
 * away what would stand beside it. Caller frees.
 */
char *records_commands(const struct records *r);

#endif
