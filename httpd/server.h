/*
 * The world's side: HTTPS with the policies, HTTP with the challenges.
 *
 * N serving threads share the listening sockets. Each has its own event loop,
 * its own read-only handle on serve.db and its own cache of certificates and
 * policies; none waits for DNS, a CA, a disk write or another thread.
 */
#ifndef HTTPD_SERVER_H
#define HTTPD_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "httpd/probe.h"
#include "httpd/proxied.h"
#include "httpd/report.h"
#include "httpd/tally.h"
#include "store/served.h"

#define HTTPD_LISTENERS_MAX 16

struct httpd;

struct httpd_options {
	const char *state_dir;		/* where serve.db is */
	int https_fds[HTTPD_LISTENERS_MAX];	/* listening, non-blocking */
	size_t https_count;
	int http_fds[HTTPD_LISTENERS_MAX];
	size_t http_count;
	unsigned https_port;		/* for the redirects of port 80: the */
					/* port left out of them is 443 */
	unsigned workers;		/* serving threads; 0: one per core */
	unsigned max_connections;	/* over all threads */
	unsigned max_per_address;	/* open at once; IPv6 counted by /64 */
	unsigned
		max_broken_per_address; /* handshakes a second; 0: any number */
	unsigned deadline_ms;		/* absolute, of a connection */
	struct proxies proxies;		/* whose connections are others' */
	unsigned body_pace_ms;		/* httpd/report.h; 0: as there */
	size_t cache_bytes;		/* of what sites show, over all threads */
	const struct httpd_probe *probe;	/* outlives the httpd; or NULL */

	/*
	 * A client asked for a host of ours that has no certificate yet. From
	 * any serving thread; must not block. `host` is borrowed.
	 */
	void (*wanted)(const char *host, void *arg);

	/*
	 * So often were these policies fetched since the last call. From any
	 * serving thread, at most seconds after the first of them, and at the
	 * latest within httpd_stop(); must not block. `counts` are borrowed.
	 */
	void (*fetched)(const struct served_count *counts, size_t n,
			void *arg);

	/*
	 * Somebody has posted what may be a TLS report, at a path of ours. From
	 * any serving thread; must not block. It takes the body, and calls
	 * httpd_report_answer() when it knows, unless httpd_stop() has been
	 * called. NULL: there are no such paths.
	 */
	void (*reported)(struct httpd_report *report, void *arg);
	void *arg;
};

/*
 * Takes the descriptors (closes them at the end, or at once on failure).
 * When it returns, every thread is accepting.
 */
struct httpd *httpd_start(const struct httpd_options *options, struct err *err);

/*
 * Accepts no more, lets running answers finish for at most `grace_ms`, ends
 * the threads. Blocks for that long.
 */
void httpd_stop(struct httpd *h, unsigned grace_ms);

/*
 * Answers a report: 200, or why not. Its peer may have left, or its time be
 * over. Any thread, before httpd_stop().
 */
void httpd_report_answer(struct httpd *h, const struct httpd_ticket *ticket,
			 struct httpd_verdict verdict);

/* Are there paths for reports at all? At the start there are. Any thread. */
void httpd_take_reports(struct httpd *h, bool takes);

/* Since the start, over all threads. Any thread. */
/* "path", "type", "large", "busy", "slow" */
const char *httpd_refusal_name(size_t i);

struct httpd_counts {
	unsigned long connections;	/* accepted */
	unsigned long open;		/* now */
	unsigned long shed;		/* closed: over a cap */
	unsigned long left;		/* had left by then, and others wait */
	unsigned long unproxied;	/* of a proxy, without its header */
	unsigned long handshakes;	/* finished */
	unsigned long handshakes_failed;
	unsigned long policies;		/* 200 answers with a policy */
	unsigned long challenges;	/* 200 answers with a key authorization */
	unsigned long reports;		/* handed to who asked for them */
	unsigned long refused[HTTPD_REFUSALS]; /* that were not */
	unsigned long body_bytes;	       /* of them, now */
	unsigned long failures;		/* of reading serve.db */
	unsigned long shakes[SHAKES][VERSIONS];
	unsigned long answers[ROUTES][STATUS_CLASSES];
	unsigned long presented[SOURCES]; /* certificates, to handshakes */
};
void httpd_count(const struct httpd *h, struct httpd_counts *counts);

/* So long the slowest serving thread has given no sign of life. Any thread. */
long httpd_silence_ms(const struct httpd *h);
unsigned httpd_threads(const struct httpd *h);

#endif
