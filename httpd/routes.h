/*
 * Which request gets which answer: a table, and nothing of sockets.
 */
#ifndef HTTPD_ROUTES_H
#define HTTPD_ROUTES_H

#include "httpd/answer.h"
#include "httpd/probe.h"
#include "httpd/request.h"
#include "httpd/tally.h"
#include "store/serve.h"

/* What the answers are made from. */
struct routes_site {
	struct serve *serve;
	struct tally *tally;
	unsigned https_port;
	const struct httpd_probe *probe;	/* or NULL */
};

/* *a is filled in; release it. */
void routes_answer(const struct routes_site *site, const struct request *r,
		   struct answer *a);

#endif
