#include "httpd/pair.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <string.h>

#include "base/openssl.h"
#include "store/leaf.h"

/* A sender looks at these bytes' signature. */
static bool is_as_stored(const X509 *leaf, const unsigned char *der, size_t len)
{
	unsigned char *now = NULL;
	int now_len = i2d_X509(leaf, &now);
	bool is = now_len >= 0 && (size_t)now_len == len &&
		  memcmp(now, der, len) == 0;

	OPENSSL_free(now);
	return is;
}

/*
 * X509_set_pubkey() encodes the key and parses that again, in this thread's
 * context of the time.
 */
static bool give_key(X509 *leaf, EVP_PKEY *key)
{
	OSSL_LIB_CTX *former = OSSL_LIB_CTX_set0_default(openssl_leaves());
	bool ok = X509_set_pubkey(leaf, key) == 1;

	OSSL_LIB_CTX_set0_default(former);
	return ok;
}

/*
 * Its public key, for it may have none yet. If that is not to be had without a
 * change, as of a leaf in BER, it is parsed once more, the usual way.
 */
static bool complete(struct cert_pair *pair, const unsigned char *der,
		     size_t len)
{
	bool ok = !openssl_leaves() || (give_key(pair->leaf, pair->key) &&
					is_as_stored(pair->leaf, der, len));

	if (!ok) {
		const unsigned char *p = der;

		X509_free(pair->leaf);
		pair->leaf = d2i_X509(NULL, &p, (long)len);
	}
	ERR_clear_error();
	return pair->leaf != NULL;
}

bool pair_make(struct cert_pair *pair, const unsigned char *der, size_t len,
	       const struct p256 *key, struct err *err)
{
	*pair = (struct cert_pair){ .leaf = leaf_parse(der, len) };
	if (!pair->leaf)
		err_set(err, ERR_INTERNAL, "the stored certificate is damaged");
	else if (!leaf_is_of(pair->leaf, key))
		err_set(err, ERR_INTERNAL,
			"the stored key is of another certificate");
	else
		pair->key = p256_to_pkey_in(openssl_keys(), key, err);
	if (pair->key && complete(pair, der, len))
		return true;
	if (pair->key)
		err_set(err, ERR_INTERNAL, "OpenSSL did not take a key");
	pair_release(pair);
	return false;
}

void pair_release(struct cert_pair *pair)
{
	X509_free(pair->leaf);
	EVP_PKEY_free(pair->key);
	sk_X509_pop_free(pair->issuers, X509_free);
	*pair = (struct cert_pair){ 0 };
}
