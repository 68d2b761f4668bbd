/*
 * What a handshake presents: a leaf, its key and its issuers, as OpenSSL has
 * them.
 *
 * With OpenSSL 3.0 the leaf holds the very EVP_PKEY that it is presented with:
 * one key in memory for each pair, not two, and nothing to be compared at each
 * handshake. It takes a quarter of the time that it takes otherwise, and a
 * serving thread does it at every miss of its cache (base/openssl.h).
 */
#ifndef HTTPD_PAIR_H
#define HTTPD_PAIR_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/p256.h"

struct cert_pair {
	X509 *leaf;
	EVP_PKEY *key; /* of openssl_keys(), where its SSL_CTX signs with it */
	STACK_OF(X509) * issuers; /* may be empty */
};

/*
 * Without issuers yet. Owned: release it. ERR_INTERNAL if the bytes are not one
 * certificate, or that of another key. Any thread.
 */
bool pair_make(struct cert_pair *pair, const unsigned char *der, size_t len,
	       const struct p256 *key, struct err *err);
void pair_release(struct cert_pair *pair);

#endif
