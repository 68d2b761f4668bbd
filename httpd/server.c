#include "httpd/server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "httpd/worker.h"

#define WORKERS_MAX 64

struct httpd {
	struct httpd_options options;
	struct conn_limits limits;
	sem_t deaf;		/* counts workers that accept no more */
	atomic_bool takes_reports;
	size_t started;		/* workers with a thread */
	size_t count;
	struct worker *workers[WORKERS_MAX];
};

static size_t worker_count(const struct httpd_options *o)
{
	long n = o->workers ? (long)o->workers : sysconf(_SC_NPROCESSORS_ONLN);

	if (n < 1)
		n = 1;
	return n > WORKERS_MAX ? WORKERS_MAX : (size_t)n;
}

static void each_fd(const struct httpd_options *o, void (*act)(int fd))
{
	for (size_t i = 0; i < o->https_count; i++)
		act(o->https_fds[i]);
	for (size_t i = 0; i < o->http_count; i++)
		act(o->http_fds[i]);
}

/* Accepted sockets inherit it: an answer never waits for an ACK. */
static void set_no_delay(int fd)
{
	const int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void close_fd(int fd)
{
	close(fd);
}

static bool make_workers(struct httpd *h, struct err *err)
{
	size_t wanted = worker_count(&h->options);
	struct worker_options o = {
		.httpd = &h->options,
		.limits = &h->limits,
		.deaf = &h->deaf,
		.cache_bytes = h->options.cache_bytes / wanted,
		.takes_reports = &h->takes_reports,
	};

	while (h->count < wanted) {
		o.number = (unsigned)h->count;
		h->workers[h->count] = worker_new(&o, err);
		if (!h->workers[h->count])
			return false;
		h->count++;
	}
	return true;
}

static bool start_workers(struct httpd *h, struct err *err)
{
	while (h->started < h->count) {
		if (!worker_start(h->workers[h->started], err))
			return false;
		h->started++;
	}
	return true;
}

struct httpd *httpd_start(const struct httpd_options *options, struct err *err)
{
	struct httpd *h = xcalloc(1, sizeof(*h));

	h->options = *options;
	h->limits.max_connections = options->max_connections;
	h->limits.deadline_ms = options->deadline_ms;
	h->limits.peers = peers_new(options->max_per_address);
	h->limits.broken = broken_new(options->max_broken_per_address,
				      h->limits.peers);
	h->limits.proxies = &h->options.proxies;
	h->limits.bodies.bytes = HTTPD_BODIES_MAX;
	h->limits.bodies.share = HTTPD_BODIES_SHARE;
	h->limits.bodies.pace_ms = options->body_pace_ms ? options->body_pace_ms
							 : HTTPD_BODY_PACE_MS;
	h->limits.bodies.peers = h->limits.peers;
	atomic_store(&h->takes_reports, options->reported != NULL);
	sem_init(&h->deaf, 0, 0);
	each_fd(options, set_no_delay);
	if (make_workers(h, err) && start_workers(h, err))
		return h;
	httpd_stop(h, 0);
	return NULL;
}

void httpd_stop(struct httpd *h, unsigned grace_ms)
{
	if (!h)
		return;
	for (size_t i = 0; i < h->started; i++)
		worker_drain(h->workers[i], grace_ms);
	for (size_t i = 0; i < h->started; i++)
		while (sem_wait(&h->deaf) < 0)
			continue;	/* a signal came */
	each_fd(&h->options, close_fd);
	for (size_t i = 0; i < h->count; i++)
		worker_join(h->workers[i]);
	for (size_t i = 0; i < h->count; i++)
		worker_free(h->workers[i]);
	broken_free(h->limits.broken);
	peers_free(h->limits.peers);
	sem_destroy(&h->deaf);
	free(h);
}

void httpd_report_answer(struct httpd *h, const struct httpd_ticket *ticket,
			 struct httpd_verdict verdict)
{
	worker_answer_report(h->workers[ticket->worker], ticket->number,
			     verdict);
}

void httpd_take_reports(struct httpd *h, bool takes)
{
	atomic_store(&h->takes_reports, takes && h->options.reported);
}

static unsigned long sum(const struct httpd *h, enum tally_item item)
{
	unsigned long n = 0;

	for (size_t i = 0; i < h->count; i++)
		n += tally_read(worker_tally(h->workers[i]), item);
	return n;
}

const char *httpd_refusal_name(size_t i)
{
	static const char *const names[] = { "path", "type", "large", "busy",
					     "slow" };

	_Static_assert(ARRAY_LEN(names) == HTTPD_REFUSALS &&
			       HTTPD_REFUSALS == TALLY_REFUSALS,
		       "one for each");
	return names[i];
}

static void count_shakes(const struct httpd *h, struct httpd_counts *counts)
{
	for (size_t i = 0; i < h->count; i++) {
		struct tally *t = worker_tally(h->workers[i]);

		for (size_t how = 0; how < SHAKES; how++)
			for (size_t v = 0; v < VERSIONS; v++)
				counts->shakes[how][v] += tally_value(
					&t->shakes[how][v]);
	}
}

static void count_answers(const struct httpd *h, struct httpd_counts *counts)
{
	for (size_t i = 0; i < h->count; i++) {
		struct tally *t = worker_tally(h->workers[i]);

		for (size_t r = 0; r < ROUTES; r++)
			for (size_t c = 0; c < STATUS_CLASSES; c++)
				counts->answers[r][c] += tally_value(
					&t->answers[r][c]);
	}
}

static void count_presented(const struct httpd *h, struct httpd_counts *counts)
{
	for (size_t i = 0; i < h->count; i++)
		for (int from = 0; from < SOURCES; from++)
			counts->presented[from] += worker_presented(
				h->workers[i], (enum tally_source)from);
}

void httpd_count(const struct httpd *h, struct httpd_counts *counts)
{
	*counts = (struct httpd_counts){
		.connections = sum(h, TALLY_CONNECTIONS),
		.open = atomic_load(&h->limits.open),
		.shed = sum(h, TALLY_SHED),
		.left = sum(h, TALLY_LEFT),
		.unproxied = sum(h, TALLY_UNPROXIED),
		.handshakes = sum(h, TALLY_HANDSHAKES),
		.handshakes_failed = sum(h, TALLY_HANDSHAKES_FAILED),
		.policies = sum(h, TALLY_POLICIES),
		.challenges = sum(h, TALLY_CHALLENGES),
		.reports = sum(h, TALLY_REPORTS),
		.body_bytes = atomic_load(&h->limits.bodies.held),
	};
	for (int i = 0; i < HTTPD_REFUSALS; i++)
		counts->refused[i] = sum(
			h, (enum tally_item)(TALLY_REFUSED_PATH + i));
	for (size_t i = 0; i < h->count; i++)
		counts->failures += worker_failures(h->workers[i]);
	count_shakes(h, counts);
	count_answers(h, counts);
	count_presented(h, counts);
}

long httpd_silence_ms(const struct httpd *h)
{
	long longest = 0;

	for (size_t i = 0; i < h->count; i++) {
		long ms = worker_silence_ms(h->workers[i]);

		if (ms > longest)
			longest = ms;
	}
	return longest;
}

unsigned httpd_threads(const struct httpd *h)
{
	return (unsigned)h->count;
}
