/*
 * What the CAs have counted against what the store has: looked at now and
 * then, for it costs more than to look at one name (I3 to I5 and I9 of the
 * plan of faults).
 */
#ifndef TESTS_SIM_BOOKS_H
#define TESTS_SIM_BOOKS_H

#include "tests/sim/rig.h"

/* The first column of the first row that state.db has for this; or -1. */
int64_t books_number(struct rig *r, const char *sql);

/* A CA made an order. */
void books_ordered(struct rig *r);

void books_after_start(struct rig *r);
void books_at_end(struct rig *r);

#endif
