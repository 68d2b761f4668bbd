#include "acme/chain.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/when.h"
#include "store/leaf.h"

#define CHAIN_MAX (96 * 1024)
#define SLACK	  (5 * WHEN_MINUTE)	/* of our clock against the CA's */

static STACK_OF(X509) * read_pem(const char *pem, size_t len)
{
	STACK_OF(X509) *certs = sk_X509_new_null();
	BIO *in = BIO_new_mem_buf(pem, (int)(len < CHAIN_MAX ? len : CHAIN_MAX));
	X509 *x;

	while (certs && in && sk_X509_num(certs) <= CHAIN_CERTS_MAX &&
	       (x = PEM_read_bio_X509(in, NULL, NULL, NULL)))
		sk_X509_push(certs, x);
	ERR_clear_error();	/* "no start line" is how it always ends */
	BIO_free(in);
	return certs;
}

static bool check_count(const STACK_OF(X509) * certs, struct err *err)
{
	int n = certs ? sk_X509_num(certs) : 0;

	if (n >= 2 && n <= CHAIN_CERTS_MAX)
		return true;
	return err_set(err, ERR_REFUSED,
		       "%d certificates came, not a chain of 2 to %d", n,
		       CHAIN_CERTS_MAX);
}

static bool is_for_key(X509 *leaf, const struct p256 *key)
{
	EVP_PKEY *ours = p256_to_pkey(key, NULL);
	bool ok = ours && EVP_PKEY_eq(X509_get0_pubkey(leaf), ours) == 1;

	EVP_PKEY_free(ours);
	return ok;
}

static time_t instant(const ASN1_TIME *at)
{
	struct tm tm;

	return ASN1_TIME_to_tm(at, &tm) ? timegm(&tm) : 0;
}

static bool check_leaf(const struct chain *c, X509 *leaf,
		       const struct chain_wanted *w, struct err *err)
{
	if (X509_check_host(leaf, w->host, 0,
			    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
				    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS,
			    NULL) != 1)
		return err_set(err, ERR_REFUSED,
			       "the certificate does not name %s",
			       w->host);
	if (!is_for_key(leaf, w->key))
		return err_set(err, ERR_REFUSED,
			       "the certificate is for another key");
	if (c->not_after <= w->now)
		return err_set(err, ERR_REFUSED,
			       "the certificate has expired already");
	if (c->not_before > w->now + SLACK)
		return err_set(err, ERR_REFUSED,
			       "the certificate is not valid yet: is this "
			       "machine's clock right?");
	return true;
}

static const char *why(const X509_STORE_CTX *ctx)
{
	int code = ctx ? X509_STORE_CTX_get_error(ctx) : X509_V_ERR_OUT_OF_MEM;

	return code == X509_V_OK ? "no issuer stands behind the leaf"
				 : X509_verify_cert_error_string(code);
}

/*
 * Each certificate signed by the next: the last one is taken as the anchor,
 * for this asks whether the chain is one, not whom it leads to. A leaf that
 * comes twice is its own anchor, and no chain.
 */
static bool check_path(STACK_OF(X509) *certs, time_t at, struct err *err)
{
	X509_STORE *anchors = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509 *last = sk_X509_value(certs, sk_X509_num(certs) - 1);
	bool ok = anchors && ctx && X509_STORE_add_cert(anchors, last) &&
		  X509_STORE_CTX_init(ctx, anchors, sk_X509_value(certs, 0),
				      certs);

	if (ok) {
		X509_STORE_CTX_set_time(ctx, 0, at);
		X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_PARTIAL_CHAIN);
		X509_STORE_CTX_set_purpose(ctx, X509_PURPOSE_SSL_SERVER);
		ok = X509_verify_cert(ctx) == 1 &&
		     sk_X509_num(X509_STORE_CTX_get0_chain(ctx)) > 1;
	}
	if (!ok)
		err_set(err, ERR_REFUSED, "the chain does not build: %s",
			why(ctx));
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(anchors);
	ERR_clear_error();
	return ok;
}

static bool add_der(struct buf *out, X509 *x)
{
	unsigned char *der = NULL;
	int len = i2d_X509(x, &der);
	bool ok = len > 0 && buf_add(out, der, (size_t)len);

	OPENSSL_free(der);
	return ok;
}

/* The first moment at which the leaf may be used: it may live a minute. */
static time_t first_use(const struct chain *c, time_t now)
{
	return c->not_before > now ? c->not_before : now;
}

static bool fill(struct chain *c, STACK_OF(X509) *certs, struct err *err)
{
	X509 *leaf = sk_X509_value(certs, 0);
	bool ok;

	if (!leaf)
		return true; /* which check_count() does not like */
	ok = add_der(&c->leaf, leaf);

	for (int i = 1; ok && i < sk_X509_num(certs); i++)
		ok = add_der(&c->issuers, sk_X509_value(certs, i));
	c->not_before = instant(X509_get0_notBefore(leaf));
	c->not_after = instant(X509_get0_notAfter(leaf));
	leaf_serial(leaf, c->serial);
	leaf_issuer(leaf, c->issuer);
	return ok || err_set(err, ERR_REFUSED, "the chain is too long");
}

bool chain_read(struct chain *c, const char *pem, size_t len,
		const struct chain_wanted *wanted, struct err *err)
{
	STACK_OF(X509) *certs;
	bool ok;

	*c = (struct chain){ .serial = "" };
	buf_init(&c->leaf, CHAIN_MAX);
	buf_init(&c->issuers, CHAIN_MAX);
	certs = read_pem(pem, len);
	ok = fill(c, certs, err) && check_count(certs, err) &&
	     check_leaf(c, sk_X509_value(certs, 0), wanted, err) &&
	     check_path(certs, first_use(c, wanted->now), err);
	sk_X509_pop_free(certs, X509_free);
	return ok;
}

void chain_release(struct chain *c)
{
	buf_release(&c->leaf);
	buf_release(&c->issuers);
}
