/*
 * What sites show: host -> X509, key and issuers, parsed, so that a handshake
 * need not; and the policy.
 *
 * While there is memory, who comes stays. Then who comes is a visitor, one of
 * 64 at most, and stays if it comes again soon: the least recently used of those
 * that stay goes for it. So who asks for each name once takes nothing away from
 * those that are asked for again and again, and a name that is seen once costs
 * memory that is still in the processor's caches. (2Q: Johnson and Shasha,
 * 1994.)
 *
 * serve.db is looked at again for an entry when serve_generation() is another
 * one, so a new certificate is presented by the next handshake. Handshakes
 * under way hold references of their own. Owning thread only.
 */
#ifndef HTTPD_SITE_CACHE_H
#define HTTPD_SITE_CACHE_H

#include <stddef.h>

#include "httpd/pair.h"
#include "httpd/tally.h"
#include "store/serve.h"

struct site_cache;

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

/*
 * So many certificates were given that were parsed already, or were read from
 * serve.db for it. To look there and find it the same is no reading. Any thread.
 */
unsigned long site_cache_given(struct site_cache *c, enum tally_source from);

#endif
