#include "daemon/look_options.h"

struct outside_options look_options(const struct config *c,
				    struct fetcher *fetcher, long timeout,
				    struct look_room *room)
{
	for (size_t i = 0; i < c->resolver_count; i++)
		room->resolvers[i] = c->resolvers[i];
	for (size_t i = 0; i < c->engine.address_count; i++)
		room->own[i] = c->engine.address[i];
	return (struct outside_options){
		.resolvers = room->resolvers,
		.resolver_count = c->resolver_count,
		.ca_file = *c->check_trust ? c->check_trust : NULL,
		.allow_private = c->allow_private,
		.own = room->own,
		.own_count = c->engine.address_count,
		.fetcher = fetcher,
		.https_port = c->check_https_port,
		.smtp_port = c->check_smtp_port,
		.timeout = timeout,
	};
}
