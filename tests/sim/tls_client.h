/*
 * A TLS client for tests of serving: any sender, or a CA's validator.
 */
#ifndef TESTS_SIM_TLS_CLIENT_H
#define TESTS_SIM_TLS_CLIENT_H

#include <openssl/ssl.h>

/* A socket to this port on loopback that waits 10 s for an answer, or -1. */
int tls_client_dial(unsigned port);

/* From now on as 127.0.0.`last`. */
void tls_client_be(unsigned last);

struct tls_client {
	SSL_CTX *ctx;
	SSL *ssl;
	int fd;
};

/* Dialled, and nothing said yet. `sni` may be NULL. Trusts anybody. */
void tls_client_init(struct tls_client *c, unsigned port, const char *sni);
void tls_client_release(struct tls_client *c);

/* Only who has a certificate of this root, for this host unless it is NULL. */
void tls_client_trust(struct tls_client *c, X509 *root, const char *host);

/* 0, or the alert that ended the handshake. */
int tls_client_shake(struct tls_client *c);

void tls_client_say(struct tls_client *c, const char *text);

/* Up to the end, or up to `until`. The caller frees. */
char *tls_client_hear(struct tls_client *c, const char *until);

#endif
