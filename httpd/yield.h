/*
 * Who goes for a newcomer, where there are as many connections as may be: the
 * one of a thread that has waited longest with nothing asked for that is under
 * way, if that is as long as a handshake and a request take. Where there are as
 * many of one peer as may be, it is one of its own.
 *
 * Pure, the clock is passed in. Owning thread only.
 */
#ifndef HTTPD_YIELD_H
#define HTTPD_YIELD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "httpd/peers.h"

#define YIELD_MS      2000
#define YIELD_BUCKETS 1024 /* a power of two */

/* A part of what waits; all zero at first. */
struct yielder {
	TAILQ_ENTRY(yielder) in_all, in_bucket;
	void *who;
	struct peer peer; /* to be set while it is not in */
	int64_t since_ms;
	bool is_in;
};

struct yielders {
	const struct peers *peers;
	TAILQ_HEAD(yielder_queue, yielder) all; /* longest first, and so each */
	struct yielder_queue bucket[YIELD_BUCKETS]; /* by the peer */
};

void yielders_init(struct yielders *y, const struct peers *peers);

/* Behind all others, from now on; also if it is in already. */
void yield_from(struct yielders *y, struct yielder *one, int64_t now_ms);

/* It does not yield any more; it may be out already. */
void yield_never(struct yielders *y, struct yielder *one);

/* The `who` of the one that has to go, of all or of a peer, or NULL. It stays in. */
void *yield_first(const struct yielders *y, int64_t now_ms);
void *yield_first_of(struct yielders *y, struct peer peer, int64_t now_ms);

#endif
