/*
 * One serving thread's half of every handshake: which certificate for which
 * name, and no certificate at all for any other.
 *
 * TLS 1.2 and 1.3, ALPN http/1.1 or none. Unknown, missing and not yet
 * certified names end with the alert unrecognized_name. Sessions are never
 * resumed: a sender comes once a day, and a session made for one name must
 * not be of use for another. Owning thread only.
 */
#ifndef HTTPD_TLS_H
#define HTTPD_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "httpd/host.h"
#include "httpd/tally.h"
#include "store/serve.h"

struct tls;

struct tls_options {
	struct serve *serve;		/* borrowed, as is the tally */
	struct tally *tally;
	size_t cache_bytes;
	void (*wanted)(const char *host, void *arg);	/* may be NULL */
	void *arg;
};

struct tls *tls_new(const struct tls_options *options, struct err *err);
void tls_free(struct tls *t);	/* after the last of its SSLs */

/* What a connection keeps of its handshake. All zero before it. */
struct tls_peer {
	char host[DOMAIN_NAME_SIZE];	/* from its SNI; empty before that */
	bool is_shaken;			/* the handshake is finished */
};

/* A server's SSL that fills *peer, which must outlive it. NULL: no memory. */
SSL *tls_accept(struct tls *t, struct tls_peer *peer);

#endif
