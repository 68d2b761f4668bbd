/*
 * Connections by a proxy, 127.0.0.9 here: each is its peer's whom the header
 * names, and before that nobody's.
 */
#include "httpd/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/mem.h"
#include "base/steady.h"
#include "base/str.h"
#include "tests/sim/hosted.h"
#include "tests/sim/httpd_count.h"
#include "tests/sim/scratch.h"
#include "tests/sim/served.h"
#include "tests/sim/tls_client.h"

#define A     "mta-sts.a.test"
#define GET   "GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: " A "\r\n"
#define LAST  "Connection: close\r\n\r\n"
#define PROXY 9
#define DEADLINE_MS 3000

#define BY(address) "PROXY TCP4 " address " 192.0.2.99 1 443\r\n"

static struct hosted hosted;
static struct httpd *httpd;
static unsigned https_port, http_port;
static struct peer reported_by;
static atomic_bool has_come;

static void on_report(struct httpd_report *report, void *arg)
{
	(void)arg;
	free(report->body);
	reported_by = report->peer;
	atomic_store(&has_come, true);
	httpd_report_answer(httpd, &report->ticket,
			    (struct httpd_verdict){ 200, 0, NULL });
}

static int start(void **state)
{
	struct httpd_options o = served_usual(hosted.dir);

	(void)state;
	o.workers = 1;
	o.max_connections = 20;
	o.max_per_address = 2;
	o.deadline_ms = DEADLINE_MS;
	o.reported = on_report;
	assert_true(network_parse("127.0.0.9",
				  &o.proxies.network[o.proxies.count++]));
	httpd = served_start(&o, &https_port, &http_port);
	tls_client_be(PROXY);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	assert_true(count_comes_to(httpd, COUNT(open), 0));
	httpd_stop(httpd, 0);
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	loop_init_library();
	hosted_init(&hosted);
	hosted_add(&hosted, "a.test");
	hosted_certify(&hosted, "a.test");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	hosted_release(&hosted);
	return 0;
}

/* ---- who comes ---- */

static void say(int fd, const char *data, size_t len)
{
	assert_int_equal(send(fd, data, len, MSG_NOSIGNAL), len);
}

static void come(struct tls_client *c, const char *header)
{
	tls_client_init(c, https_port, A);
	say(c->fd, header, strlen(header));
}

static bool is_served(struct tls_client *c)
{
	char *text;
	bool ok;

	if (tls_client_shake(c) != 0)
		return false;
	tls_client_say(c, GET LAST);
	text = tls_client_hear(c, NULL);
	ok = str_starts(text, "HTTP/1.1 200 ");
	free(text);
	return ok;
}

static bool is_ended(int fd)
{
	char byte;

	return recv(fd, &byte, 1, 0) <= 0;
}

/* ---- stories ---- */

static void who_is_named_is_served(void **state)
{
	static const char *const headers[] = {
		BY("192.0.2.1"), "PROXY UNKNOWN\r\n",
		"PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n"
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
		struct tls_client c;

		come(&c, headers[i]);
		assert_true(is_served(&c));
		tls_client_release(&c);
	}
	assert_true(count_comes_to(httpd, COUNT(policies), 3));
}

static void a_header_may_come_byte_by_byte(void **state)
{
	const char *header = BY("192.0.2.1");
	struct tls_client c;

	(void)state;
	tls_client_init(&c, https_port, A);
	for (size_t i = 0; header[i]; i++) {
		say(c.fd, header + i, 1);
		usleep(2000);
	}
	assert_true(is_served(&c));
	tls_client_release(&c);
}

static void what_comes_with_it_is_heard(void **state)
{
	const char *text = BY("192.0.2.1") GET LAST;
	char answer[16] = "";
	int fd = tls_client_dial(http_port);

	(void)state;
	say(fd, text, strlen(text));
	assert_int_equal(recv(fd, answer, 12, MSG_WAITALL), 12);
	assert_string_equal(answer, "HTTP/1.1 301");
	close(fd);
}

static void the_cap_is_of_who_is_named(void **state)
{
	struct tls_client c[5];
	static const char *const headers[] = { BY("192.0.2.1"), BY("192.0.2.1"),
					       BY("192.0.2.2"), BY("192.0.2.1"),
					       "PROXY UNKNOWN\r\n" };
	static const int alerts[] = { 0, 0, 0, -1, 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(c); i++) {
		come(&c[i], headers[i]);
		assert_int_equal(tls_client_shake(&c[i]) == 0, alerts[i] == 0);
	}
	assert_true(count_comes_to(httpd, COUNT(shed), 1));
	assert_true(count_comes_to(httpd, COUNT(open), 4));
	for (size_t i = 0; i < ARRAY_LEN(c); i++)
		tls_client_release(&c[i]);
	assert_true(count_comes_to(httpd, COUNT(open), 0));
	come(&c[0], BY("192.0.2.1")); /* and then there is room again */
	assert_true(is_served(&c[0]));
	tls_client_release(&c[0]);
}

/* A proxy is not held back by the cap of an address, but by that of all. */
static void until_it_is_said_it_is_nobodys(void **state)
{
	int fds[21];
	char byte;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = tls_client_dial(https_port);
	assert_true(count_comes_to(httpd, COUNT(open), 20));
	assert_true(count_comes_to(httpd, COUNT(shed), 1));
	assert_int_equal(recv(fds[0], &byte, 1, MSG_DONTWAIT), -1);
	assert_true(is_ended(fds[0])); /* its time is over */
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
}

static void without_a_header_it_is_ended(void **state)
{
	static const char *const bad[] = { GET LAST, "PROXY nonsense\r\n",
					   "\x16\x03\x01" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		int fd = tls_client_dial(i % 2 ? https_port : http_port);

		say(fd, bad[i], strlen(bad[i]));
		assert_true(is_ended(fd));
		close(fd);
		assert_true(count_comes_to(httpd, COUNT(unproxied), i + 1));
	}
}

static void who_leaves_in_its_middle_is_gone(void **state)
{
	int fd = tls_client_dial(https_port);
	int64_t began = steady_ms();

	(void)state;
	say(fd, "PROXY TCP4 192", 14);
	shutdown(fd, SHUT_WR);
	assert_true(is_ended(fd));
	assert_true(steady_ms() - began < DEADLINE_MS);
	assert_true(count_comes_to(httpd, COUNT(open), 0));
	close(fd);
	close(tls_client_dial(https_port)); /* a look whether we are there */
	assert_true(count_comes_to(httpd, COUNT(open), 0));
	assert_true(count_comes_to(httpd, COUNT(unproxied), 0));
}

static void nobody_else_is_believed(void **state)
{
	const char *text = BY("192.0.2.1") GET LAST;
	char answer[16] = "";
	struct tls_client c;
	int fd;

	(void)state;
	tls_client_be(1);
	tls_client_init(&c, https_port, A);
	assert_true(is_served(&c));
	tls_client_release(&c);
	come(&c, BY("192.0.2.1"));
	assert_false(is_served(&c));
	tls_client_release(&c);
	fd = tls_client_dial(http_port);
	say(fd, text, strlen(text));
	assert_int_equal(recv(fd, answer, 12, MSG_WAITALL), 12);
	assert_string_equal(answer, "HTTP/1.1 400");
	close(fd);
}

static void a_report_is_of_who_is_named(void **state)
{
	struct err err = ERR_INIT;
	struct tls_client c;
	struct domain d;
	char *head, *text;

	(void)state;
	must(domain_by_name(hosted.store, "a.test", &d, &err), &err);
	head = xasprintf("POST /tlsrpt/%s HTTP/1.1\r\nHost: " A "\r\n"
			 "Content-Length: 2\r\n" LAST "{}",
			 d.report_token);
	come(&c, BY("192.0.2.1"));
	assert_int_equal(tls_client_shake(&c), 0);
	tls_client_say(&c, head);
	text = tls_client_hear(&c, NULL);
	assert_true(str_starts(text, "HTTP/1.1 200 "));
	assert_true(atomic_load(&has_come));
	assert_int_equal(reported_by.family, AF_INET);
	assert_memory_equal(&reported_by.net, "\xc0\0\x02\x01", 4);
	free(text);
	free(head);
	tls_client_release(&c);
}

#define STORY(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(who_is_named_is_served),
		STORY(a_header_may_come_byte_by_byte),
		STORY(what_comes_with_it_is_heard),
		STORY(the_cap_is_of_who_is_named),
		STORY(until_it_is_said_it_is_nobodys),
		STORY(without_a_header_it_is_ended),
		STORY(who_leaves_in_its_middle_is_gone),
		STORY(nobody_else_is_believed),
		STORY(a_report_is_of_who_is_named),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
