/*
 * A loop that a test runs, and that somebody is to stop: if nobody does, the
 * test fails instead of hanging.
 */
#ifndef TESTS_SIM_GUARDED_H
#define TESTS_SIM_GUARDED_H

#include "base/loop.h"

/* As loop_run(), for twenty seconds at most. */
void guarded_run(struct loop *loop);

#endif
