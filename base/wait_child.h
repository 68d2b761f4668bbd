/*
 * The end of a process that we started, waited for until then and no longer.
 */
#ifndef BASE_WAIT_CHILD_H
#define BASE_WAIT_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * It leads a process group of its own. False: it had not ended by `until`, of
 * steady_ms(), and has been killed, with its group. It is reaped in either case,
 * and *status is waitpid's.
 */
bool wait_child(pid_t pid, int64_t until, int *status);

#endif
