/*
 * What GET /metrics says, in the words of mtastsd(8). No label ever has a
 * domain or anybody else's text: as many series as the configuration makes,
 * and no more.
 *
 * Control thread only; it asks nothing that takes long, for the figures of
 * the store come from the meter.
 */
#ifndef DAEMON_METRICS_H
#define DAEMON_METRICS_H

#include "daemon/admin.h"

/* The caller frees. */
char *metrics_text(const struct admin_parts *parts, time_t now);

#endif
