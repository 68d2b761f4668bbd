/*
 * A command that is told something on its standard input: run without a shell
 * and without waiting for it, ended when it takes too long.
 *
 * It gets none of our descriptors, its output goes where our errors go, and
 * with status 0 it says that the message was taken. Control thread only.
 */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

#include "base/err.h"
#include "base/loop.h"

struct notify;

/* err->kind is ERR_NONE if the command took it. */
typedef void notify_done(const struct err *result, void *arg);

/*
 * argv ends with NULL; argv[0] is an absolute path. NULL, with err set, if it
 * could not be started. Else `done` comes once, never from within this call,
 * and what is returned is gone by then.
 */
struct notify *notify_start(struct loop *loop, const char *const *argv,
			    const char *input, long timeout_ms,
			    notify_done *done, void *arg, struct err *err);

/* Kills it; `done` does not come. NULL is fine. */
void notify_kill(struct notify *n);

#endif
