#include "cli/check_options.h"

#define PORT_MAX 65535

bool check_options_are_good(const struct options *o, struct err *err)
{
	if (o->resolver.count > DNS_SERVERS_MAX)
		return err_set(err, ERR_INPUT, "--resolver: at most %d",
			       DNS_SERVERS_MAX);
	if (o->https_port > PORT_MAX || o->smtp_port > PORT_MAX ||
	    o->http_port > PORT_MAX)
		return err_set(err, ERR_INPUT, "a port is at most %d",
			       PORT_MAX);
	return true;
}

static void add_resolvers(struct outside_options *outside,
			  const char **resolvers, const json_t *settings)
{
	const json_t *list = json_object_get(settings, "resolvers"), *one;
	size_t i;

	json_array_foreach(list, i, one) {
		if (outside->resolver_count < DNS_SERVERS_MAX)
			resolvers[outside->resolver_count++] =
				json_string_value(one);
	}
}

void check_options_fill(struct outside_options *outside,
			const char *resolvers[static DNS_SERVERS_MAX],
			const struct options *o, const json_t *settings)
{
	*outside = (struct outside_options){
		.resolvers = resolvers,
		.ca_file = o->ca_file,
		.allow_private = o->allow_private,
		.skip_smtp = o->no_smtp,
		.https_port = o->https_port,
		.smtp_port = o->smtp_port,
	};
	for (size_t i = 0; i < o->resolver.count; i++)
		resolvers[outside->resolver_count++] = o->resolver.item[i];
	if (!o->resolver.count)
		add_resolvers(outside, resolvers, settings);
	if (json_is_true(json_object_get(settings, "allow_private")))
		outside->allow_private = true;
}
