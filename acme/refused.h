/*
 * Names that a CA would not take an order for, in a row, by a limit in words
 * that we do not know: are they so many that it is not theirs?
 *
 * Pure: no network, no store, no clock.
 */
#ifndef ACME_REFUSED_H
#define ACME_REFUSED_H

#include <stdbool.h>
#include <time.h>

#include "policy/domain_name.h"

#define REFUSED_ALIKE 3

/*
 * A CA may have a limit of its own for all names under a registered domain,
 * so that counts once. All zero: none was refused.
 */
struct refused_row {
	char domain[REFUSED_ALIKE][DOMAIN_NAME_SIZE];
	unsigned count;
	time_t until; /* a new row begins then */
};

/*
 * This host was, and is to come again in so many seconds: is the row full? A
 * full one stays so while the CA goes on refusing, for else each round would be
 * charged to the first names of it.
 */
bool refused_note(struct refused_row *row, const char *host, time_t now,
		  long retry_after);

bool refused_is_full(const struct refused_row *row, time_t now);

/*
 * Seconds for all to wait. What the CA said was said of one name; that it holds
 * for all is a guess, and not to be trusted for long.
 */
long refused_hold(long retry_after);

#endif
