/*
 * Which request gets which answer: a table, and nothing of sockets.
 */
#ifndef HTTPD_ROUTES_H
#define HTTPD_ROUTES_H

#include <stdbool.h>

#include "httpd/answer.h"
#include "httpd/probe.h"
#include "httpd/request.h"
#include "httpd/site_cache.h"
#include "httpd/tally.h"
#include "store/serve.h"

/* What the answers are made from. */
struct routes_site {
	struct serve *serve;
	struct site_cache *sites;
	struct tally *tally;
	unsigned https_port;
	const struct httpd_probe *probe;	/* or NULL */
	bool takes_reports;
};

/*
 * *a is filled in; release it. With takes_body there is no answer yet: the
 * body of a report is to be taken, and what comes of that is the answer.
 */
void routes_answer(const struct routes_site *site, const struct request *r,
		   struct answer *a);

/* Is it a path at which bodies may be taken, if all else is right? */
bool routes_may_take_body(const char *path);

#endif
