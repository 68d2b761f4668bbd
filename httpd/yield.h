/*
 * Who goes for a newcomer, where there are as many connections as may be: the
 * one of a thread that has waited longest with nothing asked for that is under
 * way, if that is as long as a handshake and a request take.
 *
 * Pure, the clock is passed in. Owning thread only.
 */
#ifndef HTTPD_YIELD_H
#define HTTPD_YIELD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#define YIELD_MS 2000

/* A part of what waits; all zero at first. */
struct yielder {
	TAILQ_ENTRY(yielder) in_all;
	void *who;
	int64_t since_ms;
	bool is_in;
};

struct yielders {
	TAILQ_HEAD(yielder_queue, yielder) all; /* longest first */
};

void yielders_init(struct yielders *y);

/* Behind all others, from now on; also if it is in already. */
void yield_from(struct yielders *y, struct yielder *one, int64_t now_ms);

/* It does not yield any more; it may be out already. */
void yield_never(struct yielders *y, struct yielder *one);

/* The `who` of the one that has to go, or NULL. It stays in. */
void *yield_first(const struct yielders *y, int64_t now_ms);

#endif
