#include "httpd/routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "httpd/report.h"
#include "tests/sim/hosted.h"
#include "tests/sim/scratch.h"

#define POLICY	  "/.well-known/mta-sts.txt"
#define CHALLENGE "/.well-known/acme-challenge/"
#define OURS	  "mta-sts.a.test"
#define KEY_AUTH  "tok-EN_1.thumb"
#define T50	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static struct hosted hosted;
static struct serve *serve;
static struct site_cache *sites;
static struct tally tally;
static const struct httpd_probe probe = { "pro-BE_1", "the text",
					  "ours/1 (x)" };

static int set_up(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	hosted_init(&hosted);
	hosted_add(&hosted, "a.test");
	hosted_add(&hosted, "b.test");
	hosted_challenge(&hosted, "a.test", METHOD_HTTP_01, "tok-EN_1",
			 KEY_AUTH);
	serve = serve_open(hosted.dir, NULL, &err);
	must(serve, &err);
	sites = site_cache_new(serve, 1 << 20);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	site_cache_free(sites);
	serve_close(serve);
	hosted_release(&hosted);
	return 0;
}

/* `host` NULL: no Host header, or more than one. */
static const struct {
	enum door door;
	enum request_method method;
	const char *host, *path, *query;
	int status;
	const char *location;
} cases[] = {
	{ DOOR_HTTPS, REQUEST_GET, OURS, POLICY, NULL, 200, NULL },
	{ DOOR_HTTPS, REQUEST_HEAD, OURS, POLICY, NULL, 200, NULL },
	{ DOOR_HTTPS, REQUEST_GET, OURS, POLICY, "a=b", 200, NULL },
	{ DOOR_HTTPS, REQUEST_OTHER, OURS, POLICY, NULL, 405, NULL },
	{ DOOR_HTTPS, REQUEST_GET, NULL, POLICY, NULL, 400, NULL },
	{ DOOR_HTTPS, REQUEST_GET, "", POLICY, NULL, 421, NULL },
	{ DOOR_HTTPS, REQUEST_GET, "a.test", POLICY, NULL, 421, NULL },
	{ DOOR_HTTPS, REQUEST_OTHER, "a.test", POLICY, NULL, 421, NULL },
	{ DOOR_HTTPS, REQUEST_GET, OURS, "/", NULL, 404, NULL },
	{ DOOR_HTTPS, REQUEST_OTHER, OURS, "/", NULL, 404, NULL },
	{ DOOR_HTTPS, REQUEST_GET, OURS, "", NULL, 404, NULL },
	{ DOOR_HTTPS, REQUEST_GET, OURS, POLICY "/", NULL, 404, NULL },
	{ DOOR_HTTPS, REQUEST_GET, OURS, CHALLENGE "tok-EN_1", NULL, 404, NULL },

	{ DOOR_HTTP, REQUEST_GET, OURS, CHALLENGE "tok-EN_1", NULL, 200, NULL },
	{ DOOR_HTTP, REQUEST_HEAD, OURS, CHALLENGE "tok-EN_1", NULL, 200, NULL },
	{ DOOR_HTTP, REQUEST_GET, "x.test", CHALLENGE "tok-EN_1", NULL, 200, NULL },
	{ DOOR_HTTP, REQUEST_GET, NULL, CHALLENGE "tok-EN_1", NULL, 200, NULL },
	{ DOOR_HTTP, REQUEST_OTHER, OURS, CHALLENGE "tok-EN_1", NULL, 405, NULL },
	{ DOOR_HTTP, REQUEST_GET, OURS, CHALLENGE "tok-EN_2", NULL, 404, NULL },
	{ DOOR_HTTP, REQUEST_GET, OURS, CHALLENGE "TOK-EN_1", NULL, 404, NULL },
	{ DOOR_HTTP, REQUEST_GET, OURS, CHALLENGE, NULL, 404, NULL },
	{ DOOR_HTTP, REQUEST_GET, OURS, CHALLENGE "tok-EN_1/", NULL, 404, NULL },
	{ DOOR_HTTP, REQUEST_GET, OURS, CHALLENGE "tok-EN_1'", NULL, 404, NULL },
	{ DOOR_HTTP, REQUEST_GET, OURS, CHALLENGE "../tok-EN_1", NULL, 404, NULL },
	{ DOOR_HTTP, REQUEST_GET, OURS,
	  CHALLENGE T50 T50 T50 T50 T50 T50, NULL, 404, NULL },

	{ DOOR_HTTP, REQUEST_GET, OURS, CHALLENGE "pro-BE_1", NULL, 200, NULL },
	{ DOOR_HTTP, REQUEST_HEAD, OURS, CHALLENGE "pro-BE_1", NULL, 200, NULL },
	{ DOOR_HTTP, REQUEST_GET, "x.test", CHALLENGE "pro-BE_1", NULL, 200, NULL },
	{ DOOR_HTTP, REQUEST_OTHER, OURS, CHALLENGE "pro-BE_1", NULL, 405, NULL },
	{ DOOR_HTTP, REQUEST_GET, OURS, CHALLENGE "pro-BE_2", NULL, 404, NULL },
	{ DOOR_HTTP, REQUEST_GET, OURS, CHALLENGE "pro-BE_", NULL, 404, NULL },
	{ DOOR_HTTP, REQUEST_GET, OURS, "/pro-BE_1", NULL, 301,
	  "https://" OURS "/pro-BE_1" },
	{ DOOR_HTTPS, REQUEST_GET, OURS, CHALLENGE "pro-BE_1", NULL, 404, NULL },

	{ DOOR_HTTP, REQUEST_GET, OURS, "/", NULL, 301, "https://" OURS "/" },
	{ DOOR_HTTP, REQUEST_GET, OURS, POLICY, "a=b", 301,
	  "https://" OURS POLICY "?a=b" },
	{ DOOR_HTTP, REQUEST_OTHER, OURS, "/x", NULL, 301, "https://" OURS "/x" },
	{ DOOR_HTTP, REQUEST_GET, "x.test", "/", NULL, 404, NULL },
	{ DOOR_HTTP, REQUEST_GET, "a.test", "/", NULL, 404, NULL },
	{ DOOR_HTTP, REQUEST_GET, "", "/", NULL, 404, NULL },
	{ DOOR_HTTP, REQUEST_GET, NULL, "/", NULL, 400, NULL },
	{ DOOR_HTTP, REQUEST_GET, OURS, "*", NULL, 400, NULL },
	{ DOOR_HTTP, REQUEST_GET, OURS, "/a b", NULL, 400, NULL },
	{ DOOR_HTTP, REQUEST_GET, OURS, "/\r\nX: y", NULL, 400, NULL },
	{ DOOR_HTTP, REQUEST_GET, OURS, "/", "\x7f", 400, NULL },
	{ DOOR_HTTP, REQUEST_GET, OURS, "/m\xc3\xbc", NULL, 400, NULL },
};

/* The box's own look is no fetch: nobody keeps what it saw. */
static void own_looks_are_not_counted(void **state)
{
	static const struct {
		const char *agent;
		bool is_counted;
	} agents[] = {
		{ NULL, true },		 { "", true },
		{ "Postfix", true },	 { "ours/1", true },
		{ "ours/1 (x)", false },
	};
	const struct routes_site site = {
		.serve = serve, .sites = sites, .tally = &tally, .probe = &probe
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(agents); i++) {
		struct request r = { .door = DOOR_HTTPS,
				     .method = REQUEST_GET,
				     .path = POLICY,
				     .has_host = true,
				     .host = OURS,
				     .sni = OURS,
				     .agent = agents[i].agent };
		struct answer a;

		routes_answer(&site, &r, &a);
		assert_int_equal(a.status, 200);
		assert_int_equal(a.policy_id != 0, agents[i].is_counted);
		answer_release(&a);
	}
}

static void ask(size_t i, unsigned https_port, struct answer *a)
{
	const struct routes_site site = { serve,      sites,  &tally,
					  https_port, &probe, true };
	struct request r = { .door = cases[i].door,
			     .method = cases[i].method,
			     .path = cases[i].path,
			     .query = cases[i].query,
			     .has_host = cases[i].host != NULL,
			     .sni = OURS };

	if (cases[i].host)
		memcpy(r.host, cases[i].host, strlen(cases[i].host));
	routes_answer(&site, &r, a);
}

static void each_request_has_its_answer(void **state)
{
	struct answer a;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		print_message("%zu: %s\n", i, cases[i].path);
		ask(i, 443, &a);
		assert_int_equal(a.status, cases[i].status);
		assert_int_equal(a.location != NULL, cases[i].location != NULL);
		if (a.location)
			assert_string_equal(a.location, cases[i].location);
		assert_int_equal(a.allow != NULL, a.status == 405);
		assert_true(a.body_len > 0);
		answer_release(&a);
	}
}

/* ---- reports ---- */

static const struct {
	const char *host, *suffix, *type;
	enum request_method method;
	bool closed;
	long length;
	int status; /* 0: the body is taken */
} posts[] = {
	{ OURS, "", NULL, REQUEST_POST, false, -1, 0 },
	{ OURS, "", "", REQUEST_POST, false, 0, 0 },
	{ OURS, "", "application/tlsrpt+gzip", REQUEST_POST, false, 1, 0 },
	{ OURS, "", "Application/TLSRPT+json; charset=utf-8", REQUEST_POST,
	  false, 1, 0 },
	{ OURS, "", "application/json", REQUEST_POST, false, 1, 0 },
	{ OURS, "", "application/gzip ; x", REQUEST_POST, false, 1, 0 },
	{ OURS, "", "application/octet-stream", REQUEST_POST, false,
	  HTTPD_REPORT_MAX, 0 },
	{ OURS, "", "application/octet-stream", REQUEST_POST, false,
	  HTTPD_REPORT_MAX + 1, 413 },
	{ OURS, "", "application/tlsrpt", REQUEST_POST, false, 1, 415 },
	{ OURS, "", "application/jsonx", REQUEST_POST, false, 1, 415 },
	{ OURS, "", "text/html", REQUEST_POST, false, 1, 415 },
	{ OURS, "", NULL, REQUEST_GET, false, -1, 405 },
	{ OURS, "", NULL, REQUEST_HEAD, false, -1, 405 },
	{ OURS, "", NULL, REQUEST_OTHER, false, -1, 405 },
	{ OURS, "x", NULL, REQUEST_POST, false, 1, 404 },
	{ OURS, "x", "text/html", REQUEST_POST, false, 1, 404 },
	{ OURS, "", NULL, REQUEST_POST, true, 1, 404 },
	{ "mta-sts.b.test", "", NULL, REQUEST_POST, false, 1, 404 },
};

static void a_body_is_taken_at_its_own_path(void **state)
{
	struct err err = ERR_INIT;
	char path[128];
	struct domain d;

	(void)state;
	must(domain_by_name(hosted.store, "a.test", &d, &err), &err);
	for (size_t i = 0; i < ARRAY_LEN(posts); i++) {
		const struct routes_site site = {
			serve, sites, &tally, 443, NULL, !posts[i].closed
		};
		struct request r = { .door = DOOR_HTTPS,
				     .method = posts[i].method,
				     .path = path,
				     .has_host = true,
				     .sni = posts[i].host,
				     .content_type = posts[i].type,
				     .length = posts[i].length };
		struct answer a;

		print_message("%zu\n", i);
		snprintf(path, sizeof(path), "%s%s%s", HTTPD_REPORT_PATH,
			 d.report_token, posts[i].suffix);
		memcpy(r.host, posts[i].host, strlen(posts[i].host));
		routes_answer(&site, &r, &a);
		assert_int_equal(a.takes_body, posts[i].status == 0);
		assert_int_equal(a.status, posts[i].status);
		assert_true(routes_may_take_body(path));
		answer_release(&a);
	}
	assert_false(routes_may_take_body(POLICY));
	assert_false(routes_may_take_body("/tlsrpt"));
}

static void a_policy_is_its_exact_bytes(void **state)
{
	char *body = hosted_body(&hosted, "a.test");
	unsigned long before = tally_read(&tally, TALLY_POLICIES);
	struct answer a;

	(void)state;
	ask(0, 443, &a);
	assert_string_equal(a.content_type, "text/plain; charset=utf-8");
	assert_int_equal(a.body_len, strlen(body));
	assert_memory_equal(a.body, body, a.body_len);
	assert_int_equal(tally_read(&tally, TALLY_POLICIES), before + 1);
	answer_release(&a);
	free(body);
}

static void a_challenge_is_its_key_authorization(void **state)
{
	const struct routes_site site = {
		serve, sites, &tally, 443, NULL, true
	};
	const struct request r = { .door = DOOR_HTTP,
				   .path = CHALLENGE "tok-EN_1" };
	struct answer a;

	(void)state;
	routes_answer(&site, &r, &a);
	assert_int_equal(a.body_len, strlen(KEY_AUTH));
	assert_memory_equal(a.body, KEY_AUTH, a.body_len);
	answer_release(&a);
}

/* No challenge of anybody's, so it is not counted as one. */
static void a_probe_is_its_text(void **state)
{
	struct routes_site site = { serve, sites, &tally, 443, &probe, true };
	const struct request r = { .door = DOOR_HTTP,
				   .path = CHALLENGE "pro-BE_1" };
	unsigned long before = tally_read(&tally, TALLY_CHALLENGES);
	struct answer a;

	(void)state;
	routes_answer(&site, &r, &a);
	assert_int_equal(a.status, 200);
	assert_int_equal(a.body_len, strlen(probe.text));
	assert_memory_equal(a.body, probe.text, a.body_len);
	assert_int_equal(tally_read(&tally, TALLY_CHALLENGES), before);
	answer_release(&a);

	site.probe = NULL;
	routes_answer(&site, &r, &a);
	assert_int_equal(a.status, 404);
	answer_release(&a);
}

static void a_redirect_names_the_port_if_it_is_another(void **state)
{
	const struct routes_site site = {
		serve, sites, &tally, 8443, NULL, true
	};
	const struct request r = { .door = DOOR_HTTP, .path = "/x",
				   .has_host = true, .host = OURS };
	struct answer a;

	(void)state;
	routes_answer(&site, &r, &a);
	assert_string_equal(a.location, "https://" OURS ":8443/x");
	answer_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_looks_are_not_counted),
		cmocka_unit_test(each_request_has_its_answer),
		cmocka_unit_test(a_body_is_taken_at_its_own_path),
		cmocka_unit_test(a_policy_is_its_exact_bytes),
		cmocka_unit_test(a_challenge_is_its_key_authorization),
		cmocka_unit_test(a_probe_is_its_text),
		cmocka_unit_test(a_redirect_names_the_port_if_it_is_another),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
