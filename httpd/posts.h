/*
 * Reports of one serving thread that came whole and wait for their answer.
 *
 * Others have the body, and may answer when its connection is long gone: so
 * what they know it by is a number. A peer that leaves takes its post out.
 * evhttp frees a request that is answered, but not one that it gave to its
 * user and whose connection has failed; that is done here. Owning thread only.
 */
#ifndef HTTPD_POSTS_H
#define HTTPD_POSTS_H

#include <event2/http.h>
#include <stdint.h>

#include "httpd/conn.h"

struct posts;

struct posts *posts_new(struct conn_limits *limits);
void posts_free(struct posts *p); /* after the connections */

/* Takes over what its body took of the budget. */
uint64_t posts_add(struct posts *p, struct conn *c, struct evhttp_request *req);

/* To be answered, and taken out. NULL: there is no one any more to answer. */
struct conn *posts_take(struct posts *p, uint64_t number,
			struct evhttp_request **req);
struct conn *posts_take_any(struct posts *p, struct evhttp_request **req);

#endif
