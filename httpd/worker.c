#include "httpd/worker.h"

#include <event2/listener.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/mem.h"
#include "httpd/accept_pause.h"
#include "httpd/after.h"
#include "httpd/answer.h"
#include "httpd/fetches.h"
#include "httpd/left.h"
#include "httpd/posts.h"
#include "httpd/routes.h"

#define DRAIN_TICK_MS	 20
#define FULL_TICKS	 25
#define ACCEPTS_A_TURN	 64 /* of the loop: others have their turn, too */
#define TELL_FETCHES_MS	 (SERVED_TOLD * 200) /* and a turn of the loop */

struct entrance {
	struct worker *worker;
	enum door door;
	struct evconnlistener *listeners[HTTPD_LISTENERS_MAX];
	size_t count;
	struct timeval turn; /* of the loop */
	unsigned accepted;   /* in it */
	bool is_full;	   /* at the last look */
	struct event *again;
};

struct worker {
	struct loop *loop;
	struct serve *serve;
	struct site_cache *sites;
	struct tls *tls;
	struct conns *conns;
	struct tally tally;
	struct posts *posts;
	void (*reported)(struct httpd_report *report, void *arg);
	const atomic_bool *takes_reports;
	struct routes_site site;
	struct entrance https, http;
	struct event *drain_tick;
	struct fetches fetches;
	struct event *tell_fetches;
	struct event *beat;
	atomic_llong beat_ms; /* of its loop, last */
	void (*fetched)(const struct served_count *counts, size_t n,
			void *arg);
	void *arg;
	sem_t *deaf;
	bool is_deaf;
	bool has_told_deaf;
	bool is_draining;
	unsigned full_ticks;
	unsigned grace_ms;
	unsigned number;
	pthread_t thread;
	bool is_started;
};

/* ---- what was fetched ---- */

static void tell_fetches(struct worker *w)
{
	struct served_count counts[FETCHES_MAX];
	size_t n = fetches_take(&w->fetches, counts);

	if (n && w->fetched)
		w->fetched(counts, n, w->arg);
}

static void on_tell_fetches(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	tell_fetches(arg);
}

static void count_fetch(struct worker *w, int64_t policy_id)
{
	struct timeval delay = after_ms(TELL_FETCHES_MS);

	if (!fetches_add(&w->fetches, policy_id)) {
		tell_fetches(w);
		fetches_add(&w->fetches, policy_id);
	}
	if (!event_pending(w->tell_fetches, EV_TIMEOUT, NULL))
		event_add(w->tell_fetches, &delay);
}

/* ---- reports ---- */

/* What is known of the site just now. */
static void ask_routes(struct worker *w, const struct request *r,
		       struct answer *a)
{
	w->site.takes_reports = atomic_load(w->takes_reports);
	routes_answer(&w->site, r, a);
}

static void count_refusal(struct worker *w, const struct answer *a)
{
	tally_add(&w->tally, a->status == 413	? TALLY_REFUSED_LARGE
			     : a->status == 503 ? TALLY_REFUSED_BUSY
			     : a->status == 404 || a->status == 405
				     ? TALLY_REFUSED_PATH
				     : TALLY_REFUSED_TYPE);
}

static bool refuses(struct conn *c, const struct request *r, struct answer *a,
		    size_t *body_max, void *arg)
{
	struct worker *w = arg;

	(void)c;
	if (r->door != DOOR_HTTPS || r->method != REQUEST_POST ||
	    !routes_may_take_body(r->path))
		return false;
	ask_routes(w, r, a);
	if (a->takes_body) {
		*body_max = HTTPD_REPORT_MAX;
		return false;
	}
	count_refusal(w, a);
	tally_answer(&w->tally, a->route, a->status);
	return true;
}

static const struct httpd_verdict stopping = { 503, HTTPD_REPORT_LATER,
					       "it is being restarted" };

static void answer_with(struct worker *w, struct conn *c,
			struct httpd_verdict verdict)
{
	struct answer a = { .status = 0 };

	tally_answer(&w->tally, ROUTE_REPORT, verdict.status);
	answer_reason(&a, verdict.status, verdict.why);
	a.retry_after = verdict.retry_after;
	conn_answer(c, &a);
	answer_release(&a);
}

/* It came whole: from now on others have it. */
static void take_report(struct worker *w, struct conn *c, const char *host)
{
	struct httpd_report report = { .ticket.worker = w->number,
				       .peer = conn_peer(c) };

	if (w->is_draining) {
		answer_with(w, c, stopping);
		return;
	}
	snprintf(report.host, sizeof(report.host), "%s", host);
	report.body = conn_take_body(c, &report.len);
	if (!report.body)
		report.body = xstrdup("");
	report.ticket.number = posts_add(w->posts, c, report.len);
	tally_add(&w->tally, TALLY_REPORTS);
	w->reported(&report, w->arg);
}

struct told {
	struct worker *worker;
	uint64_t number;
	struct httpd_verdict verdict;
};

static void answer_report(void *arg)
{
	struct told *t = arg;
	struct conn *c = posts_take(t->worker->posts, t->number);

	if (c)
		answer_with(t->worker, c, t->verdict);
	free(t);
}

void worker_answer_report(struct worker *w, uint64_t number,
			  struct httpd_verdict verdict)
{
	struct told *t = xmalloc(sizeof(*t));

	*t = (struct told){ w, number, verdict };
	loop_post(w->loop, answer_report, t);
}

/* Nobody is there any more who would answer them. */
static void refuse_reports(struct worker *w)
{
	struct conn *c;

	while ((c = posts_take_any(w->posts)) != NULL)
		answer_with(w, c, stopping);
}

/* ---- requests ---- */

static void serve(struct conn *c, const struct request *r, void *arg)
{
	struct worker *w = arg;
	struct answer a;

	ask_routes(w, r, &a);
	if (a.takes_body) {
		take_report(w, c, r->sni);
		return;
	}
	conn_answer(c, &a);
	tally_answer(&w->tally, a.route, a.status);
	if (a.policy_id && r->method == REQUEST_GET)
		count_fetch(w, a.policy_id);
	answer_release(&a);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	struct entrance *e = arg;

	(void)fd;
	(void)what;
	for (size_t i = 0; i < e->count; i++)
		evconnlistener_enable(e->listeners[i]);
}

/* libevent accepts for as long as somebody comes, and would do nothing else. */
static void let_others(struct entrance *e, struct evconnlistener *l)
{
	const struct timeval at_once = { 0, 0 };

	e->is_full = true;
	evconnlistener_disable(l);
	event_add(e->again, &at_once);
}

/* libevent looks at the clock once in a turn. */
static void count_accepted(struct entrance *e)
{
	struct timeval now;

	event_base_gettimeofday_cached(loop_base(e->worker->loop), &now);
	if (now.tv_sec != e->turn.tv_sec || now.tv_usec != e->turn.tv_usec)
		e->accepted = 0;
	e->turn = now;
	e->accepted++;
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd,
		      struct sockaddr *peer, int len, void *arg)
{
	struct entrance *e = arg;
	struct worker *w = e->worker;

	(void)len;
	count_accepted(e);
	if (e->accepted >= ACCEPTS_A_TURN)
		let_others(e, l);
	if (e->accepted > LEFT_QUEUE && e->door == DOOR_HTTPS &&
	    left_already(fd)) {
		tally_add(&w->tally, TALLY_CONNECTIONS);
		tally_add(&w->tally, TALLY_LEFT);
		close(fd);
		return;
	}
	conn_accept(w->conns, fd, peer, e->door == DOOR_HTTPS ? w->tls : NULL);
}

static bool listen_on(struct entrance *e, int fd)
{
	struct evconnlistener *l;

	l = evconnlistener_new(loop_base(e->worker->loop), on_accept, e,
			       LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (!l)
		return false;
	accept_pause_on_error(l);
	e->listeners[e->count++] = l;
	return true;
}

static bool entrance_init(struct entrance *e, struct worker *w, enum door door,
			  const int *fds, size_t count)
{
	bool ok;

	e->worker = w;
	e->door = door;
	e->again = event_new(loop_base(w->loop), -1, 0, on_again, e);
	ok = e->again != NULL;
	for (size_t i = 0; ok && i < count; i++)
		ok = listen_on(e, fds[i]);
	return ok;
}

/* Without its callback nothing wakes a listener again (accept_pause.h). */
static void entrance_close(struct entrance *e)
{
	for (size_t i = 0; i < e->count; i++) {
		evconnlistener_disable(e->listeners[i]);
		evconnlistener_set_cb(e->listeners[i], NULL, NULL);
	}
}

/* Its loop does not run any more. */
static void entrance_release(struct entrance *e)
{
	for (size_t i = 0; i < e->count; i++)
		evconnlistener_free(e->listeners[i]);
	e->count = 0;
	if (e->again)
		event_free(e->again);
}

static void go_deaf(struct worker *w)
{
	entrance_close(&w->https);
	entrance_close(&w->http);
	w->is_deaf = true;
}

/* Now the listeners may be closed. */
static void tell_deaf(struct worker *w)
{
	if (!w->has_told_deaf)
		sem_post(w->deaf);
	w->has_told_deaf = true;
}

/* There was more in the accept queue than a turn takes, since the last look. */
static bool was_full(struct worker *w)
{
	bool was = w->https.is_full || w->http.is_full;

	w->https.is_full = w->http.is_full = false;
	return was;
}

static void on_drain_tick(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	if (w->is_deaf)
		tell_deaf(w);
	else if (!was_full(w) || ++w->full_ticks >= FULL_TICKS)
		go_deaf(w);
	if (conns_end_idle(w->conns) == 0 && w->has_told_deaf)
		loop_stop(w->loop);
}

/*
 * By the first tick the loop has been once around all listeners; and only by
 * the second one the kernel knows that it left them: one that is closed before
 * and is open elsewhere would wake it for ever.
 */
static void drain(void *arg)
{
	struct worker *w = arg;
	struct timeval tick = after_ms(DRAIN_TICK_MS);
	struct timeval grace = after_ms(w->grace_ms);

	w->is_draining = true;
	conns_drain(w->conns);
	refuse_reports(w);
	event_add(w->drain_tick, &tick);
	event_base_loopexit(loop_base(w->loop), &grace);
}

void worker_drain(struct worker *w, unsigned grace_ms)
{
	w->grace_ms = grace_ms;
	loop_post(w->loop, drain, w);
}

/* Signals are for control; a peer that has left (SIGPIPE) is no signal. */
static void block_signals(void)
{
	sigset_t all;

	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGABRT);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
}

/* ---- is it alive? ---- */

static int64_t monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void on_beat(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	atomic_store(&w->beat_ms, monotonic_ms());
}

static bool make_beat(struct worker *w)
{
	struct timeval pace = after_ms(WORKER_BEAT_MS);

	on_beat(-1, 0, w);
	w->beat = event_new(loop_base(w->loop), -1, EV_PERSIST, on_beat, w);
	return w->beat && event_add(w->beat, &pace) == 0;
}

long worker_silence_ms(struct worker *w)
{
	int64_t ms = monotonic_ms() - atomic_load(&w->beat_ms);

	return ms > WORKER_BEAT_MS ? (long)(ms - WORKER_BEAT_MS) : 0;
}

static void *run(void *arg)
{
	struct worker *w = arg;
	char name[16];

	snprintf(name, sizeof(name), "serve-%u", w->number);
	pthread_setname_np(pthread_self(), name);
	block_signals();
	loop_run(w->loop);
	tell_fetches(w);
	go_deaf(w);
	tell_deaf(w);
	return NULL;
}

bool worker_start(struct worker *w, struct err *err)
{
	int why = pthread_create(&w->thread, NULL, run, w);

	w->is_started = why == 0;
	return w->is_started ||
	       err_set(err, ERR_INTERNAL, "start a serving thread: %s",
		       strerror(why));
}

void worker_join(struct worker *w)
{
	if (w->is_started)
		pthread_join(w->thread, NULL);
	w->is_started = false;
}

static bool make_tls(struct worker *w, const struct worker_options *o,
		     struct err *err)
{
	const struct tls_options tls = {
		.serve = w->serve,
		.sites = w->sites,
		.tally = &w->tally,
		.wanted = o->httpd->wanted,
		.arg = o->httpd->arg,
	};

	w->tls = tls_new(&tls, err);
	return w->tls != NULL;
}

static bool make_conns(struct worker *w, struct conn_limits *limits,
		       struct err *err)
{
	const struct conn_service service = {
		.refuses = refuses,
		.serve = serve,
		.too_many = { 503, HTTPD_REPORT_LATER,
			      "too many reports are coming in just now" },
		.too_large = { 413, 0, HTTPD_REPORT_LARGE },
		.too_slow = { 503, HTTPD_REPORT_LATER,
			      "the report came too slowly" },
		.arg = w,
	};

	w->conns = conns_new(loop_base(w->loop), limits, &w->tally, &service);
	w->posts = posts_new(&limits->bodies);
	return w->conns || err_set(err, ERR_INTERNAL,
				   "OpenSSL gave no memory for connections");
}

static bool make_parts(struct worker *w, const struct worker_options *o,
		       struct err *err)
{
	w->loop = loop_new_busy(err);
	if (w->loop)
		w->serve = serve_open(o->httpd->state_dir, NULL, err);
	if (!w->serve)
		return false;
	w->sites = site_cache_new(w->serve, o->cache_bytes);
	if (!make_tls(w, o, err) || !make_conns(w, o->limits, err))
		return false;
	w->drain_tick = event_new(loop_base(w->loop), -1, EV_PERSIST,
				  on_drain_tick, w);
	w->tell_fetches = event_new(loop_base(w->loop), -1, 0, on_tell_fetches,
				    w);
	w->fetched = o->httpd->fetched;
	w->reported = o->httpd->reported;
	w->takes_reports = o->takes_reports;
	w->arg = o->httpd->arg;
	w->site = (struct routes_site){ .serve = w->serve,
					.sites = w->sites,
					.tally = &w->tally,
					.https_port = o->httpd->https_port,
					.probe = o->httpd->probe };
	return true;
}

struct worker *worker_new(const struct worker_options *options, struct err *err)
{
	const struct httpd_options *o = options->httpd;
	struct worker *w = xcalloc(1, sizeof(*w));

	w->deaf = options->deaf;
	w->number = options->number;
	if (!make_parts(w, options, err))
		goto fail;
	if (w->drain_tick && w->tell_fetches && make_beat(w) &&
	    entrance_init(&w->https, w, DOOR_HTTPS, o->https_fds,
			  o->https_count) &&
	    entrance_init(&w->http, w, DOOR_HTTP, o->http_fds, o->http_count))
		return w;
	err_set(err, ERR_INTERNAL, "libevent gave no listener");
fail:
	worker_free(w);
	return NULL;
}

void worker_free(struct worker *w)
{
	if (!w)
		return;
	entrance_release(&w->https);
	entrance_release(&w->http);
	conns_free(w->conns);
	if (w->drain_tick)
		event_free(w->drain_tick);
	if (w->tell_fetches)
		event_free(w->tell_fetches);
	if (w->beat)
		event_free(w->beat);
	loop_free(w->loop);
	posts_free(w->posts);
	tls_free(w->tls);
	site_cache_free(w->sites);
	serve_close(w->serve);
	free(w);
}

struct tally *worker_tally(struct worker *w)
{
	return &w->tally;
}

unsigned long worker_failures(const struct worker *w)
{
	return serve_failures(w->serve);
}

unsigned long worker_presented(struct worker *w, enum tally_source from)
{
	return site_cache_given(w->sites, from);
}
