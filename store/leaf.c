#include "store/leaf.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"

/* OpenSSL compares the public halves only. */
static bool is_pair(EVP_PKEY *pkey)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	bool ok = ctx && EVP_PKEY_pairwise_check(ctx) == 1;

	EVP_PKEY_CTX_free(ctx);
	return ok;
}

bool leaf_has_key(X509 *leaf, const struct p256 *key)
{
	EVP_PKEY *pkey = p256_to_pkey(key, NULL);
	bool ok = pkey && X509_check_private_key(leaf, pkey) == 1 &&
		  is_pair(pkey);

	EVP_PKEY_free(pkey);
	ERR_clear_error();
	return ok;
}

static bool read_time(const ASN1_TIME *at, time_t *out)
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(at, &tm))
		return false;
	*out = timegm(&tm);
	return true;
}

bool leaf_times(X509 *leaf, time_t *not_before, time_t *not_after)
{
	return read_time(X509_get0_notBefore(leaf), not_before) &&
	       read_time(X509_get0_notAfter(leaf), not_after);
}

void leaf_serial(const X509 *leaf, char out[static CERT_SERIAL_SIZE])
{
	BIGNUM *n = ASN1_INTEGER_to_BN(X509_get0_serialNumber(leaf), NULL);
	char *hex = n ? BN_bn2hex(n) : NULL;

	snprintf(out, CERT_SERIAL_SIZE, "%s", hex ? hex : "");
	str_lower(out);
	OPENSSL_free(hex);
	BN_free(n);
}

void leaf_issuer(const X509 *leaf, char out[static CERT_ISSUER_SIZE])
{
	char name[CERT_ISSUER_SIZE] = "", *clean;

	X509_NAME_get_text_by_NID(X509_get_issuer_name(leaf), NID_commonName,
				  name, sizeof(name));
	clean = str_printable(name, sizeof(name));
	snprintf(out, CERT_ISSUER_SIZE, "%s", clean);
	free(clean);
}
