#include "httpd/parser.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"

static struct {
	char text[65536];
	size_t len, most;
} body;

static bool take_body(const char *data, size_t len, void *arg)
{
	(void)arg;
	if (body.len + len > body.most)
		return false;
	memcpy(body.text + body.len, data, len);
	body.len += len;
	return true;
}

static void begin(struct parser *p)
{
	body.len = 0;
	body.most = sizeof(body.text);
	parser_init(p, take_body, NULL);
}

/* In pieces of `step` bytes, up to the first end of anything; what is left. */
static enum parsed feed(struct parser *p, const char **text, size_t step)
{
	size_t len = strlen(*text), used;

	while (len) {
		/* a copy of its own, so that nobody reads beyond it */
		size_t n = step < len ? step : len;
		char *piece = xmemdup(*text, n);
		enum parsed what = parser_eat(p, piece, n, &used);

		free(piece);
		*text += used;
		len -= used;
		if (what != PARSED_PART)
			return what;
	}
	return PARSED_PART;
}

static void assert_text(const char *is, const char *should)
{
	assert_int_equal(is != NULL, should != NULL);
	if (should)
		assert_string_equal(is, should);
}

/* ---- heads ---- */

/* What a proxy before us might read otherwise (RFC 9112, 11.2). */
static const char smuggled[] = "POST / HTTP/1.1\r\n"
			       "Content-Length: 1\r\n"
			       "Transfer-Encoding: chunked\r\n\r\n";

static const struct {
	const char *text;
	enum request_method method;
	const char *path, *query, *host, *type, *agent;
	bool has_host;
	long length;
} heads[] = {
	{ "GET /a HTTP/1.1\r\nHost: X.test:443\r\n\r\n", REQUEST_GET, "/a",
	  NULL, "x.test", NULL, NULL, true, -1 },
	{ "HEAD /a?b=c?d HTTP/1.1\nhost:x.test\nUSER-AGENT: me/1 (x) \t\n\n",
	  REQUEST_HEAD, "/a", "b=c?d", "x.test", NULL, "me/1 (x)", true, -1 },
	{ "\r\n\r\nGET /? HTTP/1.0\r\n\r\n", REQUEST_GET, "/", NULL, "", NULL,
	  NULL, false, -1 },
	{ "POST /a HTTP/1.1\r\nHost: x.test\r\nContent-Length: 0\r\n"
	  "Content-Type:  a/b; c \r\nContent-Type: d\r\n\r\n",
	  REQUEST_POST, "/a", NULL, "x.test", "a/b; c", NULL, true, 0 },
	{ "DELETE /%61/../b HTTP/1.1\r\nHost: a b\r\n\r\n", REQUEST_OTHER,
	  "/%61/../b", NULL, "", NULL, NULL, true, -1 },
	{ "GET / HTTP/1.1\r\nHost: x.test\r\nHost: x.test\r\n\r\n", REQUEST_GET,
	  "/", NULL, "", NULL, NULL, false, -1 },
	{ "GET / HTTP/1.1\r\nHost:\r\nX-Host: y.test\r\nHos: z.test\r\n\r\n",
	  REQUEST_GET, "/", NULL, "", NULL, NULL, true, -1 },
	{ "GET / HTTP/1.1\r\nContent-Type-Of-Nothing: a\r\nHost: x.test\r\n"
	  "\r\n",
	  REQUEST_GET, "/", NULL, "x.test", NULL, NULL, true, -1 },
	{ "GET https://Y.test:8/a?b HTTP/1.1\r\nHost: x.test\r\n\r\n",
	  REQUEST_GET, "/a", "b", "y.test", NULL, NULL, true, -1 },
	{ "GET http://u@y.test HTTP/1.1\r\nHost: x.test\r\n\r\n", REQUEST_GET,
	  "", NULL, "y.test", NULL, NULL, true, -1 },
	{ "GET //y.test/a?b HTTP/1.1\r\nHost: x.test\r\n\r\n", REQUEST_GET, "",
	  NULL, "x.test", NULL, NULL, true, -1 },
	{ "GET /a#b HTTP/1.1\r\nHost: x.test\r\n\r\n", REQUEST_GET, "/a", NULL,
	  "x.test", NULL, NULL, true, -1 },
	{ "OPTIONS * HTTP/1.1\r\nHost: x.test\r\n\r\n", REQUEST_OTHER, "*",
	  NULL, "x.test", NULL, NULL, true, -1 },
	{ "CONNECT y.test:443 HTTP/1.1\r\nHost: x.test\r\n\r\n", REQUEST_OTHER,
	  "", NULL, "x.test", NULL, NULL, true, -1 },
	{ "GET / HTTP/1.1\r\nHost: x.test\r\nConnection: Upgrade\r\n"
	  "Upgrade: h2c\r\n\r\n",
	  REQUEST_GET, "/", NULL, "x.test", NULL, NULL, true, -1 },
};

static void a_head_is_read_in_any_pieces(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3 * ARRAY_LEN(heads); i++) {
		static const size_t steps[] = { 1, 7, 100000 };
		const char *text = heads[i / 3].text;
		struct parser p;
		struct request r;

		begin(&p);
		assert_int_equal(feed(&p, &text, steps[i % 3]), PARSED_WHOLE);
		assert_string_equal(text, "");
		parser_request(&p, &r);
		assert_int_equal(r.method, heads[i / 3].method);
		assert_text(r.path, heads[i / 3].path);
		assert_text(r.query, heads[i / 3].query);
		assert_text(r.host, heads[i / 3].host);
		assert_text(r.content_type, heads[i / 3].type);
		assert_text(r.agent, heads[i / 3].agent);
		assert_int_equal(r.has_host, heads[i / 3].has_host);
		assert_int_equal(r.length, heads[i / 3].length);
		parser_release(&p);
	}
}

static const char *const bad[] = {
	"what?\r\n\r\n",
	"get / HTTP/1.1\r\n\r\n",
	"POSTX /a HTTP/1.1\r\n\r\n",
	"GET  HTTP/1.1\r\n\r\n",
	"GET /\r\n\r\n",
	"GET / HTTP/2.0\r\n\r\n",
	"GET / HTTP/0.9\r\n\r\n",
	"GET / HTTP/1.1 x\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: a\r\n\rX",
	"GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n",
	"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	"GET a HTTP/1.1\r\n\r\n",
	"GET http:///a HTTP/1.1\r\n\r\n",
	"GET /\x01 HTTP/1.1\r\n\r\n",
	"GET / HTTP/1.1\r\nno colon\r\n\r\n",
	"GET / HTTP/1.1\r\n: x\r\n\r\n",
	"GET / HTTP/1.1\r\nA b: x\r\n\r\n",
	"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
	"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
	"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
	"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
	"POST / HTTP/1.1\r\nContent-Length: 92233720368547758070\r\n\r\n",
	smuggled,
	"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
};

/* Or it would end there. */
static void a_nul_is_refused(void **state)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: x.test\0y\r\n\r\n";
	struct parser p;
	size_t used;

	(void)state;
	begin(&p);
	assert_int_equal(parser_eat(&p, text, sizeof(text) - 1, &used),
			 PARSED_BAD);
	parser_release(&p);
}

static void what_is_no_request_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(bad); i++) {
		const char *text = bad[i / 2];
		struct parser p;

		begin(&p);
		assert_int_equal(feed(&p, &text, i % 2 ? 1 : 100000),
				 PARSED_BAD);
		text = "GET / HTTP/1.1\r\n\r\n"; /* and for ever */
		assert_int_equal(feed(&p, &text, 100), PARSED_BAD);
		assert_string_equal(text, "GET / HTTP/1.1\r\n\r\n");
		parser_release(&p);
	}
}

/* Of `len` bytes in all. */
static char *long_head(size_t len, const char *before, const char *after)
{
	size_t rest = len - strlen(before) - strlen(after);

	return xasprintf("%s%0*d%s", before, (int)rest, 0, after);
}

static const struct {
	const char *before, *after;
} long_ones[] = {
	{ "GET /", " HTTP/1.1\r\nHost: x.test\r\n\r\n" },
	{ "GET / HTTP/1.1\r\nHost: x.test\r\nX: ", "\r\n\r\n" },
	{ "GET / HTTP/1.1\r\nHost: x.test\r\n", ":\r\n\r\n" },
	{ "GET / HTTP/1.1\r\nHost: x.test\r\nUser-Agent: ", "\r\n\r\n" },
	{ "GET / HTTP/1.1\r\nUser-Agent: ", "\r\nHost: x.test\r\n\r\n" },
};

static void a_head_has_a_longest(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4 * ARRAY_LEN(long_ones); i++) {
		char *all = long_head(HEAD_MAX + (i & 1),
				      long_ones[i / 4].before,
				      long_ones[i / 4].after);
		const char *text = all;
		struct request r;
		struct parser p;

		begin(&p);
		assert_int_equal(feed(&p, &text, i & 2 ? 1 : 100000),
				 i & 1 ? PARSED_LARGE : PARSED_WHOLE);
		if (!(i & 1)) {
			parser_request(&p, &r);
			assert_string_equal(r.host, "x.test");
		}
		parser_release(&p);
		free(all);
	}
}

/* Empty lines are no request, and there is an end to them. */
static void nothing_for_ever_is_too_long(void **state)
{
	size_t used, all = 0;
	struct parser p;

	(void)state;
	begin(&p);
	while (parser_eat(&p, "\r\n", 2, &used) == PARSED_PART)
		all += used;
	assert_int_equal(all, HEAD_MAX);
	assert_false(p.has_begun);
	parser_release(&p);
}

/* ---- bodies ---- */

static const struct {
	const char *head, *rest, *body;
	long length;
} bodies[] = {
	{ "POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\n", "hello", "hello",
	  5 },
	{ "PUT /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
	  "3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nHost: y.test\r\n\r\n", "hello", -1 },
};

static void a_body_comes_behind_its_head(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(bodies); i++) {
		char *all = xasprintf("%s%s", bodies[i / 2].head,
				      bodies[i / 2].rest);
		const char *text = all;
		struct request r;
		struct parser p;

		begin(&p);
		assert_int_equal(feed(&p, &text, i % 2 ? 1 : 100000),
				 PARSED_HEAD);
		parser_request(&p, &r);
		assert_int_equal(r.length, bodies[i / 2].length);
		assert_int_equal(body.len, 0);
		assert_int_equal(feed(&p, &text, i % 2 ? 1 : 100000),
				 PARSED_WHOLE);
		assert_string_equal(text, "");
		assert_int_equal(body.len, strlen(bodies[i / 2].body));
		assert_memory_equal(body.text, bodies[i / 2].body, body.len);
		parser_request(&p, &r);
		assert_int_equal(r.length, bodies[i / 2].length);
		assert_false(r.has_host); /* what follows a body is no head */
		parser_release(&p);
		free(all);
	}
}

static const char *const bad_bodies[] = {
	"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
	"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
	"fffffffffffffffff\r\n",
	"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\nabc",
};

static void a_body_that_is_none_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad_bodies); i++) {
		const char *text = bad_bodies[i];
		enum parsed what;
		struct parser p;

		begin(&p);
		what = feed(&p, &text, 1);
		if (what == PARSED_HEAD)
			what = feed(&p, &text, 1);
		assert_int_equal(what, PARSED_BAD);
		parser_release(&p);
	}
}

static void a_body_may_be_given_up(void **state)
{
	const char *text = "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n"
			   "012345678";
	struct parser p;

	(void)state;
	begin(&p);
	body.most = 5;
	assert_int_equal(feed(&p, &text, 100), PARSED_HEAD);
	assert_int_equal(feed(&p, &text, 3), PARSED_BAD);
	assert_int_equal(body.len, 5);
	parser_release(&p);
}

/* ---- one behind the other ---- */

static void each_stops_where_the_next_begins(void **state)
{
	static const char *const paths[] = { "/1", "/2", "/3", "/4" };
	const char *text = "GET /1 HTTP/1.1\r\nHost: x.test\r\n\r\n"
			   "POST /2 HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"
			   "\r\nGET /3 HTTP/1.1\r\nUpgrade: x\r\n"
			   "Connection: upgrade\r\n\r\n"
			   "GET /4 HTTP/1.1\r\nConnection: close\r\n\r\n";
	struct request r;
	struct parser p;

	(void)state;
	begin(&p);
	assert_false(p.has_begun);
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		enum parsed what = feed(&p, &text, 100000);

		if (what == PARSED_HEAD)
			what = feed(&p, &text, 100000);
		assert_int_equal(what, PARSED_WHOLE);
		assert_true(p.has_begun);
		parser_request(&p, &r);
		assert_string_equal(r.path, paths[i]);
		assert_int_equal(r.has_host, i == 0);
		assert_int_equal(parser_keeps_alive(&p), i < 3);
		parser_next(&p);
		assert_false(p.has_begun);
	}
	assert_string_equal(text, "");
	parser_release(&p);
}

static const struct {
	const char *head;
	bool keeps_alive;
	enum expectation expects;
} manners[] = {
	{ "GET / HTTP/1.1\r\n\r\n", true, EXPECTS_NOTHING },
	{ "GET / HTTP/1.1\r\nConnection: x, Close\r\n\r\n", false,
	  EXPECTS_NOTHING },
	{ "GET / HTTP/1.0\r\n\r\n", false, EXPECTS_NOTHING },
	{ "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true,
	  EXPECTS_NOTHING },
	{ "CONNECT a:1 HTTP/1.1\r\n\r\n", false, EXPECTS_NOTHING },
	{ "GET / HTTP/1.1\r\nExpect: 100-Continue\r\n\r\n", true,
	  EXPECTS_CONTINUE },
	{ "GET / HTTP/1.1\r\nExpect: tea\r\n\r\n", true, EXPECTS_OTHER },
	{ "GET / HTTP/1.1\r\nContent-Length: 1\r\n\r\nx", true,
	  EXPECTS_NOTHING },
	{ "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	  false, EXPECTS_NOTHING },
};

static void manners_are_seen(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(manners); i++) {
		const char *text = manners[i].head;
		struct parser p;

		begin(&p);
		while (feed(&p, &text, 100) == PARSED_HEAD)
			continue;
		assert_true(p.is_whole);
		assert_int_equal(parser_keeps_alive(&p),
				 manners[i].keeps_alive);
		assert_int_equal(parser_expects(&p), manners[i].expects);
		parser_release(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_head_is_read_in_any_pieces),
		cmocka_unit_test(what_is_no_request_is_refused),
		cmocka_unit_test(a_nul_is_refused),
		cmocka_unit_test(a_head_has_a_longest),
		cmocka_unit_test(nothing_for_ever_is_too_long),
		cmocka_unit_test(a_body_comes_behind_its_head),
		cmocka_unit_test(a_body_that_is_none_is_refused),
		cmocka_unit_test(a_body_may_be_given_up),
		cmocka_unit_test(each_stops_where_the_next_begins),
		cmocka_unit_test(manners_are_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
