#include "daemon/admin.h"

#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "daemon/api.h"
#include "daemon/conn_limit.h"
#include "daemon/peer.h"
#include "daemon/routes.h"
#include "daemon/unix_listen.h"
#include "httpd/accept_pause.h"

#define IDLE_SECONDS 30
#define DISK_SECONDS 1 /* a request waits no longer for one that is slow */
#define HEADERS_MAX  16384
#define PIECE_SECONDS 600 /* of an answer: until its peer takes some of it */
#define PIECE_WRITE   (256 * 1024)
#define SEND_PARTS   16 /* pieces of memory of an answer, at most */

/* evhttp's own limit, over ours so that ours can answer in JSON. */
#define TRANSPORT_BODY_MAX (2 * API_BODY_MAX)

/* Who may only look or bring reports is not to fill the memory. */
#define READ_BODY_MAX  4096
#define SUBMITTERS_MAX 12
#define SCRAPERS_MAX   32

static const struct {
	const char *file, *group; /* NULL: by TCP */
	size_t connections;  /* at once, at most; 0: CONN_LIMIT */
	ev_ssize_t body_max; /* what libevent may buffer for each of them */
} doors[] = {
	[DOOR_ADMIN] = { "admin.sock", "mtasts-admin", 0, TRANSPORT_BODY_MAX },
	[DOOR_READ] = { "read.sock", "mtasts-read", 0, READ_BODY_MAX },
	[DOOR_SUBMIT] = { "submit.sock", "mtasts-submit", SUBMITTERS_MAX,
			  API_BODY_MAX + API_BODY_MAX / 4 },
	[DOOR_METRICS] = { NULL, NULL, SCRAPERS_MAX, READ_BODY_MAX },
};

static const struct {
	enum evhttp_cmd_type type;
	const char *name;
} methods[] = {
	{ EVHTTP_REQ_GET, "GET" },	 { EVHTTP_REQ_POST, "POST" },
	{ EVHTTP_REQ_PUT, "PUT" },	 { EVHTTP_REQ_PATCH, "PATCH" },
	{ EVHTTP_REQ_DELETE, "DELETE" }, { EVHTTP_REQ_HEAD, "HEAD" },
};

/* A connection whose descriptor is not known yet. Holds a reference. */
struct newcomer {
	struct newcomer *next;
	struct bufferevent *bev;
};

/*
 * A request that waits for the engine's tick to be durable: whoever is told
 * that a domain is live finds its certificate served. libevent keeps it when
 * its peer goes away, until it is answered.
 */
struct waiting {
	struct waiting *next;
	struct entrance *in;
	struct evhttp_request *req;
};

/* One whose handler answers by itself, later. libevent keeps it as well. */
struct api_later {
	struct admin *admin;
	struct evhttp_request *req;
	api_more *more; /* in pieces: is told when there is room */
	void *arg;
};

struct entrance {
	struct admin *admin;
	enum door door;
	struct evhttp *http;
	char *path;		/* of the socket; NULL while there is none */
	struct conn_limit limit;
	struct event *admit;	/* runs when newcomers wait */
	struct newcomer *newcomers;
};

struct admin {
	struct admin_parts parts;
	struct entrance entrance[ARRAY_LEN(doors)];
	struct waiting *waiting, **waiting_tail; /* in the order they came */
	struct event *patience; /* how long they wait at most */
	struct metrics_port *metrics_port;
	size_t deferred;	/* requests whose handlers will answer */
	bool is_ending;		/* the loop sends nothing any more */
};

static const char *method_name(struct evhttp_request *req)
{
	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		if (methods[i].type == evhttp_request_get_command(req))
			return methods[i].name;
	return "?";
}

static int peer_fd(struct evhttp_request *req)
{
	struct evhttp_connection *conn = evhttp_request_get_connection(req);

	return bufferevent_getfd(evhttp_connection_get_bufferevent(conn));
}

/* Its body, or NULL. */
static struct evbuffer *body_of(const struct api_reply *reply)
{
	struct evbuffer *body = evbuffer_new();
	char *text = NULL;

	if (body && reply->text) {
		evbuffer_add(body, reply->text, strlen(reply->text));
		return body;
	}
	if (body)
		text = json_dumps(reply->body, JSON_COMPACT);
	if (text) {
		evbuffer_add_printf(body, "%s\n", text);
		free(text);
		return body;
	}
	if (body)
		evbuffer_free(body);
	return NULL;
}

/* libevent would send the body, and not how long it is. */
static void send_head(struct evhttp_request *req, int status, size_t len)
{
	char number[24];

	snprintf(number, sizeof(number), "%zu", len);
	evhttp_add_header(evhttp_request_get_output_headers(req),
			  "Content-Length", number);
	evhttp_send_reply(req, status, NULL, NULL);
}

static void send_reply(struct evhttp_request *req,
		       const struct api_reply *reply)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(req);
	struct evbuffer *body = body_of(reply);

	if (!body) {
		evhttp_send_error(req, 500, NULL);
		return;
	}
	evhttp_add_header(headers, "Content-Type",
			  reply->text ? reply->text_type : "application/json");
	if (reply->allow[0])
		evhttp_add_header(headers, "Allow", reply->allow);
	if (evhttp_request_get_command(req) == EVHTTP_REQ_HEAD)
		send_head(req, reply->status, evbuffer_get_length(body));
	else
		evhttp_send_reply(req, reply->status, NULL, body);
	evbuffer_free(body);
}

static void release_reply(struct api_reply *reply)
{
	json_decref(reply->body);
	free(reply->text);
}

/*
 * What the loop would send in its next turn, when there is none any more. A
 * socket of this machine takes an answer at once, or its peer does not read.
 */
static void send_now(struct evhttp_connection *conn)
{
	struct bufferevent *bev = evhttp_connection_get_bufferevent(conn);
	struct evbuffer_iovec part[SEND_PARTS];
	int n = evbuffer_peek(bufferevent_get_output(bev), -1, NULL, part,
			      SEND_PARTS);
	ssize_t sent;

	if (n <= 0)
		return;
	do
		sent = writev(bufferevent_getfd(bev), part,
			      n < SEND_PARTS ? n : SEND_PARTS);
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		log_info("admin: an answer at the end is lost: %s",
			 strerror(errno));
}

/* A box without its database has no engine. */
static time_t now_of(const struct admin_parts *parts)
{
	return parts->engine ? engine_clock(parts->engine) : time(NULL);
}

struct question {
	struct entrance *in;
	struct evhttp_request *req;
};

static struct api_later *defer(void *arg)
{
	const struct question *q = arg;
	struct api_later *later = xmalloc(sizeof(*later));

	*later = (struct api_later){ .admin = q->in->admin, .req = q->req };
	later->admin->deferred++;
	return later;
}

/* libevent frees what is sent to a peer that has left. */
static void answer_later(struct api_later *later, struct api_reply *reply)
{
	struct evhttp_connection *conn = evhttp_request_get_connection(
		later->req);

	later->admin->deferred--;
	send_reply(later->req, reply);
	if (later->admin->is_ending && conn)
		send_now(conn);
	release_reply(reply);
	free(later);
}

void api_later_text(struct api_later *later, const char *type, char *text)
{
	struct api_reply reply = { .status = 200,
				   .text = text,
				   .text_type = type };

	answer_later(later, &reply);
}

void api_later_answer(struct api_later *later, json_t *answer)
{
	struct api_reply reply = { .status = 200, .body = answer };

	answer_later(later, &reply);
}

void api_later_fail(struct api_later *later, int status, const struct err *err)
{
	struct api_reply reply = { .status = status,
				   .body = api_routes_error(err) };

	answer_later(later, &reply);
}

/* ---- answers in pieces ---- */

static void taken(struct evhttp_connection *conn, void *arg)
{
	struct api_later *later = arg;

	(void)conn;
	later->more(true, later->arg);
}

static void left(struct evhttp_connection *conn, void *arg)
{
	struct api_later *later = arg;

	(void)conn;
	later->more(false, later->arg);
}

/*
 * A person may have to be asked for a passphrase at the other end. And libevent
 * writes 16 KB in a turn of the loop unless it is told otherwise: on a busy box a
 * turn takes long, and a socket of this machine takes more at once.
 */
static void be_patient(struct evhttp_connection *conn)
{
	static const struct timeval most = { .tv_sec = PIECE_SECONDS };
	struct bufferevent *bev = evhttp_connection_get_bufferevent(conn);

	bufferevent_set_timeouts(bev, NULL, &most);
	bufferevent_set_max_single_write(bev, PIECE_WRITE);
}

bool api_later_begin(struct api_later *later, const char *type, int64_t length,
		     api_more *more, void *arg)
{
	struct evhttp_connection *conn = evhttp_request_get_connection(
		later->req);
	struct evkeyvalq *headers = evhttp_request_get_output_headers(
		later->req);
	char number[24];

	if (!conn)
		return false;
	later->more = more;
	later->arg = arg;
	snprintf(number, sizeof(number), "%lld", (long long)length);
	evhttp_add_header(headers, "Content-Type", type);
	evhttp_add_header(headers, "Content-Length", number);
	evhttp_add_header(headers, "Connection", "close");
	evhttp_connection_set_closecb(conn, left, later);
	be_patient(conn);
	evhttp_send_reply_start(later->req, HTTP_OK, NULL);
	return true;
}

void api_later_piece(struct api_later *later, const void *data, size_t len)
{
	struct evbuffer *piece = evbuffer_new();

	if (!piece)
		abort(); /* out of memory */
	evbuffer_add(piece, data, len);
	evhttp_send_reply_chunk_with_cb(later->req, piece, taken, later);
	evbuffer_free(piece);
}

/* libevent frees what is sent to a peer that has left. */
void api_later_end(struct api_later *later)
{
	struct evhttp_connection *conn = evhttp_request_get_connection(
		later->req);

	later->admin->deferred--;
	if (conn)
		evhttp_connection_set_closecb(conn, NULL, NULL);
	evhttp_send_reply_end(later->req);
	free(later);
}

static void answer(struct entrance *in, struct evhttp_request *req,
		   struct api_reply *reply)
{
	struct question question = { in, req };
	struct evkeyvalq *headers = evhttp_request_get_input_headers(req);
	struct evbuffer *body = evhttp_request_get_input_buffer(req);
	size_t len = evbuffer_get_length(body);
	const unsigned char *text = evbuffer_pullup(body, -1);
	char actor[PEER_TEXT];
	struct api_request request = {
		.door = in->door,
		.method = method_name(req),
		.target = evhttp_request_get_uri(req),
		.body = text ? (const char *)text : "",
		.body_len = len,
		.actor = peer_describe(
			peer_fd(req),
			evhttp_find_header(headers, "X-Sudo-User"), actor),
		.is_root = in->door == DOOR_SUBMIT &&
			   peer_is_root(peer_fd(req)),
		.now = now_of(&in->admin->parts),
		.defer = defer,
		.defer_arg = &question,
	};

	api_routes_answer(&in->admin->parts, &request, reply);
	if (reply->status == 500)
		log_error("admin: %s %s: answered 500", request.method,
			  request.target);
}

static void answer_now(struct entrance *in, struct evhttp_request *req)
{
	struct api_reply reply;

	answer(in, req, &reply);
	if (reply.is_later)
		return;
	send_reply(req, &reply);
	release_reply(&reply);
}

/* libevent frees what is sent to a peer that has left. */
static void end_waiting(struct admin *a, bool is_answered)
{
	struct waiting *next, *w = a->waiting;

	a->waiting = NULL;
	a->waiting_tail = &a->waiting;
	event_del(a->patience);
	for (; w; w = next) {
		struct evhttp_connection *conn = evhttp_request_get_connection(
			w->req);

		next = w->next;
		if (is_answered && conn)
			answer_now(w->in, w->req);
		else
			evhttp_send_error(w->req, HTTP_SERVUNAVAIL, NULL);
		if (a->is_ending && conn)
			send_now(conn);
		free(w);
	}
}

static void settled(void *arg)
{
	end_waiting(arg, true);
}

static void out_of_patience(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	end_waiting(arg, true);
}

static bool must_wait(struct admin *a)
{
	const struct timeval most = { .tv_sec = DISK_SECONDS };

	if (a->waiting)
		return true;
	if (!a->parts.engine ||
	    !engine_when_settled(a->parts.engine, settled, a))
		return false;
	event_add(a->patience, &most);
	return true;
}

static void wait_for_disk(struct entrance *in, struct evhttp_request *req)
{
	struct waiting *w = xmalloc(sizeof(*w));

	*w = (struct waiting){ .in = in, .req = req };
	*in->admin->waiting_tail = w;
	in->admin->waiting_tail = &w->next;
}

static bool waits_for_disk(struct entrance *in, const char *target)
{
	return in->door != DOOR_SUBMIT && !api_routes_is_plain(target) &&
	       must_wait(in->admin);
}

static void on_request(struct evhttp_request *req, void *arg)
{
	struct entrance *in = arg;
	const char *target = evhttp_request_get_uri(req);

	if (!target)
		evhttp_send_error(req, HTTP_BADREQUEST, NULL);
	else if (waits_for_disk(in, target))
		wait_for_disk(in, req);
	else
		answer_now(in, req);
}

/* A connection over the limit is cut; evhttp sees its end and frees it. */
static void admit(evutil_socket_t fd, short what, void *arg)
{
	struct entrance *in = arg;
	struct newcomer *n;

	(void)fd;
	(void)what;
	while ((n = in->newcomers) != NULL) {
		int conn = bufferevent_getfd(n->bev);

		in->newcomers = n->next;
		if (conn >= 0 && !conn_limit_admit(&in->limit, conn))
			shutdown(conn, SHUT_RDWR);
		bufferevent_decref(n->bev);
		free(n);
	}
}

/* evhttp sets the descriptor after this: it is looked at a moment later. */
static struct bufferevent *on_accept(struct event_base *base, void *arg)
{
	struct bufferevent *bev =
		bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	struct entrance *in = arg;
	struct newcomer *n;

	if (!bev)
		return NULL;
	n = xmalloc(sizeof(*n));
	bufferevent_incref(bev);
	*n = (struct newcomer){ .next = in->newcomers, .bev = bev };
	in->newcomers = n;
	event_active(in->admit, EV_TIMEOUT, 0);
	return bev;
}

static bool make_http(struct entrance *in, struct err *err)
{
	struct event_base *base = loop_base(in->admin->parts.loop);
	unsigned allowed = 0;

	in->http = evhttp_new(base);
	in->admit = event_new(base, -1, 0, admit, in);
	if (!in->http || !in->admit)
		return err_set(err, ERR_INTERNAL, "libevent gave no server");
	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		allowed |= methods[i].type;
	evhttp_set_allowed_methods(in->http, (ev_uint16_t)allowed);
	evhttp_set_max_body_size(in->http, doors[in->door].body_max);
	in->limit.most = doors[in->door].connections;
	evhttp_set_max_headers_size(in->http, HEADERS_MAX);
	evhttp_set_timeout(in->http, IDLE_SECONDS);
	evhttp_set_bevcb(in->http, on_accept, in);
	evhttp_set_gencb(in->http, on_request, in);
	return true;
}

/* Takes the socket, whatever comes of it. */
static bool listen_on(struct entrance *in, int fd, struct err *err)
{
	struct evhttp_bound_socket *bound = evhttp_accept_socket_with_handle(
		in->http, fd);

	if (bound) {
		accept_pause_on_error(evhttp_bound_socket_get_listener(bound));
		return true;
	}
	close(fd);
	return err_set(err, ERR_INTERNAL, "libevent does not take a socket");
}

static bool open_entrance(struct entrance *in, const char *run_dir,
			  struct err *err)
{
	char *path = xasprintf("%s/%s", run_dir, doors[in->door].file);
	int fd = -1;

	if (make_http(in, err))
		fd = unix_listen(path, 0660, doors[in->door].group, err);
	if (fd < 0) {
		free(path);
		return false;
	}
	in->path = path;
	return listen_on(in, fd, err);
}

static bool take_metrics(int fd, void *arg, struct err *err)
{
	return listen_on(arg, fd, err);
}

static bool open_metrics(struct admin *a, struct err *err)
{
	struct entrance *in = &a->entrance[DOOR_METRICS];

	if (!make_http(in, err))
		return false;
	a->metrics_port = metrics_port_new(a->parts.loop, take_metrics, in,
					   err);
	if (!a->metrics_port)
		return false;
	a->parts.metrics_port = a->metrics_port;
	metrics_port_use(a->metrics_port, a->parts.config->metrics_listen);
	return true;
}

static bool make_run_dir(const char *dir, struct err *err)
{
	if (mkdir(dir, 0755) == 0 || errno == EEXIST)
		return true;
	err_sys(err, "create the run folder %s", dir);
	return err_hint(err, "make it, or set run_dir to a folder that the "
			     "daemon's user may write");
}

struct admin *admin_start(const struct admin_parts *parts, struct err *err)
{
	struct admin *a = xcalloc(1, sizeof(*a));

	a->parts = *parts;
	a->waiting_tail = &a->waiting;
	a->patience = evtimer_new(loop_base(parts->loop), out_of_patience, a);
	if (!a->patience) {
		err_set(err, ERR_INTERNAL, "libevent gave no timer");
		goto failed;
	}
	if (!make_run_dir(parts->config->run_dir, err))
		goto failed;
	for (size_t i = 0; i < ARRAY_LEN(a->entrance); i++) {
		a->entrance[i].admin = a;
		a->entrance[i].door = (enum door)i;
		if (doors[i].file &&
		    !open_entrance(&a->entrance[i], parts->config->run_dir,
				   err))
			goto failed;
	}
	if (!open_metrics(a, err))
		goto failed;
	return a;

failed:
	admin_stop(a);
	return NULL;
}

static void close_entrance(struct entrance *in)
{
	if (in->path)
		unlink(in->path);
	if (in->http)
		evhttp_free(in->http);
	admit(-1, 0, in);
	if (in->admit)
		event_free(in->admit);
	free(in->path);
}

void admin_end(struct admin *a)
{
	if (a)
		a->is_ending = true;
}

void admin_stop(struct admin *a)
{
	if (!a)
		return;
	admin_end(a);
	metrics_port_free(a->metrics_port);
	assert(!a->deferred);
	if (a->parts.engine)
		engine_when_settled(a->parts.engine, NULL, NULL);
	if (a->patience)
		end_waiting(a, false);
	for (size_t i = 0; i < ARRAY_LEN(a->entrance); i++)
		close_entrance(&a->entrance[i]);
	if (a->patience)
		event_free(a->patience);
	free(a);
}

void admin_update(struct admin *a, const struct admin_parts *parts)
{
	a->parts = *parts;
	a->parts.metrics_port = a->metrics_port;
}

bool admin_use_metrics(struct admin *a, const char *address)
{
	return metrics_port_use(a->metrics_port, address);
}
