/*
 * One serving thread: its loop, its two evhttp servers, its handle on
 * serve.db and its cache.
 */
#ifndef HTTPD_WORKER_H
#define HTTPD_WORKER_H

#include "httpd/conn.h"
#include "httpd/server.h"

/* What the threads share: counters only, and the per-address table. */
struct worker_shared {
	const struct httpd_options *options;
	struct peers *peers;
	struct conn_counters counters;
	_Atomic unsigned long policies, challenges;
	size_t cache_bytes;	/* a thread's share */
};

struct worker;

/* Accepts when it returns. */
struct worker *worker_start(struct worker_shared *shared, struct err *err);

/* Any thread: accept no more, end within grace_ms. Then join. */
void worker_stop(struct worker *w, unsigned grace_ms);
void worker_join(struct worker *w);	/* and free */

#endif
