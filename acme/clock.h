/*
 * The engine's clock: the machine's, as long as that can be believed.
 *
 * A wall clock may be wrong at boot, and may step at any moment. Who followed
 * it blindly would renew everything at once, or nothing any more. So a step
 * is not followed: our time goes on as the clock that never steps says, until
 * a CA tells in the Date of an answer (over verified TLS) whether the machine
 * is right. The same holds for a machine that boots before the moment that we
 * have seen already: our time begins there.
 *
 * A Date never overrules a machine that another Date has confirmed and that
 * has not stepped since: then it is only told that the two disagree. Nor does
 * one CA alone lead us before what has been, or more than a day ahead of a
 * machine against which nothing speaks but that: it takes two that agree. The
 * table is in docs/architecture.md.
 *
 * It is a world (acme/world.h) round another one: whoever asks that for the
 * time gets ours. Control thread only.
 */
#ifndef ACME_CLOCK_H
#define ACME_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "acme/world.h"

#define CLOCK_SLACK_MS (5 * 60 * 1000LL) /* within it, clocks agree */

enum clock_doubt {
	CLOCK_CONFIRMED,   /* a CA's Date agreed */
	CLOCK_UNCONFIRMED, /* since the start; nothing speaks against it */
	CLOCK_BEHIND,	   /* it was earlier than what we had seen */
	CLOCK_STEPPED,	   /* it jumped while we ran */
	CLOCK_OVERRULED	   /* a CA says that it is wrong, and we go by that */
};

struct clock {
	const struct world *real;
	struct world view; /* the same, with our time */
	enum clock_doubt doubt;
	int64_t offset_ms;	    /* our time less the machine's */
	int64_t wall_ms, steady_ms; /* both, when last looked at */
	int64_t back_ms;      /* our time went back by so much: not yet told */
	int64_t disagrees_ms; /* the machine's less a CA's Date; 0: they agree */
	int64_t disagrees;    /* the CA that says so */
	bool was_behind;      /* the machine, at the start: its word is worth
				 nothing until it is right again */
	int64_t least_ms;     /* no Date before that is right */
	int64_t followed;     /* the CA by whose Date we go; 0: by none */
	struct {
		int64_t ca;	   /* 0: none */
		int64_t offset_ms; /* of its time from the steady clock */
	} claim; /* newest that was not followed, being alone */
};

/* `mark`: a moment that has been, as stored; 0: none. `real` outlives it. */
void clock_init(struct clock *c, const struct world *real, time_t mark);

/*
 * A former life came to `last`, and nobody vouched for its time; 0: there is
 * none. If that is ahead of ours, time has gone back by as much.
 */
void clock_resume(struct clock *c, time_t last);

/* The world with our time. It is the clock's. */
const struct world *clock_world(const struct clock *c);

int64_t clock_now_ms(struct clock *c);

/*
 * The CA with this id, of its row, has just said that it is `date`. If our
 * time goes back by that, c->back_ms grows: what waits for a moment must wait
 * for an earlier one.
 */
void clock_heard(struct clock *c, int64_t ca, time_t date);

/* Nobody asks the CA that disagrees any more. */
void clock_forget_disagreement(struct clock *c);

/*
 * Has a CA said what time it is, and do we go by that? Before, what cannot be
 * undone is not done only because its time seems to be over.
 */
bool clock_is_known(const struct clock *c);

/* Is it worth asking a CA only for the time? */
bool clock_is_doubtful(const struct clock *c);

/*
 * ERR_NONE: nothing to say. Else in words what is wrong with the machine's
 * clock, and what to do.
 */
struct err;
void clock_trouble(const struct clock *c, struct err *out);

#endif
