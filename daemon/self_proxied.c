#include "daemon/self_proxied.h"

#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/network.h"
#include "base/str.h"
#include "daemon/own_address.h"

#define ADDRESSES_MAX 256

/* The kernel takes an own address as the source, too. */
static bool is_own(const char *address)
{
	char own[ADDRESSES_MAX][DNS_ADDRESS_TEXT];
	size_t n = own_address_list(own, ADDRESSES_MAX);

	if (address_is_loopback(address))
		return true;
	for (size_t i = 0; i < n; i++)
		if (streq(own[i], address))
			return true;
	return false;
}

static bool has_port(const char (*listeners)[64], size_t count, long port)
{
	for (size_t i = 0; i < count; i++) {
		const char *colon = strrchr(listeners[i], ':');

		if (colon && strtol(colon + 1, NULL, 10) == port)
			return true;
	}
	return false;
}

/* At another port a proxy of the same machine listens. */
static bool is_proxied(const char *address, long port, const void *arg)
{
	const struct config *c = arg;
	struct ip ip;

	return ip_parse(address, &ip) && proxies_have_ip(&c->proxies, &ip) &&
	       (has_port(c->listen_http, c->listen_http_count, port) ||
		has_port(c->listen_https, c->listen_https_count, port)) &&
	       is_own(address);
}

void self_proxied_fetches(struct fetcher *f, const struct config *config)
{
	fetcher_proxied(f, is_proxied, config);
}
