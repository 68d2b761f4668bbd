/*
 * The body of a request that was let in, as it comes: in memory, so it is of a
 * budget that all connections share, each address so much of it, and it has to
 * come at a pace. Owning thread only, but for the budget.
 */
#ifndef HTTPD_BODY_H
#define HTTPD_BODY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "httpd/peers.h"

/* Of all threads. Outlives them. */
struct body_budget {
	size_t bytes;	  /* of bodies at once */
	size_t share;	  /* of them, for one address */
	unsigned pace_ms; /* httpd/report.h */
	struct peers *peers;
	atomic_size_t held; /* of bytes */
};

void body_give_back(struct body_budget *budget, struct peer peer, size_t bytes);

struct body {
	struct body_budget *budget;
	struct peer peer;
	struct buf data; /* each byte of it is held */
	size_t paced;	 /* of them, there at the last look */
};

void body_init(struct body *b, struct body_budget *budget, struct peer peer,
	       size_t max);
void body_release(struct body *b); /* gives back what it holds */

enum body_taken { BODY_TAKEN, BODY_TOO_LARGE, BODY_TOO_MANY };

enum body_taken body_add(struct body *b, const char *data, size_t len);

/* Once each pace_ms: has too little come since the last look? */
bool body_is_slow(struct body *b);

/* It is the caller's, and so is what it holds: give it back. */
char *body_take(struct body *b, size_t *len);

#endif
