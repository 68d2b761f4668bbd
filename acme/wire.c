#include "acme/wire.h"

#include <curl/curl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"

#define ERROR_PREFIX "urn:ietf:params:acme:error:"

static const struct {
	const char *word;
	enum wire_status status;
} statuses[] = {
	{ "pending", WIRE_PENDING },	   { "ready", WIRE_READY },
	{ "processing", WIRE_PROCESSING }, { "valid", WIRE_VALID },
	{ "invalid", WIRE_INVALID },	   { "deactivated", WIRE_INVALID },
	{ "expired", WIRE_INVALID },	   { "revoked", WIRE_INVALID },
};

static const char *const methods[METHOD_COUNT] = {
	[METHOD_HTTP_01] = "http-01",
	[METHOD_TLS_ALPN_01] = "tls-alpn-01",
};

const char *wire_method(enum challenge_method method)
{
	return methods[method];
}

static json_t *load(const char *what, const char *text, size_t len,
		    struct err *err)
{
	json_error_t problem;
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &problem);

	if (json_is_object(root))
		return root;
	json_decref(root);
	err_set(err, ERR_AGAIN, "the CA's %s is not a JSON object", what);
	err_hint(err, "is the directory URL that of an ACME server?");
	return NULL;
}

/* Copies a string member; absent is empty. False: too long, or no string. */
static bool optional(const json_t *object, const char *member, char *out,
		     size_t size)
{
	const json_t *value = json_object_get(object, member);

	out[0] = '\0';
	if (!value)
		return true;
	if (!json_is_string(value) || json_string_length(value) >= size)
		return false;
	memcpy(out, json_string_value(value), json_string_length(value) + 1);
	return true;
}

static bool required(const json_t *object, const char *member, char *out,
		     size_t size, struct err *err)
{
	if (optional(object, member, out, size) && *out)
		return true;
	return err_set(err, ERR_AGAIN, "the CA's answer has no usable \"%s\"",
		       member);
}

static bool status_of(const json_t *object, enum wire_status *status,
		      struct err *err)
{
	const char *word = json_string_value(json_object_get(object, "status"));

	for (size_t i = 0; word && i < ARRAY_LEN(statuses); i++) {
		if (!streq(word, statuses[i].word))
			continue;
		*status = statuses[i].status;
		return true;
	}
	return err_set(err, ERR_AGAIN,
		       "the CA's answer has no status that RFC 8555 knows");
}

static void read_problem(const json_t *object, struct wire_problem *p)
{
	const char *type = json_string_value(json_object_get(object, "type"));
	const char *text = json_string_value(json_object_get(object, "detail"));
	char *clean;

	*p = (struct wire_problem){ "", "" };
	if (!object)
		return;
	if (type && str_starts(type, ERROR_PREFIX))
		type += strlen(ERROR_PREFIX);
	clean = str_printable(type ? type : "unknown", sizeof(p->type) - 1);
	snprintf(p->type, sizeof(p->type), "%.63s", clean);
	free(clean);
	clean = str_printable(text ? text : "", sizeof(p->detail) - 1);
	snprintf(p->detail, sizeof(p->detail), "%.399s", clean);
	free(clean);
}

/*
 * Names that the operator may get to see. What is none, or too long, is passed
 * over; so is what is too many.
 */
static bool is_name(const char *text)
{
	for (const char *p = text; *p; p++)
		if (*p <= ' ' || *p > '~')
			return false;
	return *text != '\0';
}

static size_t read_caa(const json_t *meta, struct wire_directory *d)
{
	const json_t *list = json_object_get(meta, "caaIdentities"), *item;
	size_t i, n = 0;

	json_array_foreach(list, i, item) {
		const char *name = json_string_value(item);

		if (name && is_name(name) && n < WIRE_CAA_NAMES &&
		    str_copy(d->caa_identities[n], WIRE_CAA_NAME_SIZE, name))
			n++;
	}
	return n;
}

static size_t read_profiles(const json_t *meta, struct wire_directory *d)
{
	json_t *profiles = json_object_get(meta, "profiles"), *description;
	const char *name;
	size_t n = 0;

	json_object_foreach(profiles, name, description)
		if (is_name(name) && n < WIRE_PROFILES &&
		    str_copy(d->profiles[n], PROFILE_SIZE, name))
			n++;
	return n;
}

static void read_extras(const json_t *root, struct wire_directory *d)
{
	const json_t *meta = json_object_get(root, "meta");

	optional(root, "revokeCert", d->revoke_cert, URL_SIZE);
	optional(root, "keyChange", d->key_change, URL_SIZE);
	optional(root, "renewalInfo", d->renewal_info, URL_SIZE);
	optional(meta, "termsOfService", d->terms_of_service, URL_SIZE);
	d->eab_required = json_is_true(
		json_object_get(meta, "externalAccountRequired"));
	d->profile_count = read_profiles(meta, d);
	d->caa_count = read_caa(meta, d);
}

bool wire_directory_parse(struct wire_directory *d, const char *text,
			  size_t len, struct err *err)
{
	json_t *root = load("directory", text, len, err);
	bool ok;

	ok = root &&
	     required(root, "newNonce", d->new_nonce, URL_SIZE, err) &&
	     required(root, "newAccount", d->new_account, URL_SIZE, err) &&
	     required(root, "newOrder", d->new_order, URL_SIZE, err);
	if (ok)
		read_extras(root, d);
	json_decref(root);
	return ok;
}

bool wire_account_parse(struct wire_account *a, const char *text, size_t len,
			struct err *err)
{
	json_t *root = load("account", text, len, err);
	bool ok = root && status_of(root, &a->status, err);

	if (ok)
		optional(root, "orders", a->orders_url, URL_SIZE);
	json_decref(root);
	return ok;
}

static void first_name(const json_t *order, char *out, size_t size)
{
	const json_t *list = json_object_get(order, "identifiers");

	out[0] = '\0';
	if (json_array_size(list) == 1)
		optional(json_array_get(list, 0), "value", out, size);
}

static bool first_authz(const json_t *order, char *out)
{
	const json_t *list = json_object_get(order, "authorizations");
	const char *url = json_string_value(json_array_get(list, 0));

	out[0] = '\0';
	if (!url || strlen(url) >= URL_SIZE)
		return false;
	memcpy(out, url, strlen(url) + 1);
	return true;
}

static time_t instant_of(const json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));
	time_t at = 0;

	return text && instant_parse(text, &at) ? at : 0;
}

bool wire_order_parse(struct wire_order *o, const char *text, size_t len,
		      struct err *err)
{
	json_t *root = load("order", text, len, err);
	bool ok;

	ok = root && status_of(root, &o->status, err) &&
	     required(root, "finalize", o->finalize_url, URL_SIZE, err);
	if (ok && !first_authz(root, o->authz_url))
		ok = err_set(err, ERR_AGAIN,
			     "the CA's order has no usable authorization");
	if (ok && !optional(root, "certificate", o->cert_url, URL_SIZE))
		ok = err_set(err, ERR_AGAIN,
			     "the CA's certificate URL is too long");
	if (ok) {
		first_name(root, o->name, sizeof(o->name));
		o->expires_at = instant_of(root, "expires");
		optional(root, "profile", o->profile, sizeof(o->profile));
		optional(root, "replaces", o->replaces, sizeof(o->replaces));
		read_problem(json_object_get(root, "error"), &o->problem);
	}
	json_decref(root);
	return ok;
}

/* The key authorization is served as it stands: only base64url is a token. */
static bool is_token(const char *token)
{
	return *token && token[strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
					     "abcdefghijklmnopqrstuvwxyz"
					     "0123456789-_")] == '\0';
}

static bool read_challenge(const json_t *json, struct wire_challenge *c,
			   struct err *err)
{
	if (!status_of(json, &c->status, err) ||
	    !required(json, "url", c->url, URL_SIZE, err) ||
	    !required(json, "token", c->token, sizeof(c->token), err))
		return false;
	if (!is_token(c->token))
		return err_set(err, ERR_AGAIN, "the CA's token is not one");
	read_problem(json_object_get(json, "error"), &c->problem);
	c->is_offered = true;
	return true;
}

static struct wire_challenge *place_of(const json_t *json, struct wire_authz *a)
{
	const char *type = json_string_value(json_object_get(json, "type"));

	for (size_t i = 0; type && i < METHOD_COUNT; i++)
		if (streq(type, methods[i]))
			return &a->challenge[i];
	return NULL;
}

/* False: there are some of a type we know, and not one that can be read. */
static bool read_challenges(const json_t *list, struct wire_authz *a,
			    struct err *err)
{
	struct err problem = ERR_INIT;
	bool any = false;
	const json_t *json;
	size_t i;

	json_array_foreach(list, i, json) {
		struct wire_challenge *c = place_of(json, a);

		if (!c || c->is_offered)
			continue;
		if (read_challenge(json, c, &problem))
			any = true;
		else
			*c = (struct wire_challenge){ .is_offered = false };
	}
	if (any || problem.kind == ERR_NONE)
		return true;
	return err_set(err, problem.kind, "%s", problem.text);
}

bool wire_authz_parse(struct wire_authz *a, const char *text, size_t len,
		      struct err *err)
{
	json_t *root = load("authorization", text, len, err);
	bool ok;

	*a = (struct wire_authz){ .status = WIRE_INVALID };
	ok = root && status_of(root, &a->status, err) &&
	     read_challenges(json_object_get(root, "challenges"), a, err);
	json_decref(root);
	return ok;
}

bool wire_is_object(const char *text, size_t len, struct err *err)
{
	json_t *root = load("answer", text, len, err);

	json_decref(root);
	return root != NULL;
}

bool wire_orders_parse(struct wire_orders *o, const char *text, size_t len,
		       struct err *err)
{
	json_t *root = load("orders list", text, len, err);
	const json_t *list = json_object_get(root, "orders"), *item;
	size_t i;

	o->count = 0;
	json_array_foreach(list, i, item) {
		const char *url = json_string_value(item);

		if (url && o->count < WIRE_PAGE &&
		    str_copy(o->url[o->count], URL_SIZE, url))
			o->count++;
	}
	json_decref(root);
	return root != NULL;
}

void wire_problem_parse(struct wire_problem *p, long http_status,
			const char *text, size_t len)
{
	json_t *root = json_loadb(text, len, 0, NULL);

	if (json_is_object(root) && json_object_get(root, "type")) {
		read_problem(root, p);
	} else {
		snprintf(p->type, sizeof(p->type), "unknown");
		snprintf(p->detail, sizeof(p->detail),
			 "HTTP status %ld without a problem document",
			 http_status);
	}
	json_decref(root);
}

/* The parameters of one link, such as `; rel="next"`: with or without quotes. */
static bool has_rel(const char *params, size_t len, const char *rel)
{
	char *text = xstrndup(params, len), *at = strstr(text, "rel=");
	size_t n = strlen(rel);
	bool has = false;

	if (at) {
		at += strlen("rel=");
		at += *at == '"';
		has = strncmp(at, rel, n) == 0 && strchr("\";, ", at[n]);
	}
	free(text);
	return has;
}

/* Links stand one a line, or several with commas between. */
bool wire_link(const char *links, const char *rel, char out[static URL_SIZE])
{
	const char *from = links;

	while ((from = strchr(from, '<'))) {
		size_t len = strcspn(++from, ">\n");
		const char *params = from + len;
		size_t rest = strcspn(params, "<\n");

		if (*params == '>' && len < URL_SIZE &&
		    has_rel(params, rest, rel)) {
			memcpy(out, from, len);
			out[len] = '\0';
			return true;
		}
		from = params + rest;
	}
	return false;
}

long wire_retry_after(const char *header, time_t now)
{
	long seconds;
	time_t at;

	if (str_is_empty(header))
		return -1;
	if (strspn(header, "0123456789") == strlen(header))
		return str_to_long(header, strlen(header), WHEN_DAY, &seconds)
			       ? seconds
			       : WHEN_DAY;
	at = curl_getdate(header, NULL);
	if (at == (time_t)-1)
		return -1;
	if (at <= now)
		return 0;
	return at - now > WHEN_DAY ? WHEN_DAY : (long)(at - now);
}

time_t wire_date(const char *header)
{
	time_t at = header && *header ? curl_getdate(header, NULL) : 0;

	return at > 0 ? at : 0;
}
