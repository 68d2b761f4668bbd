/*
 * What one serving thread counts. Written by that thread, read by any: relaxed
 * atomics, so that counting costs an addition and no lock.
 */
#ifndef HTTPD_TALLY_H
#define HTTPD_TALLY_H

#include <stdatomic.h>
#include <stddef.h>

enum tally_item {
	TALLY_CONNECTIONS,
	TALLY_SHED,
	TALLY_LEFT,	 /* before they were accepted */
	TALLY_UNPROXIED, /* ended: a proxy did not say for whom */
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

/* How a handshake ended, and the version that it had come to by then. */
enum tally_shake { SHAKE_FINISHED, SHAKE_UNKNOWN_NAME, SHAKE_FAILED, SHAKES };
enum tally_version { VERSION_NONE, VERSION_1_2, VERSION_1_3, VERSIONS };

/* What a request was for, and the class of its status: 4 is 4xx. */
enum tally_route {
	ROUTE_OTHER, /* nothing that there is */
	ROUTE_POLICY,
	ROUTE_REPORT,
	ROUTE_CHALLENGE,
	ROUTE_REDIRECT,
	ROUTES
};
#define STATUS_CLASSES 6

/* Where the certificate of a handshake came from. */
enum tally_source { FROM_MEMORY, FROM_STORE, SOURCES };

struct tally {
	atomic_ulong n[TALLY_COUNT];
	atomic_ulong shakes[SHAKES][VERSIONS];
	atomic_ulong answers[ROUTES][STATUS_CLASSES];
};

static inline void tally_one(atomic_ulong *n)
{
	atomic_fetch_add_explicit(n, 1, memory_order_relaxed);
}

static inline void tally_add(struct tally *t, enum tally_item item)
{
	tally_one(&t->n[item]);
}

static inline void tally_shake(struct tally *t, enum tally_shake how,
			       enum tally_version version)
{
	tally_one(&t->shakes[how][version]);
}

static inline void tally_answer(struct tally *t, enum tally_route route,
				int status)
{
	size_t class = (size_t)status / 100;

	tally_one(&t->answers[route][class < STATUS_CLASSES ? class : 0]);
}

static inline unsigned long tally_value(atomic_ulong *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

static inline unsigned long tally_read(struct tally *t, enum tally_item item)
{
	return tally_value(&t->n[item]);
}

#endif
