/*
 * The real world across a reload: what is under way comes to its end.
 */
#include "daemon/config_resolver.h"
#include "daemon/world.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"

#define NAME	      "mta-sts.a.invalid"
#define GUARD_SECONDS 20
#define HEADER	      12
#define QUERIES	      2 /* of one look: A and AAAA */

/* A DNS server that says nothing until it is told to. */
struct server {
	int fd;
	char address[64];
	struct event *event;
	struct {
		unsigned char data[512];
		size_t len;
		struct sockaddr_in from;
	} query[8];
	size_t asked;
};

static struct loop *loop;
static struct real_world *world;
static const struct probe probe;
static struct server servers[2];

/* What came of the look. */
static struct {
	unsigned calls;
	enum dns_outcome outcome;
	char server[64];
} got;

static void on_query(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;
	size_t i = s->asked;
	socklen_t len = sizeof(s->query[i].from);
	ssize_t n;

	(void)what;
	assert_true(i < ARRAY_LEN(s->query));
	n = recvfrom(fd, s->query[i].data, sizeof(s->query[i].data), 0,
		     (struct sockaddr *)&s->query[i].from, &len);
	assert_true(n > HEADER);
	s->query[i].len = (size_t)n;
	if (++s->asked % QUERIES == 0)
		loop_stop(loop);
}

static void server_start(struct server *s)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof(at);

	*s = (struct server){ .fd = socket(AF_INET, SOCK_DGRAM, 0) };
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&at, len), 0);
	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&at, &len), 0);
	snprintf(s->address, sizeof(s->address), "127.0.0.1:%u",
		 ntohs(at.sin_port));
	s->event = event_new(loop_base(loop), s->fd, EV_READ | EV_PERSIST,
			     on_query, s);
	event_add(s->event, NULL);
}

static void server_stop(struct server *s)
{
	event_free(s->event);
	close(s->fd);
}

/* There is no such name. */
static void server_answer(struct server *s)
{
	for (size_t i = 0; i < s->asked; i++) {
		s->query[i].data[2] = 0x81;
		s->query[i].data[3] = 0x80 | ns_r_nxdomain;
		sendto(s->fd, s->query[i].data, s->query[i].len, 0,
		       (struct sockaddr *)&s->query[i].from,
		       sizeof(s->query[i].from));
	}
	s->asked = 0;
}

static struct config config_with(const struct server *s)
{
	struct config c = { .resolver_count = 1 };

	str_copy(c.resolvers[0], sizeof(c.resolvers[0]), s->address);
	return c;
}

static void configure(const struct server *s)
{
	struct config c = config_with(s);
	struct err err = ERR_INIT;

	struct resolver *fresh = config_resolver(&c, loop, &err);

	assert_non_null(fresh);
	real_world_use(world, fresh);
}

static void take(const struct dns_answer *answer, void *arg)
{
	(void)arg;
	got.calls++;
	got.outcome = answer->view[0].a.outcome;
	str_copy(got.server, sizeof(got.server), answer->view[0].server);
	loop_stop(loop);
}

/* Returns once the server has been asked. */
static void look(void)
{
	const struct world *w = real_world_window(world);

	got.calls = 0;
	w->addresses(w->ctx, NAME, take, NULL);
	loop_run(loop);
	assert_int_equal(got.calls, 0);
}

static void set_up(void)
{
	struct config c;
	struct err err = ERR_INIT;

	loop = loop_new(&err);
	assert_non_null(loop);
	for (size_t i = 0; i < ARRAY_LEN(servers); i++)
		server_start(&servers[i]);
	c = config_with(&servers[0]);
	world = real_world_new(loop, &c, &probe, NULL, &err); /* no sync */
	assert_non_null(world);
	alarm(GUARD_SECONDS);
}

static void tear_down(void)
{
	alarm(0);
	real_world_free(world);
	for (size_t i = 0; i < ARRAY_LEN(servers); i++)
		server_stop(&servers[i]);
	loop_free(loop);
}

/* However often the configuration is read: the look is not broken off. */
static void a_look_goes_on_over_a_reload(void **state)
{
	(void)state;
	set_up();
	look();
	for (int i = 0; i < 10; i++)
		configure(&servers[1]);
	assert_int_equal(got.calls, 0);
	server_answer(&servers[0]);
	loop_run(loop);
	assert_int_equal(got.calls, 1);
	assert_int_equal(got.outcome, DNS_NO_NAME);
	assert_string_equal(got.server, servers[0].address);
	tear_down();
}

static void the_next_look_asks_the_new_resolver(void **state)
{
	(void)state;
	set_up();
	configure(&servers[1]);
	look();
	assert_int_equal(servers[0].asked, 0);
	server_answer(&servers[1]);
	loop_run(loop);
	assert_string_equal(got.server, servers[1].address);
	tear_down();
}

/* What is still open at the end gets its callback, as ever. */
static void the_end_breaks_it_off(void **state)
{
	(void)state;
	set_up();
	look();
	configure(&servers[1]);
	configure(&servers[0]);
	real_world_quiet(world);
	assert_int_equal(got.calls, 1);
	assert_int_equal(got.outcome, DNS_FAILED);
	tear_down();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_look_goes_on_over_a_reload),
		cmocka_unit_test(the_next_look_asks_the_new_resolver),
		cmocka_unit_test(the_end_breaks_it_off),
	};

	signal(SIGPIPE, SIG_IGN);
	loop_init_library();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
