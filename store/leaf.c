#include "store/leaf.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/openssl.h"
#include "base/str.h"

/* What comes before the point in the SubjectPublicKeyInfo of P-256, RFC 5480 */
static const unsigned char spki_head[] = {
	0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
	0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
	0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
};

#define SPKI_SIZE (sizeof(spki_head) + P256_POINT)

static bool is_pair(EVP_PKEY *pkey)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	bool ok = ctx && EVP_PKEY_pairwise_check(ctx) == 1;

	EVP_PKEY_CTX_free(ctx);
	return ok;
}

X509 *leaf_parse(const unsigned char *der, size_t len)
{
	const unsigned char *p = der;
	X509 *leaf = X509_new_ex(openssl_leaves(), NULL);

	/* On failure it frees the leaf. */
	if (leaf && d2i_X509(&leaf, &p, (long)len) && p != der + len) {
		X509_free(leaf);
		leaf = NULL;
	}
	ERR_clear_error();
	return leaf;
}

bool leaf_is_of(const X509 *leaf, const struct p256 *key)
{
	unsigned char spki[SPKI_SIZE], *p = spki;
	const X509_PUBKEY *public = X509_get_X509_PUBKEY(leaf);

	return i2d_X509_PUBKEY(public, NULL) == (int)sizeof(spki) &&
	       i2d_X509_PUBKEY(public, &p) == (int)sizeof(spki) &&
	       memcmp(spki, spki_head, sizeof(spki_head)) == 0 &&
	       memcmp(spki + sizeof(spki_head), key->point, P256_POINT) == 0;
}

bool leaf_has_key(const X509 *leaf, const struct p256 *key)
{
	EVP_PKEY *pkey = leaf_is_of(leaf, key) ? p256_to_pkey(key, NULL) : NULL;
	bool ok = pkey && is_pair(pkey);

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
