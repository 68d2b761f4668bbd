/*
 * May the daemon read the files that its configuration names?
 *
 * `mtastsd --check-config` is run by root, who may read everything; the daemon
 * is somebody else, and a key that is closed to it is found at its next start.
 */
#ifndef DAEMON_CONFIG_ACCESS_H
#define DAEMON_CONFIG_ACCESS_H

#include "daemon/config.h"

/*
 * Becomes the daemon's user for good, and says in the log of each file, the
 * configuration at `path` too, that it may not read it, and what to do. True if
 * there is none, or if this process is not root's: then it has read them.
 *
 * The user is the owner of the state folder; where that is not there yet, who
 * is called mtastsd.
 */
bool config_access_check(const struct config *c, const char *path);

#endif
