#include "tests/sim/hosted.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/cert.h"
#include "store/leaf.h"
#include "store/order.h"
#include "store/policy_version.h"
#include "tests/sim/scratch.h"

#define A_DAY 86400L

static void begin(struct hosted *h)
{
	struct err err = ERR_INIT;

	must(store_begin(h->store, &err), &err);
}

static void finish(struct hosted *h)
{
	struct err err = ERR_INIT;

	must(store_commit(h->store, &err) && store_project(h->store, &err),
	     &err);
}

static void make_account(struct hosted *h)
{
	struct account a = { .state = ACCOUNT_VALID, .created_at = 1 };
	struct err err = ERR_INIT;
	struct ca ca;

	begin(h);
	must(ca_ensure(h->store, "tiny", "https://tiny.test/dir", &ca, &err),
	     &err);
	a.ca_id = ca.id;
	must(p256_generate(&a.key, &err) &&
	     account_insert(h->store, &a, &err), &err);
	finish(h);
	h->ca_id = ca.id;
	h->account_id = a.id;
}

void hosted_init(struct hosted *h)
{
	time_t now = time(NULL);

	*h = (struct hosted){ .dir = scratch_make_box() };
	h->store = scratch_store(h->dir);
	tiny_ca_init(&h->ca, "Tiny", now - A_DAY, now + 90 * A_DAY);
	make_account(h);
}

void hosted_release(struct hosted *h)
{
	tiny_ca_release(&h->ca);
	store_close(h->store);
	scratch_remove(h->dir);
}

static void find(struct hosted *h, const char *name, struct domain *d)
{
	struct err err = ERR_INIT;

	must(domain_by_name(h->store, name, d, &err), &err);
}

void hosted_add(struct hosted *h, const char *name)
{
	struct sts_policy policy = { .mode = STS_TESTING, .max_age = 604800 };
	struct domain d = { .state = DOMAIN_ISSUING, .created_at = 1 };
	struct err err = ERR_INIT;
	char *mx = xasprintf("mx.%s", name);
	bool changed;

	snprintf(d.name, sizeof(d.name), "%s", name);
	begin(h);
	must(sts_policy_add_mx(&policy, mx, &err) &&
	     domain_insert(h->store, &d, &err) &&
	     policy_version_publish(h->store, &d, &policy, 1, &changed, &err),
	     &err);
	finish(h);
	sts_policy_release(&policy);
	free(mx);
}

void hosted_remove(struct hosted *h, const char *name)
{
	struct err err = ERR_INIT;
	struct domain d;

	find(h, name, &d);
	begin(h);
	must(domain_delete(h->store, &d, 2, &err), &err);
	finish(h);
}

static X509 *issue(struct hosted *h, const char *name, const struct p256 *key)
{
	struct tiny_leaf leaf = {
		.host = name,
		.from = time(NULL) - A_DAY,
		.until = time(NULL) + 30 * A_DAY,
		.serial = ++h->serial,
	};
	struct err err = ERR_INIT;
	X509 *cert;

	leaf.key = p256_to_pkey(key, &err);
	must(leaf.key, &err);
	cert = tiny_ca_issue(&h->ca, &leaf);
	EVP_PKEY_free(leaf.key);
	return cert;
}

static void read_times(const struct cert_chain *chain, struct cert *c)
{
	const unsigned char *p = chain->leaf;
	X509 *leaf = d2i_X509(NULL, &p, (long)chain->leaf_len);

	must(leaf && leaf_times(leaf, &c->not_before, &c->not_after), NULL);
	X509_free(leaf);
}

static void install(struct hosted *h, struct domain *d, const struct p256 *key,
		    const struct cert_chain *chain)
{
	struct cert c = { .domain_id = d->id, .ca_id = h->ca_id,
			  .order_id = h->serial, .created_at = 1 };
	struct err err = ERR_INIT;

	snprintf(c.serial, sizeof(c.serial), "%lx", (unsigned long)h->serial);
	read_times(chain, &c);
	begin(h);
	must(key_insert(h->store, d->id, key, 1, &c.key_id, &err) &&
	     cert_install(h->store, d, &c, chain, &err), &err);
	finish(h);
}

long hosted_certify(struct hosted *h, const char *name)
{
	char host[DOMAIN_NAME_SIZE];
	unsigned char *leaf = NULL, *issuer = NULL;
	struct cert_chain chain;
	struct err err = ERR_INIT;
	struct domain d;
	struct p256 key;
	X509 *cert;

	find(h, name, &d);
	domain_name_policy_host(name, host);
	must(p256_generate(&key, &err), &err);
	cert = issue(h, host, &key);
	chain = (struct cert_chain){
		.leaf_len = (size_t)i2d_X509(cert, &leaf),
		.issuers_len = (size_t)i2d_X509(h->ca.cert, &issuer),
	};
	chain.leaf = leaf;
	chain.issuers = issuer;
	install(h, &d, &key, &chain);
	X509_free(cert);
	OPENSSL_free(leaf);
	OPENSSL_free(issuer);
	return h->serial;
}

char *hosted_body(struct hosted *h, const char *name)
{
	struct err err = ERR_INIT;
	struct policy_version v;
	struct domain d;
	char *body;

	find(h, name, &d);
	must(policy_version_current(h->store, &d, &v, &err), &err);
	body = xstrdup(v.body);
	policy_version_release(&v);
	return body;
}

int64_t hosted_challenge(struct hosted *h, const char *name,
			 enum challenge_method method, const char *token,
			 const char *key_auth)
{
	struct order o = { .ca_id = h->ca_id, .account_id = h->account_id,
			   .state = ORDER_PRESENTED, .method = method,
			   .created_at = 1 };
	struct err err = ERR_INIT;
	struct domain d;
	struct p256 key;

	find(h, name, &d);
	o.domain_id = d.id;
	begin(h);
	must(p256_generate(&key, &err) &&
	     key_insert(h->store, d.id, &key, 1, &o.key_id, &err) &&
	     order_insert(h->store, &o, &err), &err);
	snprintf(o.token, sizeof(o.token), "%s", token);
	snprintf(o.key_auth, sizeof(o.key_auth), "%s", key_auth);
	must(order_update(h->store, &o, &err), &err);
	finish(h);
	return o.id;
}

void hosted_end_order(struct hosted *h, int64_t id)
{
	struct err err = ERR_INIT;
	struct order o;

	begin(h);
	must(order_by_id(h->store, id, &o, &err), &err);
	o.state = ORDER_DEAD;
	o.ended_at = 2;
	must(order_update(h->store, &o, &err), &err);
	finish(h);
}
