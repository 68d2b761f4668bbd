#include "httpd/pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/mem.h"
#include "base/openssl.h"
#include "store/serve.h"
#include "tests/sim/hosted.h"
#include "tests/sim/scratch.h"

static struct hosted hosted;
static struct serve *serve;
static struct serve_cert cert, other;

static int set_up(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	hosted_init(&hosted);
	hosted_add(&hosted, "a.test");
	hosted_add(&hosted, "b.test");
	hosted_certify(&hosted, "a.test");
	hosted_certify(&hosted, "b.test");
	serve = serve_open(hosted.dir, NULL, &err);
	must(serve, &err);
	assert_int_equal(serve_cert(serve, "mta-sts.a.test", &cert, &err),
			 SERVE_FOUND);
	assert_int_equal(serve_cert(serve, "mta-sts.b.test", &other, &err),
			 SERVE_FOUND);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	serve_cert_release(&cert);
	serve_cert_release(&other);
	serve_close(serve);
	hosted_release(&hosted);
	return 0;
}

static void shows_the_very_bytes_and_its_key(void **state)
{
	struct err err = ERR_INIT;
	unsigned char *der = NULL;
	struct cert_pair pair;

	(void)state;
	must(pair_make(&pair, cert.leaf, cert.leaf_len, &cert.key, &err), &err);
	if (openssl_leaves())
		assert_ptr_equal(X509_get0_pubkey(pair.leaf), pair.key);
	assert_int_equal(i2d_X509(pair.leaf, &der), cert.leaf_len);
	assert_memory_equal(der, cert.leaf, cert.leaf_len);
	/* As the usual parser has it. */
	{
		const unsigned char *p = der;
		X509 *usual = d2i_X509(NULL, &p, (long)cert.leaf_len);

		assert_non_null(usual);
		assert_int_equal(X509_check_private_key(usual, pair.key), 1);
		assert_int_equal(X509_cmp(usual, pair.leaf), 0);
		assert_int_equal(X509_get_extension_flags(usual),
				 X509_get_extension_flags(pair.leaf));
		X509_free(usual);
	}
	assert_int_equal(ERR_peek_error(), 0);
	OPENSSL_free(der);
	pair_release(&pair);
}

/* Who handshakes finds nothing of another's on OpenSSL's queue of errors. */
static void is_taken_by_tls(void **state)
{
	SSL_CTX *ctx = SSL_CTX_new_ex(openssl_keys(), NULL,
				      TLS_server_method());
	struct err err = ERR_INIT;
	struct cert_pair pair;

	(void)state;
	assert_int_equal(openssl_keys() != NULL,
			 OpenSSL_version_num() < 0x30500000UL);
	assert_int_equal(openssl_leaves() != NULL, openssl_keys() != NULL);
	must(pair_make(&pair, cert.leaf, cert.leaf_len, &cert.key, &err), &err);
	assert_int_equal(
		SSL_CTX_use_cert_and_key(ctx, pair.leaf, pair.key, NULL, 1), 1);
	assert_int_equal(SSL_CTX_check_private_key(ctx), 1);
	assert_int_equal(ERR_peek_error(), 0);
	pair_release(&pair);
	SSL_CTX_free(ctx);
}

/* All that `at` is in has so many bytes more. Lengths keep their forms. */
static void lengthen(unsigned char *der, size_t at, unsigned by)
{
	for (size_t o = 0; o < at;) {
		size_t head = 2, n = der[o + 1];

		if (n == 0x81) {
			n = der[o + 2];
			head = 3;
		} else if (n == 0x82) {
			n = der[o + 2] * 256u + der[o + 3];
			head = 4;
		}
		if (o + head + n <= at) {
			o += head + n;
			continue;
		}
		assert_true(der[o] & 0x20);
		assert_true(n + by < (head == 2 ? 0x80u : 0x10000u));
		der[o + head - 1] = (unsigned char)(n + by);
		if (head == 4)
			der[o + 2] = (unsigned char)((n + by) / 256);
		o += head;
	}
}

/* BER: an extension says that it is not critical. There are such CAs. */
static void shows_the_very_bytes_of_a_leaf_in_ber(void **state)
{
	static const unsigned char names[] = { 6, 3, 0x55, 0x1d, 0x11 };
	static const unsigned char no[] = { 1, 1, 0 };
	unsigned char *der = xmalloc(cert.leaf_len + sizeof(no)), *now = NULL;
	unsigned char *p = memmem(cert.leaf, cert.leaf_len, names,
				  sizeof(names));
	struct err err = ERR_INIT;
	struct cert_pair pair;
	size_t at;

	(void)state;
	assert_non_null(p);
	at = (size_t)(p - cert.leaf) + sizeof(names);
	memcpy(der, cert.leaf, cert.leaf_len);
	lengthen(der, at, sizeof(no));
	memcpy(der + at, no, sizeof(no));
	memcpy(der + at + sizeof(no), cert.leaf + at, cert.leaf_len - at);
	must(pair_make(&pair, der, cert.leaf_len + sizeof(no), &cert.key, &err),
	     &err);
	assert_int_equal(i2d_X509(pair.leaf, &now), cert.leaf_len + sizeof(no));
	assert_memory_equal(now, der, cert.leaf_len + sizeof(no));
	assert_int_equal(X509_check_private_key(pair.leaf, pair.key), 1);
	assert_int_equal(ERR_peek_error(), 0);
	OPENSSL_free(now);
	free(der);
	pair_release(&pair);
}

static void refuse(const unsigned char *der, size_t len, const struct p256 *key,
		   const char *why)
{
	struct err err = ERR_INIT;
	struct cert_pair pair;

	assert_false(pair_make(&pair, der, len, key, &err));
	assert_null(pair.leaf);
	assert_null(pair.key);
	assert_int_equal(err.kind, ERR_INTERNAL);
	assert_string_equal(err.text, why);
	assert_int_equal(ERR_peek_error(), 0);
}

static void refuses_what_is_not_one_pair(void **state)
{
	static const char damaged[] = "the stored certificate is damaged";
	static const char wrong[] = "the stored key is of another certificate";
	unsigned char *longer = xmalloc(cert.leaf_len + 1);

	(void)state;
	memcpy(longer, cert.leaf, cert.leaf_len);
	longer[cert.leaf_len] = 0;
	refuse(longer, cert.leaf_len + 1, &cert.key, damaged);
	refuse(longer, cert.leaf_len - 1, &cert.key, damaged);
	refuse(longer, 0, &cert.key, damaged);
	refuse(longer, cert.leaf_len, &other.key, wrong);
	free(longer);
}

/* No byte of the public key can be another, nor what kind of key it is. */
static void refuses_each_damage_of_the_public_key(void **state)
{
	enum { SPKI = 26 + P256_POINT };
	unsigned char *der = xmemdup(cert.leaf, cert.leaf_len);
	unsigned char *point = memmem(der, cert.leaf_len, cert.key.point,
				      P256_POINT);

	(void)state;
	assert_non_null(point);
	for (unsigned char *p = point + P256_POINT - SPKI;
	     p < point + P256_POINT; p++) {
		struct err err = ERR_INIT;
		struct cert_pair pair;

		*p ^= 1;
		assert_false(
			pair_make(&pair, der, cert.leaf_len, &cert.key, &err));
		*p ^= 1;
	}
	free(der);
}

/* The usual context of this thread is as it was. */
static void leaves_the_thread_as_it_was(void **state)
{
	struct err err = ERR_INIT;
	struct cert_pair pair;
	EVP_PKEY *rsa;

	(void)state;
	must(pair_make(&pair, cert.leaf, cert.leaf_len, &cert.key, &err), &err);
	pair_release(&pair);
	rsa = EVP_RSA_gen(1024);
	assert_non_null(rsa);
	EVP_PKEY_free(rsa);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_the_very_bytes_and_its_key),
		cmocka_unit_test(shows_the_very_bytes_of_a_leaf_in_ber),
		cmocka_unit_test(is_taken_by_tls),
		cmocka_unit_test(refuses_what_is_not_one_pair),
		cmocka_unit_test(refuses_each_damage_of_the_public_key),
		cmocka_unit_test(leaves_the_thread_as_it_was),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
