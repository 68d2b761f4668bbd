#include "httpd/cert_cache.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "base/mem.h"
#include "base/str.h"
#include "httpd/host.h"

/*
 * What OpenSSL 3.0 takes for a parsed P-256 pair: measured, 4.6 KB and about
 * 2.4 bytes for each of the leaf's for the X509, 2.2 KB for the key.
 */
#define PAIR_BYTES	6800
#define PAIR_PER_BYTE	3
#define ISSUERS_KEPT	16	/* parsed issuer chains: CAs have few */
#define BUCKETS_MIN	64
#define BUCKETS_MAX	65536

struct entry {
	LIST_ENTRY(entry) in_bucket;
	TAILQ_ENTRY(entry) in_use;	/* least recently used first */
	char *host;
	int64_t cert_id;
	size_t bytes;
	struct cert_pair pair;
};

LIST_HEAD(bucket, entry);

struct issuer {
	int64_t id;
	STACK_OF(X509) *chain;
};

struct cert_cache {
	struct serve *serve;
	size_t bytes, bytes_max;
	size_t count;
	TAILQ_HEAD(by_use, entry) by_use;
	struct issuer issuers[ISSUERS_KEPT];
	size_t next_issuer;		/* the one to be replaced next */
	size_t bucket_count;		/* a power of two */
	struct bucket buckets[];
};

static void pair_release(struct cert_pair *pair)
{
	X509_free(pair->leaf);
	EVP_PKEY_free(pair->key);
	sk_X509_pop_free(pair->issuers, X509_free);
	*pair = (struct cert_pair){ 0 };
}

static void drop(struct cert_cache *c, struct entry *e)
{
	LIST_REMOVE(e, in_bucket);
	TAILQ_REMOVE(&c->by_use, e, in_use);
	c->bytes -= e->bytes;
	c->count--;
	pair_release(&e->pair);
	free(e->host);
	free(e);
}

struct cert_cache *cert_cache_new(struct serve *serve, size_t bytes)
{
	size_t buckets = BUCKETS_MIN;
	struct cert_cache *c;

	while (buckets < BUCKETS_MAX && buckets < bytes / PAIR_BYTES)
		buckets *= 2;
	c = xcalloc(1, sizeof(*c) + buckets * sizeof(c->buckets[0]));
	c->serve = serve;
	c->bytes_max = bytes;
	c->bucket_count = buckets;
	TAILQ_INIT(&c->by_use);
	return c;
}

void cert_cache_free(struct cert_cache *c)
{
	if (!c)
		return;
	while (!TAILQ_EMPTY(&c->by_use))
		drop(c, TAILQ_FIRST(&c->by_use));
	for (size_t i = 0; i < ISSUERS_KEPT; i++)
		sk_X509_pop_free(c->issuers[i].chain, X509_free);
	free(c);
}

size_t cert_cache_count(const struct cert_cache *c)
{
	return c->count;
}

static struct bucket *bucket_of(struct cert_cache *c, const char *host)
{
	return &c->buckets[host_hash(host) & (c->bucket_count - 1)];
}

static struct entry *find(struct cert_cache *c, const char *host)
{
	struct entry *e;

	LIST_FOREACH(e, bucket_of(c, host), in_bucket)
		if (streq(e->host, host))
			return e;
	return NULL;
}

/* Certificates in DER, one behind the other. NULL if they are not that. */
static STACK_OF(X509) *parse_chain(const unsigned char *der, size_t len)
{
	const unsigned char *p = der;
	STACK_OF(X509) *chain = sk_X509_new_null();

	while (chain && (size_t)(p - der) < len) {
		X509 *cert = d2i_X509(NULL, &p, (long)len - (p - der));

		if (!cert || !sk_X509_push(chain, cert)) {
			X509_free(cert);
			sk_X509_pop_free(chain, X509_free);
			chain = NULL;
		}
	}
	ERR_clear_error();
	return chain;
}

static struct issuer *load_issuer(struct cert_cache *c, int64_t id,
				  struct err *err)
{
	struct issuer *place = &c->issuers[c->next_issuer];
	STACK_OF(X509) *chain;
	unsigned char *der;
	size_t len = 0;

	der = serve_issuer(c->serve, id, &len, err);
	if (!der)
		return NULL;
	chain = parse_chain(der, len);
	free(der);
	if (!chain) {
		err_set(err, ERR_INTERNAL, "issuer %lld is damaged",
			(long long)id);
		return NULL;
	}
	sk_X509_pop_free(place->chain, X509_free);
	*place = (struct issuer){ .id = id, .chain = chain };
	c->next_issuer = (c->next_issuer + 1) % ISSUERS_KEPT;
	return place;
}

/* The caller's own references to the issuer's certificates, parsed once. */
static STACK_OF(X509) *issuer_chain(struct cert_cache *c, int64_t id,
				    struct err *err)
{
	struct issuer *issuer = NULL;

	for (size_t i = 0; i < ISSUERS_KEPT && !issuer; i++)
		if (c->issuers[i].chain && c->issuers[i].id == id)
			issuer = &c->issuers[i];
	if (!issuer)
		issuer = load_issuer(c, id, err);
	return issuer ? X509_chain_up_ref(issuer->chain) : NULL;
}

static bool make_pair(struct cert_cache *c, const struct serve_cert *cert,
		      struct cert_pair *pair, struct err *err)
{
	const unsigned char *p = cert->leaf;

	*pair = (struct cert_pair){ .leaf = d2i_X509(NULL, &p,
						     (long)cert->leaf_len) };
	ERR_clear_error();
	if (!pair->leaf || p != cert->leaf + cert->leaf_len)
		err_set(err, ERR_INTERNAL, "the stored certificate is damaged");
	else
		pair->key = p256_to_pkey(&cert->key, err);
	if (pair->key)
		pair->issuers = issuer_chain(c, cert->issuer_id, err);
	if (pair->issuers && X509_check_private_key(pair->leaf, pair->key) == 1)
		return true;
	if (pair->issuers)
		err_set(err, ERR_INTERNAL, "the stored key is of another "
					   "certificate");
	ERR_clear_error();
	pair_release(pair);
	return false;
}

static void make_room(struct cert_cache *c)
{
	struct entry *e = TAILQ_FIRST(&c->by_use), *next;

	for (; c->bytes > c->bytes_max && c->count > 1; e = next) {
		next = TAILQ_NEXT(e, in_use);
		drop(c, e);
	}
}

static struct entry *insert(struct cert_cache *c, const char *host,
			    const struct serve_cert *cert,
			    const struct cert_pair *pair)
{
	struct entry *e = xcalloc(1, sizeof(*e));

	e->host = xstrdup(host);
	e->cert_id = cert->cert_id;
	e->bytes = PAIR_BYTES + PAIR_PER_BYTE * cert->leaf_len + sizeof(*e);
	e->pair = *pair;
	LIST_INSERT_HEAD(bucket_of(c, host), e, in_bucket);
	TAILQ_INSERT_TAIL(&c->by_use, e, in_use);
	c->bytes += e->bytes;
	c->count++;
	make_room(c);
	return e;
}

/* Replaces `old`, which may be NULL. NULL, and `old` stays, on failure. */
static struct entry *load(struct cert_cache *c, const char *host,
			  struct entry *old, struct err *err)
{
	struct serve_cert cert;
	struct cert_pair pair;
	struct entry *e = NULL;

	if (serve_cert(c->serve, host, &cert, err) != SERVE_FOUND)
		return NULL;
	if (make_pair(c, &cert, &pair, err)) {
		if (old)
			drop(c, old);
		e = insert(c, host, &cert, &pair);
	}
	serve_cert_release(&cert);
	return e;
}

enum serve_found cert_cache_get(struct cert_cache *c, const char *host,
				const struct cert_pair **pair, struct err *err)
{
	struct entry *e = find(c, host), *fresh;
	enum serve_found found;
	int64_t cert_id;

	*pair = NULL;
	found = serve_cert_id(c->serve, host, &cert_id, err);
	if (found == SERVE_UNKNOWN || found == SERVE_NO_CERT) {
		if (e)
			drop(c, e);
		return found;
	}
	/* Better the former than none, if the present one is not to be had. */
	if (found == SERVE_FOUND && (!e || e->cert_id != cert_id)) {
		fresh = load(c, host, e, err);
		e = fresh ? fresh : e;
	}
	if (!e)
		return found == SERVE_FAILED ? SERVE_FAILED : SERVE_NO_CERT;
	TAILQ_REMOVE(&c->by_use, e, in_use);
	TAILQ_INSERT_TAIL(&c->by_use, e, in_use);
	*pair = &e->pair;
	return SERVE_FOUND;
}
