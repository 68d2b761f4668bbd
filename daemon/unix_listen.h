/*
 * A listening unix socket at a path, with mode and group as they should be
 * from the moment it can be connected to.
 */
#ifndef DAEMON_UNIX_LISTEN_H
#define DAEMON_UNIX_LISTEN_H

#include <sys/types.h>

#include "base/err.h"

/*
 * Non-blocking, close-on-exec; or -1. It belongs to `group` if there is such
 * a group. A socket that nobody listens on any more is replaced;
 * ERR_REFUSED if somebody does.
 */
int unix_listen(const char *path, mode_t mode, const char *group,
		struct err *err);

#endif
