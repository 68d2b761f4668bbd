#include "base/p256.h"

#include <limits.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <string.h>

static bool raw_from_pkey(const EVP_PKEY *pkey, struct p256 *key)
{
	BIGNUM *scalar = NULL;
	size_t len = 0;
	bool ok;

	ok = EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_PRIV_KEY, &scalar) &&
	     BN_bn2binpad(scalar, key->scalar, P256_SCALAR) == P256_SCALAR &&
	     EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY,
					     key->point, P256_POINT, &len) &&
	     len == P256_POINT;
	BN_clear_free(scalar);
	return ok;
}

bool p256_generate(struct p256 *key, struct err *err)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-256");
	bool ok = pkey && raw_from_pkey(pkey, key);

	EVP_PKEY_free(pkey);
	return ok ||
	       err_set(err, ERR_INTERNAL, "OpenSSL made no P-256 key");
}

/* OpenSSL would ask the terminal otherwise. */
static int no_password(char *out, int size, int is_writing, void *arg)
{
	(void)out;
	(void)size;
	(void)is_writing;
	(void)arg;
	return -1;
}

static EVP_PKEY *read_pem(const char *pem, size_t len, struct err *err)
{
	BIO *in = len < INT_MAX ? BIO_new_mem_buf(pem, (int)len) : NULL;
	EVP_PKEY *pkey = in ? PEM_read_bio_PrivateKey(in, NULL, no_password,
						      NULL) : NULL;

	BIO_free(in);
	ERR_clear_error();
	if (pkey)
		return pkey;
	err_set(err, ERR_REFUSED, "there is no private key in PEM that can be "
				  "read");
	err_hint(err, "a key with a password must be saved without one first: "
		      "openssl pkey -in FILE -out NEW");
	return NULL;
}

static bool is_p256(const EVP_PKEY *pkey, struct err *err)
{
	const char *type = EVP_PKEY_get0_type_name(pkey);
	char group[64] = "";

	EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL);
	if (strcmp(group, SN_X9_62_prime256v1) == 0)
		return true;
	err_set(err, ERR_REFUSED, "the key is %s%s%s: only ECDSA keys on P-256 "
				  "can be served", type ? type : "of no kind",
		*group ? " on " : "", group);
	return err_hint(err, "certificates that are ordered here have such a "
			     "key; one with another key cannot come along");
}

/* Private and public half are stored side by side in the file. */
static bool is_pair(EVP_PKEY *pkey)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	bool ok = ctx && EVP_PKEY_pairwise_check(ctx) == 1;

	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return ok;
}

bool p256_from_pem(struct p256 *key, const char *pem, size_t len,
		   struct err *err)
{
	EVP_PKEY *pkey = read_pem(pem, len, err);
	bool ok = pkey && is_p256(pkey, err);

	if (ok && (!is_pair(pkey) || !raw_from_pkey(pkey, key)))
		ok = err_set(err, ERR_REFUSED, "the private key is damaged");
	EVP_PKEY_free(pkey);
	return ok;
}

EVP_PKEY *p256_to_pkey(const struct p256 *key, struct err *err)
{
	return p256_to_pkey_in(NULL, key, err);
}

EVP_PKEY *p256_to_pkey_in(OSSL_LIB_CTX *context, const struct p256 *key,
			  struct err *err)
{
	BIGNUM *scalar = BN_bin2bn(key->scalar, P256_SCALAR, NULL);
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(context, "EC", NULL);
	EVP_PKEY *pkey = NULL;

	if (scalar)
		BN_set_flags(scalar, BN_FLG_CONSTTIME);
	if (scalar && bld && ctx &&
	    OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME,
					    "prime256v1", 0) &&
	    OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY,
					     key->point, P256_POINT) &&
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, scalar))
		params = OSSL_PARAM_BLD_to_param(bld);
	if (!params || EVP_PKEY_fromdata_init(ctx) <= 0 ||
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params) <= 0) {
		pkey = NULL;
		err_set(err, ERR_INTERNAL, "the stored P-256 key is damaged");
	}
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	EVP_PKEY_CTX_free(ctx);
	BN_clear_free(scalar);
	return pkey;
}

/* DER SEQUENCE { r, s } to the two 32-byte halves that JWS wants. */
static bool der_to_raw(const unsigned char *der, size_t len,
		       unsigned char out[static P256_SIGNATURE])
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);
	bool ok;

	if (!sig)
		return false;
	ok = BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, 32) == 32 &&
	     BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + 32, 32) == 32;
	ECDSA_SIG_free(sig);
	return ok;
}

bool p256_sign(const struct p256 *key, const void *data, size_t len,
	       unsigned char out[static P256_SIGNATURE], struct err *err)
{
	EVP_PKEY *pkey = p256_to_pkey(key, err);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char der[80];
	size_t der_len = sizeof(der);
	bool ok;

	ok = pkey && ctx &&
	     EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, pkey) > 0 &&
	     EVP_DigestSign(ctx, der, &der_len, data, len) > 0 &&
	     der_to_raw(der, der_len, out);
	if (pkey && !ok)
		err_set(err, ERR_INTERNAL, "OpenSSL did not sign");
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return ok;
}

void p256_release(struct p256 *key)
{
	OPENSSL_cleanse(key, sizeof(*key));
}
