/*
 * The answer to one request, made by a route, sent by the connection.
 */
#ifndef HTTPD_ANSWER_H
#define HTTPD_ANSWER_H

#include <event2/http.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* The whole of it as bytes, the connection's last. The caller frees. */
char *answer_raw(const struct answer *a);

/* Without body when `is_head`; as the connection's last when `is_last`. */
void answer_send(const struct answer *a, struct evhttp_request *to,
		 bool is_head, bool is_last);

#endif
