/*
 * What is posted to us at a domain's path for TLS reports (RFC 8460, 5.4).
 * Serving judges the path, never the content: whoever takes it says what the
 * answer is.
 */
#ifndef HTTPD_REPORT_H
#define HTTPD_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include "httpd/peers.h"
#include "policy/domain_name.h"

#define HTTPD_REPORT_PATH  "/tlsrpt/" /* and the domain's token */
#define HTTPD_REPORT_MAX   (1024L * 1024)
#define HTTPD_REPORT_LARGE "a TLS report is at most 1 MiB"
#define HTTPD_REPORT_LATER 60 /* Retry-After of a 503, in seconds */

/* Bodies that are coming in, or wait for their answer, over all threads. */
#define HTTPD_BODIES_MAX   (8L * 1024 * 1024)
#define HTTPD_BODIES_SHARE (2L * 1024 * 1024) /* of one address */

/*
 * A body is to come at a pace: after each so many milliseconds so many bytes a
 * second are asked of it, and more when half of the bodies' room is taken.
 */
#define HTTPD_BODY_PACE_MS 5000
#define HTTPD_BODY_SLOW	   2048
#define HTTPD_BODY_BUSY	   65536

/* Why a report was not even handed over: httpd_refusal_name(). */
#define HTTPD_REFUSALS 5

/* Whose answer it is. */
struct httpd_ticket {
	unsigned worker;
	uint64_t number;
};

/* What its sender hears. */
struct httpd_verdict {
	int status;
	unsigned retry_after; /* seconds, or 0 */
	const char *why;      /* lives for ever; NULL: nothing to say */
};

struct httpd_report {
	struct httpd_ticket ticket;
	char host[DOMAIN_NAME_SIZE]; /* "mta-sts.<domain>" */
	struct peer peer;
	char *body; /* owned */
	size_t len;
};

#endif
