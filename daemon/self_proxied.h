/*
 * What we ask ourselves, where who comes from our own address is taken for a
 * proxy: it has to begin as a proxy's (httpd/proxied.h). Any thread.
 */
#ifndef DAEMON_SELF_PROXIED_H
#define DAEMON_SELF_PROXIED_H

#include "base/fetch.h"
#include "daemon/config.h"

/* Requests of this fetcher do. `config` outlives it. */
void self_proxied_fetches(struct fetcher *f, const struct config *config);

#endif
