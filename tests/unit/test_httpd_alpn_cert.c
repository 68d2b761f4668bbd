/* What a validator is shown, as RFC 8737 wants it, and that it is kept. */
#include "httpd/alpn_cert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include "base/mem.h"
#include "policy/domain_name.h"

#define NOW  1800000000L
#define HOST "mta-sts.example.org"
#define AUTH "token.thumb"

/* An acmeIdentifier, critical, with the digest of this. */
static void check_digest(X509 *x, const char *key_auth)
{
	ASN1_OBJECT *id = OBJ_txt2obj("1.3.6.1.5.5.7.1.31", 1);
	int at = X509_get_ext_by_OBJ(x, id, -1);
	X509_EXTENSION *ext = X509_get_ext(x, at);
	const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(ext);
	unsigned char expected[34] = { 0x04, 0x20 };

	assert_non_null(ext);
	SHA256((const unsigned char *)key_auth, strlen(key_auth), expected + 2);
	assert_true(X509_EXTENSION_get_critical(ext));
	assert_int_equal(ASN1_STRING_length(value), sizeof(expected));
	assert_memory_equal(ASN1_STRING_get0_data(value), expected,
			    sizeof(expected));
	assert_int_equal(X509_get_ext_by_OBJ(x, id, at), -1);
	ASN1_OBJECT_free(id);
}

static void check_only_name(X509 *x, const char *host)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL,
						NULL);
	const ASN1_STRING *name;
	int type;

	assert_int_equal(sk_GENERAL_NAME_num(names), 1);
	name = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, 0), &type);
	assert_int_equal(type, GEN_DNS);
	assert_int_equal(ASN1_STRING_length(name), strlen(host));
	assert_memory_equal(ASN1_STRING_get0_data(name), host, strlen(host));
	GENERAL_NAMES_free(names);
}

/* As strict validators look at it. */
static void check(X509 *x, EVP_PKEY *key, const char *host,
		  const char *key_auth, time_t now)
{
	assert_int_equal(X509_get_version(x), X509_VERSION_3);
	assert_int_equal(X509_get_ext_count(x), 2);
	check_digest(x, key_auth);
	check_only_name(x, host);
	assert_int_equal(X509_verify(x, key), 1);
	assert_int_equal(X509_check_private_key(x, key), 1);
	assert_int_equal(EVP_PKEY_get_bits(key), 256);
	assert_int_equal(X509_NAME_cmp(X509_get_subject_name(x),
				       X509_get_issuer_name(x)), 0);
	assert_true(X509_cmp_time(X509_get0_notBefore(x), &now) < 0);
	assert_true(X509_cmp_time(X509_get0_notAfter(x), &now) > 0);
}

#define L63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LONGEST "mta-sts." L63 "." L63 "." L63 "." \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"	/* 253 */

static void a_certificate_is_as_the_rfc_wants_it(void **state)
{
	static const char *const names[] = { HOST, "x", LONGEST };
	struct alpn_certs *c = alpn_certs_new();

	(void)state;
	assert_int_equal(strlen(LONGEST), DOMAIN_NAME_SIZE - 1);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct err err = ERR_INIT;
		const struct cert_pair *pair = alpn_cert_get(
			c, names[i], AUTH, NOW, &err);

		assert_non_null(pair);
		check(pair->leaf, pair->key, names[i], AUTH, NOW);
		assert_null(pair->issuers);
	}
	alpn_certs_free(c);
	alpn_certs_free(NULL);
}

static void a_name_that_cannot_be_one_gets_none(void **state)
{
	struct alpn_certs *c = alpn_certs_new();
	struct err err = ERR_INIT;

	(void)state;
	assert_null(alpn_cert_get(c, LONGEST "a", AUTH, NOW, &err));
	assert_int_equal(err.kind, ERR_INTERNAL);
	assert_non_null(alpn_cert_get(c, HOST, AUTH, NOW, NULL));
	alpn_certs_free(c);
}

static const struct {
	const char *host, *key_auth;
	long after;
	bool is_same;
} looks[] = {
	{ HOST, AUTH, 0, true },
	{ HOST, AUTH, ALPN_CERT_SECONDS - 1, true },
	{ HOST, AUTH, ALPN_CERT_SECONDS, false },
	{ HOST, AUTH, -1, false },	/* the clock was set back */
	{ HOST, AUTH "2", 0, false },
	{ "mta-sts.example.com", AUTH, 0, false },
};

static void one_is_kept_for_a_few_seconds(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(looks); i++) {
		struct alpn_certs *c = alpn_certs_new();
		time_t then = NOW + looks[i].after;
		const struct cert_pair *pair;
		X509 *first;

		first = alpn_cert_get(c, HOST, AUTH, NOW, NULL)->leaf;
		pair = alpn_cert_get(c, looks[i].host, looks[i].key_auth, then,
				     NULL);
		assert_int_equal(pair->leaf == first, looks[i].is_same);
		check(pair->leaf, pair->key, looks[i].host, looks[i].key_auth,
		      then);
		alpn_certs_free(c);
	}
}

/* The oldest makes room; the others stay. */
static void only_a_few_are_kept(void **state)
{
	struct alpn_certs *c = alpn_certs_new();
	X509 *second = NULL, *first;
	char auth[32];

	(void)state;
	first = alpn_cert_get(c, HOST, "0", NOW, NULL)->leaf;
	X509_up_ref(first);		/* nothing else comes to its place */
	for (int i = 1; i <= ALPN_CERTS_KEPT; i++) {
		snprintf(auth, sizeof(auth), "%d", i);
		alpn_cert_get(c, HOST, auth, NOW, NULL);
		if (i == 1)
			second = alpn_cert_get(c, HOST, auth, NOW, NULL)->leaf;
	}
	assert_ptr_equal(alpn_cert_get(c, HOST, "1", NOW, NULL)->leaf, second);
	assert_ptr_not_equal(alpn_cert_get(c, HOST, "0", NOW, NULL)->leaf,
			     first);
	X509_free(first);
	alpn_certs_free(c);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_certificate_is_as_the_rfc_wants_it),
		cmocka_unit_test(a_name_that_cannot_be_one_gets_none),
		cmocka_unit_test(one_is_kept_for_a_few_seconds),
		cmocka_unit_test(only_a_few_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
