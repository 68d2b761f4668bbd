/*
 * Reports that are posted to the whole server, on loopback, by a client that
 * can be as slow, as large and as rude as it likes.
 */
#include "httpd/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/mem.h"
#include "base/str.h"
#include "tests/sim/hosted.h"
#include "tests/sim/scratch.h"
#include "tests/sim/served.h"
#include "tests/sim/tls_client.h"

#define A    "mta-sts.a.test"
#define LAST "Connection: close\r\n"
#define VERDICT(status, retry)                                                 \
	((struct httpd_verdict){ status, retry,                                \
				 (status) == 200 ? NULL : "so it is" })
#define MANY 9 /* bodies of 1 MB are more than may come in at once */

static struct hosted hosted;
static struct httpd *httpd;
static unsigned https_port;
static char path[64]; /* of a.test */

/* ---- who takes the reports ---- */

static struct {
	pthread_mutex_t lock; /* guards all of it */
	bool answers_at_once;
	unsigned count;
	struct httpd_report last; /* its body is NULL, or owned */
} desk = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void on_report(struct httpd_report *report, void *arg)
{
	bool at_once;

	(void)arg;
	pthread_mutex_lock(&desk.lock);
	free(desk.last.body);
	desk.last = *report;
	desk.count++;
	at_once = desk.answers_at_once;
	pthread_mutex_unlock(&desk.lock);
	if (at_once)
		httpd_report_answer(httpd, &report->ticket, VERDICT(200, 0));
}

static void desk_clear(bool answers_at_once)
{
	pthread_mutex_lock(&desk.lock);
	free(desk.last.body);
	desk.last = (struct httpd_report){ .body = NULL };
	desk.count = 0;
	desk.answers_at_once = answers_at_once;
	pthread_mutex_unlock(&desk.lock);
}

static unsigned desk_count(void)
{
	unsigned n;

	pthread_mutex_lock(&desk.lock);
	n = desk.count;
	pthread_mutex_unlock(&desk.lock);
	return n;
}

static void wait_a_bit(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
}

static struct httpd_ticket desk_waits_for(unsigned count)
{
	for (int i = 0; i < 1000 && desk_count() < count; i++)
		wait_a_bit();
	assert_int_equal(desk_count(), count);
	return desk.last.ticket;
}

/* ---- the server ---- */

static unsigned paced; /* the next one's pace, in ms; 0: the usual one */

static void start(unsigned deadline_ms)
{
	struct httpd_options o = served_usual(hosted.dir);

	desk_clear(true);
	o.deadline_ms = deadline_ms;
	o.body_pace_ms = paced;
	o.reported = on_report;
	httpd = served_start(&o, &https_port, NULL);
}

static int start_usual(void **state)
{
	(void)state;
	start(20000);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	httpd_stop(httpd, 0);
	httpd = NULL;
	desk_clear(true);
	return 0;
}

static int set_up(void **state)
{
	struct err err = ERR_INIT;
	struct domain d;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	loop_init_library();
	hosted_init(&hosted);
	hosted_add(&hosted, "a.test");
	hosted_certify(&hosted, "a.test");
	must(domain_by_name(hosted.store, "a.test", &d, &err), &err);
	snprintf(path, sizeof(path), "/tlsrpt/%s", d.report_token);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	hosted_release(&hosted);
	return 0;
}

static unsigned long open_now(void)
{
	struct httpd_counts counts;

	httpd_count(httpd, &counts);
	return counts.open;
}

static void all_leave(void)
{
	for (int i = 0; i < 1000 && open_now(); i++)
		wait_a_bit();
	assert_int_equal(open_now(), 0);
}

/* ---- the client ---- */

static void client_open(struct tls_client *c)
{
	tls_client_init(c, https_port, A);
	tls_client_trust(c, hosted.ca.root, A);
	assert_int_equal(tls_client_shake(c), 0);
}

static void say_head(struct tls_client *c, const char *to, const char *headers)
{
	char *head = xasprintf("POST %s HTTP/1.1\r\nHost: " A "\r\n%s\r\n", to,
			       headers);

	tls_client_say(c, head);
	free(head);
}

/* Until the other side has heard enough; how much that was. */
static size_t say_much(struct tls_client *c, size_t len)
{
	const struct timeval patience = { .tv_sec = 2 };
	static char part[16384];
	size_t said = 0;

	setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	memset(part, 'x', sizeof(part));
	while (said < len) {
		size_t n = len - said;
		int done = SSL_write(
			c->ssl, part,
			(int)(n < sizeof(part) ? n : sizeof(part)));

		if (done <= 0)
			break;
		said += (size_t)done;
	}
	return said;
}

static void hears(struct tls_client *c, const char *answer)
{
	char *text = tls_client_hear(c, NULL);

	if (strncmp(text, answer, strlen(answer)) != 0)
		print_message("%s instead of %s\n", text, answer);
	assert_int_equal(strncmp(text, answer, strlen(answer)), 0);
	free(text);
}

static void hears_and_leaves(struct tls_client *c, const char *answer)
{
	hears(c, answer);
	tls_client_release(c);
}

/* ---- stories ---- */

static void a_report_is_handed_over(void **state)
{
	struct httpd_ticket ticket;
	struct tls_client c;
	char *text;

	(void)state;
	desk_clear(false);
	client_open(&c);
	say_head(&c, path, LAST "Content-Length: 5\r\n");
	tls_client_say(&c, "hello");
	ticket = desk_waits_for(1);
	assert_int_equal(desk.last.len, 5);
	assert_memory_equal(desk.last.body, "hello", 5);
	assert_string_equal(desk.last.host, A);
	assert_int_not_equal(desk.last.peer.family, 0);
	httpd_report_answer(httpd, &ticket, VERDICT(429, 7));
	text = tls_client_hear(&c, NULL);
	assert_int_equal(strncmp(text, "HTTP/1.1 429 ", 13), 0);
	assert_non_null(strstr(text, "\r\nRetry-After: 7\r\n"));
	assert_non_null(strstr(text, "\r\n\r\n429 Too Many Requests: so it "
				     "is\n"));
	free(text);
	tls_client_release(&c);
	all_leave();
}

static void a_connection_carries_more_than_one(void **state)
{
	struct tls_client c;

	(void)state;
	client_open(&c);
	for (unsigned i = 1; i <= 3; i++) {
		say_head(&c, path, "Content-Length: 100000\r\n");
		say_much(&c, 100000);
		desk_waits_for(i);
		assert_int_equal(desk.last.len, 100000);
		free(tls_client_hear(&c, "200 OK\n"));
	}
	tls_client_say(&c, "GET /.well-known/mta-sts.txt HTTP/1.1\r\n"
			   "Host: " A "\r\n" LAST "\r\n");
	hears_and_leaves(&c, "HTTP/1.1 200 ");
}

/* Sent before the answer to the first has come. */
static void one_behind_another_is_judged_too(void **state)
{
	static const struct {
		const char *suffix, *answer;
	} seconds[] = { { "", "HTTP/1.1 200 " }, { "x", "HTTP/1.1 404 " } };
	struct tls_client c;
	char *text, *second;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(seconds); i++) {
		char *to = xasprintf("%s%s", path, seconds[i].suffix);

		client_open(&c);
		text = xasprintf("POST %s HTTP/1.1\r\nHost: " A "\r\n"
				 "Content-Length: 2\r\n\r\n{}"
				 "POST %s HTTP/1.1\r\nHost: " A "\r\n" LAST
				 "Content-Length: 8000\r\n\r\n%8000s",
				 path, to, "");
		tls_client_say(&c, text);
		free(text);
		text = tls_client_hear(&c, NULL);
		assert_int_equal(strncmp(text, "HTTP/1.1 200 ", 13), 0);
		second = strstr(text + 1, "HTTP/1.1 ");
		assert_non_null(second);
		assert_int_equal(strncmp(second, seconds[i].answer, 13), 0);
		free(text);
		free(to);
		tls_client_release(&c);
	}
	assert_int_equal(desk_count(), 3);
}

static void chunks_are_taken(void **state)
{
	struct tls_client c;

	(void)state;
	client_open(&c);
	say_head(&c, path, LAST "Transfer-Encoding: chunked\r\n");
	tls_client_say(&c, "3\r\nabc\r\nf0000\r\n");
	say_much(&c, 0xf0000);
	tls_client_say(&c, "\r\n2\r\nde\r\n0\r\n\r\n");
	hears_and_leaves(&c, "HTTP/1.1 200 ");
	desk_waits_for(1);
	assert_int_equal(desk.last.len, 0xf0000 + 5);
	assert_memory_equal(desk.last.body + desk.last.len - 3, "xde", 3);
}

static void too_many_chunks_are_refused(void **state)
{
	static const char *const sizes[] = { "180000\r\n", "90000\r\n" };
	struct tls_client c;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		size_t len = strtoul(sizes[i], NULL, 16);

		client_open(&c);
		say_head(&c, path, "Transfer-Encoding: chunked\r\n");
		for (size_t said = 0; said < 0x180000; said += len) {
			SSL_write(c.ssl, sizes[i], (int)strlen(sizes[i]));
			say_much(&c, len);
			SSL_write(c.ssl, "\r\n", 2);
		}
		hears_and_leaves(&c, "HTTP/1.1 413 ");
	}
	assert_int_equal(desk_count(), 0);
	all_leave();
}

static void who_asks_is_told_to_go_on(void **state)
{
	struct tls_client c;
	char *text;

	(void)state;
	client_open(&c);
	say_head(&c, path,
		 LAST "Expect: 100-continue\r\nContent-Length: 5\r\n");
	text = tls_client_hear(&c, "\r\n\r\n");
	assert_string_equal(text, "HTTP/1.1 100 Continue\r\n\r\n");
	free(text);
	tls_client_say(&c, "hello");
	hears_and_leaves(&c, "HTTP/1.1 200 ");
}

/* What is wrong with a head is said before there is a body. */
static const struct {
	const char *suffix, *headers, *answer;
} refusals[] = {
	{ "x", "Content-Length: 5\r\n", "HTTP/1.1 404 " },
	{ "/", "Content-Length: 5\r\n", "HTTP/1.1 404 " },
	{ "", "Content-Length: 1048577\r\n", "HTTP/1.1 413 " },
	{ "", "Content-Length: 5\r\nContent-Type: text/plain\r\n",
	  "HTTP/1.1 415 " },
	{ "",
	  "Content-Type: multipart/report\r\nTransfer-Encoding: chunked\r\n",
	  "HTTP/1.1 415 " },
	{ "x", "Expect: 100-continue\r\nContent-Length: 5\r\n",
	  "HTTP/1.1 404 " },
	{ "", "Expect: 100-continue\r\nContent-Length: 2000000\r\n",
	  "HTTP/1.1 413 " },
	{ "", "Content-Length: x\r\n", "HTTP/1.1 400 " },
};

static void assert_refused(const char *name, unsigned long count)
{
	struct httpd_counts counts;

	httpd_count(httpd, &counts);
	for (size_t i = 0; i < HTTPD_REFUSALS; i++)
		if (streq(httpd_refusal_name(i), name))
			assert_int_equal(counts.refused[i], count);
}

/* Each with a line of text that says why. */
static void refusals_say_why(void **state)
{
	static const char *const types[] = { "text/plain", "application/json" };
	static const char *const says[] = {
		"\r\n\r\n415 Unsupported Media Type: a TLS report is ",
		"\r\n\r\n413 Content Too Large: a TLS report is at most 1 MiB\n"
	};
	struct tls_client c;
	char *text, *head;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		head = xasprintf("Content-Type: %s\r\n"
				 "Content-Length: 1048577\r\n",
				 types[i]);
		client_open(&c);
		say_head(&c, path, head);
		text = tls_client_hear(&c, NULL);
		assert_non_null(strstr(text, says[i]));
		free(text);
		free(head);
		tls_client_release(&c);
	}
}

static void refusals_need_no_body(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		char *to = xasprintf("%s%s", path, refusals[i].suffix);
		struct tls_client c;

		print_message("%s", refusals[i].headers);
		client_open(&c);
		say_head(&c, to, refusals[i].headers);
		hears_and_leaves(&c, refusals[i].answer);
		free(to);
	}
	assert_int_equal(desk_count(), 0);
	all_leave();
	assert_refused("path", 3);
	assert_refused("type", 2);
	assert_refused("large", 2);
}

static void a_refused_body_is_thrown_away(void **state)
{
	struct tls_client c;

	(void)state;
	client_open(&c);
	say_head(&c, "/tlsrpt/", "Content-Length: 5000000\r\n");
	say_much(&c, 5000000);
	hears_and_leaves(&c, "HTTP/1.1 404 ");
	all_leave();
}

/* Nobody can fill our memory with what nobody wants. */
static void an_endless_one_is_ended(void **state)
{
	struct tls_client c;

	(void)state;
	client_open(&c);
	say_head(&c, "/tlsrpt/", "Content-Length: 500000000\r\n");
	assert_in_range(say_much(&c, 500000000), 0, 50000000);
	tls_client_release(&c);
	all_leave();
}

static void other_methods_are_refused(void **state)
{
	static const char *const methods[] = { "GET", "PUT", "DELETE" };
	struct tls_client c;
	char *text;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
		text = xasprintf("%s %s HTTP/1.1\r\nHost: " A "\r\n" LAST
				 "Content-Length: 2\r\n\r\n{}",
				 methods[i], path);
		client_open(&c);
		tls_client_say(&c, text);
		free(text);
		text = tls_client_hear(&c, NULL);
		assert_int_equal(strncmp(text, "HTTP/1.1 405 ", 13), 0);
		assert_non_null(strstr(text, "\r\nAllow: POST\r\n"));
		free(text);
		tls_client_release(&c);
	}
}

static void paths_may_be_closed(void **state)
{
	struct tls_client c;

	(void)state;
	httpd_take_reports(httpd, false);
	client_open(&c);
	say_head(&c, path, "Content-Length: 5\r\n");
	hears_and_leaves(&c, "HTTP/1.1 404 ");
	httpd_take_reports(httpd, true);
	client_open(&c);
	say_head(&c, path, LAST "Content-Length: 2\r\n");
	tls_client_say(&c, "{}");
	hears_and_leaves(&c, "HTTP/1.1 200 ");
}

/* ---- those who wait ---- */

static void a_peer_may_leave_at_any_time(void **state)
{
	struct httpd_ticket ticket;
	struct tls_client c;

	(void)state;
	desk_clear(false);
	client_open(&c);
	say_head(&c, path, "Content-Length: 500000\r\n");
	say_much(&c, 400000);
	tls_client_release(&c); /* in the middle */
	all_leave();
	assert_int_equal(desk_count(), 0);
	client_open(&c);
	say_head(&c, path, "Content-Length: 5\r\n");
	tls_client_say(&c, "hello");
	ticket = desk_waits_for(1);
	tls_client_release(&c); /* before the answer */
	httpd_report_answer(httpd, &ticket, VERDICT(200, 0));
	httpd_report_answer(httpd, &ticket, VERDICT(200, 0)); /* one too many */
	all_leave();
}

static void nobody_waits_beyond_the_deadline(void **state)
{
	struct httpd_ticket ticket;
	struct tls_client slow, c;

	(void)state;
	start(500);
	desk_clear(false);
	client_open(&slow);
	say_head(&slow, path, "Content-Length: 500000\r\n");
	say_much(&slow, 1000);
	client_open(&c);
	say_head(&c, path, "Content-Length: 5\r\n");
	tls_client_say(&c, "hello");
	ticket = desk_waits_for(1);
	hears_and_leaves(&c, "");
	hears_and_leaves(&slow, "");
	all_leave();
	httpd_report_answer(httpd, &ticket, VERDICT(200, 0));
	stop(NULL);
}

static void a_stop_answers_who_waits(void **state)
{
	struct tls_client waiting, coming;

	(void)state;
	start(20000);
	desk_clear(false);
	client_open(&waiting);
	say_head(&waiting, path, "Content-Length: 5\r\n");
	tls_client_say(&waiting, "hello");
	desk_waits_for(1);
	client_open(&coming);
	say_head(&coming, path, "Content-Length: 500000\r\n");
	say_much(&coming, 1000);
	httpd_stop(httpd, 500);
	httpd = NULL;
	hears_and_leaves(&waiting, "HTTP/1.1 503 ");
	tls_client_release(&coming);
}

static unsigned long held_now(void)
{
	struct httpd_counts counts;

	httpd_count(httpd, &counts);
	return counts.body_bytes;
}

static void are_held(unsigned long bytes)
{
	for (int i = 0; i < 1000 && held_now() < bytes; i++)
		wait_a_bit();
	assert_true(held_now() >= bytes);
}

/* Of a body of 1 MB, the nth of some addresses. */
static void come_with(struct tls_client *c, unsigned address, size_t said)
{
	tls_client_be(address);
	client_open(c);
	tls_client_be(1);
	say_head(c, path, LAST "Content-Length: 1048576\r\n");
	say_much(c, said);
}

static void bodies_have_a_budget(void **state)
{
	struct tls_client c[MANY];

	(void)state;
	desk_clear(false);
	for (unsigned i = 0; i < MANY - 1; i++) {
		come_with(&c[i], 10 + i, 1048570);
		are_held((i + 1) * 1048570UL);
	}
	come_with(&c[MANY - 1], 10 + MANY, 1048570);
	hears_and_leaves(&c[MANY - 1], "HTTP/1.1 503 ");
	assert_int_equal(desk_count(), 0);
	for (size_t i = 0; i < MANY - 1; i++)
		say_much(&c[i], 6);
	desk_waits_for(MANY - 1); /* all others came whole */
	/* and count until they are answered */
	come_with(&c[MANY - 1], 10 + MANY, 1048576);
	hears_and_leaves(&c[MANY - 1], "HTTP/1.1 503 ");
	for (size_t i = 0; i < MANY - 1; i++)
		tls_client_release(&c[i]);
}

/* Two of them are all that one may have; others have theirs. */
static void an_address_has_a_share(void **state)
{
	struct tls_client c[2], third, other;
	struct httpd_ticket ticket;

	(void)state;
	desk_clear(false);
	for (unsigned i = 0; i < 2; i++) {
		come_with(&c[i], 10, 1048570);
		are_held((i + 1) * 1048570UL);
	}
	come_with(&third, 10, 1048570);
	hears_and_leaves(&third, "HTTP/1.1 503 ");
	come_with(&other, 11, 1048576);
	ticket = desk_waits_for(1);
	httpd_report_answer(httpd, &ticket, VERDICT(200, 0));
	hears_and_leaves(&other, "HTTP/1.1 200 ");
	for (size_t i = 0; i < 2; i++)
		tls_client_release(&c[i]);
	all_leave();
	assert_int_equal(held_now(), 0);
	come_with(&c[0], 10, 1048576); /* it is given back */
	desk_waits_for(2);
	tls_client_release(&c[0]);
}

/* They hold what they have sent, and do not go on: others get in soon. */
static void who_stalls_is_ended(void **state)
{
	struct tls_client stalled[MANY - 1], c;
	struct httpd_counts counts;

	(void)state;
	paced = 400;
	start(20000);
	paced = 0;
	for (unsigned i = 0; i < MANY - 1; i++)
		come_with(&stalled[i], 10 + i, 1040000);
	for (unsigned i = 0; i < MANY - 1; i++)
		hears_and_leaves(&stalled[i], "HTTP/1.1 503 ");
	come_with(&c, 30, 1048576);
	hears_and_leaves(&c, "HTTP/1.1 200 ");
	httpd_count(httpd, &counts);
	assert_int_equal(counts.refused[4], MANY - 1);
	all_leave();
	assert_int_equal(held_now(), 0);
	stop(NULL);
}

/* With room for all, little is asked. */
static void who_is_slow_is_waited_for(void **state)
{
	struct tls_client c;

	(void)state;
	paced = 200;
	start(20000);
	paced = 0;
	come_with(&c, 1, 1048576 - 8 * 1000);
	for (int i = 0; i < 8; i++) {
		nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
		say_much(&c, 1000);
	}
	desk_waits_for(1);
	hears_and_leaves(&c, "HTTP/1.1 200 ");
	stop(NULL);
}

static void a_budget_is_given_back(void **state)
{
	struct tls_client c;

	(void)state;
	for (unsigned i = 0; i < 3 * MANY; i++) {
		client_open(&c);
		say_head(&c, path, LAST "Content-Length: 1048576\r\n");
		say_much(&c, 1048576);
		hears_and_leaves(&c, "HTTP/1.1 200 ");
	}
	assert_int_equal(desk_count(), 3 * MANY);
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, start_usual, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVED(a_report_is_handed_over),
		SERVED(a_connection_carries_more_than_one),
		SERVED(one_behind_another_is_judged_too),
		SERVED(chunks_are_taken),
		SERVED(too_many_chunks_are_refused),
		SERVED(who_asks_is_told_to_go_on),
		SERVED(refusals_need_no_body),
		SERVED(refusals_say_why),
		SERVED(a_refused_body_is_thrown_away),
		SERVED(an_endless_one_is_ended),
		SERVED(other_methods_are_refused),
		SERVED(paths_may_be_closed),
		SERVED(a_peer_may_leave_at_any_time),
		SERVED(bodies_have_a_budget),
		SERVED(an_address_has_a_share),
		SERVED(a_budget_is_given_back),
		cmocka_unit_test(who_stalls_is_ended),
		cmocka_unit_test(who_is_slow_is_waited_for),
		cmocka_unit_test(nobody_waits_beyond_the_deadline),
		cmocka_unit_test(a_stop_answers_who_waits),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
