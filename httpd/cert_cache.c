#include "httpd/cert_cache.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/mem.h"
#include "base/str.h"

#define BUCKETS	    4096	/* a power of two */
#define ENTRY_BYTES 8192	/* of a parsed pair, measured: about 7 KB */
#define ISSUERS	    32

struct entry {
	LIST_ENTRY(entry) in_bucket;
	TAILQ_ENTRY(entry) by_use;	/* the least recent is first */
	char *host;
	int64_t cert_id;
	struct cert_entry parts;	/* all three owned */
};

struct issuer {
	int64_t id;	/* 0: free */
	STACK_OF(X509) *chain;
};

struct cert_cache {
	struct serve *serve;
	size_t max_entries, count;
	LIST_HEAD(, entry) bucket[BUCKETS];
	TAILQ_HEAD(, entry) uses;
	struct issuer issuer[ISSUERS];
	size_t next_issuer;
};

struct cert_cache *cert_cache_new(struct serve *serve, size_t max_bytes)
{
	struct cert_cache *c = xcalloc(1, sizeof(*c));

	c->serve = serve;
	c->max_entries = max_bytes / ENTRY_BYTES;
	if (!c->max_entries)
		c->max_entries = 1;
	TAILQ_INIT(&c->uses);
	return c;
}

static size_t bucket_of(const char *host)
{
	uint32_t h = 2166136261u;

	for (; *host; host++)
		h = (h ^ (unsigned char)*host) * 16777619u;
	return h & (BUCKETS - 1);
}

static void drop(struct cert_cache *c, struct entry *e)
{
	LIST_REMOVE(e, in_bucket);
	TAILQ_REMOVE(&c->uses, e, by_use);
	c->count--;
	X509_free(e->parts.leaf);
	EVP_PKEY_free(e->parts.key);
	sk_X509_pop_free(e->parts.chain, X509_free);
	free(e->host);
	free(e);
}

void cert_cache_free(struct cert_cache *c)
{
	struct entry *e;

	if (!c)
		return;
	while ((e = TAILQ_FIRST(&c->uses)))
		drop(c, e);
	for (size_t i = 0; i < ISSUERS; i++)
		sk_X509_pop_free(c->issuer[i].chain, X509_free);
	free(c);
}

static STACK_OF(X509) *parse_chain(const unsigned char *der, size_t len)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	const unsigned char *p = der, *end = der + len;
	X509 *x;

	while (chain && p < end && (x = d2i_X509(NULL, &p, end - p)))
		sk_X509_push(chain, x);
	if (p == end)
		return chain;
	sk_X509_pop_free(chain, X509_free);
	return NULL;
}

/* Read once; a full table gives up its oldest place. */
static STACK_OF(X509) *issuer_chain(struct cert_cache *c, int64_t id,
				    struct err *err)
{
	struct issuer *slot;
	unsigned char *der;
	size_t len;

	for (size_t i = 0; i < ISSUERS; i++)
		if (c->issuer[i].id == id)
			return c->issuer[i].chain;
	der = serve_issuer(c->serve, id, &len, err);
	if (!der)
		return NULL;
	slot = &c->issuer[c->next_issuer++ % ISSUERS];
	sk_X509_pop_free(slot->chain, X509_free);
	slot->chain = parse_chain(der, len);
	slot->id = slot->chain ? id : 0;
	free(der);
	return slot->chain;
}

static bool parse(struct cert_cache *c, const struct serve_cert *stored,
		  struct cert_entry *out, struct err *err)
{
	const unsigned char *p = stored->leaf;
	STACK_OF(X509) *chain = issuer_chain(c, stored->issuer_id, err);

	*out = (struct cert_entry){
		.leaf = d2i_X509(NULL, &p, (long)stored->leaf_len),
		.key = p256_to_pkey(&stored->key, err),
		.chain = chain ? X509_chain_up_ref(chain) : NULL,
	};
	if (out->leaf && out->key && out->chain)
		return true;
	X509_free(out->leaf);
	EVP_PKEY_free(out->key);
	sk_X509_pop_free(out->chain, X509_free);
	ERR_clear_error();
	return err_set(err, ERR_INTERNAL, "the stored certificate %lld does "
					  "not parse",
		       (long long)stored->cert_id);
}

static struct entry *find(struct cert_cache *c, const char *host)
{
	struct entry *e;

	LIST_FOREACH(e, &c->bucket[bucket_of(host)], in_bucket)
		if (streq(e->host, host))
			return e;
	return NULL;
}

static struct entry *insert(struct cert_cache *c, const char *host,
			    int64_t cert_id, const struct cert_entry *parts)
{
	struct entry *e = xcalloc(1, sizeof(*e));

	while (c->count >= c->max_entries)
		drop(c, TAILQ_FIRST(&c->uses));
	e->host = xstrdup(host);
	e->cert_id = cert_id;
	e->parts = *parts;
	LIST_INSERT_HEAD(&c->bucket[bucket_of(host)], e, in_bucket);
	TAILQ_INSERT_TAIL(&c->uses, e, by_use);
	c->count++;
	return e;
}

static enum serve_found load(struct cert_cache *c, const char *host,
			     struct cert_entry *out, struct err *err)
{
	struct serve_cert stored;
	enum serve_found found = serve_cert(c->serve, host, &stored, err);

	if (found != SERVE_FOUND)
		return found;
	if (parse(c, &stored, out, err))
		insert(c, host, stored.cert_id, out);
	else
		found = SERVE_NO_CERT;
	serve_cert_release(&stored);
	return found;
}

enum serve_found cert_cache_get(struct cert_cache *c, const char *host,
				struct cert_entry *out, struct err *err)
{
	struct entry *e = find(c, host);
	enum serve_found found;
	int64_t current;

	if (!e)
		return load(c, host, out, err);
	found = serve_cert_id(c->serve, host, &current);
	if (found == SERVE_FOUND && current == e->cert_id) {
		TAILQ_REMOVE(&c->uses, e, by_use);
		TAILQ_INSERT_TAIL(&c->uses, e, by_use);
		*out = e->parts;
		return SERVE_FOUND;
	}
	drop(c, e);
	return found == SERVE_FOUND ? load(c, host, out, err) : found;
}

size_t cert_cache_count(const struct cert_cache *c)
{
	return c->count;
}
