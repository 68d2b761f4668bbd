#include "httpd/routes.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "httpd/report.h"

#define TOKEN_MAX 255
#define TOKEN_CHARS                                                            \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

typedef void route_handler(const struct routes_site *site,
			   const struct request *r, struct answer *a);

static route_handler policy, report, challenge, redirect;

/* Which methods there are: each one's bit, and their names. */
struct methods {
	unsigned bits;
	const char *names;
};

#define BIT(method) (1u << (method))

static const struct methods reading = { BIT(REQUEST_GET) | BIT(REQUEST_HEAD),
					"GET, HEAD" };
static const struct methods posting = { BIT(REQUEST_POST), "POST" };

/*
 * The first row that fits is taken. A path that ends in "*" fits all that
 * begin like it; `allow` NULL leaves the method to the handler.
 */
static const struct route {
	enum door door;
	const char *path;
	const struct methods *allow;
	route_handler *handler;
	enum tally_route counted;
} routes[] = {
	{ DOOR_HTTPS, "/.well-known/mta-sts.txt", &reading, policy,
	  ROUTE_POLICY },
	{ DOOR_HTTPS, HTTPD_REPORT_PATH "*", &posting, report, ROUTE_REPORT },
	{ DOOR_HTTP, HTTPD_CHALLENGE_PATH "*", &reading, challenge,
	  ROUTE_CHALLENGE },
	{ DOOR_HTTP, "*", NULL, redirect, ROUTE_REDIRECT },
};

static bool is_own_look(const struct routes_site *site, const struct request *r)
{
	return site->probe && *site->probe->agent && r->agent &&
	       streq(site->probe->agent, r->agent);
}

static void policy(const struct routes_site *site, const struct request *r,
		   struct answer *a)
{
	size_t len = 0;
	const char *body = site_cache_policy(site->sites, r->sni, &len,
					     &a->policy_id);

	if (!body) {
		answer_status(a, 404);
		return;
	}
	answer_text(a, "text/plain; charset=utf-8", xmemdup(body, len), len);
	if (is_own_look(site, r))
		a->policy_id = 0;
	else
		tally_add(site->tally, TALLY_POLICIES);
}

/* ---- reports ---- */

/* RFC 8460, 5.1, and what reporters say instead; the content is looked at. */
static bool is_report_type(const char *type)
{
	static const char *const known[] = {
		"application/tlsrpt+gzip",
		"application/tlsrpt+json",
		"application/json",
		"application/gzip",
		"application/x-gzip",
		"text/json",
		"binary/octet-stream",
		"application/octet-stream", /* and what curl says unasked: */
		"application/x-www-form-urlencoded",
	};
	size_t len = type ? strcspn(type, "; \t") : 0;

	for (size_t i = 0; len && i < ARRAY_LEN(known); i++)
		if (strlen(known[i]) == len &&
		    strncasecmp(known[i], type, len) == 0)
			return true;
	return !len;
}

static int report_status(const struct routes_site *site,
			 const struct request *r)
{
	const char *token = r->path + strlen(HTTPD_REPORT_PATH);
	int64_t domain_id;

	switch (site->takes_reports
			? serve_takes_report(site->serve, r->sni, token,
					     &domain_id, NULL)
			: SERVE_UNKNOWN) {
	case SERVE_FAILED:
		return 503;
	case SERVE_UNKNOWN:
	case SERVE_NO_CERT:
		return 404;
	case SERVE_FOUND:
		break;
	}
	if (!is_report_type(r->content_type))
		return 415;
	return r->length > HTTPD_REPORT_MAX ? 413 : 0;
}

static const char *report_refusal(int status)
{
	switch (status) {
	case 404:
		return "TLS reports are not taken here";
	case 413:
		return HTTPD_REPORT_LARGE;
	case 415:
		return "a TLS report is application/tlsrpt+gzip or "
		       "application/tlsrpt+json";
	default:
		return NULL;
	}
}

static void report(const struct routes_site *site, const struct request *r,
		   struct answer *a)
{
	int refused = report_status(site, r);

	a->takes_body = !refused;
	if (refused)
		answer_reason(a, refused, report_refusal(refused));
	if (refused == 503)
		a->retry_after = HTTPD_REPORT_LATER;
}

/* ---- challenges, and the way to 443 ---- */

static bool is_probe(const struct routes_site *site, const char *token)
{
	return site->probe && streq(site->probe->token, token);
}

static void answer_probe(const struct routes_site *site, struct answer *a)
{
	const char *text = site->probe->text;

	answer_text(a, "application/octet-stream", xstrdup(text), strlen(text));
}

/* Whatever host it is asked for: the CA follows names, we answer tokens. */
static void challenge(const struct routes_site *site, const struct request *r,
		      struct answer *a)
{
	const char *token = r->path + strlen(HTTPD_CHALLENGE_PATH);
	size_t len = strspn(token, TOKEN_CHARS);
	char key_auth[SERVE_CHALLENGE_SIZE];

	if (is_probe(site, token)) {
		answer_probe(site, a);
		return;
	}
	if (!len || len > TOKEN_MAX || token[len] ||
	    !serve_challenge(site->serve, token, key_auth)) {
		answer_status(a, 404);
		return;
	}
	answer_text(a, "application/octet-stream", xstrdup(key_auth),
		    strlen(key_auth));
	tally_add(site->tally, TALLY_CHALLENGES);
}

/* Fit for a header: printable ASCII without spaces. */
static bool is_plain(const char *s)
{
	for (; *s; s++)
		if (*s <= ' ' || *s > '~')
			return false;
	return true;
}

static char *https_url(const struct routes_site *site, const struct request *r)
{
	const char *mark = r->query ? "?" : "";
	const char *query = r->query ? r->query : "";

	if (site->https_port == 443)
		return xasprintf("https://%s%s%s%s", r->host, r->path, mark,
				 query);
	return xasprintf("https://%s:%u%s%s%s", r->host, site->https_port,
			 r->path, mark, query);
}

static void redirect(const struct routes_site *site, const struct request *r,
		     struct answer *a)
{
	if (!r->has_host || r->path[0] != '/' || !is_plain(r->path) ||
	    (r->query && !is_plain(r->query))) {
		answer_status(a, 400);
		return;
	}
	if (!r->host[0] || !serve_hosts(site->serve, r->host)) {
		answer_status(a, 404);
		return;
	}
	answer_status(a, 301);
	a->location = https_url(site, r);
}

static bool fits(const struct route *route, const struct request *r)
{
	size_t len = strlen(route->path);

	if (route->door != r->door)
		return false;
	if (route->path[len - 1] == '*')
		return strncmp(route->path, r->path, len - 1) == 0;
	return streq(route->path, r->path);
}

/* Over TLS a request is for the name of the handshake, or it is not ours. */
static int misdirected(const struct request *r)
{
	if (r->door != DOOR_HTTPS)
		return 0;
	if (!r->has_host)
		return 400;
	return streq(r->host, r->sni) ? 0 : 421;
}

void routes_answer(const struct routes_site *site, const struct request *r,
		   struct answer *a)
{
	const struct route *route = routes;
	int refused = misdirected(r);

	*a = (struct answer){ 0 };
	while (route < routes + ARRAY_LEN(routes) && !fits(route, r))
		route++;
	if (!refused && route < routes + ARRAY_LEN(routes))
		a->route = route->counted;
	if (refused) {
		answer_status(a, refused);
	} else if (route == routes + ARRAY_LEN(routes)) {
		answer_status(a, 404);
	} else if (route->allow && !(route->allow->bits & BIT(r->method))) {
		answer_status(a, 405);
		a->allow = route->allow->names;
	} else {
		route->handler(site, r, a);
	}
}

bool routes_may_take_body(const char *path)
{
	return str_starts(path, HTTPD_REPORT_PATH);
}
