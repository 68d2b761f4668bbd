/*
 * Parsed certificates, ready for OpenSSL: a serving thread's own.
 *
 * An entry is good while serve.db still names its certificate id; a renewed
 * one is parsed anew at the next handshake, and running connections keep the
 * old (OpenSSL counts references). Least recently used entries go when the
 * byte budget is spent. Issuer certificates are parsed once for all leaves.
 *
 * One thread.
 */
#ifndef HTTPD_CERT_CACHE_H
#define HTTPD_CERT_CACHE_H

#include <openssl/x509.h>

#include "store/serve.h"

struct cert_cache;

/* Borrowed: good until the next call with the same cache. */
struct cert_entry {
	X509 *leaf;
	EVP_PKEY *key;
	STACK_OF(X509) *chain;	/* without the leaf */
};

struct cert_cache *cert_cache_new(struct serve *serve, size_t max_bytes);
void cert_cache_free(struct cert_cache *c);

/*
 * The current certificate of a host, lower case. SERVE_NO_CERT also if the
 * stored one does not parse, with err set.
 */
enum serve_found cert_cache_get(struct cert_cache *c, const char *host,
				struct cert_entry *out, struct err *err);

/* For tests and status. */
size_t cert_cache_count(const struct cert_cache *c);

#endif
