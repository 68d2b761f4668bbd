/*
 * Do a name and an address lead to this very daemon, as the CA would come?
 * A token that only this process knows is fetched from port 80 there.
 */
#ifndef DAEMON_PROBE_H
#define DAEMON_PROBE_H

#include "acme/world.h"
#include "base/fetch.h"
#include "httpd/probe.h"

struct probe {
	struct httpd_probe words;	/* httpd answers them */
	unsigned port;			/* where the world finds them; 0: 80 */
};

/* New words. */
void probe_init(struct probe *p);

/*
 * `address` is one of ours. The callback comes once, and never from within
 * this call; *p must live until then.
 */
void probe_start(const struct probe *p, struct fetcher *f, const char *host,
		 const char *address, probe_done *done, void *arg);

#endif
