/*
 * What one serving thread counts. Written by that thread, read by any.
 */
#ifndef HTTPD_TALLY_H
#define HTTPD_TALLY_H

#include <stdatomic.h>

enum tally_item {
	TALLY_CONNECTIONS,
	TALLY_SHED,
	TALLY_HANDSHAKES,
	TALLY_HANDSHAKES_FAILED,
	TALLY_POLICIES,
	TALLY_CHALLENGES,
	TALLY_REPORTS,
	/* reports that are not handed over */
	TALLY_REFUSED_PATH,  /* of no domain, or of another */
	TALLY_REFUSED_TYPE,  /* its Content-Type */
	TALLY_REFUSED_LARGE, /* its body */
	TALLY_REFUSED_BUSY,  /* no room for bodies, in all or of its address */
	TALLY_REFUSED_SLOW,  /* its body did not come */
	TALLY_COUNT
};

#define TALLY_REFUSALS (TALLY_COUNT - TALLY_REFUSED_PATH)

struct tally {
	atomic_ulong n[TALLY_COUNT];
};

static inline void tally_add(struct tally *t, enum tally_item item)
{
	atomic_fetch_add_explicit(&t->n[item], 1, memory_order_relaxed);
}

static inline unsigned long tally_read(struct tally *t, enum tally_item item)
{
	return atomic_load_explicit(&t->n[item], memory_order_relaxed);
}

#endif
