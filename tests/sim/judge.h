/*
 * Whether the promise is kept, judged after every event.
 *
 * The promise: each certificate has a planned renewal moment, never later
 * than when a quarter of its life is left. While the name leads here, what is
 * served is never expired, provided that between that moment and expiry some
 * CA that may issue for the name can be reached for ten minutes plus the time
 * that more urgent work needs at the stated rate.
 */
#ifndef TESTS_SIM_JUDGE_H
#define TESTS_SIM_JUDGE_H

#include "tests/sim/rig.h"

/* A stretch of time in which something held; `to` 0: it still does. */
struct stretch {
	int64_t from_ms, to_ms;
};

struct stretches {
	struct stretch *list;
	size_t count, cap;
};

struct judge_name {
	time_t served_until;	/* true time; 0: nothing was ever served */
	time_t served_from;
	int64_t lapsed_ms;	/* since when it is expired; 0: it is not */
	bool is_promised;	/* that it would not be */
	bool may_be_charged;	/* something was its own fault, or may be */
	unsigned voids;		/* orders that are nobody's fault */
	struct stretches bad;	/* its DNS, as seen from outside */
	struct stretches forbidden[RIG_CAS];
	bool has_trial; /* its CA has given a certificate: */
	size_t trial_ca;
	uint32_t trial_cert;
};

/* A certificate that the CA has handed out and that must be seen served. */
struct awaited {
	unsigned name;
	size_t ca;
	uint32_t cert;
	unsigned looks;
	unsigned stored_looks; /* it was stored, and not served */
	int64_t stored_ms;     /* since then */
};

/* An order was made void, or may have been; `failures` before that. */
struct voided {
	unsigned name;
	long failures; /* -1: not known yet */
};

/* A CA asked to be left alone, then and until then. */
struct peace {
	int64_t asked_ms, until_ms;
};

struct judge {
	struct judge_name *name;
	struct stretches box;		/* up, online, its clock right, ... */
	struct stretches reach[RIG_CAS];
	struct awaited *awaited;
	size_t awaited_count, awaited_cap;
	struct voided *voided;
	size_t voided_count, voided_cap;

	/*
	 * Retry-After that the box has heard, of all and of renewal
	 * information; and requests to a dead CA.
	 */
	struct peace orders[RIG_CAS], advice[RIG_CAS];
	int64_t count_from_ms[RIG_CAS];
	unsigned knocks[RIG_CAS];

	long ahead; /* seconds: the most of the last week that is believed */
	int64_t ahead_until_ms;

	unsigned long ordered;			/* by the CAs' count */
	int64_t promised_ms, unpromised_ms;	/* lapsed, in all */
	unsigned broken; /* names that are expired, though promised */
	unsigned long lapses, looks, installed;
	unsigned long checks;

	/* Names whose orders the CA has just spoilt, and their failures. */
	struct wronged {
		unsigned name;
		long failures;
	} *wronged;
	size_t wronged_count, wronged_cap;
};

void judge_begin(struct rig *r);
void judge_release(struct rig *r);

/* Something changed that decides whether a CA can be had. */
void judge_weather(struct rig *r);
void judge_name_weather(struct rig *r, unsigned name);

/* A request went out; an answer came in. */
void judge_request(struct rig *r, size_t ca, bool is_advice);
void judge_retry_after(struct rig *r, size_t ca, bool is_advice, long seconds);

/*
 * An answer comes that is none, to a question about this name's order: that
 * is never the name's failure.
 */
void judge_wronged(struct rig *r, unsigned name);

/*
 * The order of that name is lost, and it is nobody's fault: it is made anew at
 * once, if it is the first in a row. A CA loses all of its orders.
 */
void judge_voided(struct rig *r, unsigned name);
void judge_wiped(struct rig *r, size_t ca);

/* An order is made for it: nothing that was not its own has been counted. */
void judge_ordered(struct rig *r, unsigned name);

/* The CA has given a certificate away. */
void judge_expect(struct rig *r, size_t ca, uint32_t cert);

void judge_after_event(struct rig *r);
void judge_after_tick(struct rig *r);
void judge_after_start(struct rig *r);
void judge_after_death(struct rig *r);

/* How many names are served no certificate that has not expired. */
unsigned judge_missing(struct rig *r);

/* All names, at the end; then the store and the books. */
void judge_end(struct rig *r);

/*
 * A box that is condemned: may it have a name that is expired though it was
 * promised? And then its count ends.
 */
bool judge_is_counting(const struct rig *r);
void judge_give_up(struct rig *r);

/* Was this token a trial's that gave way to a renewal? */
bool judge_gave_way(struct rig *r, const char *token);

/* Is, or was, this order that of a trial? */
bool judge_is_of_trial(struct rig *r, const char *order_url);

#endif
