#include "base/lag.h"

#include <event2/event.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"

#define WINDOW_BEATS 3000 /* five minutes of them */
#define LATE_MAX_MS  60000

const unsigned lag_bounds_ms[LAG_BOUNDS] = { 1,	  2,   5,   10,	  20,  50,
					     100, 200, 500, 1000, 5000 };

struct lag {
	struct event *beat;
	int64_t due_us;
	struct lag_counts now, before; /* this window and the last one */
	struct lag_totals totals;
};

static int64_t monotonic_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void note_one(struct lag_counts *c, unsigned late_ms)
{
	c->beats++;
	c->late[late_ms < LAG_EXACT_MS ? late_ms : LAG_EXACT_MS]++;
}

void lag_note(struct lag_counts *c, unsigned late_ms)
{
	if (late_ms > c->max_ms)
		c->max_ms = late_ms;
	for (; late_ms >= LAG_BEAT_MS; late_ms -= LAG_BEAT_MS)
		note_one(c, late_ms);
	note_one(c, late_ms);
}

void lag_add_up(struct lag_totals *t, unsigned late_ms)
{
	size_t i = 0;

	while (i < LAG_BOUNDS && late_ms > lag_bounds_ms[i])
		i++;
	t->beats[i]++;
	t->late_ms += late_ms;
}

/* The least lateness that so many in a hundred did not exceed. */
static unsigned percentile(const struct lag_counts *a,
			   const struct lag_counts *b, unsigned long percent)
{
	unsigned long beats = a->beats + b->beats;
	unsigned long wanted = (beats * percent + 99) / 100, seen = 0;
	unsigned ms = 0;

	for (; ms < LAG_EXACT_MS; ms++) {
		seen += a->late[ms] + b->late[ms];
		if (seen >= wanted)
			break;
	}
	return ms;
}

struct lag_figures lag_figures(const struct lag_counts *now,
			       const struct lag_counts *before)
{
	return (struct lag_figures){
		.beats = now->beats + before->beats,
		.p50_ms = percentile(now, before, 50),
		.p99_ms = percentile(now, before, 99),
		.max_ms = now->max_ms > before->max_ms ? now->max_ms
						       : before->max_ms,
	};
}

static void set_beat(struct lag *lag)
{
	static const struct timeval interval = { 0, LAG_BEAT_MS * 1000L };

	lag->due_us = monotonic_us() + LAG_BEAT_MS * 1000L;
	event_add(lag->beat, &interval);
}

static void on_beat(evutil_socket_t fd, short what, void *arg)
{
	struct lag *lag = arg;
	int64_t late_ms = (monotonic_us() - lag->due_us + 999) / 1000;

	(void)fd;
	(void)what;
	if (late_ms < 0)
		late_ms = 0;
	if (late_ms > LATE_MAX_MS) /* we were stopped */
		late_ms = LATE_MAX_MS;
	if (lag->now.beats >= WINDOW_BEATS) {
		lag->before = lag->now;
		lag->now = (struct lag_counts){ .beats = 0 };
	}
	lag_note(&lag->now, (unsigned)late_ms);
	lag_add_up(&lag->totals, (unsigned)late_ms);
	set_beat(lag);
}

struct lag *lag_new(struct loop *loop, struct err *err)
{
	struct lag *lag = xcalloc(1, sizeof(*lag));

	lag->beat = evtimer_new(loop_base(loop), on_beat, lag);
	if (!lag->beat) {
		err_set(err, ERR_INTERNAL, "libevent gave no timer");
		free(lag);
		return NULL;
	}
	set_beat(lag);
	return lag;
}

void lag_free(struct lag *lag)
{
	if (!lag)
		return;
	event_free(lag->beat);
	free(lag);
}

struct lag_figures lag_read(const struct lag *lag)
{
	return lag_figures(&lag->now, &lag->before);
}

const struct lag_totals *lag_totals(const struct lag *lag)
{
	return &lag->totals;
}
