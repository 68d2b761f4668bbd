#include "httpd/conn.h"

#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdlib.h>

#include "base/mem.h"

struct conn {
	LIST_ENTRY(conn) in_list;
	struct conn_home *home;
	struct bufferevent *bev;	/* evhttp's */
	struct event *timer;
	struct tls_state tls;
	int fd;				/* -1 until it is known */
	int slot;			/* in the peers; -1: not counted */
	bool is_https, is_shed, has_answered;
};

static void count_handshake(const struct conn *c)
{
	if (!c->is_https || c->is_shed || c->fd < 0)
		return;
	if (c->tls.is_finished)
		atomic_fetch_add(&c->home->counters->handshakes, 1);
	else
		atomic_fetch_add(&c->home->counters->handshakes_failed, 1);
}

static void conn_free(struct conn *c)
{
	struct conn_home *home = c->home;

	count_handshake(c);
	if (c->fd >= 0)
		atomic_fetch_sub(&home->counters->open, 1);
	peers_leave(home->peers, c->slot);
	LIST_REMOVE(c, in_list);
	event_free(c->timer);
	free(c);
	ERR_clear_error();	/* the next handshake starts clean */
	if (LIST_EMPTY(&home->list) && home->last_closed)
		home->last_closed(home->arg);
}

static void end(struct conn *c)
{
	shutdown(c->fd, SHUT_RDWR);
}

static bool is_admitted(struct conn *c)
{
	struct conn_counters *n = c->home->counters;
	struct sockaddr_storage from = { 0 };
	socklen_t len = sizeof(from);

	atomic_fetch_add(&n->connections, 1);
	if (atomic_fetch_add(&n->open, 1) >= c->home->max_connections ||
	    getpeername(c->fd, (struct sockaddr *)&from, &len) < 0)
		return false;
	c->slot = peers_enter(c->home->peers, (struct sockaddr *)&from);
	return c->slot >= 0;
}

/* The socket is known now. */
static void begin(struct conn *c)
{
	unsigned ms = c->home->deadline_ms;
	struct timeval deadline = { .tv_sec = ms / 1000,
				    .tv_usec = ms % 1000 * 1000 };
	int on = 1;

	c->fd = bufferevent_getfd(c->bev);
	if (c->fd < 0)
		return;
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (!is_admitted(c)) {
		c->is_shed = true;
		atomic_fetch_add(&c->home->counters->shed, 1);
		end(c);
		return;
	}
	event_add(c->timer, &deadline);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	if (c->fd < 0)
		begin(c);
	else
		end(c);
}

static struct conn *conn_new(struct conn_home *home, bool is_https)
{
	struct conn *c = xcalloc(1, sizeof(*c));

	c->home = home;
	c->is_https = is_https;
	c->fd = c->slot = -1;
	c->timer = event_new(home->base, -1, 0, on_timer, c);
	LIST_INSERT_HEAD(&home->list, c, in_list);
	event_active(c->timer, EV_TIMEOUT, 0);
	return c;
}

/* ---- port 443: bound to the SSL ---- */

static int ex_index = -1;

static void on_ssl_free(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx,
			long argl, void *argp)
{
	(void)parent;
	(void)ad;
	(void)idx;
	(void)argl;
	(void)argp;
	if (ptr)
		conn_free(ptr);
}

static void make_index(void)
{
	ex_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, on_ssl_free);
}

static int conn_index(void)
{
	static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;

	CRYPTO_THREAD_run_once(&once, make_index);
	return ex_index;
}

struct bufferevent *conn_open_https(struct event_base *base, void *arg)
{
	struct conn_home *home = arg;
	struct conn *c = conn_new(home, true);
	SSL *ssl = tls_new(home->ssl_ctx, &c->tls);

	if (!ssl || !SSL_set_ex_data(ssl, conn_index(), c))
		abort();	/* OpenSSL has no memory */
	c->bev = bufferevent_openssl_socket_new(base, -1, ssl,
						BUFFEREVENT_SSL_ACCEPTING,
						BEV_OPT_CLOSE_ON_FREE);
	if (!c->bev)
		abort();
	/* Senders close without close_notify; that is no error of theirs. */
	bufferevent_openssl_set_allow_dirty_shutdown(c->bev, 1);
	return c->bev;
}

static struct conn *conn_of(struct evhttp_connection *evcon)
{
	struct bufferevent *bev = evhttp_connection_get_bufferevent(evcon);

	return SSL_get_ex_data(bufferevent_openssl_get_ssl(bev), conn_index());
}

const char *conn_sni(struct evhttp_connection *evcon)
{
	return conn_of(evcon)->tls.host;
}

void conn_answered(struct evhttp_connection *evcon)
{
	conn_of(evcon)->has_answered = true;
}

void conn_end_idle(struct conn_home *home)
{
	struct conn *c;

	LIST_FOREACH(c, &home->list, in_list)
		if (c->fd >= 0 && c->has_answered &&
		    !evbuffer_get_length(bufferevent_get_output(c->bev)))
			end(c);
}

/* ---- port 80: bound to a filter that lets everything pass ---- */

static void on_filter_free(void *ctx)
{
	conn_free(ctx);
}

struct bufferevent *conn_open_http(struct event_base *base, void *arg)
{
	struct conn *c = conn_new(arg, false);
	struct bufferevent *plain =
		bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);

	if (plain)
		c->bev = bufferevent_filter_new(plain, NULL, NULL,
						BEV_OPT_CLOSE_ON_FREE,
						on_filter_free, c);
	if (!c->bev)
		abort();
	return c->bev;
}
