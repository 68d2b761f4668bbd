/*
 * A resolver as the configuration says: its servers, or the system's.
 */
#ifndef DAEMON_CONFIG_RESOLVER_H
#define DAEMON_CONFIG_RESOLVER_H

#include "base/dns.h"
#include "daemon/config.h"

struct resolver *config_resolver(const struct config *c, struct loop *loop,
				 struct err *err);

#endif
