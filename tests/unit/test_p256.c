#include "base/p256.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

/* Scalar 1, whose point is the curve's generator (SEC 2, 2.4.2). */
static const struct p256 smallest = {
	.scalar = { [31] = 1 },
	.point = {
		0x04,
		0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47,
		0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2,
		0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0,
		0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96,
		0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b,
		0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16,
		0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce,
		0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
	},
};

/* Would OpenSSL, given the DER form, accept the raw signature? */
static bool is_signed(const struct p256 *key, const char *text,
		      const unsigned char raw[static P256_SIGNATURE])
{
	EVP_PKEY *pkey = p256_to_pkey(key, NULL);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	ECDSA_SIG *sig = ECDSA_SIG_new();
	unsigned char *der = NULL;
	int len;
	bool ok;

	assert_true(ECDSA_SIG_set0(sig, BN_bin2bn(raw, 32, NULL),
				   BN_bin2bn(raw + 32, 32, NULL)));
	len = i2d_ECDSA_SIG(sig, &der);
	assert_true(len > 0);
	ok = EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, pkey) == 1 &&
	     EVP_DigestVerify(ctx, der, (size_t)len,
			      (const unsigned char *)text, strlen(text)) == 1;
	OPENSSL_free(der);
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return ok;
}

static void a_new_key_is_a_pair(void **state)
{
	struct p256 key, other;
	struct err err = ERR_INIT;
	EVP_PKEY_CTX *ctx;
	EVP_PKEY *pkey;

	(void)state;
	assert_true(p256_generate(&key, &err));
	assert_true(p256_generate(&other, &err));
	assert_memory_not_equal(key.scalar, other.scalar, P256_SCALAR);
	assert_int_equal(key.point[0], 4);

	pkey = p256_to_pkey(&key, &err);
	assert_non_null(pkey);
	assert_int_equal(EVP_PKEY_get_bits(pkey), 256);
	ctx = EVP_PKEY_CTX_new(pkey, NULL);
	assert_int_equal(EVP_PKEY_pairwise_check(ctx), 1);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	p256_release(&key);
	p256_release(&other);
}

static void a_scalar_of_many_zeros_is_a_key(void **state)
{
	unsigned char raw[P256_SIGNATURE];
	struct err err = ERR_INIT;

	(void)state;
	assert_true(p256_sign(&smallest, "text", 4, raw, &err));
	assert_true(is_signed(&smallest, "text", raw));
	raw[40] ^= 1;
	assert_false(is_signed(&smallest, "text", raw));
}

/* One in 128 has a half that begins with a zero: still 64 bytes. */
static void signatures_have_always_both_halves(void **state)
{
	unsigned char raw[P256_SIGNATURE];
	struct err err = ERR_INIT;
	struct p256 key;
	int short_r = 0, short_s = 0;

	(void)state;
	assert_true(p256_generate(&key, &err));
	for (int i = 0; i < 8000 && (!short_r || !short_s); i++) {
		assert_true(p256_sign(&key, "text", 4, raw, &err));
		if (raw[0] && raw[32])
			continue;
		short_r += !raw[0];
		short_s += !raw[32];
		assert_true(is_signed(&key, "text", raw));
		assert_false(is_signed(&key, "test", raw));
	}
	assert_true(short_r && short_s);
	p256_release(&key);
}

static void a_damaged_key_is_an_error(void **state)
{
	unsigned char raw[P256_SIGNATURE];
	struct err err = ERR_INIT;
	struct p256 key = smallest;

	(void)state;
	key.point[7] ^= 1; /* no longer on the curve */
	assert_null(p256_to_pkey(&key, &err));
	assert_int_equal(err.kind, ERR_INTERNAL);
	assert_non_null(strstr(err.text, "damaged"));
	assert_null(p256_to_pkey(&key, NULL));

	memset(&err, 0, sizeof(err));
	assert_false(p256_sign(&key, "text", 4, raw, &err));
	assert_non_null(strstr(err.text, "damaged"));
}

/* Of the key as it is stored in files. The caller frees. */
static char *pem_of(EVP_PKEY *pkey, bool is_old, const char *password)
{
	const EVP_CIPHER *cipher = password ? EVP_aes_128_cbc() : NULL;
	int size = password ? (int)strlen(password) : 0;
	BIO *out = BIO_new(BIO_s_mem());
	char *text, *pem;
	long len;

	if (is_old)
		PEM_write_bio_PrivateKey_traditional(
			out, pkey, cipher, (const unsigned char *)password,
			size, NULL, NULL);
	else
		PEM_write_bio_PKCS8PrivateKey(out, pkey, cipher, password,
					      size, NULL, NULL);
	len = BIO_get_mem_data(out, &text);
	assert_true(len > 0);
	pem = strndup(text, (size_t)len);
	assert_non_null(pem);
	BIO_free(out);
	return pem;
}

static void a_key_is_read_from_pem(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	for (int is_old = 0; is_old < 2; is_old++) {
		EVP_PKEY *pkey = p256_to_pkey(&smallest, &err);
		char *pem = pem_of(pkey, is_old, NULL);
		struct p256 key;

		assert_true(p256_from_pem(&key, pem, strlen(pem), &err));
		assert_memory_equal(&key, &smallest, sizeof(key));
		assert_false(p256_from_pem(&key, pem, strlen(pem) / 2, &err));
		assert_int_equal(err.kind, ERR_REFUSED);
		free(pem);
		EVP_PKEY_free(pkey);
	}
}

static void assert_refused(char *pem, const char *words)
{
	struct err err = ERR_INIT;
	struct p256 key;

	assert_false(p256_from_pem(&key, pem, strlen(pem), &err));
	assert_int_equal(err.kind, ERR_REFUSED);
	assert_non_null(strstr(err.text, words));
	free(pem);
}

static void other_keys_are_refused_in_words(void **state)
{
	EVP_PKEY *rsa = EVP_RSA_gen(2048), *large = EVP_EC_gen("P-384");
	EVP_PKEY *edwards = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	EVP_PKEY *locked = EVP_EC_gen("P-256");

	(void)state;
	assert_refused(pem_of(rsa, false, NULL), "RSA");
	assert_refused(pem_of(large, false, NULL), "secp384r1");
	assert_refused(pem_of(edwards, false, NULL), "ED25519");
	assert_refused(pem_of(locked, false, "secret"), "no private key");
	assert_refused(pem_of(locked, true, "secret"), "no private key");
	assert_refused(strdup(""), "no private key");
	assert_refused(strdup("-----BEGIN PRIVATE KEY-----\nAAAA\n"
			      "-----END PRIVATE KEY-----\n"),
		       "no private key");
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(large);
	EVP_PKEY_free(edwards);
	EVP_PKEY_free(locked);
}

/* A file whose halves do not belong together would fail each handshake. */
static void two_halves_of_two_keys_are_none(void **state)
{
	struct p256 mixed = smallest, other;
	struct err err = ERR_INIT;
	EVP_PKEY *pkey;

	(void)state;
	assert_true(p256_generate(&other, &err));
	memcpy(mixed.scalar, other.scalar, P256_SCALAR);
	pkey = p256_to_pkey(&mixed, &err);
	assert_non_null(pkey);
	assert_refused(pem_of(pkey, false, NULL), "damaged");
	EVP_PKEY_free(pkey);
}

static void a_released_key_is_gone(void **state)
{
	const struct p256 zero = { 0 };
	struct p256 key = smallest;

	(void)state;
	p256_release(&key);
	assert_memory_equal(&key, &zero, sizeof(key));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_key_is_a_pair),
		cmocka_unit_test(a_scalar_of_many_zeros_is_a_key),
		cmocka_unit_test(signatures_have_always_both_halves),
		cmocka_unit_test(a_damaged_key_is_an_error),
		cmocka_unit_test(a_released_key_is_gone),
		cmocka_unit_test(a_key_is_read_from_pem),
		cmocka_unit_test(other_keys_are_refused_in_words),
		cmocka_unit_test(two_halves_of_two_keys_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
