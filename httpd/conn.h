/*
 * The life of a connection, around evhttp: caps when it comes, an absolute
 * deadline while it is there, and a way to end it.
 *
 * evhttp 2.1 accepts by itself, shows a connection only with its first whole
 * request, and takes its end as its own business. So a connection of ours is
 * made where evhttp asks for a bufferevent, finds out who it is one event
 * later, hears of its end by evhttp's close callback, and ends early by
 * shutting its socket down: evhttp reads that as the peer's goodbye.
 */
#ifndef HTTPD_CONN_H
#define HTTPD_CONN_H

#include <event2/event.h>
#include <event2/http.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "httpd/peers.h"
#include "httpd/tally.h"
#include "httpd/tls.h"

/* What the connections of all threads share. Outlives them. */
struct conn_limits {
	unsigned max_connections;
	unsigned deadline_ms;
	struct peers *peers;
	atomic_ulong open;
};

struct conn;
struct conns;		/* those of one thread, and owned by it */

struct conns *conns_new(struct event_base *base, struct conn_limits *limits,
			struct tally *tally);

/* After evhttp has freed its connections. */
void conns_free(struct conns *set);

/*
 * A bufferevent for evhttp to adopt, its connection counted in; with TLS
 * unless `tls` is NULL. NULL if there is no memory: evhttp then makes one of
 * its own, whose requests conn_of_request() does not know.
 */
struct bufferevent *conn_accept(struct conns *set, struct tls *tls);

/* Whose request it is, or NULL. */
struct conn *conn_of_request(struct conns *set, struct evhttp_request *req);

/* The name of its TLS handshake, or NULL. */
const char *conn_sni(const struct conn *c);

/*
 * A request has come in whole and is about to be answered. True if it is to
 * be the connection's last.
 */
bool conn_begin_answer(struct conn *c);
void conn_end_answer(struct conn *c);

/* Answers from now on are their connection's last. */
void conns_drain(struct conns *set);

/* Ends those between two requests; how many are still open? */
size_t conns_end_idle(struct conns *set);

#endif
