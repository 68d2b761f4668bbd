#include "daemon/routes.h"

#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "daemon/api.h"
#include "daemon/json_in.h"
#include "daemon/json_view.h"

#define QUERY_KEYS 6

static const struct route {
	const char *method;
	const char *path;	/* "*" is one segment: a domain's name; "@",
				   too: the name of a CA, as it stands */
	api_handler *run;
	const char *query[QUERY_KEYS + 1];	/* parameters it knows */
} routes[] = {
	{ "GET", "/metrics", api_metrics, { NULL } },
	{ "GET", "/healthz", api_healthz, { NULL } },
	{ "GET", "/v1/status", api_status, { NULL } },
	{ "GET",
	  "/v1/domains",
	  api_domain_list,
	  { "state", "label", "after", "limit" } },
	{ "POST", "/v1/domains", api_domain_add, { NULL } },
	{ "GET", "/v1/domains/*", api_domain_show, { NULL } },
	{ "PATCH", "/v1/domains/*", api_domain_set, { NULL } },
	{ "DELETE", "/v1/domains/*", api_domain_remove, { NULL } },
	{ "POST", "/v1/domains/*/handover", api_domain_handover, { NULL } },
	{ "POST", "/v1/domains/*/look", api_domain_look, { NULL } },
	{ "GET", "/v1/domains/*/records", api_records_show, { NULL } },
	{ "GET", "/v1/domains/*/expected", api_check_expected, { NULL } },
	{ "POST", "/v1/domains/*/publish", api_publish, { NULL } },
	{ "GET", "/v1/domains/*/policy", api_policy_show, { NULL } },
	{ "PUT", "/v1/domains/*/policy", api_policy_set, { NULL } },
	{ "GET",
	  "/v1/domains/*/policy/history",
	  api_policy_history,
	  { "before", "limit" } },
	{ "POST",
	  "/v1/domains/*/policy/rollback",
	  api_policy_rollback,
	  { NULL } },
	{ "POST", "/v1/domains/*/check", api_domain_check, { NULL } },
	{ "GET",
	  "/v1/domains/*/policy/readiness",
	  api_policy_readiness,
	  { NULL } },
	{ "POST",
	  "/v1/domains/*/policy/enforce",
	  api_policy_enforce,
	  { NULL } },
	{ "POST",
	  "/v1/domains/*/policy/announce",
	  api_policy_announce,
	  { NULL } },
	{ "POST", "/v1/domains/*/policy/mx", api_mx_change, { NULL } },
	{ "GET",
	  "/v1/domains/*/policy/proposal",
	  api_policy_proposal,
	  { NULL } },
	{ "POST", "/v1/domains/*/policy/accept", api_policy_accept, { NULL } },
	{ "GET", "/v1/domains/*/cert", api_cert_show, { NULL } },
	{ "POST", "/v1/domains/*/cert/renew", api_cert_renew, { NULL } },
	{ "POST", "/v1/domains/*/cert/try", api_cert_try, { NULL } },
	{ "GET",
	  "/v1/certs",
	  api_cert_list,
	  { "state", "label", "after", "limit" } },
	{ "POST", "/v1/domains/*/cert/revoke", api_cert_revoke, { NULL } },
	{ "POST", "/v1/domains/*/cert/import", api_cert_import, { NULL } },
	{ "GET", "/v1/check", api_check_settings, { NULL } },
	{ "GET", "/v1/cas", api_ca_list, { NULL } },
	{ "GET", "/v1/cas/@", api_ca_show, { NULL } },
	{ "POST", "/v1/cas/@/rollover", api_ca_rollover, { NULL } },
	{ "GET", "/v1/templates", api_template_list, { NULL } },
	{ "GET", "/v1/templates/@", api_template_show, { NULL } },
	{ "PUT", "/v1/templates/@", api_template_set, { NULL } },
	{ "POST", "/v1/templates/@/preview", api_template_preview, { NULL } },
	{ "DELETE", "/v1/templates/@", api_template_remove, { NULL } },
	{ "POST", "/v1/zone/take", api_zone_take, { NULL } },
	{ "GET", "/v1/box", api_box_show, { NULL } },
	{ "POST", "/v1/freeze", api_freeze, { NULL } },
	{ "POST", "/v1/thaw", api_thaw, { NULL } },
	{ "POST", "/v1/backup", api_backup, { NULL } },
	{ "GET",
	  "/v1/alerts",
	  api_alert_list,
	  { "kind", "ended", "after", "limit" } },
	{ "POST", "/v1/alerts/silence", api_alert_silence, { NULL } },
	{ "POST", "/v1/alerts/test", api_alert_test, { NULL } },
	{ "GET",
	  "/v1/log",
	  api_log_list,
	  { "name", "after", "since", "actor", "label", "limit" } },
	{ "POST",
	  "/v1/reports",
	  api_report_add,
	  { "via", "signed_by", "about" } },
	{ "GET",
	  "/v1/reports",
	  api_report_list,
	  { "name", "since", "failed", "before", "limit" } },
	{ "GET",
	  "/v1/reports/summary",
	  api_report_summary,
	  { "name", "since", "limit" } },
	{ "GET", "/v1/reports/@", api_report_show, { NULL } },
};

/* For submit.sock, too; the body is taken as it is. */
static bool takes_reports(const struct route *route)
{
	return route->run == api_report_add;
}

/* For machines that watch: by TCP, too; also HEAD, and without any store. */
static bool is_plain(const struct route *route)
{
	return route->run == api_metrics || route->run == api_healthz;
}

/* What there is to say of a box that only serves. */
static bool needs_store(const struct route *route)
{
	return route->run != api_status && route->run != api_box_show &&
	       !is_plain(route);
}

static bool takes_method(const struct route *route, const char *method)
{
	return streq(route->method, method) ||
	       (is_plain(route) && streq(method, "HEAD"));
}

static const int statuses[] = {
	[ERR_NONE] = 200,     [ERR_AGAIN] = 503,   [ERR_LOOKING] = 503,
	[ERR_REFUSED] = 409,  [ERR_INPUT] = 400,   [ERR_NOT_FOUND] = 404,
	[ERR_INTERNAL] = 500, [ERR_DAMAGED] = 500,
};

int api_status_of(const struct err *err)
{
	return statuses[err->kind];
}

json_t *api_routes_error(const struct err *err)
{
	return json_pack("{s:{s:s, s:o, s:o}}", "error", "kind",
			 err_kind_name(err->kind), "message",
			 view_text(err->text), "hint", view_text(err->hint));
}

/* Does it fit? What the "*" or "@" stands for comes back as a part of `path`. */
static bool matches(const char *pattern, const char *path, size_t len,
		    const char **name, size_t *name_len)
{
	const char *end = path + len;

	*name_len = 0;
	for (; *pattern; pattern++) {
		if (*pattern != '*' && *pattern != '@') {
			if (path == end || *path++ != *pattern)
				return false;
			continue;
		}
		*name = path;
		while (path < end && *path != '/')
			path++;
		*name_len = (size_t)(path - *name);
		if (!*name_len)
			return false;
	}
	return path == end;
}

/* NULL: no such path, or, with methods in `allow`, not this method. */
static const struct route *find(const char *method, const char *path,
				size_t len, const char **name,
				size_t *name_len, char *allow, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
		if (!matches(routes[i].path, path, len, name, name_len))
			continue;
		if (takes_method(&routes[i], method))
			return &routes[i];
		used += (size_t)snprintf(allow + used, size - used, "%s%s%s",
					 used ? ", " : "", routes[i].method,
					 is_plain(&routes[i]) ? ", HEAD" : "");
	}
	return NULL;
}

/* From the path to the form that we store: %-decoded, normalised. */
static bool read_name(const struct route *route, const char *text, size_t len,
		      char out[static DOMAIN_NAME_SIZE], struct err *err)
{
	char *copy, *name;
	size_t name_len = 0;
	bool ok;

	if (!len)
		return true;
	copy = xstrndup(text, len);
	name = evhttp_uridecode(copy, 0, &name_len);
	free(copy);
	if (!name || strlen(name) != name_len)
		ok = err_set(err, ERR_INPUT, "the name in the path is damaged");
	else if (strchr(route->path, '@'))
		ok = str_copy(out, CA_NAME_SIZE, name) ||
		     err_set(err, ERR_NOT_FOUND, "no CA has so long a name");
	else
		ok = domain_name_normalise(name, out, err);
	free(name);
	return ok;
}

static bool knows(const struct route *route, const char *key)
{
	for (const char *const *known = route->query; *known; known++)
		if (streq_case(*known, key))
			return true;
	return false;
}

static bool check_query(const struct route *route, const struct evkeyvalq *q,
			struct err *err)
{
	const struct evkeyval *item;

	for (item = q->tqh_first; item; item = item->next.tqe_next) {
		char *key;

		if (knows(route, item->key))
			continue;
		key = str_printable(item->key, 64);
		err_set(err, ERR_INPUT, "unknown parameter \"%s\"", key);
		free(key);
		return false;
	}
	return true;
}

static bool read_query(const struct route *route, const char *text,
		       struct evkeyvalq *q, struct err *err)
{
	if (!*text)
		return true;
	if (evhttp_parse_query_str(text, q) < 0)
		return err_set(err, ERR_INPUT, "the query cannot be read");
	return check_query(route, q, err);
}

static bool no_store(const struct admin_parts *parts, struct err *err)
{
	err_set(err, ERR_AGAIN, "%s", parts->trouble->text);
	return err_hint(err, "%s", parts->trouble->hint);
}

static bool call_handler(const struct route *route, struct api_call *call,
			 const struct api_request *request, struct err *err)
{
	json_t *body;
	bool ok;

	if (!call->parts->store && needs_store(route))
		return no_store(call->parts, err);
	if (takes_reports(route)) {
		call->raw = request->body;
		call->raw_len = request->body_len;
		return route->run(call, err);
	}
	body = json_in_parse(request->body, request->body_len, err);
	if (!body)
		return false;
	call->body = body;
	ok = route->run(call, err);
	json_decref(body);
	if (!ok && call->answer) {
		json_decref(call->answer);
		call->answer = NULL;
	}
	return ok;
}

static bool not_found(struct api_reply *reply, struct err *err)
{
	if (!reply->allow[0])
		return err_set(err, ERR_NOT_FOUND, "there is no such path");
	reply->status = 405;
	err_set(err, ERR_INPUT, "this path does not take this method");
	return err_hint(err, "it takes %s", reply->allow);
}

static bool may_pass(const struct api_request *request,
		     const struct route *route, struct api_reply *reply,
		     struct err *err)
{
	switch (request->door) {
	case DOOR_ADMIN:
		return true;
	case DOOR_METRICS:
		if (is_plain(route))
			return true;
		reply->status = 404;
		return err_set(err, ERR_NOT_FOUND,
			       "there is /metrics and /healthz here");
	case DOOR_READ:
		if (streq(route->method, "GET"))
			return true;
		reply->status = 403;
		err_set(err, ERR_REFUSED, "this socket is for reading only");
		return err_hint(err, "changes go through admin.sock");
	case DOOR_SUBMIT:
		if (takes_reports(route))
			return true;
		break;
	}
	reply->status = 403;
	err_set(err, ERR_REFUSED, "this socket is for TLS reports only");
	return err_hint(err, "read.sock is for looking, admin.sock for all");
}

/* As the trail has them. */
static const char *const channels[] = {
	[DOOR_ADMIN] = "admin.sock",
	[DOOR_READ] = "read.sock",
	[DOOR_SUBMIT] = "submit.sock",
	[DOOR_METRICS] = "metrics_listen",
};

static bool answer(const struct admin_parts *parts,
		   const struct api_request *request, struct api_reply *reply,
		   struct evkeyvalq *query, struct err *err)
{
	size_t len = strcspn(request->target, "?"), name_len = 0;
	const char *rest = request->target + len, *name = NULL;
	struct api_call call = { .parts = parts,
				 .now = request->now,
				 .actor = request->actor,
				 .channel = channels[request->door],
				 .query = query,
				 .is_trusted = request->door == DOOR_ADMIN ||
					       request->is_root,
				 .defer = request->defer,
				 .defer_arg = request->defer_arg };
	const struct route *route = find(request->method, request->target, len,
					 &name, &name_len, reply->allow,
					 sizeof(reply->allow));

	if (!route)
		return not_found(reply, err);
	if (!may_pass(request, route, reply, err))
		return false;
	if (request->body_len > (size_t)API_BODY_MAX) {
		reply->status = 413;
		return err_set(err, ERR_INPUT, "a body has at most %ld bytes",
			       API_BODY_MAX);
	}
	if (!read_query(route, rest + (*rest == '?'), query, err) ||
	    !read_name(route, name, name_len, call.name, err) ||
	    !call_handler(route, &call, request, err))
		return false;
	reply->status = call.status;
	reply->body = call.answer;
	reply->text = call.text;
	reply->text_type = call.text_type;
	reply->is_later = call.later != NULL;
	return true;
}

struct api_later *api_defer(struct api_call *call)
{
	call->later = call->defer(call->defer_arg);
	return call->later;
}

bool api_routes_is_plain(const char *target)
{
	size_t len = strcspn(target, "?"), name_len;
	const char *name;

	for (size_t i = 0; i < ARRAY_LEN(routes); i++)
		if (is_plain(&routes[i]) &&
		    matches(routes[i].path, target, len, &name, &name_len))
			return true;
	return false;
}

void api_routes_answer(const struct admin_parts *parts,
		       const struct api_request *request,
		       struct api_reply *reply)
{
	struct evkeyvalq query = { .tqh_last = &query.tqh_first };
	struct err err = ERR_INIT;

	*reply = (struct api_reply){ .status = 0 };
	if (!answer(parts, request, reply, &query, &err))
		reply->body = api_routes_error(&err);
	else
		reply->allow[0] = '\0';
	if (!reply->status)
		reply->status = statuses[err.kind];
	if (reply->status != 405)
		reply->allow[0] = '\0';
	evhttp_clear_headers(&query);
}
