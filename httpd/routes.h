/*
 * What is answered where: two tables, one per port.
 *
 * 443: the policy, and nothing else; no redirect ever, for senders must not
 * follow one (RFC 8461, 3.3). 80: challenges (RFC 8555, 8.3); a hosted name's
 * other paths lead to https. A handler says what to answer and touches no
 * connection, so it needs no network to be tested.
 */
#ifndef HTTPD_ROUTES_H
#define HTTPD_ROUTES_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/domain_name.h"
#include "store/serve.h"

enum route_method { ROUTE_GET = 1, ROUTE_HEAD = 2, ROUTE_OTHER = 4 };

struct route_request {
	enum route_method method;
	const char *path;	/* decoded by nobody: as it came */
	const char *host;	/* the Host header, or NULL */
	const char *sni;	/* lower case; NULL on port 80 */
	unsigned https_port;	/* for redirects */
	struct serve *serve;
};

enum route_kind { ROUTE_POLICY, ROUTE_CHALLENGE, ROUTE_NOTHING };

struct route_answer {
	int status;
	const char *reason;
	const char *type;	/* Content-Type */
	char *body;		/* owned, may be NULL */
	size_t len;
	char *location;		/* owned, may be NULL */
	const char *allow;	/* may be NULL */
	enum route_kind kind;	/* what was given, for the counters */
};

void route_https(const struct route_request *r, struct route_answer *a);
void route_http(const struct route_request *r, struct route_answer *a);
void route_answer_release(struct route_answer *a);

/*
 * The name in a Host header: lower case, without port and trailing dot.
 * False if it is none.
 */
bool route_host(const char *header, char out[static DOMAIN_NAME_SIZE]);

#endif
