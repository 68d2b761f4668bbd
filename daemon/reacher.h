/*
 * Fetches the policy of each domain that has got a certificate as senders do:
 * by DNS, over port 443, with the certificate verified. Until that has
 * succeeded once nobody is told of the policy (daemon/announce.h). It goes on
 * by itself, ever more slowly, from the domain's first certificate on.
 *
 * A few at once, however many domains come. Control thread only.
 */
#ifndef DAEMON_REACHER_H
#define DAEMON_REACHER_H

#include "acme/engine.h"
#include "base/loop.h"
#include "check/outside.h"
#include "daemon/config.h"
#include "store/store.h"

/* All of it outlives the reacher. */
struct reacher_parts {
	struct loop *loop;
	struct store *store;
	struct engine *engine;
	const struct config *config;
	const char *agent; /* so that its fetches are not counted */
};

struct reacher;

struct reacher *reacher_start(const struct reacher_parts *parts,
			      struct err *err);
void reacher_stop(struct reacher *r); /* NULL is fine */

/* A look from outside has ended: if `body` was fetched, and from here, that
   counts. */
bool reacher_note(struct store *s, const struct domain *d,
		  const struct check_facts *facts, const char *body, time_t now,
		  struct err *err);

#endif
