/*
 * How long things took: every one of them is kept, so percentiles are exact.
 */
#ifndef TESTS_BENCH_TIMES_H
#define TESTS_BENCH_TIMES_H

#include <stddef.h>
#include <stdint.h>

struct times {
	uint32_t *us; /* owned */
	size_t count, room;
};

/* CLOCK_MONOTONIC, and the processor time of this thread. */
int64_t times_now_ns(void);
int64_t times_cpu_ns(void);

void times_add(struct times *t, int64_t ns);
void times_release(struct times *t);

/*
 * The smallest of them that at least `percent` % do not exceed, in us: 50 is
 * the median, 100 the longest. 0 if there are none. Sorts.
 */
uint32_t times_percentile(struct times *t, double percent);

#endif
