/*
 * The desk: one thread for heavy, unhurried work, away from the loop.
 *
 * For now it copies the write-ahead logs of the store into the databases, so
 * that the control thread never waits for that.
 */
#ifndef DAEMON_DESK_H
#define DAEMON_DESK_H

#include "base/err.h"

struct desk;

struct desk *desk_start(const char *state_dir, struct err *err);
void desk_stop(struct desk *d);	/* waits for what it is doing */

#endif
