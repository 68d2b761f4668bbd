#include "httpd/site_cache.h"

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
#define PAIR_BYTES    6800
#define PAIR_PER_BYTE 3
#define ISSUERS_KEPT  16 /* parsed issuer chains: CAs have few */
#define BUCKETS_MIN   64
#define BUCKETS_MAX   65536

struct entry {
	LIST_ENTRY(entry) in_bucket;
	TAILQ_ENTRY(entry) in_use; /* least recently used first */
	char *host;
	uint64_t generation; /* of serve.db, when it was looked at */
	struct serve_site site;
	size_t bytes;
	struct cert_pair pair;
};

LIST_HEAD(bucket, entry);

struct issuer {
	int64_t id;
	STACK_OF(X509) *chain;
};

struct site_cache {
	struct serve *serve;
	size_t bytes, bytes_max;
	size_t count;
	TAILQ_HEAD(by_use, entry) by_use;
	struct issuer issuers[ISSUERS_KEPT];
	size_t next_issuer;  /* the one to be replaced next */
	char *policy;	     /* of a host that has no entry */
	size_t bucket_count; /* a power of two */
	struct bucket buckets[];
};

static void pair_release(struct cert_pair *pair)
{
	X509_free(pair->leaf);
	EVP_PKEY_free(pair->key);
	sk_X509_pop_free(pair->issuers, X509_free);
	*pair = (struct cert_pair){ 0 };
}

static void drop(struct site_cache *c, struct entry *e)
{
	LIST_REMOVE(e, in_bucket);
	TAILQ_REMOVE(&c->by_use, e, in_use);
	c->bytes -= e->bytes;
	c->count--;
	pair_release(&e->pair);
	serve_site_release(&e->site);
	free(e->host);
	free(e);
}

struct site_cache *site_cache_new(struct serve *serve, size_t bytes)
{
	size_t buckets = BUCKETS_MIN;
	struct site_cache *c;

	while (buckets < BUCKETS_MAX && buckets < bytes / PAIR_BYTES)
		buckets *= 2;
	c = xcalloc(1, sizeof(*c) + buckets * sizeof(c->buckets[0]));
	c->serve = serve;
	c->bytes_max = bytes;
	c->bucket_count = buckets;
	TAILQ_INIT(&c->by_use);
	return c;
}

void site_cache_free(struct site_cache *c)
{
	struct entry *e, *next;

	if (!c)
		return;
	for (e = TAILQ_FIRST(&c->by_use); e; e = next) {
		next = TAILQ_NEXT(e, in_use);
		drop(c, e);
	}
	for (size_t i = 0; i < ISSUERS_KEPT; i++)
		sk_X509_pop_free(c->issuers[i].chain, X509_free);
	free(c->policy);
	free(c);
}

size_t site_cache_count(const struct site_cache *c)
{
	return c->count;
}

static struct bucket *bucket_of(struct site_cache *c, const char *host)
{
	return &c->buckets[host_hash(host) & (c->bucket_count - 1)];
}

static struct entry *find(struct site_cache *c, const char *host)
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

static struct issuer *load_issuer(struct site_cache *c, int64_t id,
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
static STACK_OF(X509) *
	issuer_chain(struct site_cache *c, int64_t id, struct err *err)
{
	struct issuer *issuer = NULL;

	for (size_t i = 0; i < ISSUERS_KEPT && !issuer; i++)
		if (c->issuers[i].chain && c->issuers[i].id == id)
			issuer = &c->issuers[i];
	if (!issuer)
		issuer = load_issuer(c, id, err);
	return issuer ? X509_chain_up_ref(issuer->chain) : NULL;
}

static bool make_pair(struct site_cache *c, const struct serve_cert *cert,
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

static void use(struct site_cache *c, struct entry *e)
{
	TAILQ_REMOVE(&c->by_use, e, in_use);
	TAILQ_INSERT_TAIL(&c->by_use, e, in_use);
}

static void make_room(struct site_cache *c)
{
	struct entry *e = TAILQ_FIRST(&c->by_use), *next;

	for (; c->bytes > c->bytes_max && c->count > 1; e = next) {
		next = TAILQ_NEXT(e, in_use);
		drop(c, e);
	}
}

static struct entry *insert(struct site_cache *c, const char *host,
			    const struct serve_cert *cert,
			    const struct cert_pair *pair)
{
	struct entry *e = xcalloc(1, sizeof(*e));

	e->host = xstrdup(host);
	e->site.cert_id = cert->cert_id;
	e->bytes = PAIR_BYTES + PAIR_PER_BYTE * cert->leaf_len + sizeof(*e);
	e->pair = *pair;
	LIST_INSERT_HEAD(bucket_of(c, host), e, in_bucket);
	TAILQ_INSERT_TAIL(&c->by_use, e, in_use);
	c->bytes += e->bytes;
	c->count++;
	return e;
}

/* Replaces `old`, which may be NULL. NULL, and `old` stays, on failure. */
static struct entry *load(struct site_cache *c, const char *host,
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

/* What serve.db says of the host now; moved. NULL: it shows nothing. */
static struct entry *renew(struct site_cache *c, const char *host,
			   struct entry *e, struct serve_site *site,
			   uint64_t generation, struct err *err)
{
	struct entry *fresh = e && e->site.cert_id == site->cert_id
				      ? e
				      : load(c, host, e, err);

	/* Better the former than none, if the present one is not to be had. */
	if (!fresh)
		return e;
	fresh->generation = generation;
	if (fresh->site.cert_id != site->cert_id)
		fresh->generation = 0; /* another one came in between */
	site->cert_id = fresh->site.cert_id;
	c->bytes += site->len - fresh->site.len; /* it may be less: they wrap */
	fresh->bytes += site->len - fresh->site.len;
	serve_site_release(&fresh->site);
	fresh->site = *site;
	*site = (struct serve_site){ 0 };
	use(c, fresh);
	make_room(c);	/* the one just used stays */
	return fresh;
}

static enum serve_found look(struct site_cache *c, const char *host,
			     struct entry **e, uint64_t generation,
			     struct err *err)
{
	struct serve_site site;
	enum serve_found found = serve_site(c->serve, host, &site, err);

	if (found == SERVE_FOUND) {
		*e = renew(c, host, *e, &site, generation, err);
	} else if (found != SERVE_FAILED && *e) {
		drop(c, *e);
		*e = NULL;
	}
	serve_site_release(&site);
	if (found == SERVE_FOUND && !*e)
		return SERVE_NO_CERT;
	return found;
}

/* Its entry, as serve.db has it now, and used just now. */
enum serve_found site_cache_cert(struct site_cache *c, const char *host,
				 const struct cert_pair **pair, struct err *err)
{
	uint64_t generation = serve_generation(c->serve);
	struct entry *e = find(c, host);
	enum serve_found found = SERVE_FOUND;

	*pair = NULL;
	if (!e || e->generation != generation)
		found = look(c, host, &e, generation, err);
	if (!e)
		return found;
	use(c, e);
	*pair = &e->pair;
	return SERVE_FOUND;
}

const char *site_cache_policy(struct site_cache *c, const char *host,
			      size_t *len, int64_t *policy_id)
{
	uint64_t generation = serve_generation(c->serve);
	struct entry *e = find(c, host);
	enum serve_found found = SERVE_FOUND;

	if (e && e->generation != generation)
		found = look(c, host, &e, generation, NULL);
	if (e && (e->generation == generation || found == SERVE_FAILED)) {
		*len = e->site.len;
		*policy_id = e->site.policy_id;
		return e->site.policy;
	}
	free(c->policy);
	c->policy = serve_policy(c->serve, host, len, policy_id);
	return c->policy;
}
