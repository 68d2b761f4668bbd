/* The look at our own port 80, at whoever may be found there. */
#include "daemon/probe.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "tests/sim/guarded.h"

#define HOST "mta-sts.a.invalid"

static struct loop *loop;
static struct fetcher *fetcher;
static struct evhttp *server;
static struct probe probe;

/* What the server says to everything, and what it was asked. */
static struct {
	int status;
	const char *text, *location;
	char asked_host[64], asked_path[128];
} site;

static void on_request(struct evhttp_request *req, void *arg)
{
	struct evbuffer *body = evbuffer_new();
	const char *host = evhttp_find_header(
		evhttp_request_get_input_headers(req), "Host");

	(void)arg;
	snprintf(site.asked_host, sizeof(site.asked_host), "%s",
		 host ? host : "");
	snprintf(site.asked_path, sizeof(site.asked_path), "%s",
		 evhttp_request_get_uri(req));
	if (site.location)
		evhttp_add_header(evhttp_request_get_output_headers(req),
				  "Location", site.location);
	evbuffer_add(body, site.text, strlen(site.text));
	evhttp_send_reply(req, site.status, NULL, body);
	evbuffer_free(body);
}

static unsigned listen_on_loopback(void)
{
	struct evhttp_bound_socket *at =
		evhttp_bind_socket_with_handle(server, "127.0.0.1", 0);
	struct sockaddr_in bound = { 0 };
	socklen_t len = sizeof(bound);

	assert_non_null(at);
	assert_int_equal(getsockname(evhttp_bound_socket_get_fd(at),
				     (struct sockaddr *)&bound, &len), 0);
	return ntohs(bound.sin_port);
}

static int set_up(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	loop = loop_new(&err);
	assert_non_null(loop);
	fetcher = fetcher_new(loop, "mtastsd-test/1", &err);
	assert_non_null(fetcher);
	server = evhttp_new(loop_base(loop));
	evhttp_set_gencb(server, on_request, NULL);
	probe_init(&probe);
	probe.port = listen_on_loopback();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fetcher_free(fetcher);
	fetcher = NULL;
	if (server)
		evhttp_free(server);
	loop_free(loop);
	return 0;
}

struct outcome {
	unsigned calls;
	struct err problem;
};

static bool starting;	/* no callback may come while this is so */

static void on_done(const struct err *problem, void *arg)
{
	struct outcome *o = arg;

	assert_false(starting);
	o->calls++;
	o->problem = *problem;
	loop_stop(loop);
}

static struct outcome look(const char *address)
{
	struct outcome o = { 0 };

	starting = true;
	probe_start(&probe, fetcher, HOST, address, on_done, &o);
	starting = false;
	guarded_run(loop);
	assert_int_equal(o.calls, 1);
	print_message("%s (%s)\n", o.problem.text, o.problem.hint);
	return o;
}

static void words_are_new_each_time(void **state)
{
	struct probe a, b;

	(void)state;
	probe_init(&a);
	probe_init(&b);
	assert_int_equal(strlen(a.words.token), 22);
	assert_int_equal(strlen(a.words.text), 22);
	assert_string_not_equal(a.words.token, a.words.text);
	assert_string_not_equal(a.words.token, b.words.token);
	assert_string_not_equal(a.words.text, b.words.text);
}

static void our_own_text_is_fine(void **state)
{
	struct outcome o;
	char host[64], path[128];

	(void)state;
	site.status = 200;
	site.text = probe.words.text;
	o = look("127.0.0.1");
	assert_int_equal(o.problem.kind, ERR_NONE);
	snprintf(host, sizeof(host), HOST ":%u", probe.port);
	snprintf(path, sizeof(path), "/.well-known/acme-challenge/%s",
		 probe.words.token);
	assert_string_equal(site.asked_host, host);
	assert_string_equal(site.asked_path, path);
}

static char long_text[2000];

static const struct {
	int status;
	const char *text, *location, *says;
} strangers[] = {
	{ 200, "Welcome to your router", NULL, "another server (status 200)" },
	{ 200, "", NULL, "another server (status 200)" },
	{ 404, "not here", NULL, "another server (status 404)" },
	{ 301, "", "http://127.0.0.1/", "another server (status 301)" },
	{ 500, "", NULL, "another server (status 500)" },
	{ 200, long_text, NULL, "more than 1024 bytes" },
};

static void others_are_found_out(void **state)
{
	(void)state;
	memset(long_text, 'x', sizeof(long_text) - 1);
	for (size_t i = 0; i < ARRAY_LEN(strangers); i++) {
		struct outcome o;

		site.status = strangers[i].status;
		site.text = strangers[i].text;
		site.location = strangers[i].location;
		o = look("127.0.0.1");
		assert_int_equal(o.problem.kind, ERR_AGAIN);
		assert_non_null(strstr(o.problem.text, strangers[i].says));
		assert_non_null(strstr(o.problem.text, HOST));
		assert_non_null(strstr(o.problem.text, "127.0.0.1"));
		assert_non_null(strstr(o.problem.hint, "127.0.0.1"));
	}
	site.location = NULL;
}

/* Another process of ours has other words. */
static void another_daemon_is_another_server(void **state)
{
	struct probe other;
	struct outcome o;

	(void)state;
	probe_init(&other);
	site.status = 200;
	site.text = other.words.text;
	o = look("127.0.0.1");
	assert_non_null(strstr(o.problem.text, "another server"));
}

static void nobody_there(void **state)
{
	struct outcome o;

	(void)state;
	evhttp_free(server);
	server = NULL;
	o = look("127.0.0.1");
	assert_int_equal(o.problem.kind, ERR_AGAIN);
	assert_true(str_starts(o.problem.text, "could not connect to " HOST));
	assert_non_null(strstr(o.problem.text, "at 127.0.0.1"));
	assert_non_null(strstr(o.problem.hint, "is open"));

	o = look("no address");
	assert_int_equal(o.problem.kind, ERR_INPUT);
}

static void each_callback_comes_at_the_end(void **state)
{
	struct outcome o = { 0 };

	(void)state;
	probe_start(&probe, fetcher, HOST, "127.0.0.1", on_done, &o);
	fetcher_free(fetcher);
	fetcher = NULL;
	assert_int_equal(o.calls, 1);
	assert_int_equal(o.problem.kind, ERR_AGAIN);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_new_each_time),
		CASE(our_own_text_is_fine),
		CASE(others_are_found_out),
		CASE(another_daemon_is_another_server),
		CASE(nobody_there),
		CASE(each_callback_comes_at_the_end),
	};

	signal(SIGPIPE, SIG_IGN);
	loop_init_library();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
