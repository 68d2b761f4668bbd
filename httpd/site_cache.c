#include "httpd/site_cache.h"

#include <openssl/err.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "base/mem.h"
#include "base/str.h"
#include "httpd/host.h"

/*
 * What OpenSSL 3.0 takes for a P-256 pair (httpd/pair.h): measured, 6.5 KB with
 * a leaf of 800 bytes, once it was presented; 2.4 of each of its bytes.
 */
#define PAIR_BYTES    4600
#define PAIR_PER_BYTE 3
#define ISSUERS_KEPT  16 /* parsed issuer chains: CAs have few */
#define VISITORS_MAX  64
#define SEEN_BITS     13
#define BUCKETS_MIN   64
#define BUCKETS_MAX   65536

TAILQ_HEAD(queue, entry);

struct entry {
	LIST_ENTRY(entry) in_bucket;
	TAILQ_ENTRY(entry) in_queue;
	struct queue *queue;
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
	struct queue residents; /* least recently used first */
	struct queue visitors;	/* the first to come first */
	size_t visitor_count, visitors_max;
	uint32_t seen[1 << SEEN_BITS]; /* hashes of who was a visitor */
	struct issuer issuers[ISSUERS_KEPT];
	atomic_ulong given[SOURCES];
	size_t next_issuer;  /* the one to be replaced next */
	char *policy;	     /* of a host that has no entry */
	size_t bucket_count; /* a power of two */
	struct bucket buckets[];
};

/* ---- who stays, and who goes: site_cache.h ---- */

static void leave_queue(struct site_cache *c, struct entry *e)
{
	c->visitor_count -= e->queue == &c->visitors;
	TAILQ_REMOVE(e->queue, e, in_queue);
}

static void join_queue(struct site_cache *c, struct entry *e, struct queue *q)
{
	e->queue = q;
	c->visitor_count += q == &c->visitors;
	TAILQ_INSERT_TAIL(q, e, in_queue);
}

static void move(struct site_cache *c, struct entry *e, struct queue *q)
{
	leave_queue(c, e);
	join_queue(c, e, q);
}

/* Not long ago; and from now on. */
static bool was_seen(struct site_cache *c, const char *host)
{
	uint32_t hash = host_hash(host);
	uint32_t *place = &c->seen[hash >> (32 - SEEN_BITS)];
	bool was = *place == hash;

	*place = hash;
	return was;
}

static struct queue *queue_for(struct site_cache *c, const struct entry *e)
{
	if (c->bytes + e->bytes <= c->bytes_max || was_seen(c, e->host))
		return &c->residents;
	return &c->visitors;
}

static void drop(struct site_cache *c, struct entry *e)
{
	LIST_REMOVE(e, in_bucket);
	leave_queue(c, e);
	c->bytes -= e->bytes;
	c->count--;
	pair_release(&e->pair);
	serve_site_release(&e->site);
	free(e->host);
	free(e);
}

static void drop_all(struct site_cache *c, struct queue *q)
{
	struct entry *e, *next;

	for (e = TAILQ_FIRST(q); e; e = next) {
		next = TAILQ_NEXT(e, in_queue);
		drop(c, e);
	}
}

/* NULL: there is room. */
static struct entry *next_to_go(struct site_cache *c, const struct entry *stays)
{
	struct entry *e = TAILQ_FIRST(&c->visitors);

	if (c->visitor_count <= c->visitors_max) {
		if (c->bytes <= c->bytes_max)
			return NULL;
		if (TAILQ_FIRST(&c->residents) &&
		    TAILQ_FIRST(&c->residents) != stays)
			e = TAILQ_FIRST(&c->residents);
	}
	return e != stays ? e : NULL;
}

static void make_room(struct site_cache *c, const struct entry *stays)
{
	struct entry *e;

	while ((e = next_to_go(c, stays)))
		drop(c, e);
}

/* ---- life ---- */

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
	c->visitors_max = bytes / PAIR_BYTES / 8;
	if (c->visitors_max > VISITORS_MAX)
		c->visitors_max = VISITORS_MAX;
	if (c->visitors_max < 1)
		c->visitors_max = 1;
	TAILQ_INIT(&c->residents);
	TAILQ_INIT(&c->visitors);
	return c;
}

void site_cache_free(struct site_cache *c)
{
	if (!c)
		return;
	drop_all(c, &c->residents);
	drop_all(c, &c->visitors);
	for (size_t i = 0; i < ISSUERS_KEPT; i++)
		sk_X509_pop_free(c->issuers[i].chain, X509_free);
	free(c->policy);
	free(c);
}

size_t site_cache_count(const struct site_cache *c)
{
	return c->count;
}

unsigned long site_cache_given(struct site_cache *c, enum tally_source from)
{
	return tally_value(&c->given[from]);
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
	if (!pair_make(pair, cert->leaf, cert->leaf_len, &cert->key, err))
		return false;
	pair->issuers = issuer_chain(c, cert->issuer_id, err);
	if (pair->issuers)
		return true;
	pair_release(pair);
	return false;
}

/* In the queue of the one that it replaces, if there is one. */
static struct entry *insert(struct site_cache *c, const char *host,
			    const struct serve_cert *cert,
			    const struct cert_pair *pair, struct queue *queue)
{
	struct entry *e = xcalloc(1, sizeof(*e));

	e->host = xstrdup(host);
	e->site.cert_id = cert->cert_id;
	e->bytes = PAIR_BYTES + PAIR_PER_BYTE * cert->leaf_len + sizeof(*e);
	e->pair = *pair;
	LIST_INSERT_HEAD(bucket_of(c, host), e, in_bucket);
	join_queue(c, e, queue ? queue : queue_for(c, e));
	c->bytes += e->bytes;
	c->count++;
	return e;
}

/* Replaces `old`, which may be NULL. NULL, and `old` stays, on failure. */
static struct entry *replace(struct site_cache *c, const char *host,
			     struct entry *old, const struct serve_cert *cert,
			     struct err *err)
{
	struct queue *queue = old ? old->queue : NULL;
	struct cert_pair pair;

	if (!cert->cert_id || !make_pair(c, cert, &pair, err))
		return NULL;
	if (old)
		drop(c, old);
	return insert(c, host, cert, &pair, queue);
}

/* What serve.db says of the host now; moved. NULL: it shows nothing. */
static struct entry *renew(struct site_cache *c, const char *host,
			   struct entry *e, struct serve_site *site,
			   const struct serve_cert *cert, uint64_t generation,
			   struct err *err)
{
	struct entry *fresh = e && e->site.cert_id == site->cert_id
				      ? e
				      : replace(c, host, e, cert, err);

	/* Better the former than none, if the present one is not to be had. */
	if (!fresh)
		return e;
	fresh->generation = generation;
	c->bytes += site->len - fresh->site.len; /* it may be less: they wrap */
	fresh->bytes += site->len - fresh->site.len;
	serve_site_release(&fresh->site);
	fresh->site = *site;
	*site = (struct serve_site){ 0 };
	move(c, fresh, fresh->queue);
	make_room(c, fresh);
	return fresh;
}

static enum serve_found look(struct site_cache *c, const char *host,
			     struct entry **e, uint64_t generation,
			     struct err *err)
{
	int64_t known = *e ? (*e)->site.cert_id : 0;
	struct serve_site site;
	struct serve_cert cert;
	enum serve_found found = serve_site(c->serve, host, known, &site, &cert,
					    err);

	if (found == SERVE_FOUND) {
		*e = renew(c, host, *e, &site, &cert, generation, err);
	} else if (found != SERVE_FAILED && *e) {
		drop(c, *e);
		*e = NULL;
	}
	serve_site_release(&site);
	serve_cert_release(&cert);
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
	int64_t known = e ? e->site.cert_id : 0;
	enum serve_found found = SERVE_FOUND;
	bool was_here = e != NULL;

	*pair = NULL;
	if (!e || e->generation != generation)
		found = look(c, host, &e, generation, err);
	if (!e)
		return found;
	if (was_here)
		move(c, e, &c->residents);
	tally_one(
		&c->given[e->site.cert_id == known ? FROM_MEMORY : FROM_STORE]);
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
