/*
 * Parsed certificates, so that a handshake need not parse: host -> X509, key
 * and issuers, the least recently used leaving when the memory is spent.
 *
 * An entry is current if and only if serve.db still names its cert_id; that
 * one look is made on every call, so a new certificate is presented by the
 * next handshake. Handshakes under way hold references of their own.
 * Owning thread only.
 */
#ifndef HTTPD_CERT_CACHE_H
#define HTTPD_CERT_CACHE_H

#include <openssl/x509.h>
#include <stddef.h>

#include "store/serve.h"

struct cert_cache;

struct cert_pair {
	X509 *leaf;
	EVP_PKEY *key;
	STACK_OF(X509) *issuers;	/* may be empty */
};

/* `serve` is borrowed. At least one certificate is kept, however few bytes. */
struct cert_cache *cert_cache_new(struct serve *serve, size_t bytes);
void cert_cache_free(struct cert_cache *c);

/*
 * The host's current certificate; *pair is borrowed until the next call.
 * When it cannot be read or parsed, err is set and the former one, if this
 * cache still has it, is given; else SERVE_NO_CERT.
 */
enum serve_found cert_cache_get(struct cert_cache *c, const char *host,
				const struct cert_pair **pair, struct err *err);

/* Entries held now. */
size_t cert_cache_count(const struct cert_cache *c);

#endif
