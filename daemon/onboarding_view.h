/*
 * How long the domains that wait for their first certificate will take, by
 * the limits of a CA, as JSON.
 */
#ifndef DAEMON_ONBOARDING_VIEW_H
#define DAEMON_ONBOARDING_VIEW_H

#include <jansson.h>
#include <time.h>

#include "acme/limits.h"
#include "store/store.h"

/*
 * If all of them came to this CA: those that may be ordered now, and with
 * those whose names do not lead here yet. A new reference; null if it cannot
 * be read.
 */
json_t *onboarding_view(struct store *s, int64_t ca_id,
			const struct limits *limits, time_t now);

#endif
