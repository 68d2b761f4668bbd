/*
 * Without a service manager: root binds what is root's, and leaves.
 */
#ifndef DAEMON_RUN_AS_H
#define DAEMON_RUN_AS_H

#include <stdbool.h>

#include "base/err.h"
#include "daemon/config.h"

/*
 * Root becomes `user`, for good, with the groups the system knows; the state
 * and run folders are made first if they are missing. NULL: stays who he is.
 * ERR_INPUT if there is no such user, or this process cannot become one.
 */
bool run_as(const char *user, const struct config *c, struct err *err);

#endif
