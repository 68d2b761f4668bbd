/*
 * The life of a connection, around evhttp: caps when it comes, an absolute
 * deadline while it is there, and a way to end it.
 *
 * evhttp 2.1 accepts by itself, shows a connection only with its first whole
 * request, and takes its end as its own business. So a connection of ours is
 * made where evhttp asks for a bufferevent, finds out who it is one event
 * later, hears of its end by evhttp's close callback, and ends early by
 * shutting its socket down: evhttp reads that as the peer's goodbye.
 *
 * evhttp keeps all of a body before it says a word of its request. So the
 * head of a POST is shown to a judge as soon as it is there, and only what
 * that lets in may be large; its bytes are of a budget that all connections
 * share, each address so much of it, and they have to come at a pace. What is
 * refused is answered at once, and what still comes of it is thrown away, for a
 * while.
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
	size_t body_bytes; /* of bodies at once, that are not small */
	size_t body_share; /* of them, for one address */
	unsigned pace_ms;  /* httpd/report.h */
	struct peers *peers;
	atomic_ulong open;
	atomic_size_t held; /* of body_bytes */
};

#define CONN_BODY_MAX 4096 /* of a body that nobody has let in */

struct conn;
struct conns;		/* those of one thread, and owned by it */

struct conns *conns_new(struct event_base *base, struct conn_limits *limits,
			struct tally *tally);

/* After evhttp has freed its connections. */
void conns_free(struct conns *set);

/* What is to become of a body. */
struct conn_verdict {
	size_t body_max; /* it may have so many bytes; 0: a few */
	char *refusal;	 /* or this is the answer, raw: owned */
};
typedef struct conn_verdict conn_judge(struct conn *c, const char *head,
				       size_t len, void *arg);

/* Raw answers to bodies that are given up; borrowed. */
struct conn_words {
	const char *too_many;  /* the budget is used up */
	const char *too_large; /* it is over its own limit */
	const char *too_slow;
};

/* Asked once for each head that begins with "POST ". */
void conns_judge(struct conns *set, conn_judge *judge, void *arg,
		 const struct conn_words *words);

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

/* Which counter its peer belongs to. */
struct peer conn_peer(const struct conn *c);

/* Nobody has ended it yet: an answer may go out. */
bool conn_is_open(const struct conn *c);

/* `gone` is called once, when it is; NULL: not any more. */
void conn_on_gone(struct conn *c, void (*gone)(void *arg), void *arg);

/*
 * The body of its present request is the caller's now, and so is what it took
 * of the budget: give it back.
 */
size_t conn_hand_over(struct conn *c);
void conn_give_back(struct conn_limits *limits, struct peer peer, size_t bytes);

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
