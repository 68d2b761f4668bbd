/*
 * The life of a connection: caps when it comes, an absolute deadline while it
 * is there, its requests one by one, and its end.
 *
 *	stream -> parser -> request -> whoever serves -> answer -> stream
 *
 * Where there are as many as may be, one ends for one that comes: that which has
 * had longest to ask for something since it came, or was answered last, and has
 * not, if it was two seconds (httpd/yield.h). Who waits for an answer, or has a
 * body on its way that was let in, stays. For a peer that has too many by
 * itself it is one of its own that ends, or the one that comes. One that breaks
 * off its handshakes is not let in at all (httpd/broken.h).
 *
 * Before all that, a proxy that is believed says whose connection it is
 * (httpd/proxied.h); until then it is counted for nobody.
 *
 * The next request is read only when the answer to the one before is on its
 * way, and after eight of them all others have their turn. Bodies are judged by
 * their head: what is refused is answered at once, and what still comes of it
 * is thrown away, for a while; what is let in counts (httpd/body.h), and has to
 * come at a pace.
 */
#ifndef HTTPD_CONN_H
#define HTTPD_CONN_H

#include <event2/event.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "httpd/answer.h"
#include "httpd/body.h"
#include "httpd/broken.h"
#include "httpd/peers.h"
#include "httpd/proxied.h"
#include "httpd/report.h"
#include "httpd/request.h"
#include "httpd/tally.h"
#include "httpd/tls.h"

/* What the connections of all threads share. Outlives them. */
struct conn_limits {
	unsigned max_connections;
	unsigned deadline_ms;
	struct peers *peers;
	struct broken *broken;
	const struct proxies *proxies;
	struct body_budget bodies;
	atomic_ulong open;
};

#define CONN_BODY_MAX 4096 /* of a body that nobody has let in */

struct conn;
struct conns;		/* those of one thread, and owned by it */

/* Who serves. None of it may end the connection but by an answer. */
struct conn_service {
	/*
	 * A head is there, and a body is to come. True: *refusal is the answer,
	 * and the connection's last. Else *body_max says how many bytes are let
	 * in; 0: a few, which are thrown away.
	 */
	bool (*refuses)(struct conn *c, const struct request *r,
			struct answer *refusal, size_t *body_max, void *arg);

	/* A request is there, to be answered now or later by conn_answer(). */
	void (*serve)(struct conn *c, const struct request *r, void *arg);

	/* Of bodies that are given up. */
	struct httpd_verdict too_many; /* the budget is used up */
	struct httpd_verdict too_large;
	struct httpd_verdict too_slow;
	void *arg;
};

/* NULL: OpenSSL has no memory. */
struct conns *conns_new(struct event_base *base, struct conn_limits *limits,
			struct tally *tally,
			const struct conn_service *service);
void conns_free(struct conns *set); /* and all of them */

/* Takes the socket; with TLS unless `tls` is NULL. Over a cap one is closed. */
void conn_accept(struct conns *set, int fd, const struct sockaddr *address,
		 struct tls *tls);

/* Which counter its peer belongs to. */
struct peer conn_peer(const struct conn *c);

/*
 * The body that was let in with the present request, or NULL. It is the
 * caller's now, and so is what it took of the budget: body_give_back().
 */
char *conn_take_body(struct conn *c, size_t *len);

/* The answer to the present request; tally_answer() is the caller's. */
void conn_answer(struct conn *c, const struct answer *a);

/* `gone` is called once, when it is; NULL: not any more. */
void conn_on_gone(struct conn *c, void (*gone)(void *arg), void *arg);

/* Answers from now on are their connection's last. */
void conns_drain(struct conns *set);

/* Ends those between two requests; how many are still open? */
size_t conns_end_idle(struct conns *set);

#endif
