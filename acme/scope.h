/*
 * Whose failure is it? Every answer that is not the wished-for one belongs to
 * a scope, and only that scope is made to wait: an outage of the CA is never
 * charged to a domain.
 */
#ifndef ACME_SCOPE_H
#define ACME_SCOPE_H

#include "acme/client.h"
#include "store/domain.h"

enum fail_scope {
	SCOPE_NONE,
	SCOPE_CA,      /* network, 5xx, 429, no words: everybody there waits */
	SCOPE_ACCOUNT, /* the CA does not know us, or wants something of us */
	SCOPE_DOMAIN,  /* this name: its DNS, its CAA, its port 80 */
	SCOPE_ORDER,   /* the order is void at the CA: make another */
	SCOPE_LOCAL    /* ours: disk, OpenSSL */
};

/*
 * Of the answer to any request: that a 429 to newOrder may be a limit of what a
 * name may have is for who ordered to know.
 *
 * SCOPE_NONE for a 2xx answer. Else the scope, and in `problem` what the CA
 * (or the network) said, in words, with a hint where one is known.
 */
enum fail_scope scope_of(const struct ca_reply *reply, struct err *problem);

/*
 * An error that is not in words of ACME, of whatever status: of a door, a proxy,
 * a page of maintenance. It says nothing of what was asked.
 */
bool scope_is_wordless(const struct ca_reply *reply);

/*
 * The words for a problem that the CA put into an order or authorization; the
 * method is the one by which it looked.
 */
enum fail_scope scope_of_problem(const struct wire_problem *p,
				 enum challenge_method method,
				 struct err *problem);

#endif
