/*
 * /v1/check: what a look from outside goes by on this box: whom to ask, what
 * may be connected to, and which authorities are to issue.
 *
 * /v1/domains/NAME/expected: what the box knows of a domain, for who looks at
 * it from outside: the same that the daemon's own looks go by (check_known.h).
 */
#include <stdlib.h>

#include "base/mem.h"
#include "daemon/api.h"
#include "daemon/check_known.h"
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

/* ---- what is expected of a domain ---- */

static json_t *view_past(const struct check_expected *e)
{
	json_t *list = json_array();

	for (size_t i = 0; i < e->past_count; i++)
		json_array_append_new(list, view_text(e->past_id[i]));
	return list;
}

static json_t *view_addresses(const struct check_expected *e)
{
	json_t *list = json_array();

	for (size_t i = 0; i < e->address_count; i++)
		json_array_append_new(list, view_text(e->address[i]));
	return list;
}

static json_t *view_collectors(const struct check_expected *e)
{
	json_t *list = json_array();

	for (size_t i = 0; i < e->collector_count; i++)
		json_array_append_new(list, view_text(e->collector[i]));
	return list;
}

static json_t *view_reports(const struct check_expected *e)
{
	return e->has_reports
		       ? json_pack("{s:I, s:I, s:I}", "sessions",
				   (json_int_t)e->sessions, "failures",
				   (json_int_t)e->failures, "silent_days",
				   (json_int_t)e->silent_days)
		       : json_null();
}

static json_t *view_expected(const struct check_expected *e)
{
	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:s, s:s,"
		" s:b, s:b, s:o, s:o}",
		"id", view_text(e->id), "body",
		e->body ? view_text(e->body) : json_null(), "since",
		view_instant(e->policy_since), "past_ids", view_past(e),
		"addresses", view_addresses(e), "rua", view_collectors(e),
		"removable", view_instant(e->removable_at), "trouble",
		view_text(e->trouble), "trouble_is_error", e->trouble_is_error,
		"waits", view_text(e->waits), "sts_cname", e->sts_cname,
		"report_cname", e->report_cname, "published", e->is_published,
		"handed_over", e->is_handed_over, "reports", view_reports(e),
		"foreign_until", view_instant(e->foreign_until));
}

bool api_check_expected(struct api_call *call, struct err *err)
{
	const struct admin_parts *parts = call->parts;
	struct check_facts *facts;
	struct domain_facts known;
	struct domain d;

	if (!api_domain(call, &d, err))
		return false;
	facts = xcalloc(1, sizeof(*facts));
	domain_facts_load(&known, parts->store, &d, call->now);
	check_known_add(facts, &known, parts->config, parts->engine,
			parts->store, call->now);
	call->answer = view_expected(&facts->expected);
	domain_facts_release(&known);
	free(facts);
	return true;
}
