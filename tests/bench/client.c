#include "tests/bench/client.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SECOND_NS   1000000000LL
#define HOLD_NS	    (60 * SECOND_NS) /* who holds on is in no hurry to */
#define HANDSHAKE   22		     /* TLS: a record's first byte */

const char *const failure_names[FAILURES] = {
	[FAILED_REFUSED] = "refused",
	[FAILED_HANDSHAKE] = "handshake",
	[FAILED_CERTIFICATE] = "certificate",
	[FAILED_STATUS] = "status",
	[FAILED_BODY] = "body",
	[FAILED_CUT] = "cut",
	[FAILED_LATE] = "late",
};

static const char *name_of(const struct client *c)
{
	return c->errand->names->name[c->number];
}

void client_break_off(struct client *c)
{
	SSL_free(c->ssl);
	c->ssl = NULL;
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

/* A server may have said anything. */
static void make_printable(char *s)
{
	for (; *s; s++)
		if (*s < ' ' || *s > '~')
			*s = ' ';
}

static bool fail(struct client *c, enum failure what, const char *text)
{
	unsigned long tls = ERR_peek_error();
	struct results *r = c->results;

	if (!*r->why) {
		snprintf(r->why, sizeof(r->why), "%s: %s: %s", name_of(c),
			 failure_names[what],
			 tls ? ERR_reason_error_string(tls) : text);
		make_printable(r->why);
	}
	ERR_clear_error();
	r->failed[what]++;
	client_break_off(c);
	return false;
}

/* Who is slow or idle, or means no good, expects nothing else. */
static bool end_or_fail(struct client *c, const char *text)
{
	if (c->errand->manner == MANNER_PROMPT)
		return fail(c, FAILED_CUT, text);
	ERR_clear_error();
	c->results->ended++;
	client_break_off(c);
	return false;
}

/* ---- bytes in and out, with TLS or without ---- */

enum io { IO_DONE, IO_AGAIN, IO_END, IO_CUT };

static enum io tls_io(struct client *c, int n)
{
	switch (n > 0 ? SSL_ERROR_NONE : SSL_get_error(c->ssl, n)) {
	case SSL_ERROR_NONE:
		return IO_DONE;
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return IO_AGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return IO_END;
	default:
		return IO_CUT;
	}
}

static enum io plain_io(ssize_t n)
{
	if (n < 0)
		return errno == EAGAIN ? IO_AGAIN : IO_CUT;
	return n ? IO_DONE : IO_END;
}

static enum io take(struct client *c, char *to, size_t room, size_t *got)
{
	ssize_t n = c->ssl ? SSL_read(c->ssl, to, (int)room)
			   : read(c->fd, to, room);

	*got = n > 0 ? (size_t)n : 0;
	return c->ssl ? tls_io(c, (int)n) : plain_io(n);
}

static enum io give(struct client *c, const char *from, size_t len)
{
	ssize_t n = c->ssl ? SSL_write(c->ssl, from, (int)len)
			   : send(c->fd, from, len, MSG_NOSIGNAL);

	c->sent += n > 0 ? (size_t)n : 0;
	return c->ssl ? tls_io(c, (int)n) : plain_io(n);
}

/* ---- its stages: true, and there is more to do at once ---- */

static void prepare(struct client *c)
{
	const struct errand *e = c->errand;

	c->asked++;
	c->sent = 0;
	snprintf(c->request, sizeof(c->request),
		 "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", e->path, name_of(c),
		 c->asked == e->requests ? "Connection: close\r\n" : "");
	reply_clear(&c->reply);
	c->stage = ASKING;
}

static bool connected(struct client *c)
{
	int why = 0;
	socklen_t len = sizeof(why);

	getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &why, &len);
	if (why)
		return fail(c, FAILED_REFUSED, strerror(why));
	c->stage = c->errand->manner < MANNER_FLOOD ? SHAKING : GREETING;
	return true;
}

static bool shaken(struct client *c)
{
	switch (c->ssl ? tls_io(c, SSL_do_handshake(c->ssl)) : IO_DONE) {
	case IO_DONE:
		break;
	case IO_AGAIN:
		return false;
	case IO_END:
	case IO_CUT:
		return fail(c,
			    trust_was_refused(c->ssl) ? FAILED_CERTIFICATE
						      : FAILED_HANDSHAKE,
			    "the connection was cut");
	}
	c->results->resumed += c->ssl && SSL_session_reused(c->ssl);
	prepare(c);
	if (c->errand->manner == MANNER_IDLE)
		c->stage = READING;
	return true;
}

static bool answered(struct client *c)
{
	const struct linger at_once = { .l_onoff = 1 };

	c->results->hellos++;
	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	client_break_off(c);
	return false;
}

/*
 * All of a hello; or how one of 508 bytes begins, which never ends. Who was kept
 * from looking may find the answer there at once, and have shaken hands.
 */
static bool greeted(struct client *c)
{
	static const char beginning[] = { HANDSHAKE, 3, 1,	2, 0, 1,
					  0,	     1, '\xfc', 3, 3 };
	enum io io = c->ssl ? tls_io(c, SSL_do_handshake(c->ssl))
			    : give(c, beginning, sizeof(beginning));

	if (io == IO_END || io == IO_CUT)
		return end_or_fail(c, "no hello could be sent");
	c->stage = WAITING;
	return c->ssl && io == IO_DONE ? answered(c) : true;
}

/* Only with its answer a hello has cost the server what it costs. */
static bool waited(struct client *c)
{
	char byte = 0;
	ssize_t n = recv(c->fd, &byte, 1, MSG_PEEK);

	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0 || byte != HANDSHAKE)
		return end_or_fail(c, "no answer to a hello");
	return answered(c);
}

/* How much of the request may be on its way by now. */
static size_t allowed(const struct client *c)
{
	size_t len = strlen(c->request), seconds;

	if (c->errand->manner != MANNER_SLOW)
		return len;
	seconds = (size_t)((times_now_ns() - c->began_ns) / SECOND_NS);
	return seconds < len ? seconds : len;
}

/* Until all of it is on its way nobody has anything to say to us. */
static bool look_for_end(struct client *c)
{
	char byte;
	size_t got;

	if (take(c, &byte, 1, &got) != IO_AGAIN)
		end_or_fail(c, "ended before the request was whole");
	return false;
}

static bool asked(struct client *c)
{
	size_t len = allowed(c);
	enum io io = IO_DONE;

	if (c->sent < len)
		io = give(c, c->request + c->sent, len - c->sent);
	if (io == IO_END || io == IO_CUT)
		return end_or_fail(c, "the request could not be sent");
	if (c->request[c->sent])
		return look_for_end(c);
	c->stage = READING;
	return true;
}

static bool is_out_of_patience(const struct client *c, int64_t now_ns)
{
	return now_ns - c->began_ns > c->errand->patience_ns;
}

static bool judge(struct client *c)
{
	const struct errand *e = c->errand;
	int64_t now = times_now_ns();

	if (is_out_of_patience(c, now))
		return fail(c, FAILED_LATE, "answered when nobody waited");
	if (c->reply.status != e->status)
		return fail(c, FAILED_STATUS, c->reply.data);
	if (e->body && !reply_says(&c->reply, e->body, name_of(c)))
		return fail(c, FAILED_BODY, c->reply.body);
	c->results->fetches++;
	times_add(&c->results->times, now - c->due_ns);
	if (c->asked == e->requests) {
		c->stage = LEAVING;
	} else {
		c->due_ns = now;
		prepare(c);
	}
	return true;
}

static bool heard(struct client *c)
{
	size_t room, got;
	char *to = reply_room(&c->reply, &room);

	if (!room)
		return fail(c, FAILED_BODY, "an endless answer");
	switch (take(c, to, room, &got)) {
	case IO_AGAIN:
		return false;
	case IO_END:
	case IO_CUT:
		return end_or_fail(c, "no whole answer");
	case IO_DONE:
		break;
	}
	switch (reply_add(&c->reply, got)) {
	case REPLY_PART:
		return true;
	case REPLY_WHOLE:
		return judge(c);
	case REPLY_BROKEN:
		break;
	}
	return fail(c, FAILED_BODY, "not the HTTP that is spoken here");
}

/* The server was asked to close, and does so first. */
static bool left(struct client *c)
{
	char more;
	size_t got;

	switch (take(c, &more, 1, &got)) {
	case IO_AGAIN:
		return false;
	case IO_DONE:
		return fail(c, FAILED_BODY, "more than the answer");
	case IO_CUT:
		c->results->rude++;
		ERR_clear_error();
		break;
	case IO_END:
		if (c->ssl)
			SSL_shutdown(c->ssl);
		break;
	}
	client_break_off(c);
	return false;
}

bool client_go_on(struct client *c)
{
	static bool (*const stages[])(struct client * c) = {
		[CONNECTING] = connected, [SHAKING] = shaken,
		[ASKING] = asked,	  [READING] = heard,
		[LEAVING] = left,	  [GREETING] = greeted,
		[WAITING] = waited,
	};

	while (c->fd >= 0 && stages[c->stage](c))
		continue;
	return c->fd >= 0;
}

bool client_tick(struct client *c, int64_t now_ns)
{
	bool is_prompt = c->errand->manner == MANNER_PROMPT;

	if (c->stage == ASKING && !is_prompt)
		return client_go_on(c);
	if (is_prompt ? is_out_of_patience(c, now_ns)
		      : c->stage < ASKING && now_ns - c->began_ns > HOLD_NS)
		return fail(c, FAILED_LATE, "nothing came of it in time");
	return true;
}

/* ---- the beginning ---- */

static bool choose_source(struct client *c)
{
	static unsigned turn;
	struct sockaddr_in from = { .sin_family = AF_INET };
	const int yes = 1;

	if (!c->errand->sources)
		return true;
	from.sin_addr.s_addr = htonl(c->errand->first_source +
				     turn++ % c->errand->sources);
	setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes,
		   sizeof(yes));
	return bind(c->fd, (struct sockaddr *)&from, sizeof(from)) == 0;
}

/* With TCP_NODELAY, as HTTP clients: else the request waits for an ACK. */
static bool dial(struct client *c)
{
	const int yes = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	return c->fd >= 0 && choose_source(c) &&
	       (connect(c->fd, (const struct sockaddr *)&c->errand->to,
			sizeof(c->errand->to)) == 0 ||
		errno == EINPROGRESS);
}

bool client_begin(struct client *c, const struct errand *errand,
		  struct results *results, size_t number, int64_t due_ns)
{
	c->errand = errand;
	c->results = results;
	c->number = number;
	c->ssl = NULL;
	c->stage = CONNECTING;
	c->began_ns = times_now_ns();
	c->due_ns = due_ns;
	c->asked = 0;
	results->connections++;
	if (!dial(c))
		return fail(c, FAILED_REFUSED, strerror(errno));
	if (errand->trust && errand->manner != MANNER_HALF) {
		c->ssl = trust_connect(errand->trust, number, name_of(c), c);
		SSL_set_fd(c->ssl, c->fd);
	}
	return true;
}
