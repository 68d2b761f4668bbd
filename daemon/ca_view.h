/*
 * All about one CA, as JSON: the account there, what is under way, what is
 * left of its limits, and how long the domains that wait for their first
 * certificate will take.
 */
#ifndef DAEMON_CA_VIEW_H
#define DAEMON_CA_VIEW_H

#include <jansson.h>
#include <time.h>

#include "daemon/admin.h"

/* A new reference. What cannot be read is null. */
json_t *ca_view(const struct admin_parts *parts,
		const struct engine_ca_status *ca, time_t now);

/* The same for the CA where new orders go now, with its name as "ca". */
json_t *ca_view_onboarding(const struct admin_parts *parts, time_t now);

#endif
