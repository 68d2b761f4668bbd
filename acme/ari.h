/*
 * ACME renewal information (RFC 9773): when a CA would like a certificate to
 * be renewed, and what we make of that.
 *
 * Advice, not authority: it may bring a renewal forward, and may put it off
 * until a quarter of the life is left, never further. A CA's answer is input
 * like any other. Pure: no I/O, no clock, no dice (`dice` is a uniform 32-bit
 * number).
 */
#ifndef ACME_ARI_H
#define ACME_ARI_H

#include <stdint.h>
#include <time.h>

#include "store/ca.h"

#define ARI_ID_SIZE  128
#define ARI_BODY_MAX 8192	/* a longer answer is none */

struct ari_window {
	time_t start, end;	/* start < end */
	char url[URL_SIZE];	/* the CA's explanation; empty: none */
};

/*
 * What the CA calls the certificate (4.1): authority key id and serial. False
 * if this is no certificate, or has no such key id, or an absurd one.
 */
bool ari_cert_id(const unsigned char *leaf, size_t len,
		 char out[static ARI_ID_SIZE]);

/*
 * ERR_AGAIN: no answer to go by, which is also what a window is that ends
 * before it has begun. Any year of four digits is taken: ari_renew_at() knows
 * the bounds. An explanation that is no printable http(s) URL is left out.
 */
bool ari_parse(struct ari_window *w, const char *body, size_t len,
	       struct err *err);

/* A uniform moment in the window: to be kept as long as the window is. */
time_t ari_pick(const struct ari_window *w, uint32_t dice);

/* Is an order with `replaces` exempt from the CA's limits now? */
bool ari_window_is_open(const struct ari_window *w, time_t now);

/*
 * Does the CA ask for something else than it did for the same certificate
 * (`had` NULL: nothing)? Then the moment is picked anew. Not if both windows
 * are over: a CA's "immediately" moves along with the clock, and asks but
 * once. (An explanation that comes later is no other moment, but is kept: it
 * counts in ari_renew_at().)
 */
bool ari_window_is_new(const struct ari_window *had,
		       const struct ari_window *got, time_t now);

/*
 * When to ask again (4.3.2) after an answer: `retry_after` as given by
 * wire_retry_after(), -1 for none. Never after the certificate has expired or
 * been replaced: the caller's to see to.
 */
time_t ari_next_poll(time_t now, long retry_after, uint32_t dice);

/*
 * Seconds to wait after the nth failure in a row (n >= 1), 4.3.3: temporary
 * are time-outs and 5xx, lasting is everything else.
 */
long ari_retry(long n, bool is_temporary, uint32_t dice);

/*
 * Seconds for which a CA is asked no such question at all after the nth
 * temporary failure in a row: what it asked for, or 30 s, doubled each time up
 * to an hour; a day at most.
 */
long ari_hold(long n, long retry_after);

struct ari_case {
	time_t not_before, not_after;
	time_t first_seen;		/* when we got the certificate */
	time_t planned;			/* schedule_renewal() */
	const struct ari_window *window;	/* NULL: the CA says nothing */
	time_t pick;			/* of that window */
	long hastened; /* how many before it, in a row, gave way to haste */
	bool is_stale; /* what it hears is what the last of them gave way to */
};

/*
 * Has the CA's haste been met already? An incident is honoured once: the
 * certificate that was made for it is not to be replaced for it as well,
 * though a CA that is slow to learn of it goes on to say so. And who has a
 * reason for each that it issues gets two in a row. Then it is no longer
 * urgent, and waits until the certificate is no longer new: for the same
 * incident, until it has lived for a quarter of its life.
 */
bool ari_is_repeated(const struct ari_case *c);

/*
 * The moment to renew; if it is over, now. Without a window as planned. Else
 * the pick, but never later than with a quarter of the life left (or as
 * planned, for what came to us older than that), and, unless the CA explains
 * itself and does not repeat itself, not as long as the certificate is new: an
 * hour or 2 % of its life, and never more than a quarter of it. So a CA that
 * wants everything renewed at once, always, does not get us to order in a
 * loop, and gets four renewals in a life at most.
 *
 * The same facts give the same moment, whenever it is asked: a failed order
 * is tried again by its own pauses, and not because the CA has been asked
 * again.
 */
time_t ari_renew_at(const struct ari_case *c);

#endif
