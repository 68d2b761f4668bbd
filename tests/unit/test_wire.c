/* What a CA may send, good and bad. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/wire.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"

#define NOW 1800000000L		/* 2027-01-15T08:00:00Z, a Friday */

/* "%s" in a JSON text stands for a URL of this length. */
static char *fill_in(const char *json, size_t len)
{
	char *url = xmalloc(len + 1), *text;
	const char *hole = strstr(json, "%s");

	memset(url, 'u', len);
	url[len] = '\0';
	text = hole ? xasprintf("%.*s%s%s", (int)(hole - json), json, url,
				hole + 2)
		    : xstrdup(json);
	free(url);
	return text;
}

/* ---- directory ---- */

#define URLS "\"newNonce\":\"n\",\"newAccount\":\"a\",\"newOrder\":\"o\""

static const struct {
	const char *json;
	size_t url_len;
	bool ok, eab_required;
} directories[] = {
	{ "{" URLS "}", 0, true, false },
	{ "{" URLS ",\"renewalInfo\":[1],\"x\":null}", 0, true, false },
	{ "{" URLS ",\"meta\":{\"externalAccountRequired\":true}}", 0, true,
	  true },
	{ "{" URLS ",\"meta\":{\"externalAccountRequired\":\"yes\"}}", 0, true,
	  false },
	{ "{" URLS ",\"meta\":[]}", 0, true, false },
	{ "{" URLS ",\"meta\":{\"termsOfService\":7}}", 0, true, false },
	{ "{\"newNonce\":\"%s\",\"newAccount\":\"a\",\"newOrder\":\"o\"}", 511,
	  true, false },
	{ "{\"newNonce\":\"%s\",\"newAccount\":\"a\",\"newOrder\":\"o\"}", 512,
	  false, false },
	{ "{\"newNonce\":\"n\",\"newAccount\":\"a\"}", 0, false, false },
	{ "{\"newNonce\":1,\"newAccount\":\"a\",\"newOrder\":\"o\"}", 0, false,
	  false },
	{ "{\"newNonce\":\"\",\"newAccount\":\"a\",\"newOrder\":\"o\"}", 0,
	  false, false },
	{ "{" URLS ",\"newNonce\":\"again\"}", 0, false, false },
	{ "{" URLS "} and more", 0, false, false },
	{ "[]", 0, false, false },
	{ "null", 0, false, false },
	{ "", 0, false, false },
	{ "<html>Welcome</html>", 0, false, false },
	{ "{\"newNonce\":\"n\\u0000x\"," URLS "}", 0, false, false },
};

static void directories_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(directories); i++) {
		char *json = fill_in(directories[i].json,
				     directories[i].url_len);
		struct wire_directory d = { .eab_required = false };
		struct err err = ERR_INIT;
		bool ok = wire_directory_parse(&d, json, strlen(json), &err);

		print_message("%zu: %s\n", i, err.text);
		assert_int_equal(ok, directories[i].ok);
		assert_int_equal(err.kind, ok ? ERR_NONE : ERR_AGAIN);
		if (ok)
			assert_int_equal(d.eab_required,
					 directories[i].eab_required);
		free(json);
	}
}

#define EXTRAS                                                                 \
	",\"revokeCert\":\"r\",\"keyChange\":\"k\",\"renewalInfo\":\"i\","      \
	"\"meta\":{\"profiles\":{\"classic\":\"90 days\",\"bad name\":1,"        \
	"\"\":2,\"shortlived\":null},\"caaIdentities\":[\"ca.test\",7,\"\","    \
	"\"\\u001b[31m\",\"ca2.test\"]}"

static void what_a_directory_may_say_is_read(void **state)
{
	static const char json[] = "{" URLS EXTRAS "}";
	struct wire_directory d = { .eab_required = false };

	(void)state;
	assert_true(wire_directory_parse(&d, json, strlen(json), NULL));
	assert_string_equal(d.revoke_cert, "r");
	assert_string_equal(d.key_change, "k");
	assert_string_equal(d.renewal_info, "i");
	assert_int_equal(d.profile_count, 2);
	assert_string_equal(d.profiles[0], "classic");
	assert_string_equal(d.profiles[1], "shortlived");
	assert_int_equal(d.caa_count, 2);
	assert_string_equal(d.caa_identities[0], "ca.test");
	assert_string_equal(d.caa_identities[1], "ca2.test");
}

static const char *const poor_metas[] = {
	"",
	",\"meta\":{\"profiles\":[\"classic\"],\"caaIdentities\":{\"a\":1}}",
	",\"meta\":{\"profiles\":{\"%s\":\"\"},\"caaIdentities\":[[]]}",
	",\"meta\":{\"profiles\":{},\"caaIdentities\":[\"%s\"]}",
	",\"revokeCert\":\"%s\",\"keyChange\":null,\"renewalInfo\":[]",
};

static void what_is_not_to_be_had_is_empty(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(poor_metas); i++) {
		char *more = fill_in(poor_metas[i], URL_SIZE);
		char *json = xasprintf("{" URLS "%s}", more);
		struct wire_directory d;

		memset(&d, 'x', sizeof(d));
		assert_true(wire_directory_parse(&d, json, strlen(json), NULL));
		assert_int_equal(d.profile_count, 0);
		assert_int_equal(d.caa_count, 0);
		assert_string_equal(d.revoke_cert, "");
		assert_string_equal(d.key_change, "");
		assert_string_equal(d.renewal_info, "");
		free(json);
		free(more);
	}
}

static void more_than_enough_is_cut(void **state)
{
	char json[4000] = "{" URLS ",\"meta\":{\"caaIdentities\":[\"n\"";
	struct wire_directory d;

	(void)state;
	for (int i = 0; i < 50; i++)
		strcat(json, ",\"ca.test\"");
	strcat(json, "],\"profiles\":{\"p\":0");
	for (int i = 0; i < 50; i++)
		snprintf(json + strlen(json), 20, ",\"p%d\":0", i);
	strcat(json, "}}}");
	assert_true(wire_directory_parse(&d, json, strlen(json), NULL));
	assert_int_equal(d.profile_count, WIRE_PROFILES);
	assert_int_equal(d.caa_count, WIRE_CAA_NAMES);
}

/* ---- order ---- */

#define PARTS                                                                  \
	"\"finalize\":\"f\",\"authorizations\":[\"a\"],"                       \
	"\"identifiers\":[{\"type\":\"dns\",\"value\":\"h.test\"}]"

static const struct {
	const char *json;
	bool ok;
	enum wire_status status;
	const char *name, *cert_url, *problem;
	time_t expires_at;
} orders[] = {
	{ "{\"status\":\"pending\"," PARTS "}", true, WIRE_PENDING, "h.test",
	  "", "", 0 },
	{ "{\"status\":\"ready\"," PARTS ",\"expires\":"
	  "\"2027-01-15T08:00:00Z\"}", true, WIRE_READY, "h.test", "", "",
	  NOW },
	{ "{\"status\":\"processing\"," PARTS ",\"expires\":"
	  "\"2027-01-15T08:00:00.123456Z\"}", true, WIRE_PROCESSING, "h.test",
	  "", "", NOW },
	{ "{\"status\":\"valid\"," PARTS ",\"certificate\":\"c\"}", true,
	  WIRE_VALID, "h.test", "c", "", 0 },
	{ "{\"status\":\"invalid\"," PARTS ",\"error\":{\"type\":"
	  "\"urn:ietf:params:acme:error:caa\"}}", true, WIRE_INVALID, "h.test",
	  "", "caa", 0 },
	{ "{\"status\":\"invalid\"," PARTS ",\"error\":\"no object\"}", true,
	  WIRE_INVALID, "h.test", "", "unknown", 0 },
	{ "{\"status\":\"pending\"," PARTS ",\"expires\":\"tomorrow\"}", true,
	  WIRE_PENDING, "h.test", "", "", 0 },
	{ "{\"status\":\"pending\"," PARTS ",\"expires\":12}", true,
	  WIRE_PENDING, "h.test", "", "", 0 },
	{ "{\"status\":\"pending\",\"finalize\":\"f\","
	  "\"authorizations\":[\"a\",\"b\"],\"identifiers\":[{\"value\":\"x\"}"
	  ",{\"value\":\"y\"}]}", true, WIRE_PENDING, "", "", "", 0 },
	{ "{\"status\":\"fine\"," PARTS "}", false, 0, "", "", "", 0 },
	{ "{\"status\":7," PARTS "}", false, 0, "", "", "", 0 },
	{ "{" PARTS "}", false, 0, "", "", "", 0 },
	{ "{\"status\":\"pending\",\"authorizations\":[\"a\"]}", false, 0, "",
	  "", "", 0 },
	{ "{\"status\":\"pending\",\"finalize\":\"f\"}", false, 0, "", "", "",
	  0 },
	{ "{\"status\":\"pending\",\"finalize\":\"f\","
	  "\"authorizations\":[]}", false, 0, "", "", "", 0 },
	{ "{\"status\":\"pending\",\"finalize\":\"f\","
	  "\"authorizations\":[{}]}", false, 0, "", "", "", 0 },
	{ "{\"status\":\"valid\"," PARTS ",\"certificate\":[]}", false, 0, "",
	  "", "", 0 },
	{ "{\"status\":\"pending\",\"finalize\":\"f\",\"authoriz", false, 0,
	  "", "", "", 0 },
};

static void orders_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
		struct err err = ERR_INIT;
		struct wire_order o;
		bool ok = wire_order_parse(&o, orders[i].json,
					   strlen(orders[i].json), &err);

		print_message("%zu: %s\n", i, err.text);
		assert_int_equal(ok, orders[i].ok);
		if (!ok) {
			assert_int_equal(err.kind, ERR_AGAIN);
			continue;
		}
		assert_int_equal(o.status, orders[i].status);
		assert_string_equal(o.name, orders[i].name);
		assert_string_equal(o.cert_url, orders[i].cert_url);
		assert_string_equal(o.problem.type, orders[i].problem);
		assert_int_equal(o.expires_at, orders[i].expires_at);
	}
}

static void an_order_says_what_it_is_for(void **state)
{
	static const char json[] =
		"{\"status\":\"pending\"," PARTS ",\"profile\":\"shortlived\","
		"\"replaces\":\"aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE\"}";
	static const char wrong[] =
		"{\"status\":\"pending\"," PARTS ",\"profile\":7,"
		"\"replaces\":[]}";
	struct wire_order o;

	(void)state;
	assert_true(wire_order_parse(&o, json, strlen(json), NULL));
	assert_string_equal(o.profile, "shortlived");
	assert_string_equal(o.replaces, "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
	assert_true(wire_order_parse(&o, wrong, strlen(wrong), NULL));
	assert_string_equal(o.profile, "");
	assert_string_equal(o.replaces, "");
}

/* ---- authorization ---- */

#define HTTP01(more)                                                           \
	"{\"type\":\"http-01\",\"status\":\"pending\",\"url\":\"c\"," more "}"

static const struct {
	const char *json;
	bool ok;
	const char *token, *problem;
} authzs[] = {
	{ "{\"status\":\"pending\",\"challenges\":["
	  HTTP01("\"token\":\"AZaz09-_\"") "]}", true, "AZaz09-_", "" },
	{ "{\"status\":\"pending\",\"challenges\":[{\"type\":\"dns-01\"},"
	  "null,3," HTTP01("\"token\":\"t\"") "]}", true, "t", "" },
	{ "{\"status\":\"invalid\",\"challenges\":["
	  HTTP01("\"token\":\"t\",\"error\":{\"type\":"
		 "\"urn:ietf:params:acme:error:dns\",\"detail\":\"gone\"}")
	  "]}", true, "t", "dns" },
	{ "{\"status\":\"pending\",\"challenges\":[{\"type\":\"dns-01\"}]}",
	  true, "", "" },
	{ "{\"status\":\"pending\"}", true, "", "" },
	{ "{\"status\":\"pending\",\"challenges\":{}}", true, "", "" },
	{ "{\"challenges\":[" HTTP01("\"token\":\"t\"") "]}", false, "", "" },

	/* a token is served as it stands: base64url, or nothing */
	{ "{\"status\":\"pending\",\"challenges\":[" HTTP01("\"token\":\"\"")
	  "]}", false, "", "" },
	{ "{\"status\":\"pending\",\"challenges\":["
	  HTTP01("\"token\":\"../x\"") "]}", false, "", "" },
	{ "{\"status\":\"pending\",\"challenges\":["
	  HTTP01("\"token\":\"a\\r\\nb\"") "]}", false, "", "" },
	{ "{\"status\":\"pending\",\"challenges\":["
	  HTTP01("\"token\":\"%s\"") "]}", false, "", "" },
	{ "{\"status\":\"pending\",\"challenges\":[{\"type\":\"http-01\","
	  "\"token\":\"t\",\"status\":\"pending\"}]}", false, "", "" },
	{ "{\"status\":\"pending\",\"challenges\":[{\"type\":\"http-01\","
	  "\"token\":\"t\",\"url\":\"c\"}]}", false, "", "" },
};

static void authorizations_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(authzs); i++) {
		char *json = fill_in(authzs[i].json, ORDER_TOKEN_SIZE);
		struct err err = ERR_INIT;
		struct wire_authz a;
		bool ok = wire_authz_parse(&a, json, strlen(json), &err);

		print_message("%zu: %s\n", i, err.text);
		assert_int_equal(ok, authzs[i].ok);
		if (ok) {
			const struct wire_challenge *c =
				&a.challenge[METHOD_HTTP_01];

			assert_string_equal(c->token, authzs[i].token);
			assert_string_equal(c->url, *c->token ? "c" : "");
			assert_string_equal(c->problem.type, authzs[i].problem);
			assert_int_equal(c->is_offered, *c->token != '\0');
			assert_false(a.challenge[METHOD_TLS_ALPN_01].is_offered);
		}
		free(json);
	}
}

#define ALPN01(status, more)                                                   \
	"{\"type\":\"tls-alpn-01\",\"status\":\"" status                       \
	"\",\"url\":\"s\"" more "}"
#define GOOD ",\"token\":\"alpn\""
#define BAD  ",\"token\":\"a.b\""

static const struct {
	const char *challenges;
	bool ok, http_01, tls_alpn_01;
} offers[] = {
	{ HTTP01("\"token\":\"t\"") "," ALPN01("pending", GOOD), true, true,
	  true },
	{ ALPN01("pending", GOOD) "," HTTP01("\"token\":\"t\""), true, true,
	  true },
	{ ALPN01("pending", GOOD), true, false, true },

	/* one that cannot be read does not spoil the other */
	{ HTTP01("\"token\":\"t\"") "," ALPN01("pending", BAD), true, true,
	  false },
	{ HTTP01("\"token\":\"\"") "," ALPN01("pending", GOOD), true, false,
	  true },
	{ HTTP01("\"token\":\"\"") "," ALPN01("pending", BAD), false, false,
	  false },
	{ ALPN01("odd", GOOD), false, false, false },

	/* the first of a kind is the one */
	{ ALPN01("pending", GOOD) "," ALPN01("valid", GOOD), true, false,
	  true },
};

static void both_challenges_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(offers); i++) {
		char *json = xasprintf("{\"status\":\"pending\","
				       "\"challenges\":[%s]}",
				       offers[i].challenges);
		struct err err = ERR_INIT;
		struct wire_authz a;
		const struct wire_challenge *alpn =
			&a.challenge[METHOD_TLS_ALPN_01];
		bool ok = wire_authz_parse(&a, json, strlen(json), &err);

		print_message("%zu: %s\n", i, err.text);
		assert_int_equal(ok, offers[i].ok);
		assert_int_equal(err.kind, ok ? ERR_NONE : ERR_AGAIN);
		assert_int_equal(a.challenge[METHOD_HTTP_01].is_offered,
				 offers[i].http_01);
		assert_int_equal(alpn->is_offered, offers[i].tls_alpn_01);
		assert_string_equal(alpn->token,
				    alpn->is_offered ? "alpn" : "");
		assert_string_equal(alpn->url, alpn->is_offered ? "s" : "");
		assert_int_equal(alpn->status, WIRE_PENDING);
		free(json);
	}
}

/* ---- account and its orders ---- */

static const struct {
	const char *json;
	bool ok;
	const char *orders_url;
} accounts[] = {
	{ "{\"status\":\"valid\",\"orders\":\"l\"}", true, "l" },
	{ "{\"status\":\"valid\"}", true, "" },
	{ "{\"status\":\"valid\",\"orders\":[]}", true, "" },
	{ "{\"orders\":\"l\"}", false, "" },
	{ "\"valid\"", false, "" },
};

static void accounts_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(accounts); i++) {
		struct wire_account a = { .orders_url = "" };

		assert_int_equal(wire_account_parse(&a, accounts[i].json,
						    strlen(accounts[i].json),
						    NULL), accounts[i].ok);
		assert_string_equal(a.orders_url, accounts[i].orders_url);
	}
}

static const struct {
	const char *json;
	bool ok;
	size_t count;
} lists[] = {
	{ "{\"orders\":[\"a\",\"b\"]}", true, 2 },
	{ "{\"orders\":[]}", true, 0 },
	{ "{}", true, 0 },
	{ "{\"orders\":[\"a\",7,null,[\"b\"],\"c\"]}", true, 2 },
	{ "{\"orders\":[\"%s\",\"b\"]}", true, 1 },
	{ "{\"orders\":\"a\"}", true, 0 },
	{ "[\"a\"]", false, 0 },
};

static void lists_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		char *json = fill_in(lists[i].json, URL_SIZE);
		struct wire_orders page;

		assert_int_equal(wire_orders_parse(&page, json, strlen(json),
						   NULL), lists[i].ok);
		assert_int_equal(page.count, lists[i].count);
		free(json);
	}
}

static void a_long_list_is_cut(void **state)
{
	char json[2000] = "{\"orders\":[";
	struct wire_orders page;

	(void)state;
	for (int i = 0; i < 200; i++)
		strcat(json, "\"x\",");
	strcat(json, "\"x\"]}");
	assert_true(wire_orders_parse(&page, json, strlen(json), NULL));
	assert_int_equal(page.count, WIRE_PAGE);
}

/* ---- problems ---- */

static const struct {
	long status;
	const char *json, *type, *detail;
} problems[] = {
	{ 400, "{\"type\":\"urn:ietf:params:acme:error:badNonce\",\"detail\":"
	       "\"old\"}", "badNonce", "old" },
	{ 400, "{\"type\":\"about:blank\"}", "about:blank", "" },
	{ 400, "{\"type\":\"x\",\"type\":\"y\"}", "y", "" },
	{ 500, "{}", "unknown", "HTTP status 500 without a problem document" },
	{ 502, "<html>", "unknown",
	  "HTTP status 502 without a problem document" },
	{ 400, "", "unknown", "HTTP status 400 without a problem document" },
	{ 400, "{\"type\":[],\"detail\":{}}", "unknown", "" },
	{ 400, "{\"type\":\"x\",\"detail\":\"a\\u001b[31mb\\nc\\u00e4\"}", "x",
	  "a\\x1b[31mb\\x0ac\\xc3\\xa4" },
};

static void problems_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(problems); i++) {
		struct wire_problem p;

		wire_problem_parse(&p, problems[i].status, problems[i].json,
				   strlen(problems[i].json));
		assert_string_equal(p.type, problems[i].type);
		assert_string_equal(p.detail, problems[i].detail);
	}
}

static void long_problems_are_cut(void **state)
{
	struct wire_problem p;
	char *json = fill_in("{\"type\":\"%s\",\"detail\":\"x\"}", 5000);

	(void)state;
	wire_problem_parse(&p, 400, json, strlen(json));
	assert_int_equal(strlen(p.type), sizeof(p.type) - 1);
	free(json);
	json = fill_in("{\"type\":\"x\",\"detail\":\"%s\"}", 5000);
	wire_problem_parse(&p, 400, json, strlen(json));
	assert_int_equal(strlen(p.detail), sizeof(p.detail) - 1);
	free(json);
}

/* Deep nesting is refused, not followed. */
static void deep_json_does_no_harm(void **state)
{
	size_t len = 200000;
	char *json = xmalloc(len + 1);
	struct wire_order o;
	struct wire_problem p;
	struct err err = ERR_INIT;

	(void)state;
	memset(json, '[', len);
	json[len] = '\0';
	assert_false(wire_order_parse(&o, json, len, &err));
	wire_problem_parse(&p, 400, json, len);
	assert_string_equal(p.type, "unknown");
	free(json);
}

/* ---- headers ---- */

static const struct {
	const char *links, *url;	/* NULL: there is none */
} links[] = {
	{ "<https://ca.test/l?2>;rel=\"next\"", "https://ca.test/l?2" },
	{ "<https://ca.test/l?2>; rel=\"next\"", "https://ca.test/l?2" },
	{ "<https://ca.test/l?2>; title=\"x\"; rel=\"next\"",
	  "https://ca.test/l?2" },
	{ "<d>;rel=\"index\"\n<https://ca.test/l?2>;rel=\"next\"",
	  "https://ca.test/l?2" },
	{ "<d>;rel=\"index\", <https://ca.test/l?2>;rel=\"next\"",
	  "https://ca.test/l?2" },
	{ "<a,b>;rel=\"index\",<c,d>;rel=\"next\"", "c,d" },
	{ "<n>;rel=\"next\", <d>;rel=\"index\"", "n" },
	{ "<https://ca.test/l?2>;rel=next", "https://ca.test/l?2" },
	{ "<d>;rel=\"index\"", NULL },
	{ "<d>;rel=\"nextish\"", NULL },
	{ "<next>", NULL },
	{ "https://ca.test/l?2;rel=\"next\"", NULL },
	{ "<unclosed;rel=\"next\"", NULL },
	{ "<<<>>>,,,;;;\n\n,", NULL },
	{ "", NULL },
};

static void links_are_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(links); i++) {
		char url[URL_SIZE] = "";

		print_message("%zu: %s\n", i, links[i].links);
		assert_int_equal(wire_link(links[i].links, "next", url),
				 links[i].url != NULL);
		if (links[i].url)
			assert_string_equal(url, links[i].url);
	}
}

static const struct {
	const char *header;
	long seconds;
} waits[] = {
	{ NULL, -1 },
	{ "", -1 },
	{ "0", 0 },
	{ "3", 3 },
	{ "0030", 30 },
	{ "86400", 86400 },
	{ "86401", 86400 },
	{ "1000000000000", 86400 },
	{ "99999999999999999999999999", 86400 },
	{ "-5", -1 },
	{ "+5", -1 },
	{ "5.5", -1 },
	{ "5s", -1 },
	{ "soon", -1 },
	{ "Fri, 15 Jan 2027 08:00:30 GMT", 30 },
	{ "Friday, 15-Jan-27 08:00:30 GMT", 30 },
	{ "Fri Jan 15 08:00:30 2027", 30 },
	{ "Fri, 15 Jan 2027 08:00:00 GMT", 0 },
	{ "Thu, 01 Jan 1970 00:00:00 GMT", 0 },
	{ "Fri, 15 Jan 2038 08:00:00 GMT", 86400 },
	{ "Fri, 99 Foo 2027 08:00:00 GMT", -1 },
};

static void retry_after_is_clamped(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
		print_message("%s\n", waits[i].header ? waits[i].header : "");
		assert_int_equal(wire_retry_after(waits[i].header, NOW),
				 waits[i].seconds);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(directories_are_read),
		cmocka_unit_test(what_a_directory_may_say_is_read),
		cmocka_unit_test(what_is_not_to_be_had_is_empty),
		cmocka_unit_test(more_than_enough_is_cut),
		cmocka_unit_test(orders_are_read),
		cmocka_unit_test(an_order_says_what_it_is_for),
		cmocka_unit_test(authorizations_are_read),
		cmocka_unit_test(both_challenges_are_read),
		cmocka_unit_test(accounts_are_read),
		cmocka_unit_test(lists_are_read),
		cmocka_unit_test(a_long_list_is_cut),
		cmocka_unit_test(problems_are_read),
		cmocka_unit_test(long_problems_are_cut),
		cmocka_unit_test(deep_json_does_no_harm),
		cmocka_unit_test(links_are_found),
		cmocka_unit_test(retry_after_is_clamped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
