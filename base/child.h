/*
 * A command that is told something on its standard input: run without a shell
 * and without waiting for it, ended when it takes too long.
 *
 * It gets none of our descriptors. Its output goes where our errors go, or the
 * beginning of it is kept; with status 0 it says that it did what it was told.
 * One thread, the loop's.
 */
#ifndef BASE_CHILD_H
#define BASE_CHILD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/loop.h"

#define CHILD_OUTPUT_MAX 4096 /* bytes that are kept, unless it says more */

struct child;

struct child_task {
	const char *const *argv; /* ends with NULL; argv[0] absolute */
	const char *input;
	long timeout_ms;
	bool keeps_output;	/* of both kinds; else it is in our log */
	size_t output_max;	/* 0: CHILD_OUTPUT_MAX */
	const char *start_hint; /* what to do if it does not start, */
	const char *end_hint;	/* or does not end with 0 */
};

/*
 * result->kind is ERR_NONE if it ended with 0. `output` is borrowed, empty
 * unless it was to be kept.
 */
typedef void child_done(const struct err *result, const char *output,
			void *arg);

/*
 * NULL, with err set, if it could not be started. Else `done` comes once,
 * never from within this call, and what is returned is gone by then.
 */
struct child *child_start(struct loop *loop, const struct child_task *task,
			  child_done *done, void *arg, struct err *err);

/* Kills it; `done` does not come. NULL is fine. */
void child_kill(struct child *c);

#endif
