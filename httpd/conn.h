/*
 * The life of one connection, beside evhttp, which owns the bufferevent.
 *
 * libevent 2.1 tells us of a connection only by asking for its bufferevent,
 * before the socket is known. So a `conn` is made there and bound to the
 * bufferevent's own end: to the SSL's on port 443, to a pass-through
 * filter's on port 80. Its timer is made active at once: it runs before
 * anything is read, when the socket is known, and applies the caps; then it
 * is the deadline. A connection is only ever ended by shutdown(), which
 * evhttp sees and cleans up after.
 *
 * One serving thread.
 */
#ifndef HTTPD_CONN_H
#define HTTPD_CONN_H

#include <event2/bufferevent.h>
#include <event2/http.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "httpd/peers.h"
#include "httpd/tls.h"

/* Over all threads. */
struct conn_counters {
	_Atomic unsigned long connections, open, shed;
	_Atomic unsigned long handshakes, handshakes_failed;
};

/* What a thread's connections share. */
struct conn_home {
	struct event_base *base;
	SSL_CTX *ssl_ctx;
	struct peers *peers;
	struct conn_counters *counters;
	unsigned max_connections;
	unsigned deadline_ms;
	LIST_HEAD(, conn) list;
	void (*last_closed)(void *arg);	/* the list is empty; may be NULL */
	void *arg;
};

struct conn;

/* For evhttp_set_bevcb(): `arg` is the conn_home. */
struct bufferevent *conn_open_https(struct event_base *base, void *arg);
struct bufferevent *conn_open_http(struct event_base *base, void *arg);

/* The SNI name of a connection on port 443. */
const char *conn_sni(struct evhttp_connection *evcon);

/* A request on port 443 was answered: it may now idle. */
void conn_answered(struct evhttp_connection *evcon);

/* Ends those that have had an answer and have nothing left to send. */
void conn_end_idle(struct conn_home *home);

#endif
