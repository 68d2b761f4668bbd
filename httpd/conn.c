#include "httpd/conn.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/mem.h"
#include "httpd/after.h"
#include "httpd/head_meter.h"
#include "httpd/report.h"

#define INPUT_MAX 32768	/* unread by evhttp: HEAD_MAX and a TLS record */
#define LINGER_MS 1000	/* for a peer to read why, and to close */
#define LINGER_BODY_MS 5000  /* the same, with a body on its way */
#define SWALLOW_MAX    (8L * 1024 * 1024) /* of what nobody wants */

static const char head_too_large[] =
	"HTTP/1.1 431 Request Header Fields Too Large\r\n"
	"Connection: close\r\n"
	"Content-Length: 0\r\n\r\n";

enum conn_fate {
	FATE_OPEN,
	FATE_DISMISSED,	/* what it still sends is thrown away */
	FATE_ENDED	/* its socket is shut down; evhttp will find out */
};

struct conn {
	LIST_ENTRY(conn) in_set;
	struct conns *set;
	struct bufferevent *bev;	/* a reference of our own */
	struct event *timer;		/* the deadline */
	int fd;				/* -1 until it is admitted */
	enum conn_fate fate;
	bool is_shed;
	struct peer peer;		/* counted, if it has a family */
	struct evhttp_connection *evcon;
	unsigned long answers;
	struct head_meter head;
	struct buf text; /* of the head, while it may be a POST's */
	bool is_read;	 /* the head: it is not kept any more */
	size_t body_max; /* 0: it has none that counts */
	size_t body;	 /* bytes of it, held in the budget */
	size_t paced;	 /* of them, there at the last look */
	struct event *pace; /* looks at them; NULL: there were none yet */
	size_t swallowed;
	void (*gone)(void *arg);
	void *gone_arg;
	bool has_tls;
	struct tls_peer tls;
};

struct conns {
	struct event_base *base;
	struct conn_limits *limits;
	struct tally *tally;
	bool is_draining;
	conn_judge *judge; /* or NULL */
	void *judge_arg;
	const struct conn_words *words;
	size_t count;
	LIST_HEAD(conn_list, conn) list;
	struct conn **by_fd;		/* the admitted ones */
	size_t by_fd_size;
};

struct conns *conns_new(struct event_base *base, struct conn_limits *limits,
			struct tally *tally)
{
	struct conns *set = xcalloc(1, sizeof(*set));

	set->base = base;
	set->limits = limits;
	set->tally = tally;
	LIST_INIT(&set->list);
	return set;
}

void conns_judge(struct conns *set, conn_judge *judge, void *arg,
		 const struct conn_words *words)
{
	set->judge = judge;
	set->judge_arg = arg;
	set->words = words;
}

static void set_fd(struct conn *c, int fd)
{
	struct conns *set = c->set;
	size_t old = set->by_fd_size, need = (size_t)fd + 1;

	if (need > old) {
		need = need < 64 ? 64 : need * 2;
		set->by_fd = xrealloc_array(set->by_fd, need,
					    sizeof(struct conn *));
		for (size_t i = old; i < need; i++)
			set->by_fd[i] = NULL;
		set->by_fd_size = need;
	}
	set->by_fd[fd] = c;
	c->fd = fd;
}

static void start_timer(struct conn *c, unsigned ms)
{
	const struct timeval after = after_ms(ms);

	event_add(c->timer, &after);
}

static void swallow(struct bufferevent *bev, void *evcon)
{
	struct evbuffer *input = bufferevent_get_input(bev);

	(void)evcon;
	evbuffer_drain(input, evbuffer_get_length(input));
}

/* A close_notify, so that the peer knows it has the whole answer. */
static void say_goodbye(struct bufferevent *bev)
{
	SSL *ssl = bufferevent_openssl_get_ssl(bev);

	if (ssl && SSL_is_init_finished(ssl))
		SSL_shutdown(ssl);
	ERR_clear_error();
}

static void on_refusal_written(struct bufferevent *bev, void *evcon)
{
	(void)evcon;
	if (evbuffer_get_length(bufferevent_get_output(bev)))
		return;
	say_goodbye(bev);
	shutdown(bufferevent_getfd(bev), SHUT_WR);
}

/*
 * Takes reading and writing away from evhttp. Errors and the end still go to
 * it, whose callback then frees the connection as if its peer had left.
 */
static void take_over(struct conn *c, bufferevent_data_cb written)
{
	bufferevent_event_cb on_event;
	void *evcon;

	bufferevent_getcb(c->bev, NULL, NULL, &on_event, &evcon);
	bufferevent_setcb(c->bev, swallow, written, on_event, evcon);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

static void end(struct conn *c)
{
	if (c->fate == FATE_ENDED || c->fd < 0)
		return;
	c->fate = FATE_ENDED;
	take_over(c, NULL);
	shutdown(c->fd, SHUT_RDWR);
}

static void refuse(struct conn *c, const char *why, unsigned linger_ms)
{
	c->fate = FATE_DISMISSED;
	take_over(c, on_refusal_written);
	bufferevent_write(c->bev, why, strlen(why));
	start_timer(c, linger_ms);
}

/* A validator has seen what it came for: its protocol carries no data. */
static void dismiss(struct conn *c)
{
	if (c->fate != FATE_OPEN || c->fd < 0)
		return;
	c->fate = FATE_DISMISSED;
	take_over(c, NULL);
	say_goodbye(c->bev);
	shutdown(c->fd, SHUT_WR);
	start_timer(c, LINGER_MS);
}

/* ---- bodies ---- */

static bool hold(struct conn *c, size_t bytes)
{
	struct conn_limits *l = c->set->limits;

	if (!peers_hold(l->peers, c->peer, bytes, l->body_share))
		return false;
	if (atomic_fetch_add(&l->held, bytes) + bytes <= l->body_bytes) {
		c->body += bytes;
		return true;
	}
	conn_give_back(l, c->peer, bytes);
	return false;
}

void conn_give_back(struct conn_limits *limits, struct peer peer, size_t bytes)
{
	atomic_fetch_sub(&limits->held, bytes);
	peers_let_go(limits->peers, peer, bytes);
}

static void end_body(struct conn *c)
{
	c->body_max = 0;
	if (c->pace)
		event_del(c->pace);
}

size_t conn_hand_over(struct conn *c)
{
	size_t bytes = c->body;

	c->body = 0;
	end_body(c);
	return bytes;
}

static void forget_body(struct conn *c)
{
	conn_give_back(c->set->limits, c->peer, conn_hand_over(c));
	buf_release(&c->text);
	c->is_read = false;
}

/*
 * What came of it is evhttp's, and in memory, until its connection is gone: so
 * long it counts.
 */
static void give_up_body(struct conn *c, const char *why, enum tally_item item)
{
	end_body(c);
	tally_add(c->set->tally, item);
	tally_answer(c->set->tally, ROUTE_REPORT,
		     item == TALLY_REFUSED_LARGE ? 413 : 503);
	refuse(c, why, c->body ? LINGER_MS : LINGER_BODY_MS);
}

/* Bytes that are to come from one look to the next. */
static size_t pace_of(const struct conn_limits *l)
{
	bool is_busy = atomic_load(&l->held) > l->body_bytes / 2;

	return (size_t)(is_busy ? HTTPD_BODY_BUSY : HTTPD_BODY_SLOW) *
	       l->pace_ms / 1000;
}

static void on_pace(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	if (c->fate == FATE_OPEN &&
	    c->body - c->paced < pace_of(c->set->limits))
		give_up_body(c, c->set->words->too_slow, TALLY_REFUSED_SLOW);
	c->paced = c->body;
}

static void start_pace(struct conn *c)
{
	const struct timeval pace = after_ms(c->set->limits->pace_ms);

	c->paced = c->body;
	if (!c->pace)
		c->pace = event_new(c->set->base, -1, EV_PERSIST, on_pace, c);
	if (c->pace)
		event_add(c->pace, &pace);
}

/* Ours is the limit: evhttp closes abruptly, at the mere size of a chunk. */
static void let_in(struct conn *c, size_t body_max)
{
	c->body_max = body_max + INPUT_MAX;
	start_pace(c);
	evhttp_connection_set_max_body_size(c->evcon, -1);
}

/* The head is there. */
static void judge(struct conn *c)
{
	struct conns *set = c->set;
	struct conn_verdict verdict;

	c->is_read = true;
	if (!c->text.len)
		return;
	verdict = set->judge(c, c->text.data, c->text.len, set->judge_arg);
	buf_release(&c->text);
	if (verdict.refusal)
		refuse(c, verdict.refusal, LINGER_BODY_MS);
	else if (verdict.body_max)
		let_in(c, verdict.body_max);
	free(verdict.refusal);
}

static void take_body(struct conn *c, size_t bytes)
{
	const struct conn_words *words = c->set->words;

	if (c->fate != FATE_OPEN || !c->body_max)
		return;
	if (c->body + bytes > c->body_max)
		give_up_body(c, words->too_large, TALLY_REFUSED_LARGE);
	else if (!hold(c, bytes))
		give_up_body(c, words->too_many, TALLY_REFUSED_BUSY);
}

/* Of a POST alone, and no more than a head may have. */
static void keep_text(struct conn *c, const char *part, size_t len)
{
	static const char post[] = "POST ";
	size_t n = sizeof(post) - 1;

	if (!c->set->judge || c->is_read || !len)
		return;
	if (!c->text.data && *part != *post) {
		c->is_read = true; /* nearly all: they cost no memory */
		return;
	}
	if (!c->text.data)
		buf_init(&c->text, HEAD_MAX);
	if (buf_add(&c->text, part, len) &&
	    strncmp(c->text.data, post, c->text.len < n ? c->text.len : n) == 0)
		return;
	buf_release(&c->text);
	c->is_read = true;
}

/* ---- what comes in ---- */

/* Counts the bytes of `input` from `from` on. */
static bool meter(struct conn *c, struct evbuffer *input, size_t from)
{
	struct evbuffer_ptr at;
	char part[512];
	ev_ssize_t n;
	size_t before;

	while (!c->head.is_complete && from < evbuffer_get_length(input)) {
		evbuffer_ptr_set(input, &at, from, EVBUFFER_PTR_SET);
		n = evbuffer_copyout_from(input, &at, part, sizeof(part));
		if (n <= 0)
			break;
		before = c->head.bytes;
		if (!head_meter_add(&c->head, part, (size_t)n))
			return false;
		keep_text(c, part, c->head.bytes - before);
		from += (size_t)n;
	}
	return true;
}

static void swallowed(struct conn *c, size_t bytes)
{
	c->swallowed += bytes;
	if (c->swallowed > SWALLOW_MAX)
		end(c);
}

static void hear(struct conn *c, struct evbuffer *input, size_t from,
		 size_t bytes)
{
	size_t head = c->head.bytes;

	if (!meter(c, input, from)) {
		tally_answer(c->set->tally, ROUTE_OTHER, 431);
		refuse(c, head_too_large, LINGER_MS);
		return;
	}
	bytes -= c->head.bytes - head;
	if (c->head.is_complete && !c->is_read)
		judge(c);
	take_body(c, bytes);
	if (c->fate == FATE_OPEN &&
	    evbuffer_get_length(input) > INPUT_MAX + c->body)
		end(c);
}

/* Something was read; evhttp has not seen it yet. */
static void on_input(struct evbuffer *input, const struct evbuffer_cb_info *info,
		     void *arg)
{
	struct conn *c = arg;

	if (!info->n_added || c->fd < 0)
		return;
	if (c->fate == FATE_DISMISSED)
		swallowed(c, info->n_added);
	else if (c->fate == FATE_OPEN)
		hear(c, input, info->orig_size - info->n_deleted,
		     info->n_added);
}

static void count_failed(struct conn *c)
{
	struct tally *t = c->set->tally;
	const SSL *ssl = c->bev ? bufferevent_openssl_get_ssl(c->bev) : NULL;

	tally_add(t, TALLY_HANDSHAKES_FAILED);
	tally_shake(t, c->tls.is_unknown ? SHAKE_UNKNOWN_NAME : SHAKE_FAILED,
		    ssl ? tls_version(ssl) : VERSION_NONE);
}

static void forget(struct conn *c)
{
	struct conns *set = c->set;

	if (c->gone)
		c->gone(c->gone_arg);
	forget_body(c);
	LIST_REMOVE(c, in_set);
	set->count--;
	atomic_fetch_sub(&set->limits->open, 1);
	peers_leave(set->limits->peers, c->peer);
	if (c->fd >= 0)
		set->by_fd[c->fd] = NULL;
	if (c->has_tls && !c->is_shed && !c->tls.is_shaken)
		count_failed(c);
	if (c->timer)
		event_free(c->timer);
	if (c->pace)
		event_free(c->pace);
	if (c->bev) {
		evbuffer_remove_cb(bufferevent_get_input(c->bev), on_input, c);
		bufferevent_decref(c->bev);
	}
	free(c);
}

static void on_close(struct evhttp_connection *evcon, void *arg)
{
	struct conn *c = arg;

	(void)evcon;
	if (c->fate == FATE_OPEN)
		say_goodbye(c->bev);
	forget(c);
}

static void shed(struct conn *c)
{
	c->is_shed = true;
	tally_add(c->set->tally, TALLY_SHED);
	end(c);
}

static void check_peer(struct conn *c, struct evhttp_connection *evcon)
{
	struct peer peer = peer_of(evhttp_connection_get_addr(evcon));

	if (!c->is_shed && peers_enter(c->set->limits->peers, peer))
		c->peer = peer;
	else
		shed(c);
}

/*
 * evhttp has adopted the bufferevent, and nothing was read yet. That the
 * argument of its callbacks is its connection is how 2.1 is made.
 */
static void admit(struct conn *c)
{
	bufferevent_event_cb on_event;
	void *evcon;

	bufferevent_getcb(c->bev, NULL, NULL, &on_event, &evcon);
	if (!on_event) {	/* it has let it go at once */
		forget(c);
		return;
	}
	c->evcon = evcon;
	set_fd(c, bufferevent_getfd(c->bev));
	evhttp_connection_set_closecb(evcon, on_close, c);
	start_timer(c, c->set->limits->deadline_ms);
	check_peer(c, evcon);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	if (what & EV_TIMEOUT)
		end(arg);
	else if (what & EV_WRITE)
		dismiss(arg);
	else
		admit(arg);
}

/* In the midst of libevent's handshake; evhttp comes only after a read. */
static void on_validated(void *arg)
{
	struct conn *c = arg;

	event_active(c->timer, EV_WRITE, 0);
}

static struct bufferevent *make_bufferevent(struct conn *c, struct tls *tls)
{
	struct event_base *base = c->set->base;
	SSL *ssl = tls && !c->is_shed ? tls_accept(tls, &c->tls) : NULL;

	c->tls.validated = on_validated;
	c->tls.arg = c;
	c->has_tls = ssl != NULL;
	c->is_shed = c->is_shed || (tls && !ssl);
	if (!ssl)
		return bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	return bufferevent_openssl_socket_new(base, -1, ssl,
					      BUFFEREVENT_SSL_ACCEPTING,
					      BEV_OPT_CLOSE_ON_FREE);
}

struct bufferevent *conn_accept(struct conns *set, struct tls *tls)
{
	struct conn *c = xcalloc(1, sizeof(*c));

	c->set = set;
	c->fd = -1;
	c->is_shed = atomic_fetch_add(&set->limits->open, 1) >=
		     set->limits->max_connections;
	c->bev = make_bufferevent(c, tls);
	c->timer = event_new(set->base, -1, 0, on_timer, c);
	LIST_INSERT_HEAD(&set->list, c, in_set);
	set->count++;
	tally_add(set->tally, TALLY_CONNECTIONS);
	if (!c->bev || !c->timer) {
		forget(c);
		return NULL;
	}
	bufferevent_incref(c->bev);
	evbuffer_add_cb(bufferevent_get_input(c->bev), on_input, c);
	event_active(c->timer, EV_READ, 0);	/* admit(), before any read */
	return c->bev;
}

struct conn *conn_of_request(struct conns *set, struct evhttp_request *req)
{
	struct evhttp_connection *evcon = evhttp_request_get_connection(req);
	int fd = bufferevent_getfd(evhttp_connection_get_bufferevent(evcon));

	return fd >= 0 && (size_t)fd < set->by_fd_size ? set->by_fd[fd] : NULL;
}

const char *conn_sni(const struct conn *c)
{
	return c->has_tls ? c->tls.host : NULL;
}

struct peer conn_peer(const struct conn *c)
{
	return c->peer;
}

bool conn_is_open(const struct conn *c)
{
	return c->fate == FATE_OPEN;
}

void conn_on_gone(struct conn *c, void (*gone)(void *arg), void *arg)
{
	c->gone = gone;
	c->gone_arg = arg;
}

bool conn_begin_answer(struct conn *c)
{
	c->answers++;
	c->head = (struct head_meter){ 0 };
	if (c->body_max)
		evhttp_connection_set_max_body_size(c->evcon, CONN_BODY_MAX);
	forget_body(c);
	return !meter(c, bufferevent_get_input(c->bev), 0) ||
	       c->set->is_draining;
}

/* It came while this one waited; and what comes of it goes out behind. */
static void judge_next(struct conn *c)
{
	struct evbuffer *input = bufferevent_get_input(c->bev);

	if (!c->head.is_complete || c->is_read || c->set->is_draining)
		return;
	judge(c);
	take_body(c, evbuffer_get_length(input) - c->head.bytes);
}

void conn_end_answer(struct conn *c)
{
	struct evbuffer *output = bufferevent_get_output(c->bev);

	/* Head and body in one piece: one TLS record, one packet. */
	evbuffer_pullup(output, (ev_ssize_t)evbuffer_get_length(output));
	judge_next(c);
}

void conns_drain(struct conns *set)
{
	set->is_draining = true;
}

static bool is_idle(const struct conn *c)
{
	return c->answers && !c->head.bytes &&
	       evbuffer_get_length(bufferevent_get_output(c->bev)) == 0;
}

size_t conns_end_idle(struct conns *set)
{
	struct conn *c;

	LIST_FOREACH(c, &set->list, in_set)
		if (is_idle(c))
			end(c);
	return set->count;
}

void conns_free(struct conns *set)
{
	struct conn *c, *next;

	if (!set)
		return;
	for (c = LIST_FIRST(&set->list); c; c = next) {
		next = LIST_NEXT(c, in_set);
		forget(c);	/* it was never admitted */
	}
	free(set->by_fd);
	free(set);
}
