/*
 * /v1/check: what a look from outside goes by on this box: whom to ask, what
 * may be connected to, and which authorities are to issue.
 */
#include "daemon/api.h"
#include "daemon/json_view.h"

static json_t *view_resolvers(const struct config *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->resolver_count; i++)
		json_array_append_new(list, json_string(c->resolvers[i]));
	return list;
}

static json_t *view_identities(const struct engine_ca_status *ca)
{
	json_t *list = json_array();

	for (size_t i = 0; i < ca->caa_identity_count; i++)
		json_array_append_new(list, view_text(ca->caa_identity[i]));
	return list;
}

static json_t *view_cas(struct engine *engine)
{
	struct engine_ca_status ca;
	json_t *list = json_array();

	for (size_t i = 0; i < engine_ca_count(engine); i++) {
		engine_ca_status(engine, i, &ca);
		json_array_append_new(
			list,
			json_pack("{s:o, s:o, s:o}", "name", view_text(ca.name),
				  "caa_identities", view_identities(&ca),
				  "account_url", view_text(ca.account_url)));
	}
	return list;
}

bool api_check_settings(struct api_call *call, struct err *err)
{
	const struct config *c = call->parts->config;

	(void)err;
	call->answer = json_pack("{s:b, s:o, s:o}", "allow_private",
				 c->allow_private, "resolvers",
				 view_resolvers(c), "cas",
				 view_cas(call->parts->engine));
	return true;
}
