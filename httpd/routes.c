#include "httpd/routes.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define POLICY_PATH    "/.well-known/mta-sts.txt"
#define CHALLENGE_PATH "/.well-known/acme-challenge/"
#define TEXT	       "text/plain; charset=utf-8"
#define TOKEN_MAX      255
#define PATH_MAX_ECHO  1024	/* of a path that a redirect repeats */

static void say(struct route_answer *a, int status, const char *reason)
{
	a->status = status;
	a->reason = reason;
	a->type = TEXT;
	a->body = xasprintf("%s\n", reason);
	a->len = strlen(a->body);
	a->kind = ROUTE_NOTHING;
}

void route_answer_release(struct route_answer *a)
{
	free(a->body);
	free(a->location);
	*a = (struct route_answer){ 0 };
}

bool route_host(const char *header, char out[static DOMAIN_NAME_SIZE])
{
	const char *colon = header ? strchr(header, ':') : NULL;
	size_t len = header ? (colon ? (size_t)(colon - header)
				     : strlen(header))
			    : 0;

	if (len && header[len - 1] == '.')
		len--;
	if (!len || len > DOMAIN_NAME_MAX ||
	    (colon && colon[1 + strspn(colon + 1, "0123456789")]))
		return false;
	memcpy(out, header, len);
	out[len] = '\0';
	str_lower(out);
	return true;
}

/* ---- handlers: `rest` is what of the path follows the route's own ---- */

static void give_policy(const struct route_request *r, const char *host,
			const char *rest, struct route_answer *a)
{
	(void)rest;
	a->body = serve_policy(r->serve, host, &a->len);
	if (!a->body) {
		say(a, 404, "Not Found");
		return;
	}
	a->status = 200;
	a->reason = "OK";
	a->type = TEXT;
	a->kind = ROUTE_POLICY;
}

static bool is_token(const char *text)
{
	size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "abcdefghijklmnopqrstuvwxyz"
				  "0123456789-_");

	return len && len <= TOKEN_MAX && !text[len];
}

static void give_challenge(const struct route_request *r, const char *host,
			   const char *rest, struct route_answer *a)
{
	char key_auth[SERVE_CHALLENGE_SIZE];

	(void)host;
	if (!is_token(rest) || !serve_challenge(r->serve, rest, key_auth)) {
		say(a, 404, "Not Found");
		return;
	}
	a->status = 200;
	a->reason = "OK";
	a->type = "application/octet-stream";
	a->body = xstrdup(key_auth);
	a->len = strlen(key_auth);
	a->kind = ROUTE_CHALLENGE;
}

static bool may_echo(const char *path)
{
	for (const char *p = path; *p; p++)
		if (*p <= ' ' || *p > '~')
			return false;
	return path[0] == '/' && strlen(path) <= PATH_MAX_ECHO;
}

static void lead_to_https(const struct route_request *r, const char *host,
			  const char *rest, struct route_answer *a)
{
	if (!host || !serve_hosts(r->serve, host) || !may_echo(rest)) {
		say(a, 404, "Not Found");
		return;
	}
	say(a, 301, "Moved Permanently");
	if (r->https_port == 443)
		a->location = xasprintf("https://%s%s", host, rest);
	else
		a->location = xasprintf("https://%s:%u%s", host, r->https_port,
					rest);
}

static void give_nothing(const struct route_request *r, const char *host,
			 const char *rest, struct route_answer *a)
{
	(void)r;
	(void)host;
	(void)rest;
	say(a, 404, "Not Found");
}

/* ---- tables: the first row whose path fits ---- */

struct route {
	const char *path;
	bool is_prefix;
	unsigned methods;
	const char *allow;
	void (*give)(const struct route_request *r, const char *host,
		     const char *rest, struct route_answer *a);
};

#define READ_ONLY ROUTE_GET | ROUTE_HEAD, "GET, HEAD"
#define ANY	  ROUTE_GET | ROUTE_HEAD | ROUTE_OTHER, NULL

static const struct route https_routes[] = {
	{ POLICY_PATH, false, READ_ONLY, give_policy },
	{ "", true, ANY, give_nothing },
};

static const struct route http_routes[] = {
	{ CHALLENGE_PATH, true, READ_ONLY, give_challenge },
	{ "", true, ANY, lead_to_https },
};

static const struct route *find(const struct route *table, const char *path)
{
	while (table->is_prefix ? !str_starts(path, table->path)
				: !streq(path, table->path))
		table++;	/* the last row fits everything */
	return table;
}

static void dispatch(const struct route *table, const struct route_request *r,
		     const char *host, struct route_answer *a)
{
	const struct route *route = find(table, r->path);

	if (route->methods & r->method) {
		route->give(r, host, r->path + strlen(route->path), a);
		return;
	}
	say(a, 405, "Method Not Allowed");
	a->allow = route->allow;
}

void route_https(const struct route_request *r, struct route_answer *a)
{
	char host[DOMAIN_NAME_SIZE];

	*a = (struct route_answer){ 0 };
	if (!r->host)
		say(a, 400, "Bad Request");
	else if (!route_host(r->host, host) || !streq(host, r->sni))
		say(a, 421, "Misdirected Request");
	else
		dispatch(https_routes, r, host, a);
}

void route_http(const struct route_request *r, struct route_answer *a)
{
	char host[DOMAIN_NAME_SIZE];

	*a = (struct route_answer){ 0 };
	dispatch(http_routes, r, route_host(r->host, host) ? host : NULL, a);
}
