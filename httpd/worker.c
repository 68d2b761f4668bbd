#include "httpd/worker.h"

#include <event2/buffer.h>
#include <event2/listener.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "httpd/routes.h"
#include "store/serve.h"

#define HEADERS_MAX	8192
#define BODY_MAX	4096	/* nothing that we answer needs one */
#define ACCEPT_PAUSE_MS 100	/* when descriptors have run out */
#define WANTED_PER_SECOND 20

struct worker {
	struct worker_shared *shared;
	struct loop *loop;
	struct serve *serve;
	struct cert_cache *cache;
	struct tls_hooks hooks;
	struct conn_home home;
	struct evhttp *https, *http;
	struct evhttp_bound_socket *bound[2 * HTTPD_LISTENERS_MAX];
	size_t bound_count;
	struct event *resume;		/* accepts again after a pause */
	struct event *grace;
	unsigned grace_ms;
	time_t wanted_second;
	unsigned wanted_count;
	bool is_stopping;
	pthread_t thread;
};

/* ---- certificates ---- */

/* Strangers send names: what they can make us do is bounded by the second. */
static void want(struct worker *w, const char *host)
{
	const struct httpd_options *o = w->shared->options;
	time_t now = time(NULL);

	if (now != w->wanted_second)
		w->wanted_count = 0;
	w->wanted_second = now;
	if (o->wanted && ++w->wanted_count <= WANTED_PER_SECOND)
		o->wanted(host, o->arg);
}

static enum serve_found find_cert(void *arg, const char *host,
				  struct cert_entry *out)
{
	struct worker *w = arg;
	struct err err = ERR_INIT;
	enum serve_found found = cert_cache_get(w->cache, host, out, &err);

	if (err.kind != ERR_NONE)
		log_error("%s: %s", host, err.text);
	if (found == SERVE_NO_CERT)
		want(w, host);
	return found;
}

/* ---- answering ---- */

static enum route_method method_of(struct evhttp_request *req)
{
	switch (evhttp_request_get_command(req)) {
	case EVHTTP_REQ_GET:
		return ROUTE_GET;
	case EVHTTP_REQ_HEAD:
		return ROUTE_HEAD;
	default:
		return ROUTE_OTHER;
	}
}

static void count(struct worker *w, const struct route_answer *a)
{
	if (a->kind == ROUTE_POLICY)
		atomic_fetch_add(&w->shared->policies, 1);
	else if (a->kind == ROUTE_CHALLENGE)
		atomic_fetch_add(&w->shared->challenges, 1);
}

/* evhttp knows no HEAD: the length is given, the body left out. */
static void send_answer(struct evhttp_request *req,
			const struct route_answer *a, bool and_close)
{
	struct evkeyvalq *out = evhttp_request_get_output_headers(req);
	struct evbuffer *body = evbuffer_new();
	char length[24];

	snprintf(length, sizeof(length), "%zu", a->len);
	evhttp_add_header(out, "Content-Type", a->type);
	evhttp_add_header(out, "Content-Length", length);
	if (a->allow)
		evhttp_add_header(out, "Allow", a->allow);
	if (a->location)
		evhttp_add_header(out, "Location", a->location);
	if (and_close)
		evhttp_add_header(out, "Connection", "close");
	if (body && evhttp_request_get_command(req) != EVHTTP_REQ_HEAD)
		evbuffer_add(body, a->body, a->len);
	evhttp_send_reply(req, a->status, a->reason, body);
	if (body)
		evbuffer_free(body);
}

static struct route_request read_request(struct worker *w,
					 struct evhttp_request *req)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
	const char *path = uri ? evhttp_uri_get_path(uri) : NULL;

	return (struct route_request){
		.method = method_of(req),
		.path = path ? path : "",
		.host = evhttp_find_header(evhttp_request_get_input_headers(req),
					   "Host"),
		.https_port = w->shared->options->https_port,
		.serve = w->serve,
	};
}

static void on_https(struct evhttp_request *req, void *arg)
{
	struct evhttp_connection *evcon = evhttp_request_get_connection(req);
	struct worker *w = arg;
	struct route_request r = read_request(w, req);
	struct route_answer a;

	r.sni = conn_sni(evcon);
	route_https(&r, &a);
	count(w, &a);
	conn_answered(evcon);
	send_answer(req, &a, w->is_stopping || r.method == ROUTE_OTHER);
	route_answer_release(&a);
}

/* A CA comes for one answer: port 80 keeps nobody. */
static void on_http(struct evhttp_request *req, void *arg)
{
	struct worker *w = arg;
	struct route_request r = read_request(w, req);
	struct route_answer a;

	route_http(&r, &a);
	count(w, &a);
	send_answer(req, &a, true);
	route_answer_release(&a);
}

/* ---- listening ---- */

static void set_accepting(struct worker *w, bool on)
{
	for (size_t i = 0; i < w->bound_count; i++) {
		struct evconnlistener *l =
			evhttp_bound_socket_get_listener(w->bound[i]);

		if (on)
			evconnlistener_enable(l);
		else
			evconnlistener_disable(l);
	}
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	if (!w->is_stopping)
		set_accepting(w, true);
}

/* No descriptor is free: pause, or the loop would spin on the listener. */
static void on_accept_error(struct evconnlistener *listener, void *arg)
{
	static const struct timeval pause = { .tv_usec = ACCEPT_PAUSE_MS *
							  1000 };
	struct worker *w = arg;

	(void)listener;
	set_accepting(w, false);
	event_add(w->resume, &pause);
}

static bool listen_on(struct worker *w, struct evhttp *server, const int *fds,
		      size_t fd_count, struct err *err)
{
	for (size_t i = 0; i < fd_count; i++) {
		int fd = dup(fds[i]);
		struct evhttp_bound_socket *b =
			fd < 0 ? NULL
			       : evhttp_accept_socket_with_handle(server, fd);

		if (!b)
			return err_sys(err, "share a listening socket");
		evconnlistener_set_error_cb(evhttp_bound_socket_get_listener(b),
					    on_accept_error);
		w->bound[w->bound_count++] = b;
	}
	return true;
}

static struct evhttp *make_server(struct worker *w,
				  struct bufferevent *(*open)(
					  struct event_base *base, void *arg),
				  void (*answer)(struct evhttp_request *req,
						 void *arg))
{
	struct evhttp *server = evhttp_new(w->home.base);

	if (!server)
		return NULL;
	evhttp_set_allowed_methods(server,
		EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST |
		EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS |
		EVHTTP_REQ_TRACE | EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH);
	evhttp_set_max_headers_size(server, HEADERS_MAX);
	evhttp_set_max_body_size(server, BODY_MAX);
	evhttp_set_default_content_type(server, NULL);
	evhttp_set_bevcb(server, open, &w->home);
	evhttp_set_gencb(server, answer, w);
	return server;
}

/* ---- ending ---- */

static void on_grace_over(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	loop_stop(w->loop);
}

static void on_last_closed(void *arg)
{
	struct worker *w = arg;

	loop_stop(w->loop);
}

/*
 * What the kernel has accepted for us already is taken first: closing the
 * socket would reset it.
 */
static void drain(void *arg)
{
	struct worker *w = arg;
	struct timeval grace = { .tv_sec = w->grace_ms / 1000,
				 .tv_usec = w->grace_ms % 1000 * 1000 };

	set_accepting(w, false);
	w->home.last_closed = on_last_closed;
	w->home.arg = w;
	conn_end_idle(&w->home);
	event_add(w->grace, &grace);
	if (LIST_EMPTY(&w->home.list))
		loop_stop(w->loop);
}

static void begin_stop(void *arg)
{
	struct worker *w = arg;

	w->is_stopping = true;
	set_accepting(w, true);
	loop_defer(w->loop, drain, w);
}

void worker_stop(struct worker *w, unsigned grace_ms)
{
	w->grace_ms = grace_ms;
	loop_post(w->loop, begin_stop, w);
}

/* ---- life ---- */

static void worker_free(struct worker *w)
{
	if (!w)
		return;
	w->home.last_closed = NULL;
	if (w->https)
		evhttp_free(w->https);
	if (w->http)
		evhttp_free(w->http);
	if (w->resume)
		event_free(w->resume);
	if (w->grace)
		event_free(w->grace);
	SSL_CTX_free(w->home.ssl_ctx);
	cert_cache_free(w->cache);
	serve_close(w->serve);
	loop_free(w->loop);
	free(w);
}

static bool set_up(struct worker *w, struct err *err)
{
	const struct httpd_options *o = w->shared->options;

	w->loop = loop_new(err);
	w->serve = w->loop ? serve_open(o->state_dir, err) : NULL;
	if (!w->serve)
		return false;
	w->cache = cert_cache_new(w->serve, w->shared->cache_bytes);
	w->hooks = (struct tls_hooks){ find_cert, w };
	w->home.base = loop_base(w->loop);
	w->home.ssl_ctx = tls_context_new(&w->hooks, err);
	if (!w->home.ssl_ctx)
		return false;
	w->resume = evtimer_new(w->home.base, on_resume, w);
	w->grace = evtimer_new(w->home.base, on_grace_over, w);
	w->https = make_server(w, conn_open_https, on_https);
	w->http = make_server(w, conn_open_http, on_http);
	if (!w->resume || !w->grace || !w->https || !w->http)
		return err_set(err, ERR_INTERNAL, "libevent gave no server");
	return listen_on(w, w->https, o->https_fds, o->https_count, err) &&
	       listen_on(w, w->http, o->http_fds, o->http_count, err);
}

static void *run(void *arg)
{
	struct worker *w = arg;

	loop_run(w->loop);
	return NULL;
}

struct worker *worker_start(struct worker_shared *shared, struct err *err)
{
	const struct httpd_options *o = shared->options;
	struct worker *w = xcalloc(1, sizeof(*w));

	w->shared = shared;
	w->home.peers = shared->peers;
	w->home.counters = &shared->counters;
	w->home.max_connections = o->max_connections;
	w->home.deadline_ms = o->deadline_ms;
	LIST_INIT(&w->home.list);
	if (set_up(w, err)) {
		if (pthread_create(&w->thread, NULL, run, w) == 0)
			return w;
		err_set(err, ERR_INTERNAL, "a serving thread does not start");
	}
	worker_free(w);
	return NULL;
}

void worker_join(struct worker *w)
{
	pthread_join(w->thread, NULL);
	worker_free(w);
}
