/*
 * One look at our own listener, as a client has it: a TLS handshake with SNI,
 * and which certificate comes. Control thread only.
 */
#ifndef DAEMON_SELF_LOOK_H
#define DAEMON_SELF_LOOK_H

#include "base/err.h"
#include "base/loop.h"

struct self_look;

/*
 * `serial` is the leaf's, lower-case hex, or NULL with `problem` set. Once,
 * and never from within self_look_start(); the look is gone by then.
 */
typedef void self_look_done(const char *serial, const struct err *problem,
			    void *arg);

/*
 * `listener` is where we listen, such as "0.0.0.0:443": an address that means
 * all of them is asked for at loopback.
 */
struct self_look *self_look_start(struct loop *loop, const char *listener,
				  const char *host, long timeout_ms,
				  self_look_done *done, void *arg);

/* `done` does not come. NULL is fine. */
void self_look_stop(struct self_look *look);

#endif
