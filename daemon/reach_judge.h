/*
 * What a look at the policy, as senders fetch it, says of them; and when the
 * next one comes.
 *
 * Pure: what was seen comes in.
 */
#ifndef DAEMON_REACH_JUDGE_H
#define DAEMON_REACH_JUDGE_H

#include "base/when.h"
#include "policy/check_facts.h"
#include "store/reached.h"

#define REACH_LET_AFTER WHEN_DAY
#define REACH_LET_TRIES                                                        \
	12 /* looks in that time, at least: half a day of them */

/* What this box serves, by which its own answer is known. */
struct reach_own {
	const char *body;	   /* borrowed: the policy */
	const unsigned char *leaf; /* SHA-256 of its certificate; NULL: that is
				      not known, and the policy has to do */
};

/*
 * REACHED_NOT_TRIED is that it was fetched, from here: at each address, but that
 * one of IPv6 may be out of reach where another one answers. Else `problem` says
 * what is wrong.
 */
enum reached_why reach_judge(const struct check_facts *f,
			     const struct reach_own *own,
			     char problem[static REACHED_WORDS]);

/* One more look has failed, at `now`. What was let through by hand stays so. */
void reach_failed(struct reached *r, enum reached_why why, const char *problem,
		  time_t now);

#endif
