/*
 * A look at the head of a POST before evhttp has it, for evhttp 2.1 says
 * nothing of an incoming request until it has all of its body. What is seen
 * here decides whether the body is let in, and nothing else: what the request
 * is, evhttp says afterwards, and the same table is asked once more.
 */
#ifndef HTTPD_HEAD_LOOK_H
#define HTTPD_HEAD_LOOK_H

#include <stddef.h>

#include "httpd/request.h"

struct head_look {
	struct request request; /* door and sni are left to the caller */
	char *text;		/* what it points into */
	struct evhttp_uri *uri;
};

/* Request line and headers. False, and nothing to release: it is no POST. */
bool head_look(struct head_look *l, const char *head, size_t len);
void head_look_release(struct head_look *l);

#endif
