/*
 * The connections of one thread, over socket pairs, in a loop that the test
 * turns.
 */
#include "httpd/conn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "tests/sim/scratch.h"

#define GET  "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define MOST 3 /* of an address */

static struct event_base *base;
static struct conn_limits limits;
static struct conns *conns;
static struct tally tally;
static struct proxies proxies;
static size_t served;

static bool refuses(struct conn *c, const struct request *r, struct answer *a,
		    size_t *body_max, void *arg)
{
	(void)c;
	(void)r;
	(void)a;
	(void)body_max;
	(void)arg;
	return false;
}

static void serve(struct conn *c, const struct request *r, void *arg)
{
	struct answer a = { .status = 0 };

	(void)r;
	(void)arg;
	served++;
	answer_status(&a, 404);
	conn_answer(c, &a);
	answer_release(&a);
}

static int set_up(void **state)
{
	const struct conn_service service = { .refuses = refuses,
					      .serve = serve };

	(void)state;
	base = event_base_new();
	proxies.count = 1;
	must(network_parse("192.0.2.9", &proxies.network[0]), NULL);
	limits = (struct conn_limits){ .max_connections = 100,
				       .deadline_ms = 20000,
				       .peers = peers_new(MOST),
				       .proxies = &proxies };
	limits.broken = broken_new(0, limits.peers);
	memset(&tally, 0, sizeof(tally));
	conns = conns_new(base, &limits, &tally, &service);
	must(conns, NULL);
	served = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	conns_free(conns);
	assert_int_equal(atomic_load(&limits.open), 0);
	broken_free(limits.broken);
	peers_free(limits.peers);
	event_base_free(base);
	return 0;
}

/* ---- who comes ---- */

static void turn(void)
{
	event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

/* From 192.0.2.`last`, having said `first` already: its end. */
static int come(unsigned last, const char *first)
{
	struct sockaddr_in from = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(0xc0000200 |
							     last) };
	int fds[2];

	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0,
	     NULL);
	must(send(fds[1], first, strlen(first), 0) == (ssize_t)strlen(first),
	     NULL);
	conn_accept(conns, fds[0], (struct sockaddr *)&from, NULL);
	turn();
	return fds[1];
}

static bool is_ended(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_PEEK) == 0;
}

/* It is answered at once, and leaves. */
static bool is_served(unsigned last, const char *first)
{
	char text[64] = "";
	int fd = come(last, first);

	recv(fd, text, sizeof(text) - 1, 0);
	close(fd);
	turn();
	return str_starts(text, "HTTP/1.1 404 ");
}

static void wait_two_seconds(void)
{
	usleep(2050000);
}

/* ---- stories ---- */

/* Many may share an address, and not all of them are silent. */
static void silent_ones_do_not_shut_out_their_own(void **state)
{
	int other = come(2, ""), silent[MOST];

	(void)state;
	for (size_t i = 0; i < MOST; i++)
		silent[i] = come(1, i == 1 ? GET : "");
	assert_false(is_served(1, GET)); /* they have just come */
	assert_true(is_served(2, GET));
	wait_two_seconds();
	assert_true(is_served(1, GET));
	assert_true(is_ended(silent[0]));
	assert_false(is_ended(silent[1]));
	assert_false(is_ended(silent[2]));
	assert_false(is_ended(other)); /* it does nothing to this address */
	assert_int_equal(tally_read(&tally, TALLY_SHED), 2);
	close(other);
	for (size_t i = 0; i < MOST; i++)
		close(silent[i]);
}

static const char proxied[] = "PROXY TCP4 192.0.2.1 192.0.2.8 1 2\r\n" GET;

/* Nor if a proxy says whose they are; it itself is not ended for them. */
static void it_is_so_behind_a_proxy(void **state)
{
	int waits = come(9, ""), silent[MOST];

	(void)state;
	for (size_t i = 0; i < MOST; i++)
		silent[i] = come(9, proxied);
	assert_false(is_served(9, proxied));
	wait_two_seconds();
	assert_true(is_served(9, proxied));
	assert_false(is_ended(waits));
	close(waits);
	for (size_t i = 0; i < MOST; i++)
		close(silent[i]);
}

/* It has taken its time for the header, and is not ended for itself. */
static void a_late_header_is_no_reason(void **state)
{
	int late = come(9, ""), silent[MOST];
	char text[16] = "";

	(void)state;
	wait_two_seconds();
	for (size_t i = 0; i < MOST; i++)
		silent[i] = come(1, "");
	send(late, proxied, sizeof(proxied) - 1, 0);
	turn();
	assert_int_equal(recv(late, text, 12, 0), 0); /* too many just now */
	close(late);
	for (size_t i = 0; i < MOST; i++)
		close(silent[i]);
}

/* So many, and nothing more. */
static int pipeline(size_t requests)
{
	char text[100 * sizeof(GET)] = "";
	int fd;

	for (size_t i = 0; i < requests; i++)
		strcat(text, GET);
	fd = come(1, text);
	shutdown(fd, SHUT_WR);
	return fd;
}

static size_t answers(int fd)
{
	char text[65536] = "";
	size_t found = 0, len = 0;
	ssize_t n;

	while ((n = recv(fd, text + len, sizeof(text) - 1 - len, 0)) > 0)
		len += (size_t)n;
	for (char *at = text; (at = strstr(at, "HTTP/1.1 404 ")); at++)
		found++;
	return found;
}

/* As much work as it likes, but not all at once. */
static void who_asks_for_much_lets_others_in_between(void **state)
{
	int fd = pipeline(100);

	(void)state;
	assert_in_range(served, 8, 16); /* when it came, and in a turn */
	for (size_t others = 1; others <= 5; others++) {
		assert_true(is_served(2, GET)); /* in two turns */
		assert_in_range(served, others, others + 16 + others * 16);
	}
	for (int turns = 0; turns < 13; turns++)
		turn();
	assert_int_equal(answers(fd), 100);
	close(fd);
}

/* A turn that ends with the last request is not the last turn. */
static void all_are_answered_and_then_it_is_over(void **state)
{
	(void)state;
	for (size_t i = 1; i < 34; i++) {
		int fd = pipeline(i);

		for (size_t turns = 0; turns <= i / 8 + 1; turns++)
			turn();
		assert_int_equal(answers(fd), i);
		assert_true(is_ended(fd));
		close(fd);
	}
}

/* What waits for its turn is not idle: it has one answer more, the last. */
static void who_waits_for_its_turn_is_not_idle(void **state)
{
	size_t before;
	int fd = pipeline(100);

	(void)state;
	before = served;
	conns_drain(conns);
	conns_end_idle(conns);
	turn();
	assert_int_equal(served, before + 1);
	assert_int_equal(answers(fd), before + 1);
	assert_true(is_ended(fd));
	close(fd);
}

#define STORY(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(silent_ones_do_not_shut_out_their_own),
		STORY(it_is_so_behind_a_proxy),
		STORY(a_late_header_is_no_reason),
		STORY(who_asks_for_much_lets_others_in_between),
		STORY(all_are_answered_and_then_it_is_over),
		STORY(who_waits_for_its_turn_is_not_idle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
