/*
 * The admin API from request to answer: the real routes, handlers and store,
 * and an engine in a world where nothing happens.
 */
#include "daemon/routes.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "daemon/health.h"
#include "store/alert.h"
#include "store/watch.h"
#include "tests/sim/scratch.h"

#define NOW 1795464900	/* 2026-11-23T20:15:00Z */

#define ADD(name) "{\"name\":\"" name "\",\"mx\":[\"mx.example.net\"]}"

struct box {
	char dir[64];
	struct config config;
	struct world world;
	struct admin_parts parts;
	json_t *answer;		/* the last one */
};

/* ---- a world where nothing happens ---- */

static int64_t now_ms(void *ctx)
{
	(void)ctx;
	return (int64_t)NOW * 1000;
}

static void no_random(void *ctx, void *out, size_t len)
{
	(void)ctx;
	memset(out, 0, len);
}

static bool no_key(void *ctx, struct p256 *key, struct err *err)
{
	(void)ctx;
	(void)key;
	return err_set(err, ERR_AGAIN, "no keys here");
}

static bool no_sign(void *ctx, const struct p256 *key, const void *data,
		    size_t len, unsigned char out[static P256_SIGNATURE],
		    struct err *err)
{
	(void)ctx;
	(void)key;
	(void)data;
	(void)len;
	(void)out;
	return err_set(err, ERR_AGAIN, "no signatures here");
}

static void no_fetch(void *ctx, const struct fetch_request *request,
		     fetch_done *done, void *arg)
{
	(void)ctx;
	(void)request;
	(void)done;
	(void)arg;
}

static void no_addresses(void *ctx, const char *name, dns_done *done, void *arg)
{
	(void)ctx;
	(void)name;
	(void)done;
	(void)arg;
}

static void no_wake(void *ctx, int64_t at_ms)
{
	(void)ctx;
	(void)at_ms;
}

static const struct world still = {
	.now_ms = now_ms,
	.steady_ms = now_ms,
	.random = no_random,
	.key_make = no_key,
	.sign = no_sign,
	.fetch = no_fetch,
	.addresses = no_addresses,
	.wake_at = no_wake,
};

/* ---- setting up ---- */

static int set_up(void **state)
{
	struct box *b = xcalloc(1, sizeof(*b));
	struct store_options options = { .dir = b->dir };
	struct engine_settings *s = &b->config.engine;

	snprintf(b->dir, sizeof(b->dir), "/tmp/test_admin.XXXXXX");
	if (!mkdtemp(b->dir))
		return -1;
	snprintf(s->ca[0].name, sizeof(s->ca[0].name), "test");
	snprintf(s->ca[0].directory_url, sizeof(s->ca[0].directory_url),
		 "https://ca.example/dir");
	s->ca_count = 1;
	s->orders_in_flight = 1;
	b->world = still;
	b->parts.config = &b->config;
	b->parts.started_at = NOW - 60;
	b->parts.store = store_open(&options, NULL);
	b->parts.engine = engine_new(&b->world, b->parts.store, s, NULL);
	*state = b;
	return b->parts.engine ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static int tear_down(void **state)
{
	struct box *b = *state;

	json_decref(b->answer);
	engine_free(b->parts.engine);
	store_close(b->parts.store);
	nftw(b->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(b);
	return 0;
}

/* ---- asking ---- */

static int ask_at(struct box *b, enum door door, const char *method,
		  const char *target, const char *body)
{
	struct api_request request = {
		.door = door,
		.method = method,
		.target = target,
		.body = body,
		.body_len = strlen(body),
		.actor = "alice (uid 1000)",
		.now = NOW,
	};
	struct api_reply reply;

	api_routes_answer(&b->parts, &request, &reply);
	json_decref(b->answer);
	b->answer = reply.body;
	assert_non_null(b->answer);
	assert_int_equal(reply.status == 405, reply.allow[0] != '\0');
	return reply.status;
}

static int ask(struct box *b, const char *method, const char *target,
	       const char *body)
{
	int status = ask_at(b, DOOR_ADMIN, method, target, body);

	print_message("%s %s: %d %s\n", method, target, status,
		      json_string_value(json_object_get(
			      json_object_get(b->answer, "error"),
			      "message")));
	return status;
}

/* The value at "domain/policy/version" of the last answer. */
static const json_t *at(const struct box *b, const char *path)
{
	char *copy = xstrdup(path), *rest = copy, *key;
	const json_t *value = b->answer;

	while ((key = strsep(&rest, "/")) != NULL)
		value = json_is_array(value)
				? json_array_get(value, strtoul(key, NULL, 10))
				: json_object_get(value, key);
	free(copy);
	return value;
}

static const char *text(const struct box *b, const char *path)
{
	const char *value = json_string_value(at(b, path));

	return value ? value : "(none)";
}

static long long number(const struct box *b, const char *path)
{
	return json_integer_value(at(b, path));
}

/* ---- the tests ---- */

static void a_domain_is_added_and_shown(void **state)
{
	struct box *b = *state;

	assert_int_equal(ask(b, "POST", "/v1/domains",
			     "{\"name\":\"B\xc3\xbc" "CHER.example.\","
			     "\"mx\":[\"MX.Example.NET\"],\"label\":\"acme\","
			     "\"rua\":[\"tls@example.net\"]}"), 200);
	assert_true(json_is_true(at(b, "changed")));
	assert_string_equal(text(b, "name"), "xn--bcher-kva.example");
	assert_int_equal(ask(b, "GET", "/v1/domains/b%C3%BCcher.EXAMPLE", ""),
			 200);
	assert_string_equal(text(b, "name"), "xn--bcher-kva.example");
	assert_string_equal(text(b, "display"), "b\xc3\xbc" "cher.example");
	assert_string_equal(text(b, "state"), "waiting-for-dns");
	assert_string_equal(text(b, "state_since"), "2026-11-23T20:15:00Z");
	assert_string_equal(text(b, "label"), "acme");
	assert_string_equal(text(b, "rua/0"), "mailto:tls@example.net");
	assert_string_equal(text(b, "health"), "warning");
	assert_string_equal(text(b, "findings/0/id"), "dns.not-here");
	assert_int_equal(number(b, "policy/version"), 1);
	assert_string_equal(text(b, "policy/mode"), "testing");
	assert_int_equal(number(b, "policy/max_age"), 604800);
	assert_string_equal(text(b, "policy/mx/0"), "mx.example.net");
	assert_string_equal(text(b, "next/what"), "dns-look");
	assert_true(json_is_null(at(b, "certificate")));
	assert_true(json_is_null(at(b, "order")));
}

/* Asking for what is already so is success, and leaves no trace. */
static void adding_again_is_judged_by_what_is_said(void **state)
{
	struct box *b = *state;
	long long last;

	assert_int_equal(ask(b, "POST", "/v1/domains", ADD("a.example")), 200);
	last = number(b, "last_event");
	assert_int_equal(ask(b, "POST", "/v1/domains", ADD("A.example.")), 200);
	assert_true(json_is_false(at(b, "changed")));
	assert_int_equal(number(b, "last_event"), last);
	assert_int_equal(ask(b, "POST", "/v1/domains",
			     "{\"name\":\"a.example\",\"mx\":[\"other.example\"]}"),
			 409);
	assert_string_equal(text(b, "error/kind"), "refused");
	assert_non_null(strstr(text(b, "error/hint"), "policy set a.example"));
	assert_int_equal(ask(b, "POST", "/v1/domains",
			     "{\"name\":\"a.example\",\"label\":\"x\","
			     "\"mx\":[\"mx.example.net\"]}"), 409);
}

static const struct {
	const char *method, *target, *body;
	int status;
	const char *message;	/* contained in it */
} refused[] = {
	{ "GET", "/", "", 404, "no such path" },
	{ "GET", "/v1/domains/", "", 404, "no such path" },
	{ "GET", "/v1/domains/a.example/", "", 404, "no such path" },
	{ "GET", "/v1/domains/a.example/nope", "", 404, "no such path" },
	{ "POST", "/v1/status", "", 405, "does not take this method" },
	{ "PUT", "/v1/domains/there.example", "", 405, "this method" },
	{ "GET", "/v1/domains/nope.example", "", 404, "nope.example is not" },
	{ "PATCH", "/v1/domains/nope.example", "{\"label\":\"x\"}", 404,
	  "is not" },
	{ "DELETE", "/v1/domains/nope.example", "", 404, "is not hosted" },
	{ "PUT", "/v1/domains/nope.example/policy", "{}", 404, "is not" },
	{ "POST", "/v1/domains/nope.example/cert/renew", "", 404, "is not" },
	{ "GET", "/v1/domains/nope.example/records", "", 404, "is not" },
	{ "GET", "/v1/domains/10.0.0.1", "", 400, "IP address" },
	{ "GET", "/v1/domains/a%00b.example", "", 400, "damaged" },
	{ "GET", "/v1/domains/a%ffb.example", "", 400, "not a domain name" },
	{ "GET", "/v1/domains?limit=0", "", 400, "limit" },
	{ "GET", "/v1/domains?limit=201", "", 400, "limit" },
	{ "GET", "/v1/domains?state=dead", "", 400, "no state \"dead\"" },
	{ "GET", "/v1/domains?lable=x", "", 400, "parameter \"lable\"" },
	{ "GET", "/v1/status?x=1", "", 400, "parameter \"x\"" },
	{ "GET", "/v1/log?since=yesterday", "", 400, "since" },
	{ "GET", "/v1/log?after=-1", "", 400, "after" },
	{ "GET", "/v1/log?name=..", "", 400, "not a domain name" },
	{ "POST", "/v1/domains", "", 400, "\"name\" is missing" },
	{ "POST", "/v1/domains", "{", 400, "not JSON" },
	{ "POST", "/v1/domains", "{\"name\":\"x.example\"}", 400,
	  "which hosts" },
	{ "POST", "/v1/domains", "{\"name\":\"x.example\",\"mx\":[]}", 400,
	  "which hosts" },
	{ "POST", "/v1/domains", ADD("10.0.0.1"), 400, "IP address" },
	{ "POST", "/v1/domains", ADD("single"), 400, "single label" },
	{ "POST", "/v1/domains", "{\"name\":\"x.example\",\"mxx\":1}", 400,
	  "unknown field \"mxx\"" },
	{ "POST", "/v1/domains",
	  "{\"name\":\"x.example\",\"mx\":[\"not a host\"]}", 400,
	  "not a host" },
	{ "POST", "/v1/domains", "{\"name\":\"x.example\",\"preset\":\"x\"}",
	  400, "preset" },
	{ "POST", "/v1/domains",
	  "{\"name\":\"x.example\",\"preset\":\"m365\",\"mode\":\"x\"}", 400,
	  "mode" },
	{ "POST", "/v1/domains",
	  "{\"name\":\"x.example\",\"preset\":\"m365\",\"max_age\":1}", 400,
	  "max_age" },
	{ "POST", "/v1/domains",
	  "{\"name\":\"x.example\",\"preset\":\"m365\",\"rua\":[\"ftp://x\"]}",
	  400, "ftp://x" },
	{ "POST", "/v1/domains",
	  "{\"name\":\"x.example\",\"preset\":\"m365\",\"label\":\"a\\nb\"}",
	  400, "label must be one line" },
	{ "POST", "/v1/domains",
	  "{\"name\":\"x.example\",\"preset\":\"m365\",\"reason\":"
	  "\"a\\u001b\"}",
	  400, "reason must be one line" },
	{ "PUT", "/v1/domains/there.example/policy", "{\"mx\":[]}", 400, "mx" },
	{ "PUT", "/v1/domains/there.example/policy", "{\"max_age\":\"7d\"}",
	  400, "\"max_age\" must be" },
	{ "GET", "/v1/domains/there.example/cert", "", 404, "no certificate" },
};

static void what_is_wrong_is_refused_by_name(void **state)
{
	struct box *b = *state;

	assert_int_equal(ask(b, "POST", "/v1/domains", ADD("there.example")),
			 200);
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		assert_int_equal(ask(b, refused[i].method, refused[i].target,
				     refused[i].body), refused[i].status);
		assert_non_null(strstr(text(b, "error/message"),
				       refused[i].message));
	}
	assert_int_equal(ask(b, "GET", "/v1/domains", ""), 200);
	assert_int_equal(json_array_size(at(b, "domains")), 1);
	assert_int_equal(ask(b, "GET", "/v1/log", ""), 200);
	assert_int_equal(json_array_size(at(b, "events")), 1);
}

static void a_body_has_a_limit(void **state)
{
	struct box *b = *state;
	char *body = xmalloc(API_BODY_MAX + 2);

	memset(body, ' ', API_BODY_MAX + 1);
	body[API_BODY_MAX + 1] = '\0';
	assert_int_equal(ask(b, "POST", "/v1/domains", body), 413);
	free(body);
}

static void the_read_socket_changes_nothing(void **state)
{
	struct box *b = *state;

	assert_int_equal(ask_at(b, DOOR_READ, "POST", "/v1/domains",
				ADD("a.example")), 403);
	assert_int_equal(ask_at(b, DOOR_READ, "GET", "/v1/domains", ""), 200);
	assert_int_equal(json_array_size(at(b, "domains")), 0);
	assert_int_equal(ask_at(b, DOOR_READ, "GET", "/v1/status", ""), 200);
}

/* Nothing takes reports here: what gets as far as that is told so. */
static const struct {
	enum door door;
	const char *method, *path;
	int status;
} submits[] = {
	{ DOOR_SUBMIT, "POST", "/v1/reports", 503 },
	{ DOOR_SUBMIT, "POST", "/v1/reports?via=mail&signed_by=a.test", 503 },
	{ DOOR_SUBMIT, "POST", "/v1/reports?name=a.test", 400 },
	{ DOOR_SUBMIT, "GET", "/v1/reports", 403 },
	{ DOOR_SUBMIT, "GET", "/v1/reports/summary", 403 },
	{ DOOR_SUBMIT, "POST", "/v1/reports/", 404 },
	{ DOOR_SUBMIT, "GET", "/v1/status", 403 },
	{ DOOR_SUBMIT, "GET", "/v1/domains", 403 },
	{ DOOR_SUBMIT, "POST", "/v1/domains", 403 },
	{ DOOR_SUBMIT, "POST", "/v1/freeze", 403 },
	{ DOOR_READ, "POST", "/v1/reports", 403 },
	{ DOOR_ADMIN, "POST", "/v1/reports", 503 },
};

static void one_socket_is_for_reports_alone(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(submits); i++) {
		print_message("%zu\n", i);
		assert_int_equal(ask_at(*state, submits[i].door,
					submits[i].method, submits[i].path,
					"\x1f\x8b"),
				 submits[i].status);
	}
}

static void a_dry_run_tells_and_leaves_no_trace(void **state)
{
	struct box *b = *state;

	assert_int_equal(ask(b, "POST", "/v1/domains",
			     "{\"name\":\"a.example\",\"mx\":[\"mx.example.net\"],"
			     "\"dry_run\":true}"), 200);
	assert_true(json_is_true(at(b, "changed")));
	assert_true(json_is_true(at(b, "dry_run")));
	assert_string_equal(text(b, "changes/0/field"), "policy");
	assert_string_equal(text(b, "domain/state"), "waiting-for-dns");
	assert_int_equal(ask(b, "GET", "/v1/domains/a.example", ""), 404);
	assert_int_equal(ask(b, "POST", "/v1/domains", ADD("a.example")), 200);
	assert_int_equal(ask(b, "PUT", "/v1/domains/a.example/policy",
			     "{\"mode\":\"enforce\",\"dry_run\":true}"), 409);
	assert_int_equal(ask(b, "PUT", "/v1/domains/a.example/policy",
			     "{\"mode\":\"enforce\",\"dry_run\":true,"
			     "\"force\":true}"), 400);
	assert_int_equal(ask(b, "PUT", "/v1/domains/a.example/policy",
			     "{\"mode\":\"enforce\",\"dry_run\":true,"
			     "\"force\":true,\"reason\":\"r\"}"), 200);
	assert_string_equal(text(b, "changes/0/field"), "forced");
	assert_string_equal(text(b, "changes/2/after"), "enforce");
	assert_int_equal(ask(b, "DELETE", "/v1/domains/a.example",
			     "{\"dry_run\":true}"), 200);
	assert_int_equal(ask(b, "GET", "/v1/domains/a.example/policy", ""),
			 200);
	assert_string_equal(text(b, "mode"), "testing");
	assert_int_equal(number(b, "version"), 1);
	assert_int_equal(ask(b, "GET", "/v1/log", ""), 200);
	assert_int_equal(json_array_size(at(b, "events")), 1);
}

static const struct {
	const char *body;
	bool changed;
	int version;
	const char *mode;
	int max_age;
	const char *mx;		/* the first */
} policies[] = {
	{ "{}", false, 1, "testing", 604800, "mx.example.net" },
	{ "{\"mode\":\"testing\"}", false, 1, "testing", 604800,
	  "mx.example.net" },
	{ "{\"mode\":\"enforce\",\"force\":true,\"reason\":\"r\"}", true, 2, "enforce", 604800,
	  "mx.example.net" },
	{ "{\"mx\":[\"MX.example.NET\"]}", false, 2, "enforce", 604800,
	  "mx.example.net" },
	{ "{\"max_age\":1209600}", true, 3, "enforce", 1209600,
	  "mx.example.net" },
	/* nobody has looked at its MX yet */
	{ "{\"mx\":[\"other.example\"],\"force\":true}", true, 4, "enforce",
	  1209600, "other.example" },
	{ "{\"mode\":\"testing\",\"max_age\":604800,\"mx\":[\"mx.example.net\"]}",
	  true, 5, "testing", 604800, "mx.example.net" },
};

/* Each change is a version with an id of its own, even within a second. */
static void a_policy_changes_by_versions(void **state)
{
	struct box *b = *state;
	char ids[ARRAY_LEN(policies)][40];
	size_t count = 0;

	assert_int_equal(ask(b, "POST", "/v1/domains", ADD("a.example")), 200);
	for (size_t i = 0; i < ARRAY_LEN(policies); i++) {
		assert_int_equal(ask(b, "PUT", "/v1/domains/a.example/policy",
				     policies[i].body), 200);
		assert_int_equal(json_is_true(at(b, "changed")),
				 policies[i].changed);
		assert_int_equal(number(b, "domain/policy/version"),
				 policies[i].version);
		assert_string_equal(text(b, "domain/policy/mode"),
				    policies[i].mode);
		assert_int_equal(number(b, "domain/policy/max_age"),
				 policies[i].max_age);
		assert_string_equal(text(b, "domain/policy/mx/0"),
				    policies[i].mx);
		if (!policies[i].changed)
			continue;
		snprintf(ids[count], sizeof(ids[0]), "%s",
			 text(b, "domain/policy/id"));
		for (size_t j = 0; j < count; j++)
			assert_string_not_equal(ids[j], ids[count]);
		count++;
	}
}

static void settings_are_set_and_taken_away(void **state)
{
	struct box *b = *state;

	assert_int_equal(ask(b, "POST", "/v1/domains", ADD("a.example")), 200);
	assert_int_equal(ask(b, "PATCH", "/v1/domains/a.example",
			     "{\"label\":\"acme\",\"rua\":[\"x@example.net\"]}"),
			 200);
	assert_string_equal(text(b, "changes/0/after"), "acme");
	assert_string_equal(text(b, "changes/1/after"),
			    "mailto:x@example.net");
	assert_int_equal(ask(b, "PATCH", "/v1/domains/a.example",
			     "{\"label\":\"acme\"}"), 200);
	assert_true(json_is_false(at(b, "changed")));
	assert_int_equal(ask(b, "PATCH", "/v1/domains/a.example",
			     "{\"rua\":[],\"label\":\"\"}"), 200);
	assert_int_equal(json_array_size(at(b, "domain/rua")), 0);
	assert_string_equal(text(b, "domain/label"), "");
}

static void lists_come_in_pages(void **state)
{
	struct box *b = *state;

	assert_int_equal(ask(b, "POST", "/v1/domains", ADD("c.example")), 200);
	assert_int_equal(ask(b, "POST", "/v1/domains", ADD("a.example")), 200);
	assert_int_equal(ask(b, "POST", "/v1/domains",
			     "{\"name\":\"b.example\",\"label\":\"acme\","
			     "\"preset\":\"google\"}"), 200);
	assert_int_equal(ask(b, "GET", "/v1/domains?limit=2", ""), 200);
	assert_string_equal(text(b, "domains/0/name"), "a.example");
	assert_string_equal(text(b, "domains/1/name"), "b.example");
	assert_string_equal(text(b, "next"), "b.example");
	assert_int_equal(ask(b, "GET", "/v1/domains?limit=2&after=b.example",
			     ""), 200);
	assert_int_equal(json_array_size(at(b, "domains")), 1);
	assert_true(json_is_null(at(b, "next")));
	assert_int_equal(ask(b, "GET", "/v1/domains?label=acme", ""), 200);
	assert_int_equal(json_array_size(at(b, "domains")), 1);
	assert_int_equal(ask(b, "GET", "/v1/domains?state=live", ""), 200);
	assert_int_equal(json_array_size(at(b, "domains")), 0);
	assert_int_equal(ask(b, "GET", "/v1/certs", ""), 200);
	assert_int_equal(json_array_size(at(b, "certs")), 0);
}

static void the_trail_says_who_what_and_why(void **state)
{
	struct box *b = *state;

	assert_int_equal(ask(b, "POST", "/v1/domains", ADD("a.example")), 200);
	assert_int_equal(ask(b, "DELETE", "/v1/domains/a.example",
			     "{\"reason\":\"moved away\"}"), 200);
	assert_true(json_is_null(at(b, "domain")));
	assert_string_equal(text(b, "name"), "a.example");
	assert_int_equal(ask(b, "GET", "/v1/domains/a.example", ""), 404);
	assert_int_equal(ask(b, "GET", "/v1/log?name=A.example&after=1", ""),
			 200);
	assert_int_equal(json_array_size(at(b, "events")), 1);
	assert_string_equal(text(b, "events/0/kind"), "domain.removed");
	assert_string_equal(text(b, "events/0/actor"), "alice (uid 1000)");
	assert_string_equal(text(b, "events/0/channel"), "admin.sock");
	assert_string_equal(text(b, "events/0/reason"), "moved away");
	assert_string_equal(text(b, "events/0/name"), "a.example");
	assert_int_equal(number(b, "last"), 2);
	assert_int_equal(ask(b, "GET", "/v1/log?actor=mtastsd", ""), 200);
	assert_int_equal(json_array_size(at(b, "events")), 0);
}

static void make(struct box *b, const char *name, enum domain_state state,
		 bool forced, time_t due_at, const char *problem)
{
	struct store *s = b->parts.store;
	struct domain d;

	assert_true(store_begin(s, NULL));
	assert_true(domain_by_name(s, name, &d, NULL));
	d.state = state;
	d.renew_forced = forced;
	d.due_at = due_at;
	snprintf(d.problem, sizeof(d.problem), "%s", problem);
	assert_true(domain_update(s, &d, NULL));
	assert_true(store_commit(s, NULL));
}

static void make_live(struct box *b, const char *name, time_t due_at,
		      const char *problem)
{
	make(b, name, DOMAIN_LIVE, false, due_at, problem);
}

static const struct {
	enum domain_state state;
	bool forced;
	long due_in;
	bool changed;	/* by asking for it now */
} tries[] = {
	{ DOMAIN_WAITING_FOR_DNS, false, 3600, true },
	{ DOMAIN_WAITING_FOR_DNS, false, 0, false },
	{ DOMAIN_ISSUING, false, 86400, true },
	{ DOMAIN_ISSUING, false, -1, false },
	{ DOMAIN_LIVE, false, -1, true },	/* so that it tells its steps */
	{ DOMAIN_LIVE, true, 86400, true },	/* it was tried, and failed */
	{ DOMAIN_LIVE, true, 0, false },
};

static void a_next_try_is_brought_forward(void **state)
{
	struct box *b = *state;
	struct domain d;

	assert_int_equal(ask(b, "POST", "/v1/domains", ADD("a.example")), 200);
	for (size_t i = 0; i < ARRAY_LEN(tries); i++) {
		print_message("%s, due in %ld s\n",
			      domain_state_name(tries[i].state),
			      tries[i].due_in);
		make(b, "a.example", tries[i].state, tries[i].forced,
		     NOW + tries[i].due_in, "");
		assert_int_equal(ask(b, "POST",
				     "/v1/domains/a.example/cert/renew", ""),
				 200);
		assert_int_equal(json_is_true(at(b, "changed")),
				 tries[i].changed);
		assert_true(domain_by_name(b->parts.store, "a.example", &d,
					   NULL));
		assert_true(d.due_at <= NOW);
	}
}

static void a_renewal_is_asked_for_once(void **state)
{
	struct box *b = *state;
	struct domain d;

	assert_int_equal(ask(b, "POST", "/v1/domains", ADD("a.example")), 200);
	make_live(b, "a.example", NOW + 86400, "");
	assert_int_equal(ask(b, "POST", "/v1/domains/a.example/cert/renew",
			     ""), 200);
	assert_true(json_is_true(at(b, "changed")));
	assert_true(domain_by_name(b->parts.store, "a.example", &d, NULL));
	assert_true(d.renew_forced);
	assert_int_equal(d.due_at, NOW);
	assert_int_equal(ask(b, "POST", "/v1/domains/a.example/cert/renew",
			     ""), 200);
	assert_true(json_is_false(at(b, "changed")));
}

#define TRY "/v1/domains/a.example/cert/try"

static const struct {
	enum domain_state state;
	const char *body;
	int status;
	const char *words;
} trials[] = {
	{ DOMAIN_LIVE, "{}", 400, "ca" },
	{ DOMAIN_LIVE, "{\"ca\":7}", 400, "ca" },
	{ DOMAIN_LIVE, "{\"ca\":\"\"}", 400, "no CA \"\"" },
	{ DOMAIN_LIVE, "{\"ca\":\"Test\"}", 400, "no CA \"Test\"" },
	{ DOMAIN_WAITING_FOR_DNS, "{\"ca\":\"test\"}", 409, "lead here" },
	{ DOMAIN_ISSUING, "{\"ca\":\"test\"}", 200, NULL },
	{ DOMAIN_LIVE, "{\"ca\":\"test\",\"dry_run\":true}", 200, NULL },
};

static void a_trial_is_asked_for_in_words(void **state)
{
	struct box *b = *state;

	assert_int_equal(ask(b, "POST", "/v1/domains", ADD("a.example")), 200);
	for (size_t i = 0; i < ARRAY_LEN(trials); i++) {
		make(b, "a.example", trials[i].state, false, 0, "");
		assert_int_equal(ask(b, "POST", TRY, trials[i].body),
				 trials[i].status);
		if (trials[i].words)
			assert_non_null(strstr(text(b, "error/message"),
					       trials[i].words));
	}
}

/* What is served, and when it is renewed, is as it was. */
static void a_trial_only_marks_the_row(void **state)
{
	struct box *b = *state;
	struct domain d;
	int64_t ca_id = engine_ca_id(b->parts.engine, "test");

	assert_int_equal(ask(b, "POST", "/v1/domains", ADD("a.example")), 200);
	make_live(b, "a.example", NOW + 86400, "");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ask(b, "POST", TRY, "{\"ca\":\"test\"}"), 200);
		assert_int_equal(json_is_true(at(b, "changed")), i == 0);
		assert_true(domain_by_name(b->parts.store, "a.example", &d,
					   NULL));
		assert_true(ca_id > 0 && d.try_ca == ca_id);
		assert_false(d.renew_forced);
		assert_int_equal(d.due_at, NOW + 86400);
	}
	assert_int_equal(ask(b, "GET", "/v1/log?name=a.example", ""), 200);
	assert_string_equal(text(b, "events/1/kind"), "trial.asked");
	assert_string_equal(text(b, "events/1/text"),
			    "trial asked for: ca test");
}

static void a_frozen_box_makes_no_trial(void **state)
{
	struct box *b = *state;

	assert_int_equal(ask(b, "POST", "/v1/domains", ADD("a.example")), 200);
	make_live(b, "a.example", NOW + 86400, "");
	assert_int_equal(ask(b, "POST", "/v1/freeze", ""), 200);
	assert_int_equal(ask(b, "POST", TRY, "{\"ca\":\"test\"}"), 409);
	assert_non_null(strstr(text(b, "error/hint"), "thaw"));
}

static void a_ca_shows_its_place(void **state)
{
	struct box *b = *state;

	assert_int_equal(ask(b, "GET", "/v1/cas", ""), 200);
	assert_string_equal(text(b, "cas/0/role"), "first");
	assert_true(json_is_true(at(b, "cas/0/used")));
	assert_true(json_is_null(at(b, "cas/0/down_since")));
	assert_true(json_is_null(at(b, "cas/0/next_try")));
	assert_true(json_is_null(at(b, "cas/0/proven")));
}

static void a_check_is_told_what_to_go_by(void **state)
{
	struct box *b = *state;
	struct config *c = &b->config;

	assert_int_equal(ask_at(b, DOOR_READ, "GET", "/v1/box", ""), 200);
	assert_int_equal(ask_at(b, DOOR_READ, "GET", "/v1/check", ""), 200);
	assert_true(json_is_false(at(b, "allow_private")));
	assert_int_equal(json_array_size(at(b, "resolvers")), 0);
	assert_string_equal(text(b, "cas/0/name"), "test");
	assert_int_equal(json_array_size(at(b, "cas/0/caa_identities")), 0);

	c->allow_private = true;
	str_copy(c->resolvers[c->resolver_count++], 64, "192.0.2.53");
	assert_int_equal(ask(b, "GET", "/v1/check", ""), 200);
	assert_true(json_is_true(at(b, "allow_private")));
	assert_string_equal(text(b, "resolvers/0"), "192.0.2.53");
}

static void the_status_names_what_needs_a_hand(void **state)
{
	struct box *b = *state;

	assert_int_equal(ask(b, "GET", "/v1/status", ""), 200);
	assert_string_equal(text(b, "started"), "2026-11-23T20:14:00Z");
	assert_int_equal(number(b, "domains/total"), 0);
	assert_string_equal(text(b, "cas/0/name"), "test");
	assert_int_equal(ask(b, "POST", "/v1/domains", ADD("a.example")), 200);
	make_live(b, "a.example", NOW - 7200, "the CA said no");
	assert_int_equal(ask(b, "GET", "/v1/domains/a.example", ""), 200);
	assert_string_equal(text(b, "findings/0/id"), "cert.missing");
	assert_string_equal(text(b, "health"), "error");
	assert_int_equal(ask(b, "GET", "/v1/status", ""), 200);
	assert_int_equal(number(b, "domains/live"), 1);
	assert_int_equal(number(b, "domains/with_problem"), 1);
	assert_string_equal(text(b, "problems/0/name"), "a.example");
	assert_string_equal(text(b, "problems/0/findings/0/id"),
			    "cert.missing");
	assert_string_equal(text(b, "findings/0/id"), "cert.renewal-late");
	assert_string_equal(text(b, "health"), "error");
	assert_true(json_is_null(at(b, "serving")));
}

/* As the watch saw it: the name leads elsewhere. */
static void lead_away(struct box *b, const char *name, int trouble)
{
	struct store *s = b->parts.store;
	struct domain d;
	struct watch k;

	must(store_begin(s, NULL), NULL);
	must(domain_by_name(s, name, &d, NULL), NULL);
	must(watch_of(s, &d, &k, NULL), NULL);
	k.looked_at = k.host_at = d.state_at;
	k.host = HOST_ELSEWHERE;
	snprintf(k.host_problem, sizeof(k.host_problem), "it leads away");
	k.trouble = trouble;
	must(watch_write(s, &k, NULL), NULL);
	must(store_commit(s, NULL), NULL);
}

/* No order of theirs fails: nothing but the watch knows. */
static void the_status_names_what_the_watch_sees(void **state)
{
	struct box *b = *state;

	assert_int_equal(ask(b, "POST", "/v1/domains", ADD("a.example")), 200);
	assert_int_equal(ask(b, "POST", "/v1/domains", ADD("b.example")), 200);
	assert_int_equal(ask(b, "POST", "/v1/domains", ADD("c.example")), 200);
	make_live(b, "a.example", 0, "");
	make_live(b, "b.example", 0, "");
	make_live(b, "c.example", 0, "the CA said no");
	assert_int_equal(ask(b, "GET", "/v1/status", ""), 200);
	assert_int_equal(number(b, "domains/with_problem"), 1);
	lead_away(b, "a.example", HEALTH_WARNING);
	lead_away(b, "b.example", HEALTH_ERROR);
	lead_away(b, "c.example", HEALTH_WARNING);
	assert_int_equal(ask(b, "GET", "/v1/status", ""), 200);
	assert_int_equal(number(b, "domains/with_problem"), 3);
	assert_string_equal(text(b, "problems/0/name"), "b.example");
	assert_string_equal(text(b, "problems/1/name"), "c.example");
	assert_string_equal(text(b, "problems/2/name"), "a.example");
	assert_null(at(b, "problems/3/name"));
	assert_string_equal(text(b, "problems/2/findings/1/text"),
			    "it leads away");
	assert_string_equal(text(b, "problems/2/findings/1/hint"),
			    "publish what this prints: mtastsctl domain "
			    "records a.example");
}

/* What the daemon's own looks go by is what the client's go by. */
static void what_is_expected_is_one_answer(void **state)
{
	struct box *b = *state;
	struct store *s = b->parts.store;
	char first[STS_ID_SIZE];
	struct domain d;
	struct watch w;

	assert_int_equal(ask(b, "GET", "/v1/domains/a.example/expected", ""),
			 404);
	assert_int_equal(ask(b, "POST", "/v1/domains", ADD("a.example")), 200);
	assert_int_equal(ask(b, "GET", "/v1/domains/a.example", ""), 200);
	snprintf(first, sizeof(first), "%s", text(b, "policy/id"));
	assert_int_equal(ask(b, "PATCH", "/v1/domains/a.example",
			     "{\"rua\":[\"mailto:r@a.example\"]}"),
			 200);
	assert_int_equal(ask(b, "PUT", "/v1/domains/a.example/policy",
			     "{\"max_age\":86400}"),
			 200);
	make_live(b, "a.example", NOW + 60, "the CA said no");
	assert_int_equal(ask(b, "GET", "/v1/domains/a.example/expected", ""),
			 200);
	assert_string_not_equal(text(b, "id"), first);
	assert_string_equal(text(b, "past_ids/0"), first);
	assert_non_null(strstr(text(b, "body"), "max_age: 86400"));
	assert_string_equal(text(b, "rua/0"), "mailto:r@a.example");
	assert_non_null(strstr(text(b, "trouble"), "; next: renewal at "));
	assert_true(json_is_true(at(b, "trouble_is_error")));
	assert_true(json_is_null(at(b, "removable")));
	assert_true(json_is_null(at(b, "foreign_until")));

	/* on its way out: from then on its records may go */
	must(store_begin(s, NULL), NULL);
	must(domain_by_name(s, "a.example", &d, NULL), NULL);
	d.leaving = DOMAIN_HANDING_OVER;
	d.leaving_at = NOW - 10;
	must(domain_update(s, &d, NULL), NULL);
	must(store_commit(s, NULL), NULL);
	lead_away(b, "a.example", 0);
	assert_int_equal(ask(b, "GET", "/v1/domains/a.example/expected", ""),
			 200);
	assert_string_equal(text(b, "removable"), "2026-11-24T20:14:50Z");

	must(store_begin(s, NULL), NULL);
	must(watch_of(s, &d, &w, NULL), NULL);
	w.foreign_at = NOW;
	must(watch_write(s, &w, NULL), NULL);
	must(store_commit(s, NULL), NULL);
	assert_int_equal(ask(b, "GET", "/v1/domains/a.example/expected", ""),
			 200);
	assert_string_equal(text(b, "foreign_until"), "2027-11-24T02:15:00Z");
}

/* A grave alert beside "all is well" would be a lie. */
static void health_is_not_ok_beside_a_grave_alert(void **state)
{
	struct box *b = *state;
	struct store *s = b->parts.store;

	must(store_begin(s, NULL), NULL);
	must(alert_raise(s,
			 &(struct alert){ .kind = "cert.not-served",
					  .subject = "a.example",
					  .level = ALERT_ERROR,
					  .text = "it is not served" },
			 NOW, NULL),
	     NULL);
	must(store_commit(s, NULL), NULL);
	assert_int_equal(ask(b, "GET", "/v1/status", ""), 200);
	assert_string_equal(text(b, "health"), "error");
	assert_string_equal(text(b, "findings/0/id"), "alert.grave");
	must(store_begin(s, NULL), NULL);
	must(alert_silence_kind(s, "cert.not-served", NOW + 60, NULL), NULL);
	must(store_commit(s, NULL), NULL);
	assert_int_equal(ask(b, "GET", "/v1/status", ""), 200);
	assert_string_equal(text(b, "health"), "ok");
}

/* ---- for machines that watch ---- */

/* Its text, for the caller to free; NULL: there is none but an error. */
static char *scrape_at(struct box *b, enum door door, const char *method,
		       const char *target, int status)
{
	struct api_request request = { .door = door,
				       .method = method,
				       .target = target,
				       .body = "",
				       .actor = "",
				       .now = NOW };
	struct api_reply reply;

	print_message("%s %s at %d\n", method, target, (int)door);
	api_routes_answer(&b->parts, &request, &reply);
	assert_int_equal(reply.status, status);
	json_decref(reply.body);
	return reply.text;
}

static const struct {
	enum door door;
	const char *method, *target;
	int status;
} scrapes[] = {
	{ DOOR_ADMIN, "GET", "/metrics", 200 },
	{ DOOR_READ, "GET", "/metrics", 200 },
	{ DOOR_METRICS, "GET", "/metrics", 200 },
	{ DOOR_METRICS, "HEAD", "/metrics", 200 },
	{ DOOR_METRICS, "POST", "/metrics", 405 },
	{ DOOR_METRICS, "GET", "/metrics/", 404 },
	{ DOOR_METRICS, "GET", "/metrics?x=1", 400 },
	{ DOOR_METRICS, "GET", "/v1/status", 404 },
	{ DOOR_METRICS, "GET", "/v1/log", 404 },
	{ DOOR_METRICS, "POST", "/v1/domains", 404 },
	{ DOOR_METRICS, "GET", "/", 404 },
	{ DOOR_SUBMIT, "GET", "/metrics", 403 },
	{ DOOR_SUBMIT, "GET", "/healthz", 403 },
	{ DOOR_READ, "HEAD", "/v1/status", 405 },
};

static void metrics_are_for_who_may_look(void **state)
{
	struct box *b = *state;

	for (size_t i = 0; i < ARRAY_LEN(scrapes); i++) {
		char *text = scrape_at(b, scrapes[i].door, scrapes[i].method,
				       scrapes[i].target, scrapes[i].status);

		assert_int_equal(text != NULL, scrapes[i].status == 200);
		if (text)
			assert_non_null(strstr(text, "\nmtastsd_ca_problem{ca="
						     "\"test\"} "));
		free(text);
	}
	assert_true(api_routes_is_plain("/metrics"));
	assert_true(api_routes_is_plain("/healthz?x"));
	assert_false(api_routes_is_plain("/metricsx"));
	assert_false(api_routes_is_plain("/v1/status"));
}

static void no_metric_has_a_domain(void **state)
{
	struct box *b = *state;
	char *text;

	assert_int_equal(ask(b, "POST", "/v1/domains", ADD("a.example")), 200);
	text = scrape_at(b, DOOR_READ, "GET", "/metrics", 200);
	assert_null(strstr(text, "example"));
	free(text);
}

/* When it is wanted most there is no store. */
static void metrics_need_no_store(void **state)
{
	struct box *b = *state;
	struct admin_parts whole = b->parts;
	struct err trouble = ERR_INIT;
	char *text;

	err_set(&trouble, ERR_INTERNAL, "the disk is gone");
	b->parts.store = NULL;
	b->parts.engine = NULL;
	b->parts.trouble = &trouble;
	text = scrape_at(b, DOOR_METRICS, "GET", "/metrics", 200);
	assert_non_null(strstr(text, "\nmtastsd_orders_possible 0\n"));
	free(text);
	assert_int_equal(ask_at(b, DOOR_METRICS, "GET", "/healthz", ""), 503);
	assert_string_equal(json_string_value(json_array_get(
				    json_object_get(b->answer, "reasons"), 1)),
			    "the disk is gone");
	b->parts = whole;
}

/* What it runs with is known, too, when it only serves. */
static void a_box_without_a_store_says_what_it_runs_with(void **state)
{
	struct box *b = *state;
	struct admin_parts whole = b->parts;
	const json_t *ca;

	b->parts.store = NULL;
	b->parts.engine = NULL;
	assert_int_equal(ask_at(b, DOOR_READ, "GET", "/v1/box", ""), 200);
	ca = json_array_get(json_object_get(b->answer, "cas"), 0);
	assert_string_equal(json_string_value(json_object_get(ca, "directory")),
			    "https://ca.example/dir");
	assert_int_equal(json_integer_value(json_object_get(
				 json_object_get(b->answer, "process"), "pid")),
			 getpid());
	b->parts = whole;
}

static void health_says_what_does_not_go_on(void **state)
{
	struct box *b = *state;

	assert_int_equal(ask_at(b, DOOR_READ, "GET", "/healthz", ""), 503);
	assert_string_equal(
		json_string_value(json_object_get(b->answer, "status")),
		"failing");
	assert_int_equal(json_array_size(json_object_get(b->answer, "reasons")),
			 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_domain_is_added_and_shown),
		TEST(adding_again_is_judged_by_what_is_said),
		TEST(what_is_wrong_is_refused_by_name),
		TEST(a_body_has_a_limit),
		TEST(the_read_socket_changes_nothing),
		TEST(one_socket_is_for_reports_alone),
		TEST(a_dry_run_tells_and_leaves_no_trace),
		TEST(a_policy_changes_by_versions),
		TEST(settings_are_set_and_taken_away),
		TEST(lists_come_in_pages),
		TEST(the_trail_says_who_what_and_why),
		TEST(a_renewal_is_asked_for_once),
		TEST(a_next_try_is_brought_forward),
		TEST(a_trial_is_asked_for_in_words),
		TEST(a_trial_only_marks_the_row),
		TEST(a_frozen_box_makes_no_trial),
		TEST(a_ca_shows_its_place),
		TEST(a_check_is_told_what_to_go_by),
		TEST(the_status_names_what_needs_a_hand),
		TEST(the_status_names_what_the_watch_sees),
		TEST(health_is_not_ok_beside_a_grave_alert),
		TEST(what_is_expected_is_one_answer),
		TEST(metrics_are_for_who_may_look),
		TEST(no_metric_has_a_domain),
		TEST(metrics_need_no_store),
		TEST(a_box_without_a_store_says_what_it_runs_with),
		TEST(health_says_what_does_not_go_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
