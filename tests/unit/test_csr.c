/* Certificate signing requests, as OpenSSL reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "acme/csr.h"
#include "tests/sim/scratch.h"

static char longest[DOMAIN_NAME_SIZE];

static void check_names(X509_REQ *req, const char *host)
{
	STACK_OF(X509_EXTENSION) *list = X509_REQ_get_extensions(req);
	GENERAL_NAMES *names = X509V3_get_d2i(list, NID_subject_alt_name, NULL,
					      NULL);
	const ASN1_STRING *name;
	int type;

	assert_int_equal(sk_X509_EXTENSION_num(list), 1);
	assert_int_equal(sk_GENERAL_NAME_num(names), 1);
	name = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, 0), &type);
	assert_int_equal(type, GEN_DNS);
	assert_int_equal(ASN1_STRING_length(name), strlen(host));
	assert_memory_equal(ASN1_STRING_get0_data(name), host, strlen(host));
	GENERAL_NAMES_free(names);
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
}

static void check_csr(const char *host)
{
	unsigned char der[ORDER_CSR_MAX];
	const unsigned char *at = der;
	struct err err = ERR_INIT;
	struct p256 key;
	EVP_PKEY *ours;
	X509_REQ *req;
	size_t len;

	must(p256_generate(&key, &err), &err);
	assert_true(csr_make(&key, host, der, &len, &err));
	req = d2i_X509_REQ(NULL, &at, (long)len);
	assert_non_null(req);
	assert_ptr_equal(at, der + len);
	ours = p256_to_pkey(&key, &err);
	assert_int_equal(EVP_PKEY_eq(X509_REQ_get0_pubkey(req), ours), 1);
	assert_int_equal(X509_REQ_verify(req, ours), 1);
	assert_int_equal(X509_REQ_get_version(req), 0);
	assert_int_equal(X509_NAME_entry_count(
				 X509_REQ_get_subject_name(req)), 0);
	check_names(req, host);
	X509_REQ_free(req);
	EVP_PKEY_free(ours);
}

static void it_is_for_one_name_and_one_key(void **state)
{
	(void)state;
	check_csr("mta-sts.example.org");
	check_csr("mta-sts.xn--bcher-kva.example");
	memset(longest, 'a', DOMAIN_NAME_MAX);
	for (size_t i = 63; i < DOMAIN_NAME_MAX; i += 64)
		longest[i] = '.';
	check_csr(longest);
}

static void a_damaged_key_makes_none(void **state)
{
	struct p256 key = { .point = { 4, 1, 2, 3 } };
	unsigned char der[ORDER_CSR_MAX];
	struct err err = ERR_INIT;
	size_t len;

	(void)state;
	assert_false(csr_make(&key, "mta-sts.example.org", der, &len, &err));
	assert_int_equal(err.kind, ERR_INTERNAL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_for_one_name_and_one_key),
		cmocka_unit_test(a_damaged_key_makes_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
