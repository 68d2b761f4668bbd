/*
 * How this box looks at a domain from outside, by its configuration.
 */
#ifndef DAEMON_LOOK_OPTIONS_H
#define DAEMON_LOOK_OPTIONS_H

#include "check/outside.h"
#include "daemon/config.h"

/* What the options point to, besides the configuration, which is borrowed. */
struct look_room {
	const char *resolvers[DNS_SERVERS_MAX], *own[ENGINE_ADDRESS_LIMIT];
};

struct outside_options look_options(const struct config *c,
				    struct fetcher *fetcher, long timeout,
				    struct look_room *room);

#endif
