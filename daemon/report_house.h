/*
 * What is to go of the reports that are stored: those that are too old, and of
 * who takes up more than his room, the oldest days. In pieces, each of a few
 * milliseconds of a transaction that somebody else has begun.
 *
 * One piece of what is old goes in any case, or a flood of reports would keep
 * all that is old. What fails is left alone for a minute: reports go on.
 */
#ifndef DAEMON_REPORT_HOUSE_H
#define DAEMON_REPORT_HOUSE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/err.h"
#include "daemon/config.h"
#include "store/store.h"

struct report_house {
	unsigned prune_limit; /* of a piece: as many as there is time for */
	time_t prune_at, shed_at;
	bool may_be_over; /* reports may take more room than they may */
	bool is_more;	  /* the last turn left some, for the next, soon */
};

void report_house_init(struct report_house *h);

/* Something came. */
void report_house_grew(struct report_house *h);

bool report_house_has_work(const struct report_house *h, time_t now);

/*
 * Inside a transaction, which is to be taken back if it fails. No piece is
 * begun after `until` of the steady clock, but for one.
 */
bool report_house_turn(struct report_house *h, struct store *s,
		       const struct config *config, time_t now, int64_t until,
		       struct err *err);

#endif
