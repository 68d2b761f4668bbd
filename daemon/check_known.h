/*
 * What the box knows of a domain that it hosts, for whoever judges what was
 * seen of it from outside.
 */
#ifndef DAEMON_CHECK_KNOWN_H
#define DAEMON_CHECK_KNOWN_H

#include "acme/engine.h"
#include "daemon/config.h"
#include "daemon/domain_facts.h"
#include "policy/check_facts.h"

/* Fills facts->expected and facts->ca; `f` must outlive the facts. */
void check_known_add(struct check_facts *facts, const struct domain_facts *f,
		     const struct config *c, struct engine *e, struct store *s,
		     time_t now);

#endif
