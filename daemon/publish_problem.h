/*
 * Why the zone could not be published: from what a program printed to a
 * sentence and what to do. Pure.
 */
#ifndef DAEMON_PUBLISH_PROBLEM_H
#define DAEMON_PUBLISH_PROBLEM_H

#include <stdbool.h>

#include "base/err.h"

/*
 * knsupdate's and nsupdate's words are known; of a hook the last line is told.
 * `err` says how it ended, and gets the better words.
 */
void publish_problem(const char *output, bool is_hook, struct err *err);

#endif
