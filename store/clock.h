/*
 * Time, as far as the store knows of it: the latest moment that has been (in
 * table `meta`), and what to do with waits when time turns out to be earlier.
 *
 * Control thread only.
 */
#ifndef STORE_CLOCK_H
#define STORE_CLOCK_H

#include <time.h>

#include "store/store.h"

/* 0: none yet, or it cannot be read. */
time_t store_clock_mark(struct store *s);

/* Inside a transaction. */
bool store_clock_set_mark(struct store *s, time_t at, struct err *err);

/*
 * The latest moment by a clock that no CA has confirmed (or one has shown to be
 * wrong), since when one has; 0: none. What is waited for was reckoned by it.
 * Inside a transaction.
 */
time_t store_clock_unsure(struct store *s);
bool store_clock_set_unsure(struct store *s, time_t at, struct err *err);

/*
 * Time went back by `back` seconds, and is `now`: what waits for a moment
 * that was reckoned from a later now waits for one that is earlier by as
 * much, and never for one before now. What hangs on the dates of certificates
 * stays. Rows keep their epochs. Inside a transaction.
 */
bool store_clock_shift(struct store *s, time_t now, long back, struct err *err);

#endif
