/*
 * One serving thread: its own event loop, handle on serve.db and cache of
 * what sites show, on listening sockets that all threads share.
 *
 * Everything here is for the thread that owns the httpd; what a worker is
 * told after its start crosses as a message.
 */
#ifndef HTTPD_WORKER_H
#define HTTPD_WORKER_H

#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>

#include "httpd/conn.h"
#include "httpd/server.h"
#include "httpd/tally.h"

#define WORKER_BEAT_MS 1000

struct worker;

struct worker_options {
	const struct httpd_options *httpd;	/* read by worker_new() only */
	struct conn_limits *limits;		/* shared; outlives it */
	sem_t *deaf;		/* posted once it has left the listeners */
	size_t cache_bytes;
	const atomic_bool *takes_reports; /* shared; outlives it */
	unsigned number;
};

struct worker *worker_new(const struct worker_options *options,
			  struct err *err);

/* On failure nothing runs. */
bool worker_start(struct worker *w, struct err *err);

/*
 * Takes what is in the accept queue, then accepts no more; ends when the last
 * connection has, or after `grace_ms`.
 */
void worker_drain(struct worker *w, unsigned grace_ms);

void worker_join(struct worker *w);	/* waits for its end; if it was started */
void worker_free(struct worker *w);

/* Any thread, while it is there. As httpd_report_answer(). */
void worker_answer_report(struct worker *w, uint64_t number,
			  struct httpd_verdict verdict);

/* So long its loop has been overdue. Any thread, while it is there. */
long worker_silence_ms(struct worker *w);

struct tally *worker_tally(struct worker *w);
unsigned long worker_failures(const struct worker *w); /* of serve.db */
unsigned long worker_presented(struct worker *w, enum tally_source from);

#endif
