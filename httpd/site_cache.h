/*
 * What sites show: host -> X509, key and issuers, parsed, so that a handshake
 * need not; and the policy. The least recently used leaves when the memory is
 * spent.
 *
 * serve.db is looked at again for an entry when serve_generation() is another
 * one, so a new certificate is presented by the next handshake. Handshakes
 * under way hold references of their own. Owning thread only.
 */
#ifndef HTTPD_SITE_CACHE_H
#define HTTPD_SITE_CACHE_H

#include <openssl/x509.h>
#include <stddef.h>

#include "store/serve.h"

struct site_cache;

struct cert_pair {
	X509 *leaf;
	EVP_PKEY *key;
	STACK_OF(X509) *issuers; /* may be empty */
};

/* `serve` is borrowed. At least one certificate is kept, however few bytes. */
struct site_cache *site_cache_new(struct serve *serve, size_t bytes);
void site_cache_free(struct site_cache *c);

/*
 * The host's current certificate; *pair is borrowed until the next call.
 * When it cannot be read or parsed, err is set and the former one, if this
 * cache still has it, is given; else SERVE_NO_CERT.
 */
enum serve_found site_cache_cert(struct site_cache *c, const char *host,
				 const struct cert_pair **pair,
				 struct err *err);

/*
 * The policy file's exact bytes, or NULL if the host is not ours or cannot be
 * read; borrowed until the next call. Which version it is, for who counts.
 */
const char *site_cache_policy(struct site_cache *c, const char *host,
			      size_t *len, int64_t *policy_id);

/* Entries held now. */
size_t site_cache_count(const struct site_cache *c);

#endif
