/*
 * TLS as a policy host needs it: 1.2 and 1.3, ALPN http/1.1, and the server
 * name decides everything (RFC 8461, 3.3).
 *
 * A name that is not ours, none at all, or one of ours without a certificate
 * ends the handshake with the alert unrecognized_name: there is no default
 * certificate. Nothing is resumed, so no session can be carried over to
 * another name.
 *
 * Each serving thread has a context of its own.
 */
#ifndef HTTPD_TLS_H
#define HTTPD_TLS_H

#include <openssl/ssl.h>

#include "base/err.h"
#include "httpd/cert_cache.h"
#include "policy/domain_name.h"

/* What the handshake of one connection leaves behind. */
struct tls_state {
	char host[DOMAIN_NAME_SIZE];	/* the SNI name, lower case */
	bool is_finished;
};

struct tls_hooks {
	/* Finds the certificate of a host, and notes a host that has none. */
	enum serve_found (*find)(void *arg, const char *host,
				 struct cert_entry *out);
	void *arg;
};

/* `hooks` must outlive the context. */
SSL_CTX *tls_context_new(const struct tls_hooks *hooks, struct err *err);

/* A server side; `state` is the caller's and must outlive it. */
SSL *tls_new(SSL_CTX *ctx, struct tls_state *state);

#endif
