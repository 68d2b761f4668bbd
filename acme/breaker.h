/*
 * The circuit breaker of one CA: what its failures in a row mean for everybody
 * there. Pure: it works on the CA's row, so it outlives a restart.
 *
 * A failure makes all wait a little. From the third in a row on the breaker is
 * open: one request at a time, each after a pause that grows to a minute. The
 * first good answer closes it, and the way back up is a slow start: one
 * request at a time in the first second, two in the next, then four.
 */
#ifndef ACME_BREAKER_H
#define ACME_BREAKER_H

#include <stdint.h>

#include "base/err.h"
#include "store/ca.h"

bool breaker_is_open(const struct ca *ca);

/* May the CA be asked at all at this moment? */
bool breaker_allows(const struct ca *ca, int64_t now_ms);

/* Requests that may be under way at this moment, of `limit` in good times. */
unsigned breaker_room(const struct ca *ca, unsigned limit, int64_t now_ms);

/*
 * It did not answer, or only with trouble of its own. `retry_after` is what
 * it asked for in seconds, or -1; more than an hour is not granted, for
 * somebody has to look whether it is well again. What fails while all are
 * waiting already counts no more.
 */
void breaker_failed(struct ca *ca, const struct err *problem, long retry_after,
		    int64_t now_ms, uint32_t dice);

/* True if there was trouble before. */
bool breaker_worked(struct ca *ca, int64_t now_ms);

/* The clock was set back by so much: no wait becomes longer by that. */
void breaker_shift(struct ca *ca, int64_t back_ms);

#endif
