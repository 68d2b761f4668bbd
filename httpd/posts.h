/*
 * Reports of one serving thread that came whole and wait for their answer.
 *
 * Others have the body, and may answer when its connection is long gone: so
 * what they know it by is a number. A connection that ends takes its post out;
 * that of a peer that has said all, and may have left, ends at its deadline.
 * Owning thread only.
 */
#ifndef HTTPD_POSTS_H
#define HTTPD_POSTS_H

#include <stdint.h>

#include "httpd/conn.h"

struct posts;

struct posts *posts_new(struct body_budget *budget);
void posts_free(struct posts *p); /* after the connections */

/* `held` is what its body took of the budget: it is given back. */
uint64_t posts_add(struct posts *p, struct conn *c, size_t held);

/* To be answered, and taken out. NULL: there is no one any more to answer. */
struct conn *posts_take(struct posts *p, uint64_t number);
struct conn *posts_take_any(struct posts *p);

#endif
