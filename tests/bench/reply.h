/*
 * An HTTP/1.1 answer as it comes in: where it ends, and what it says. Only as
 * much of HTTP as a server of small files speaks: it gives a length.
 */
#ifndef TESTS_BENCH_REPLY_H
#define TESTS_BENCH_REPLY_H

#include <stdbool.h>
#include <stddef.h>

struct reply {
	char data[4096];
	size_t len;
	int status;	  /* 0: its head is not there yet */
	const char *body; /* borrowed, into data; NULL likewise */
	size_t body_len;  /* as the head says */
};

/* Where to read to, and how much at most: 0 is a reply that is too large. */
char *reply_room(struct reply *r, size_t *room);

enum reply_state { REPLY_PART, REPLY_WHOLE, REPLY_BROKEN };

/* `len` more bytes are there. */
enum reply_state reply_add(struct reply *r, size_t len);

/* Is the body this text, byte for byte, with `host` where it says {host}? */
bool reply_says(const struct reply *r, const char *text, const char *host);

/* For the next one on the same connection. */
void reply_clear(struct reply *r);

#endif
