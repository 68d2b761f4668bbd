#include "tests/bench/times.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"

static int64_t read_clock(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t times_now_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t times_cpu_ns(void)
{
	return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

void times_add(struct times *t, int64_t ns)
{
	int64_t us = ns / 1000;

	if (t->count == t->room) {
		t->room = t->room ? 2 * t->room : 1024;
		t->us = xrealloc_array(t->us, t->room, sizeof(*t->us));
	}
	t->us[t->count++] = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

void times_release(struct times *t)
{
	free(t->us);
	*t = (struct times){ 0 };
}

static int by_length(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

uint32_t times_percentile(struct times *t, double percent)
{
	double rank = ceil(percent / 100 * (double)t->count);

	if (!t->count)
		return 0;
	qsort(t->us, t->count, sizeof(*t->us), by_length);
	return t->us[rank < 1 ? 0 : (size_t)rank - 1];
}
