/*
 * A check from its beginning to its end, on a loop of its own.
 */
#ifndef CLI_CHECK_RUN_H
#define CLI_CHECK_RUN_H

#include <stdbool.h>

#include "check/outside.h"
#include "cli/exit_code.h"

/* What somebody knows beyond what is seen; may be NULL. */
typedef void check_add(struct check_facts *facts, void *arg);

/*
 * Looks at `domain` (any spelling), lets `add` say what it knows, judges, and
 * prints. loop_init_library() was called. Else err says why nothing could be
 * checked, with EXIT_USAGE for a name that is none.
 */
enum exit_code check_run(const char *domain,
			 const struct outside_options *options, bool as_json,
			 check_add *add, void *arg, struct err *err);

/*
 * Looks, and gives what was seen to `take`. `domain` is normalised. False if
 * it could not begin.
 */
bool check_look(const char *domain, const struct outside_options *options,
		check_add *take, void *arg, struct err *err);

#endif
