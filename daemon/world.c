#include "daemon/world.h"

#include <event2/event.h>
#include <openssl/rand.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "daemon/config_resolver.h"
#include "daemon/self_proxied.h"
#include "daemon/syncer.h"

struct real_world {
	struct world window;
	struct fetcher *fetcher;
	struct resolver *resolver;
	struct resolver **former; /* with looks that are under way */
	size_t former_count;
	const struct probe *probe;
	struct syncer *syncer;
	struct event *timer;
	void (*tick)(void *arg);
	void *arg;
	const char *kill_at;	/* for tests: see real_point() */
};

static int64_t real_now_ms(void *ctx)
{
	struct timespec ts;

	(void)ctx;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t real_steady_ms(void *ctx)
{
	struct timespec ts;

	(void)ctx;
	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Only for spreads; keys come from OpenSSL itself. */
static void real_random(void *ctx, void *out, size_t len)
{
	(void)ctx;
	if (RAND_bytes(out, (int)len) != 1)
		abort();	/* no machine to run a TLS server on */
}

static bool real_key_make(void *ctx, struct p256 *key, struct err *err)
{
	(void)ctx;
	return p256_generate(key, err);
}

static bool real_sign(void *ctx, const struct p256 *key, const void *data,
		      size_t len, unsigned char out[static P256_SIGNATURE],
		      struct err *err)
{
	(void)ctx;
	return p256_sign(key, data, len, out, err);
}

static void real_fetch(void *ctx, const struct fetch_request *request,
		       fetch_done *done, void *arg)
{
	struct real_world *w = ctx;

	fetch_start(w->fetcher, request, done, arg);
}

/* Those that nobody waits for any more, or all of them. */
static void drop_former(struct real_world *w, bool all)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->former_count; i++) {
		struct resolver *r = w->former[i];

		if (all || resolver_is_idle(r))
			resolver_free(r);
		else
			w->former[kept++] = r;
	}
	w->former_count = kept;
}

static void keep_former(struct real_world *w, struct resolver *r)
{
	w->former = xrealloc_array(w->former, w->former_count + 1,
				   sizeof(struct resolver *));
	w->former[w->former_count++] = r;
	drop_former(w, false);
}

static void real_addresses(void *ctx, const char *name, dns_done *done,
			   void *arg)
{
	struct real_world *w = ctx;

	drop_former(w, false);
	resolver_addresses(w->resolver, name, done, arg);
}

static void real_caa(void *ctx, const char *name, dns_caa_done *done,
		     void *arg)
{
	struct real_world *w = ctx;

	resolver_caa(w->resolver, name, done, arg);
}

static void real_probe(void *ctx, const char *host, const char *address,
		       probe_done *done, void *arg)
{
	struct real_world *w = ctx;

	probe_start(w->probe, w->fetcher, host, address, done, arg);
}

static void real_sync(void *ctx, sync_done *done, void *arg)
{
	struct real_world *w = ctx;

	syncer_ask(w->syncer, done, arg);
}

static void real_wake_at(void *ctx, int64_t at_ms)
{
	struct real_world *w = ctx;
	int64_t ms = at_ms - real_now_ms(ctx);
	struct timeval tv = { 0 };

	if (ms > 0)
		tv = (struct timeval){ .tv_sec = ms / 1000,
				       .tv_usec = ms % 1000 * 1000 };
	if (w->timer)
		evtimer_add(w->timer, &tv);
}

/*
 * The tests end the process at a named point (MTASTSD_KILL_AT, such as
 * "after-commit:ordered") to see that nothing is lost there.
 */
static void real_point(void *ctx, const char *where, const char *what)
{
	const struct real_world *w = ctx;
	char label[64];

	snprintf(label, sizeof(label), "%s:%s", where, what);
	if (streq(w->kill_at, label))
		kill(getpid(), SIGKILL);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct real_world *w = arg;

	(void)fd;
	(void)what;
	if (w->tick)
		w->tick(w->arg);
}

struct real_world *real_world_new(struct loop *loop,
				  const struct config *config,
				  const struct probe *probe,
				  struct store *store, struct err *err)
{
	struct real_world *w = xcalloc(1, sizeof(*w));

	w->probe = probe;
	w->window = (struct world){
		.ctx = w,
		.now_ms = real_now_ms,
		.steady_ms = real_steady_ms,
		.random = real_random,
		.key_make = real_key_make,
		.sign = real_sign,
		.fetch = real_fetch,
		.addresses = real_addresses,
		.caa = real_caa,
		.probe = real_probe,
		.sync = real_sync,
		.wake_at = real_wake_at,
	};
	w->kill_at = getenv("MTASTSD_KILL_AT");
	if (w->kill_at)
		w->window.point = real_point;
	w->timer = evtimer_new(loop_base(loop), on_timer, w);
	w->fetcher = fetcher_new(loop, "mtastsd/" MTASTSD_VERSION, err);
	if (w->fetcher)
		self_proxied_fetches(w->fetcher, config);
	if (w->fetcher)
		w->resolver = config_resolver(config, loop, err);
	if (w->resolver)
		w->syncer = syncer_start(loop, store, err);
	if (w->timer && w->syncer)
		return w;
	real_world_free(w);
	return NULL;
}

const struct world *real_world_window(const struct real_world *w)
{
	return &w->window;
}

struct syncer *real_world_syncer(const struct real_world *w)
{
	return w->syncer;
}

void real_world_on_tick(struct real_world *w, void (*tick)(void *arg),
			void *arg)
{
	w->tick = tick;
	w->arg = arg;
}

void real_world_use(struct real_world *w, struct resolver *resolver)
{
	keep_former(w, w->resolver);
	w->resolver = resolver;
}

void real_world_quiet(struct real_world *w)
{
	if (w->timer)
		event_free(w->timer);
	w->timer = NULL;
	syncer_stop(w->syncer);
	w->syncer = NULL;
	fetcher_free(w->fetcher);
	w->fetcher = NULL;
	resolver_free(w->resolver);
	w->resolver = NULL;
	drop_former(w, true);
	free(w->former);
	w->former = NULL;
}

void real_world_free(struct real_world *w)
{
	if (!w)
		return;
	real_world_quiet(w);
	free(w);
}
