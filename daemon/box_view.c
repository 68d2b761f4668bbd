#include "daemon/box_view.h"

#include "daemon/json_view.h"

static json_t *view_listeners(const char (*address)[64], size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, view_text(address[i]));
	return list;
}

static json_t *view_addresses(const struct engine_settings *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->address_count; i++)
		json_array_append_new(list, view_text(s->address[i]));
	return list;
}

static json_t *view_cas(const struct engine_settings *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->ca_count; i++)
		json_array_append_new(
			list,
			json_pack("{s:o, s:o, s:o}", "name",
				  view_text(s->ca[i].name), "directory",
				  view_text(s->ca[i].directory_url), "trust",
				  view_text(s->ca[i].trust_file)));
	return list;
}

static void add_program(json_t *list, const char *key, const char *path)
{
	if (*path)
		json_array_append_new(list, json_pack("{s:s, s:o}", "key", key,
						      "path", view_text(path)));
}

/* What the daemon runs, without its words. */
static json_t *view_programs(const struct config *c)
{
	json_t *list = json_array();

	if (c->alerts.notify_count)
		add_program(list, "notify", c->alerts.notify[0]);
	if (c->publish.hook_count)
		add_program(list, "publish_hook", c->publish.hook[0]);
	if (*c->publish.server)
		add_program(list, "publish_program", c->publish.program);
	return list;
}

/* "" if nobody gets mail. */
static json_t *view_mail_server(const struct alert_settings *a)
{
	return view_text(a->mail_to_count ? a->mail_server : "");
}

json_t *box_view(const struct config *c, const char *path)
{
	const struct engine_settings *s = &c->engine;

	return json_pack(
		"{s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:I, "
		"s:o, s:o}",
		"config", view_text(path), "contact", view_text(s->contact),
		"agree_tos", s->agree_tos, "state_dir", view_text(c->state_dir),
		"run_dir", view_text(c->run_dir), "listen_https",
		view_listeners(c->listen_https, c->listen_https_count),
		"listen_http",
		view_listeners(c->listen_http, c->listen_http_count),
		"addresses", view_addresses(s), "finds_addresses",
		c->finds_addresses, "resolvers",
		view_listeners(c->resolvers, c->resolver_count), "cas",
		view_cas(s), "max_connections", (json_int_t)c->max_connections,
		"programs", view_programs(c), "mail_server",
		view_mail_server(&c->alerts));
}
