/*
 * What goes wrong, and when: a seeded climate for one simulated box.
 *
 * Each process (a CA's outages, the names' DNS, the disk, the clock, the
 * power ...) is a chain of events in the rig's heap, with its own pace.
 */
#ifndef TESTS_SIM_WEATHER_H
#define TESTS_SIM_WEATHER_H

#include "tests/sim/rig.h"

/* What becomes of one exchange with a CA. */
enum fate {
	FATE_GOOD,
	FATE_LOST_REQUEST,
	FATE_LOST_REPLY, /* the CA has acted */
	FATE_REFUSED,	 /* no connection */
	FATE_500,	 /* the CA has not acted */
	FATE_502,	 /* it has */
	FATE_503,
	FATE_GARBAGE, /* it has */
	FATE_DOOR,    /* it has not: what stands before it, in HTML */
	FATE_404,     /* it has not: a machine that is behind the others */
	FATE_NAME,    /* 500, for this name alone */
	FATES
};

struct weather {
	/* The climate: once in so many; 0: never. */
	unsigned crash_at_point, crash_in_exchange, crash_in_write;
	unsigned fault;			/* of exchanges with a flaky CA */
	long outage_every;		/* seconds, of one CA */
	bool is_over;			/* from now on, nothing goes wrong */
	bool is_offline;		/* the box's own line is down */
	bool is_disk_bad, had_bad_disk; /* now; ever */
	enum wall { WALL_NONE, WALL_80, WALL_BOTH } wall; /* in front of it */
	int64_t busy_until_ms[RIG_CAS];	/* Retry-After, as we said it */
	bool wipes_next[RIG_CAS];	/* it forgets all in its next order */
	bool is_long[RIG_CAS];		/* this outage will take days */

	/* Counted, in milliseconds. */
	int64_t down_since_ms[RIG_CAS], down_ms, all_down_ms, all_since_ms;
};

void weather_begin(struct rig *r);
void weather_end(struct rig *r);	/* all is well from now on */
void weather_release(struct rig *r);

/* `name`: whose order it is about; or RIG_NOBODY. */
enum fate weather_fate(struct rig *r, size_t ca, unsigned name,
		       const char *url);
/* An order was made there. */
void weather_ordered(struct rig *r, size_t ca);

bool weather_kills_at_point(struct rig *r);
bool weather_kills_in_exchange(struct rig *r);
void weather_before_tick(struct rig *r);

/* A life has ended: when does the next begin? */
void weather_after_death(struct rig *r);

bool weather_is_down(enum ca_mode mode);
double weather_down_hours(const struct rig *r);
double weather_all_down_hours(const struct rig *r);

#endif
