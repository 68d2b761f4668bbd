/*
 * How long a loop lets others wait: a metronome on it, ten beats a second,
 * and how late each beat was.
 *
 * Who comes at any moment waits as long as a beat that is due then, so this
 * is what a client, a timer or a reply sees of the loop, whatever held it up.
 * The figures are of the last five to ten minutes.
 *
 * For the thread that owns the loop.
 */
#ifndef BASE_LAG_H
#define BASE_LAG_H

#include "base/err.h"
#include "base/loop.h"

struct lag;

struct lag_figures {
	unsigned long beats;
	unsigned p50_ms, p99_ms, max_ms; /* rounded up; 0: none yet */
};

/* The loop must outlive it. */
struct lag *lag_new(struct loop *loop, struct err *err);
void lag_free(struct lag *lag);

struct lag_figures lag_read(const struct lag *lag);

/* Of all beats since the start, each counted once, however late it was. */
#define LAG_BOUNDS 11
extern const unsigned lag_bounds_ms[LAG_BOUNDS];

struct lag_totals {
	unsigned long beats[LAG_BOUNDS + 1]; /* not later than its bound */
	unsigned long long late_ms;
};
const struct lag_totals *lag_totals(const struct lag *lag);

/* ---- the arithmetic, apart from any clock ---- */

#define LAG_BEAT_MS  100
#define LAG_EXACT_MS 1000 /* what is later counts as this much */

/* Zero to begin with. */
struct lag_counts {
	unsigned long beats;
	unsigned max_ms;
	unsigned long late[LAG_EXACT_MS + 1]; /* by milliseconds */
};

/* One that is late by more than a beat stands for those it kept from coming. */
void lag_note(struct lag_counts *c, unsigned late_ms);
void lag_add_up(struct lag_totals *t, unsigned late_ms);
struct lag_figures lag_figures(const struct lag_counts *now,
			       const struct lag_counts *before);

#endif
