#include "httpd/pair.h"

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "base/openssl.h"
#include "store/leaf.h"

/*
 * X509_set_pubkey() encodes the key and parses that again, in this thread's
 * context of the time.
 */
static bool give_key(X509 *leaf, EVP_PKEY *key)
{
	OSSL_LIB_CTX *former = OSSL_LIB_CTX_set0_default(openssl_leaves());
	bool ok = X509_set_pubkey(leaf, key) == 1;

	OSSL_LIB_CTX_set0_default(former);
	ERR_clear_error();
	return ok;
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
	if (pair->key && give_key(pair->leaf, pair->key))
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
