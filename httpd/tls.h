/*
 * One serving thread's half of every handshake: which certificate for which
 * name, and no certificate at all for any other.
 *
 * TLS 1.2 and 1.3, AES-128 first, elliptic curves only, ALPN http/1.1 or none.
 * Unknown, missing and not yet certified names end with the alert
 * unrecognized_name. Sessions are never resumed: a sender comes once a day, and
 * a session made for one name must not be of use for another.
 *
 * Who offers `acme-tls/1` and nothing else is a CA's validator (RFC 8737, 3:
 * "MUST contain an ALPN extension with the single protocol name"). It sees the
 * challenge certificate of the name, or the alert no_application_protocol if
 * there is none; never the real one. Who offers it among others is no
 * validator, but a client like any other: it may have http/1.1.
 *
 * Owning thread only.
 */
#ifndef HTTPD_TLS_H
#define HTTPD_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "httpd/host.h"
#include "httpd/site_cache.h"
#include "httpd/tally.h"
#include "store/serve.h"

struct tls;

struct tls_options {
	struct serve *serve; /* all borrowed */
	struct site_cache *sites;
	struct tally *tally;
	void (*wanted)(const char *host, void *arg);	/* may be NULL */
	void *arg;
};

struct tls *tls_new(const struct tls_options *options, struct err *err);
void tls_free(struct tls *t);	/* after the last of its SSLs */

/* What a connection keeps of its handshake. All zero before it. */
struct tls_peer {
	char host[DOMAIN_NAME_SIZE];	/* from its SNI; empty before that */
	bool is_validator;		/* has nothing to say or to hear */
	bool is_shaken;			/* the handshake is finished */
	bool is_unknown; /* no certificate is there for its name */
};

/* What was agreed on, even if the handshake failed after that. */
enum tally_version tls_version(const SSL *ssl);

/* Was what costs most done: our part of a handshake, and a signature for it? */
bool tls_has_signed(const SSL *ssl);

/* A server's SSL that fills *peer, which must outlive it. NULL: no memory. */
SSL *tls_accept(struct tls *t, struct tls_peer *peer);

#endif
