/*
 * One look at our own listener, as a client has it: a TLS handshake with SNI,
 * and which certificate comes. Control thread only.
 */
#ifndef DAEMON_SELF_LOOK_H
#define DAEMON_SELF_LOOK_H

#include <openssl/ssl.h>

#include "base/err.h"
#include "base/loop.h"
#include "httpd/proxied.h"

struct self_look;

/*
 * `serial` is the leaf's, lower-case hex, or NULL with `problem` set. Once,
 * and never from within self_look_start(); the look is gone by then.
 */
typedef void self_look_done(const char *serial, const struct err *problem,
			    void *arg);

/*
 * What all looks share; costly, so made once. Nothing is verified: it is our
 * own box, at an address of our own, and what comes is compared with what
 * should. To be freed by SSL_CTX_free().
 */
SSL_CTX *self_look_tls(void);

struct self_look_options {
	struct loop *loop;
	SSL_CTX *tls; /* self_look_tls() */

	/*
	 * Where we listen, such as "0.0.0.0:443": an address that means all of
	 * them is asked for at loopback.
	 */
	const char *listener;
	const char *host;
	const struct proxies *proxies; /* outlives the look, as loop and tls */
	long timeout_ms;
};

struct self_look *self_look_start(const struct self_look_options *options,
				  self_look_done *done, void *arg);

/* `done` does not come. NULL is fine. */
void self_look_stop(struct self_look *look);

#endif
