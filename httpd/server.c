#include "httpd/server.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "httpd/worker.h"

#define WORKERS_MAX 256

struct httpd {
	struct httpd_options options;
	struct worker_shared shared;
	struct worker *worker[WORKERS_MAX];
	size_t worker_count;
};

static unsigned how_many(unsigned wanted)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (!wanted)
		wanted = cores > 0 ? (unsigned)cores : 1;
	return wanted < WORKERS_MAX ? wanted : WORKERS_MAX;
}

static void close_listeners(const struct httpd *h)
{
	for (size_t i = 0; i < h->options.https_count; i++)
		close(h->options.https_fds[i]);
	for (size_t i = 0; i < h->options.http_count; i++)
		close(h->options.http_fds[i]);
}

struct httpd *httpd_start(const struct httpd_options *options, struct err *err)
{
	struct httpd *h = xcalloc(1, sizeof(*h));
	unsigned workers = how_many(options->workers);

	h->options = *options;
	h->shared.options = &h->options;
	h->shared.peers = peers_new(options->max_per_address);
	h->shared.cache_bytes = options->cache_bytes / workers;
	for (unsigned i = 0; i < workers; i++) {
		struct worker *w = worker_start(&h->shared, err);

		if (!w) {
			httpd_stop(h, 0);
			return NULL;
		}
		h->worker[h->worker_count++] = w;
	}
	return h;
}

void httpd_stop(struct httpd *h, unsigned grace_ms)
{
	for (size_t i = 0; i < h->worker_count; i++)
		worker_stop(h->worker[i], grace_ms);
	for (size_t i = 0; i < h->worker_count; i++)
		worker_join(h->worker[i]);
	close_listeners(h);
	peers_free(h->shared.peers);
	free(h);
}

void httpd_count(const struct httpd *h, struct httpd_counts *n)
{
	const struct conn_counters *c = &h->shared.counters;

	*n = (struct httpd_counts){
		.connections = atomic_load(&c->connections),
		.open = atomic_load(&c->open),
		.shed = atomic_load(&c->shed),
		.handshakes = atomic_load(&c->handshakes),
		.handshakes_failed = atomic_load(&c->handshakes_failed),
		.policies = atomic_load(&h->shared.policies),
		.challenges = atomic_load(&h->shared.challenges),
	};
}
