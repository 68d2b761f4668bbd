/*
 * The engine's one window on the world.
 *
 * Clock, randomness, keys, HTTP, DNS and timers reach the engine through this
 * struct and in no other way. The daemon plugs in the real ones; a test plugs
 * in a virtual world and runs the same engine. (The database's file layer
 * comes in beneath the store: struct store_options.)
 *
 * Control thread only. No callback comes from within the call that asked.
 */
#ifndef ACME_WORLD_H
#define ACME_WORLD_H

#include <stdint.h>

#include "base/dns.h"
#include "base/fetch.h"
#include "base/p256.h"

/*
 * What became of a probe: problem->kind is ERR_NONE if it came through, else
 * the text names the address. Borrowed for the time of the callback.
 */
typedef void probe_done(const struct err *problem, void *arg);

/* What became of a sync: ERR_NONE, or why it failed. Borrowed. */
typedef void sync_done(const struct err *problem, void *arg);

struct world {
	void *ctx;	/* first argument of each of these */

	/* Wall clock, milliseconds since 1970: may step. */
	int64_t (*now_ms)(void *ctx);

	/*
	 * Milliseconds since some moment, by a clock that never steps and
	 * goes on while the machine is suspended (CLOCK_BOOTTIME).
	 */
	int64_t (*steady_ms)(void *ctx);

	void (*random)(void *ctx, void *out, size_t len);
	bool (*key_make)(void *ctx, struct p256 *key, struct err *err);
	bool (*sign)(void *ctx, const struct p256 *key, const void *data,
		     size_t len, unsigned char out[static P256_SIGNATURE],
		     struct err *err);

	void (*fetch)(void *ctx, const struct fetch_request *request,
		      fetch_done *done, void *arg);
	void (*addresses)(void *ctx, const char *name, dns_done *done,
			  void *arg);

	/* The CAA records that count for `name`, as every resolver has them. */
	void (*caa)(void *ctx, const char *name, dns_caa_done *done,
		    void *arg);

	/*
	 * Fetches a token of ours from `host`, as the CA would for http-01,
	 * but at this one address: is it our own listener that answers? The
	 * address must be one of ours; nobody else is to be asked.
	 */
	void (*probe)(void *ctx, const char *host, const char *address,
		      probe_done *done, void *arg);

	/*
	 * Makes durable what the store has committed, while this thread goes
	 * on: store_sync(). One at a time.
	 */
	void (*sync)(void *ctx, sync_done *done, void *arg);

	/*
	 * One timer: engine_tick() is due at this wall-clock moment, replacing
	 * what was set before.
	 */
	void (*wake_at)(void *ctx, int64_t at_ms);

	/*
	 * Passed at every boundary of commit, project and act, with a label
	 * such as "before-commit:ordered". A test ends the process here. May
	 * be NULL.
	 */
	void (*point)(void *ctx, const char *where, const char *what);
};

#endif
