/*
 * The smallest server that answers a policy fetch: epoll, libssl, one thread,
 * a context per name made at the start, and an answer that waits ready.
 *
 *	bare PORT WORLD
 *
 * It knows no limit, no deadline and no HTTP but the end of a request's head.
 * What a server costs beyond this is its own.
 */
#include <netinet/in.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "tests/bench/serving.h"

#define EVENTS_MAX 64

static struct {
	struct names names;
	struct site *sites;
	char *policy;
	int listener, epoll;
} run;

struct conn {
	int fd;
	SSL *ssl;
	const struct site *site;
	size_t got;
	char request[1024];
};

/* ---- a connection ---- */

static int on_name(SSL *ssl, int *alert, void *arg)
{
	const char *host = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	struct conn *c = SSL_get_app_data(ssl);

	(void)arg;
	*alert = SSL_AD_UNRECOGNIZED_NAME;
	c->site = host ? serving_find(run.sites, run.names.count, host) : NULL;
	if (!c->site)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	SSL_set_SSL_CTX(ssl, c->site->ctx);
	return SSL_TLSEXT_ERR_OK;
}

static void end(struct conn *c)
{
	SSL_free(c->ssl);
	close(c->fd);
	free(c);
	ERR_clear_error();
}

static void answer(struct conn *c)
{
	char text[2048];
	int len = serving_answer(text, sizeof(text), run.policy, c->site->host);

	SSL_write(c->ssl, text, len);
	SSL_shutdown(c->ssl);
	end(c);
}

/* True: a request is there. */
static bool hear(struct conn *c, int n)
{
	c->got += (size_t)n;
	c->request[c->got] = '\0';
	return strstr(c->request, "\r\n\r\n") != NULL;
}

static void go_on(struct conn *c)
{
	int n = SSL_read(c->ssl, c->request + c->got,
			 (int)(sizeof(c->request) - 1 - c->got));

	if (n > 0 && hear(c, n))
		answer(c);
	else if (n <= 0 && SSL_get_error(c->ssl, n) != SSL_ERROR_WANT_READ)
		end(c);
}

static void take_one(void)
{
	struct conn *c;
	struct epoll_event event = { .events = EPOLLIN };
	int fd = accept4(run.listener, NULL, NULL,
			 SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	c = xcalloc(1, sizeof(*c));
	c->fd = fd;
	c->ssl = SSL_new(run.sites[0].ctx);
	SSL_set_app_data(c->ssl, c);
	SSL_set_fd(c->ssl, fd);
	SSL_set_accept_state(c->ssl);
	event.data.ptr = c;
	epoll_ctl(run.epoll, EPOLL_CTL_ADD, fd, &event);
	go_on(c);
}

/* ---- all of them ---- */

static bool listen_at(long port)
{
	const struct sockaddr_in at = { .sin_family = AF_INET,
					.sin_port = htons((uint16_t)port),
					.sin_addr.s_addr = htonl(
						INADDR_LOOPBACK) };
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
	const int yes = 1;

	run.epoll = epoll_create1(EPOLL_CLOEXEC);
	run.listener = socket(AF_INET,
			      SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(run.listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	return bind(run.listener, (const struct sockaddr *)&at, sizeof(at)) ==
		       0 &&
	       listen(run.listener, 511) == 0 &&
	       epoll_ctl(run.epoll, EPOLL_CTL_ADD, run.listener, &event) == 0;
}

static void serve(void)
{
	struct epoll_event event[EVENTS_MAX];

	for (;;) {
		int n = epoll_wait(run.epoll, event, EVENTS_MAX, -1);

		for (int i = 0; i < n; i++)
			if (event[i].data.ptr)
				go_on(event[i].data.ptr);
			else
				take_one();
	}
}

static void set_up(const char *world)
{
	const struct rlimit many = { 16384, 16384 };
	char *path = xasprintf("%s/names.txt", world);

	setrlimit(RLIMIT_NOFILE, &many);
	signal(SIGPIPE, SIG_IGN);
	if (!names_read(&run.names, path))
		exit(1);
	free(path);
	run.sites = serving_sites(world, &run.names, run.names.count);
	run.policy = serving_read(world, "policy.txt");
	SSL_CTX_set_tlsext_servername_callback(run.sites[0].ctx, on_name);
}

int main(int argc, char **argv)
{
	long port = 0;

	if (argc != 3 || !str_to_long(argv[1], strlen(argv[1]), 65535, &port)) {
		fputs("usage: bare PORT WORLD\n", stderr);
		return 64;
	}
	set_up(argv[2]);
	if (!listen_at(port)) {
		perror("bare");
		return 1;
	}
	serve();
}
