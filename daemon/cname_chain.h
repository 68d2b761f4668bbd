/*
 * Where a chain of CNAMEs leads: does it lead to a name of ours? One that is
 * asked for by itself says no more than the next link, and a customer may lead
 * one record to another of his before it comes here.
 *
 * Resolvers may differ, so each link may have more than one target. No more
 * than CNAME_CHAIN_MAX names are asked for. Pure: answers come in.
 */
#ifndef DAEMON_CNAME_CHAIN_H
#define DAEMON_CNAME_CHAIN_H

#include <stdbool.h>

#include "base/dns.h"

#define CNAME_CHAIN_MAX 8 /* names; c-ares and resolvers follow no more */

struct cname_chain {
	char name[CNAME_CHAIN_MAX][DNS_NAME_TEXT];
	size_t count, asked;
	bool is_led;	/* one of the resolvers leads to `target` */
	bool is_unsure; /* of a link nobody said anything, or it is too long */
};

/* It begins with `name`, which is the first to be asked for. */
void cname_chain_begin(struct cname_chain *c, const char *name);

/* The name whose CNAME is to be asked for now; NULL: it is over. */
const char *cname_chain_next(const struct cname_chain *c);

/* What was answered for that name. `target` is what is looked for. */
void cname_chain_take(struct cname_chain *c,
		      const struct dns_records_answer *answer,
		      const char *target);

#endif
