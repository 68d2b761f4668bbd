/*
 * What the configuration comes to, for who looks whether this machine is fit
 * for it: mtastsctl doctor, which reads no configuration itself.
 *
 * `mtastsd --show-config` prints it where no daemon runs, `GET /v1/box` tells
 * it of the one that does. No secret is in it.
 */
#ifndef DAEMON_BOX_VIEW_H
#define DAEMON_BOX_VIEW_H

#include <jansson.h>

#include "daemon/config.h"

/* A new reference. `path` is the file that it was read from. */
json_t *box_view(const struct config *c, const char *path);

#endif
