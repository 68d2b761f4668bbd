/*
 * How far something long has come: a line on a terminal that is written over
 * and over, and nothing at all elsewhere.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>

struct progress {
	bool is_wanted; /* stderr is a terminal */
	bool is_shown;
	long long next_ms; /* not before: ten times in a second are enough */
};

void progress_init(struct progress *p);

/* `percent` -1: nobody knows. */
void progress_show(struct progress *p, int percent, long done);

/* Before anything else is written. */
void progress_clear(struct progress *p);

#endif
