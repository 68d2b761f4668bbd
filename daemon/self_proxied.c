#include "daemon/self_proxied.h"

#include <stdlib.h>
#include <string.h>

#include "base/network.h"
#include "daemon/own_address.h"

static bool has_port(const char (*listeners)[64], size_t count, long port)
{
	for (size_t i = 0; i < count; i++) {
		const char *colon = strrchr(listeners[i], ':');

		if (colon && strtol(colon + 1, NULL, 10) == port)
			return true;
	}
	return false;
}

/*
 * The kernel takes an own address as the source, too. At another port than ours
 * a proxy of the same machine listens.
 */
static bool is_proxied(const char *address, long port, const void *arg)
{
	const struct config *c = arg;
	struct ip ip;

	return ip_parse(address, &ip) && proxies_have_ip(&c->proxies, &ip) &&
	       (has_port(c->listen_http, c->listen_http_count, port) ||
		has_port(c->listen_https, c->listen_https_count, port)) &&
	       own_address_is(address);
}

void self_proxied_fetches(struct fetcher *f, const struct config *config)
{
	fetcher_proxied(f, is_proxied, config);
}
