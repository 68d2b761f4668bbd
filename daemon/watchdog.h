/*
 * The service manager's watchdog: fed while the control loop turns and every
 * serving thread answers. One of them that hangs stops the feed, and the
 * manager starts the daemon anew.
 *
 * Control thread only.
 */
#ifndef DAEMON_WATCHDOG_H
#define DAEMON_WATCHDOG_H

#include "base/err.h"
#include "base/loop.h"
#include "httpd/server.h"

struct watchdog;

/* NULL without an error: nobody waits to be fed. To be stopped before `h`. */
struct watchdog *watchdog_start(struct loop *loop, struct httpd *h,
				struct err *err);

/*
 * Control has a long work under way, and it gets on: who starts the daemon, or
 * waits for it to be fed, is to wait. NULL is one that has not begun.
 */
void watchdog_wait(struct watchdog *w);

void watchdog_stop(struct watchdog *w);

#endif
