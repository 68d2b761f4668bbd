#include "httpd/conn.h"

#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/network.h"
#include "base/steady.h"
#include "httpd/after.h"
#include "httpd/complain.h"
#include "httpd/parser.h"
#include "httpd/stream.h"
#include "httpd/yield.h"

#define REST_MAX       32768 /* of what comes while an answer is due, and is kept */
#define SAID_MAX       65536 /* unsent; before the next request is read */
#define LINGER_MS 1000	/* for a peer to read why, and to close */
#define LINGER_BODY_MS 5000  /* the same, with a body on its way */
#define SWALLOW_MAX    (8L * 1024 * 1024) /* of what nobody wants */
#define TURN_MAX       8 /* requests; then others have their turn */
#define ANSWER_MAX     (STREAM_OUT_MAX / 2)

enum conn_fate {
	FATE_OPEN,
	FATE_LAST,	/* it ends when all is sent */
	FATE_DISMISSED, /* what it still sends is thrown away */
	FATE_ENDED
};

struct conn {
	LIST_ENTRY(conn) in_set;
	struct yielder yielder; /* in, while nothing it asked for is due */
	struct conns *set;
	struct stream stream;
	struct parser parser;
	struct event readable, writable;
	struct event timer; /* the deadline */
	enum conn_fate fate;
	bool is_reading;   /* `readable` waits */
	bool is_in_turn;   /* settle() is still to come */
	bool is_proxied;   /* it is not yet said for whom */
	bool has_spoken;   /* something came */
	bool is_counted;   /* for its peer */
	bool is_asked;	   /* an answer is due */
	bool has_answered; /* ever */
	unsigned asked;	   /* for so much, in this turn */
	bool has_tls;
	struct buf rest;    /* what came behind the present request */
	size_t ahead;	    /* bytes behind it that are not yet there */
	int64_t ends_ms;    /* steady_ms(), at the latest */
	struct body *body;  /* of it, let in; or NULL */
	struct event *pace; /* looks at it */
	size_t unwanted;    /* bytes that were thrown away */
	void (*gone)(void *arg);
	void *gone_arg;
	struct tls_peer tls;
};

struct conns {
	struct event_base *base;
	struct conn_limits *limits;
	struct tally *tally;
	struct conn_service service;
	struct streams *streams;
	struct buf text; /* an answer, while it is written */
	bool is_draining;
	size_t count;
	LIST_HEAD(conn_list, conn) list;
	struct yielders yielders;
};

static void settle(struct conn *c);

struct conns *conns_new(struct event_base *base, struct conn_limits *limits,
			struct tally *tally, const struct conn_service *service)
{
	struct conns *set = xcalloc(1, sizeof(*set));

	set->base = base;
	set->limits = limits;
	set->tally = tally;
	set->service = *service;
	set->streams = streams_new();
	buf_init(&set->text, ANSWER_MAX);
	LIST_INIT(&set->list);
	yielders_init(&set->yielders, limits->peers);
	if (set->streams)
		return set;
	conns_free(set);
	return NULL;
}

static void start_timer(struct conn *c, unsigned ms)
{
	const struct timeval after = after_ms(ms);

	event_add(&c->timer, &after);
}

/* ---- who goes first when there are too many ---- */

static void yields_from_now(struct conn *c)
{
	yield_from(&c->set->yielders, &c->yielder, steady_ms());
}

static void yields_no_more(struct conn *c)
{
	yield_never(&c->set->yielders, &c->yielder);
}

/* ---- its end ---- */

static void forget_body(struct conn *c)
{
	if (c->pace)
		event_free(c->pace);
	c->pace = NULL;
	if (!c->body)
		return;
	body_release(c->body);
	free(c->body);
	c->body = NULL;
}

static void forget_rest(struct conn *c)
{
	buf_release(&c->rest);
	buf_init(&c->rest, REST_MAX + 2 * STREAM_IN_MAX);
}

static void count_failed(struct conn *c)
{
	struct tally *t = c->set->tally;

	if (tls_has_signed(c->stream.ssl))
		broken_add(c->set->limits->broken, c->yielder.peer,
			   steady_ms());
	tally_add(t, TALLY_HANDSHAKES_FAILED);
	tally_shake(t, c->tls.is_unknown ? SHAKE_UNKNOWN_NAME : SHAKE_FAILED,
		    tls_version(c->stream.ssl));
}

static void stop_waiting(struct conn *c)
{
	event_del(&c->readable);
	event_del(&c->writable);
	event_del(&c->timer);
}

static void uncount(struct conn *c)
{
	struct conn_limits *limits = c->set->limits;

	if (c->is_counted)
		peers_leave(limits->peers, c->yielder.peer);
	atomic_fetch_sub(&limits->open, 1);
}

static void forget(struct conn *c)
{
	struct conns *set = c->set;

	if (c->gone)
		c->gone(c->gone_arg);
	if (c->has_tls && c->is_counted && !c->tls.is_shaken)
		count_failed(c);
	stop_waiting(c);
	forget_body(c);
	buf_release(&c->rest);
	parser_release(&c->parser);
	stream_release(&c->stream);
	yields_no_more(c);
	LIST_REMOVE(c, in_set);
	set->count--;
	uncount(c);
	free(c);
}

/* Over a cap somebody goes who has had time to ask, and did not. */
static bool make_room(struct conns *set, struct conn *slow)
{
	if (!slow)
		return false;
	tally_add(set->tally, TALLY_SHED);
	forget(slow);
	return true;
}

/* Not only silent ones are behind an address that many share. */
static bool enter(struct conns *set, struct peer peer,
		  const struct sockaddr *address)
{
	struct peers *peers = set->limits->peers;
	struct conn *slow;

	if (broken_turns_away(set->limits->broken, address, steady_ms()))
		return false;
	if (peers_enter(peers, peer))
		return true;
	slow = yield_first_of(&set->yielders, peer, steady_ms());
	return slow && slow->is_counted && make_room(set, slow) &&
	       peers_enter(peers, peer);
}

/* What came beyond is of no use any more. */
static void say_goodbye(struct conn *c, enum conn_fate then)
{
	stream_say_goodbye(&c->stream);
	forget_body(c);
	forget_rest(c);
	c->fate = then;
}

/* A peer that still sends would lose what we said if we closed at once. */
static void dismiss(struct conn *c, unsigned linger_ms)
{
	int64_t left = c->ends_ms - steady_ms();

	say_goodbye(c, FATE_DISMISSED);
	if (left > linger_ms)
		start_timer(c, linger_ms);
}

/* ---- answers ---- */

static void say(struct conn *c, const struct answer *a, enum answer_then then)
{
	struct buf *text = &c->set->text;
	bool is_head = parser_method(&c->parser) == REQUEST_HEAD;

	buf_clear(text);
	if (answer_write(a, is_head, then, time(NULL), text))
		stream_write(&c->stream, text->data, text->len);
	else
		c->fate = FATE_ENDED;
}

/* The request is not heard to its end. */
static void refuse(struct conn *c, const struct answer *a, unsigned linger_ms)
{
	say(c, a, ANSWER_THEN_NOTHING);
	dismiss(c, linger_ms);
}

static void refuse_status(struct conn *c, int status, unsigned linger_ms)
{
	struct answer a = { .status = 0 };

	tally_answer(c->set->tally, ROUTE_OTHER, status);
	answer_status(&a, status);
	refuse(c, &a, linger_ms);
	answer_release(&a);
}

static bool is_last(const struct conn *c)
{
	return !parser_keeps_alive(&c->parser) || c->set->is_draining ||
	       (c->stream.is_over && !c->rest.len && !c->ahead);
}

void conn_answer(struct conn *c, const struct answer *a)
{
	c->is_asked = false;
	c->has_answered = true;
	yields_from_now(c);
	if (is_last(c)) {
		say(c, a, ANSWER_THEN_NOTHING);
		say_goodbye(c, FATE_LAST);
	} else {
		say(c, a,
		    parser_is_old(&c->parser) ? ANSWER_THEN_MORE_TOO
					      : ANSWER_THEN_MORE);
	}
	if (c->is_in_turn)
		return;
	parser_next(&c->parser);
	settle(c);
}

/* ---- bodies ---- */

static void give_up_body(struct conn *c, const struct httpd_verdict *why,
			 enum tally_item item)
{
	struct answer a = { .status = 0 };

	tally_add(c->set->tally, item);
	tally_answer(c->set->tally, ROUTE_REPORT, why->status);
	answer_reason(&a, why->status, why->why);
	a.retry_after = why->retry_after;
	refuse(c, &a, LINGER_BODY_MS);
	answer_release(&a);
}

static void on_pace(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	if (!body_is_slow(c->body))
		return;
	give_up_body(c, &c->set->service.too_slow, TALLY_REFUSED_SLOW);
	settle(c);
}

static void let_in(struct conn *c, size_t body_max)
{
	struct body_budget *budget = &c->set->limits->bodies;
	const struct timeval pace = after_ms(budget->pace_ms);

	yields_no_more(c);
	c->body = xmalloc(sizeof(*c->body));
	body_init(c->body, budget, c->yielder.peer, body_max);
	c->pace = event_new(c->set->base, -1, EV_PERSIST, on_pace, c);
	if (c->pace)
		event_add(c->pace, &pace);
}

char *conn_take_body(struct conn *c, size_t *len)
{
	char *data = NULL;

	*len = 0;
	if (c->body)
		data = body_take(c->body, len);
	forget_body(c);
	return data;
}

static bool throw_away(struct conn *c, size_t bytes)
{
	c->unwanted += bytes;
	if (c->unwanted > CONN_BODY_MAX)
		refuse_status(c, 413, LINGER_BODY_MS);
	return c->fate == FATE_OPEN;
}

/* From within the parser. */
static bool on_body(const char *data, size_t len, void *arg)
{
	struct conn *c = arg;
	const struct conn_service *service = &c->set->service;

	if (!c->body)
		return throw_away(c, len);
	switch (body_add(c->body, data, len)) {
	case BODY_TAKEN:
		return true;
	case BODY_TOO_LARGE:
		give_up_body(c, &service->too_large, TALLY_REFUSED_LARGE);
		break;
	case BODY_TOO_MANY:
		give_up_body(c, &service->too_many, TALLY_REFUSED_BUSY);
	}
	return false;
}

/* ---- requests ---- */

static void read_request(const struct conn *c, struct request *r)
{
	parser_request(&c->parser, r);
	r->door = c->has_tls ? DOOR_HTTPS : DOOR_HTTP;
	r->sni = c->has_tls ? c->tls.host : NULL;
}

/* It waits until it is told so, and may be told otherwise instead. */
static void say_go_on(struct conn *c)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";

	if (parser_expects(&c->parser) == EXPECTS_CONTINUE)
		stream_write(&c->stream, text, sizeof(text) - 1);
}

static void on_head(struct conn *c)
{
	const struct conn_service *service = &c->set->service;
	struct answer a = { .status = 0 };
	struct request r;
	size_t body_max = 0;

	read_request(c, &r);
	c->unwanted = 0;
	if (service->refuses(c, &r, &a, &body_max, service->arg))
		refuse(c, &a, LINGER_BODY_MS);
	else if (parser_expects(&c->parser) == EXPECTS_OTHER)
		refuse_status(c, 417, LINGER_BODY_MS);
	else if (!body_max && r.length > CONN_BODY_MAX)
		refuse_status(c, 413, LINGER_BODY_MS);
	else if (body_max)
		let_in(c, body_max);
	answer_release(&a);
	if (c->fate == FATE_OPEN)
		say_go_on(c);
}

static void on_whole(struct conn *c)
{
	const struct conn_service *service = &c->set->service;
	struct request r;

	read_request(c, &r);
	c->asked++;
	c->is_asked = true;
	service->serve(c, &r, service->arg);
	if (c->is_asked) {
		yields_no_more(c);
		return;
	}
	forget_body(c);
	parser_next(&c->parser);
}

/* How many bytes were eaten: none only if it is to end. */
static size_t eat(struct conn *c, const char *data, size_t len)
{
	enum parsed what;
	size_t used;

	what = parser_eat(&c->parser, data, len, &used);
	c->ahead = len - used;
	switch (what) {
	case PARSED_PART:
		break;
	case PARSED_HEAD:
		on_head(c);
		break;
	case PARSED_WHOLE:
		on_whole(c);
		break;
	case PARSED_LARGE:
		refuse_status(c, 431, LINGER_MS);
		break;
	case PARSED_BAD:
		if (c->fate == FATE_OPEN)
			refuse_status(c, 400, LINGER_MS);
	}
	return used;
}

static bool can_eat(const struct conn *c)
{
	return c->fate == FATE_OPEN && !c->is_asked && !c->is_proxied &&
	       stream_unsent(&c->stream) < SAID_MAX && c->asked < TURN_MAX;
}

/*
 * What cannot be eaten yet is kept. There is room for more than comes while it
 * is listened to.
 */
static void feed(struct conn *c, const char *data, size_t len)
{
	size_t used;

	while (len && !c->rest.len && can_eat(c)) {
		used = eat(c, data, len);
		data += used;
		len -= used;
	}
	c->ahead = 0;
	if (len && c->fate == FATE_OPEN && !buf_add(&c->rest, data, len))
		c->fate = FATE_ENDED;
}

static void eat_rest(struct conn *c)
{
	struct buf rest = c->rest;

	buf_init(&c->rest, rest.max);
	feed(c, rest.data, rest.len);
	buf_release(&rest);
}

/* ---- for whom, if it comes by a proxy ---- */

static void give_up_proxied(struct conn *c)
{
	static atomic_long silent_until;
	char text[IP_TEXT];

	tally_add(c->set->tally, TALLY_UNPROXIED);
	c->fate = FATE_ENDED;
	if (complain_now(&silent_until))
		log_warn("mtastsd: %s is one of proxies in mtastsd.conf(5), "
			 "and its connection does not begin with a PROXY "
			 "header: have it send one, or take it from there",
			 ip_of_peer(c->stream.fd, text));
}

/* Nobody is believed who is not listed: it is no request, and no handshake. */
static void look_for_stranger(const struct conn *c)
{
	static atomic_long silent_until;
	char text[IP_TEXT];

	if (proxied_begins(c->stream.in, c->stream.in_len) &&
	    complain_now(&silent_until))
		log_warn("mtastsd: a connection from %s begins with a PROXY "
			 "header, and is not understood: if it is your proxy, "
			 "add it to proxies in mtastsd.conf(5)",
			 ip_of_peer(c->stream.fd, text));
}

/* A proxy that speaks for itself, or does not know, is the peer. */
static void count_proxied(struct conn *c, const struct sockaddr_storage *from)
{
	yields_no_more(c);
	if (from->ss_family != AF_UNSPEC)
		c->yielder.peer = peer_of((const struct sockaddr *)from);
	c->is_counted = enter(c->set, c->yielder.peer,
			      (const struct sockaddr *)from);
	yields_from_now(c);
	if (c->is_counted)
		return;
	tally_add(c->set->tally, TALLY_SHED);
	c->fate = FATE_ENDED;
}

static void hear_proxy(struct conn *c)
{
	struct stream *s = &c->stream;
	size_t before = c->rest.len, used;
	struct sockaddr_storage from;

	buf_add(&c->rest, s->in, s->in_len);
	switch (proxied_read(c->rest.data, c->rest.len, &used, &from)) {
	case PROXIED_PART:
		stream_skip(s, s->in_len);
		break;
	case PROXIED_WHOLE:
		stream_skip(s, used - before);
		forget_rest(c);
		c->is_proxied = false;
		count_proxied(c, &from);
		break;
	case PROXIED_BAD:
		give_up_proxied(c);
	}
	if (c->is_proxied && s->is_over)
		c->fate = FATE_ENDED;
}

/* ---- its turns ---- */

/* A validator has seen what it came for: its protocol carries no data. */
static void dismiss_validator(struct conn *c)
{
	if (c->fate == FATE_OPEN && c->tls.is_shaken && c->tls.is_validator)
		dismiss(c, LINGER_MS);
}

static void hear(struct conn *c)
{
	size_t came = stream_fill(&c->stream), n = came;
	const char *piece;

	if (c->fate == FATE_DISMISSED)
		c->unwanted += came;
	if (c->is_proxied)
		hear_proxy(c);
	else if (came && !c->has_spoken)
		look_for_stranger(c);
	c->has_spoken = c->has_spoken || came;
	while (c->fate == FATE_OPEN && n && !c->is_proxied) {
		n = stream_read(&c->stream, &piece);
		dismiss_validator(c);
		if (c->fate == FATE_OPEN && n)
			feed(c, piece, n);
	}
}

/* What its peer has said is all heard, and all that is to be said is sent. */
static void look_for_end(struct conn *c)
{
	if (c->fate == FATE_LAST ||
	    (c->fate == FATE_DISMISSED && c->stream.is_over))
		c->fate = FATE_ENDED;
}

static void flush(struct conn *c)
{
	stream_flush(&c->stream);
	while (c->rest.len && can_eat(c)) {
		eat_rest(c);
		stream_flush(&c->stream);
	}
	if (c->fate == FATE_OPEN && c->stream.is_over && can_eat(c)) {
		say_goodbye(c, FATE_LAST);
		stream_flush(&c->stream);
	}
	if (!stream_unsent(&c->stream))
		look_for_end(c);
	if (c->stream.is_broken || c->unwanted > SWALLOW_MAX)
		c->fate = FATE_ENDED;
}

/* One that does not hear is not listened to, nor one with more to be done. */
static bool is_heard(const struct conn *c)
{
	if (c->stream.is_over || c->asked >= TURN_MAX)
		return false;
	return c->fate == FATE_DISMISSED ||
	       (!stream_unsent(&c->stream) && c->rest.len <= REST_MAX);
}

static void wait_for_more(struct conn *c)
{
	bool is_heard_now = is_heard(c);

	stream_relax(&c->stream);
	if (stream_unsent(&c->stream) || c->asked >= TURN_MAX)
		event_add(&c->writable, NULL);
	c->asked = 0;
	if (is_heard_now == c->is_reading)
		return;
	c->is_reading = is_heard_now;
	if (is_heard_now)
		event_add(&c->readable, NULL);
	else
		event_del(&c->readable);
}

/* The end of each turn, and perhaps of the connection. */
static void settle(struct conn *c)
{
	c->is_in_turn = true;
	flush(c);
	c->is_in_turn = false;
	if (c->fate == FATE_ENDED)
		forget(c);
	else
		wait_for_more(c);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	c->is_in_turn = true;
	hear(c);
	settle(c);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	settle(arg);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	forget(c);
}

/* ---- its beginning ---- */

/* Counted in; false, and not counted, over a cap. */
static bool count(struct conns *set, const struct sockaddr *address,
		  bool is_proxied)
{
	struct peer peer = peer_of(address);
	struct conn_limits *limits = set->limits;

	tally_add(set->tally, TALLY_CONNECTIONS);
	if (!is_proxied && !enter(set, peer, address))
		return false;
	if (atomic_fetch_add(&limits->open, 1) < limits->max_connections ||
	    make_room(set, yield_first(&set->yielders, steady_ms())))
		return true;
	atomic_fetch_sub(&limits->open, 1);
	if (!is_proxied)
		peers_leave(limits->peers, peer);
	return false;
}

static bool init(struct conn *c, int fd, struct tls *tls)
{
	struct conns *set = c->set;
	SSL *ssl = tls ? tls_accept(tls, &c->tls) : NULL;

	if ((tls && !ssl) || !stream_init(&c->stream, set->streams, fd, ssl)) {
		SSL_free(ssl);
		return false;
	}
	c->has_tls = ssl != NULL;
	parser_init(&c->parser, on_body, c);
	forget_rest(c);
	event_assign(&c->readable, set->base, fd, EV_READ | EV_PERSIST,
		     on_readable, c);
	event_assign(&c->writable, set->base, fd, EV_WRITE, on_writable, c);
	event_assign(&c->timer, set->base, -1, 0, on_timer, c);
	return true;
}

static void shed(struct conns *set, int fd)
{
	tally_add(set->tally, TALLY_SHED);
	close(fd);
}

void conn_accept(struct conns *set, int fd, const struct sockaddr *address,
		 struct tls *tls)
{
	bool is_proxied = proxies_have(set->limits->proxies, address);
	struct conn *c;

	if (!count(set, address, is_proxied)) {
		shed(set, fd);
		return;
	}
	c = xcalloc(1, sizeof(*c));
	c->set = set;
	c->yielder.who = c;
	c->yielder.peer = peer_of(address);
	c->is_proxied = is_proxied;
	c->is_counted = !is_proxied;
	if (!init(c, fd, tls)) {
		uncount(c);
		free(c);
		shed(set, fd);
		return;
	}
	LIST_INSERT_HEAD(&set->list, c, in_set);
	yields_from_now(c);
	set->count++;
	c->ends_ms = steady_ms() + set->limits->deadline_ms;
	start_timer(c, set->limits->deadline_ms);
	on_readable(fd, EV_READ, c); /* mostly it has begun to speak */
}

/* ---- from outside ---- */

struct peer conn_peer(const struct conn *c)
{
	return c->yielder.peer;
}

void conn_on_gone(struct conn *c, void (*gone)(void *arg), void *arg)
{
	c->gone = gone;
	c->gone_arg = arg;
}

void conns_drain(struct conns *set)
{
	set->is_draining = true;
}

static bool is_idle(const struct conn *c)
{
	return c->fate == FATE_OPEN && c->has_answered &&
	       !c->parser.has_begun && !c->rest.len &&
	       !stream_unsent(&c->stream);
}

size_t conns_end_idle(struct conns *set)
{
	struct conn *c, *next;

	for (c = LIST_FIRST(&set->list); c; c = next) {
		next = LIST_NEXT(c, in_set);
		if (!is_idle(c))
			continue;
		say_goodbye(c, FATE_LAST);
		settle(c);
	}
	return set->count;
}

void conns_free(struct conns *set)
{
	struct conn *c, *next;

	if (!set)
		return;
	for (c = LIST_FIRST(&set->list); c; c = next) {
		next = LIST_NEXT(c, in_set);
		forget(c);
	}
	streams_free(set->streams);
	buf_release(&set->text);
	free(set);
}
