/*
 * Rows as the admin API shows them: the one place that decides what a domain
 * or a certificate looks like in JSON. docs/admin-api.md tells the same.
 *
 * Each returns a new reference. Instants are RFC 3339 texts; null is "none".
 */
#ifndef DAEMON_JSON_VIEW_H
#define DAEMON_JSON_VIEW_H

#include <jansson.h>
#include <time.h>

#include "acme/engine.h"
#include "daemon/domain_facts.h"
#include "daemon/health.h"
#include "store/trail.h"

/* Strangers' text may not be UTF-8, which JSON must be: such bytes as \xNN. */
json_t *view_text(const char *text);
json_t *view_instant(time_t at);

/* "a,b" as ["a", "b"]. */
json_t *view_list(const char *text);

json_t *view_findings(const struct findings *findings);
/* { what, at, in }, or null. */
json_t *view_next(const struct domain *d, time_t now);

json_t *view_domain(const struct domain_facts *f, time_t now);
json_t *view_bad_names(const struct mx_seen *mx);
json_t *view_policy(const struct policy_version *v);
json_t *view_version(const struct policy_version *v);	/* and its serving */
/* May senders be told of the policy, why not, and what to do? */
json_t *view_announce(const struct domain_facts *f);
json_t *view_cert(const struct domain_facts *f);
json_t *view_event(const struct trail *e);
json_t *view_ca(const struct engine_ca_status *ca);

#endif
