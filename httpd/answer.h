/*
 * The answer to one request, made by a route, sent by the connection.
 */
#ifndef HTTPD_ANSWER_H
#define HTTPD_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/buf.h"
#include "httpd/tally.h"

struct answer {
	int status;
	enum tally_route route; /* what was asked for */
	const char *content_type;
	const char *allow;	/* the methods there are, or NULL */
	unsigned retry_after;	/* seconds; 0: it says nothing of that */
	char *location;		/* owned, or NULL */
	char *body;		/* owned; the same for GET and HEAD */
	size_t body_len;
	int64_t policy_id;	/* the version that it is, or 0 */
	bool takes_body;	/* not yet: what comes of the body says it */
};

void answer_release(struct answer *a);

/* A status with a line of text as its body. */
void answer_status(struct answer *a, int status);

/* The same, with a reason; NULL: none. */
void answer_reason(struct answer *a, int status, const char *why);

/* Takes the text. */
void answer_text(struct answer *a, const char *content_type, char *text,
		 size_t len);

/* How the connection goes on, as far as it is to be said. */
enum answer_then {
	ANSWER_THEN_MORE,     /* as HTTP/1.1 has it by itself */
	ANSWER_THEN_MORE_TOO, /* who speaks HTTP/1.0 has to hear it */
	ANSWER_THEN_NOTHING   /* it is the last one */
};

/*
 * The whole of it in one piece, at the end of `out`: so that it is one record
 * and one packet, if it is small. Without its body when `is_head`. False: there
 * is no room.
 */
bool answer_write(const struct answer *a, bool is_head, enum answer_then then,
		  time_t now, struct buf *out);

#endif
