#include "daemon/config_resolver.h"

#define DNS_TIMEOUT_MS 5000

struct resolver *config_resolver(const struct config *c, struct loop *loop,
				 struct err *err)
{
	const char *servers[DNS_SERVERS_MAX];

	for (size_t i = 0; i < c->resolver_count; i++)
		servers[i] = c->resolvers[i];
	return resolver_new(loop, servers, c->resolver_count, DNS_TIMEOUT_MS,
			    err);
}
