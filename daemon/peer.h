/*
 * Who is at the other end of a unix socket, for the trail.
 */
#ifndef DAEMON_PEER_H
#define DAEMON_PEER_H

#include <stdbool.h>

#define PEER_TEXT 160

/*
 * "alice (uid 1000)". Root may be somebody behind sudo, and only root is
 * believed when it says so: "alice via sudo (uid 0)". `sudo_user` may be
 * NULL; what cannot be a login name is ignored.
 */
const char *peer_describe(int fd, const char *sudo_user,
			  char out[static PEER_TEXT]);

/* As it connected, whoever it became since. */
bool peer_is_root(int fd);

#endif
