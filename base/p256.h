/*
 * P-256 keys and ECDSA: for ACME accounts (ES256) and for TLS leaves.
 *
 * A key is kept raw, as the private scalar and the public point: OpenSSL 3
 * makes an EVP_PKEY of these twenty times faster than it parses PKCS #8, and
 * a serving thread does that on every cache miss.
 */
#ifndef BASE_P256_H
#define BASE_P256_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define P256_SCALAR 32
#define P256_POINT  65	/* uncompressed: 04 x y */
#define P256_SIGNATURE 64	/* r s, as in JWS (RFC 7518, 3.4) */

struct p256 {
	unsigned char scalar[P256_SCALAR];
	unsigned char point[P256_POINT];
};

bool p256_generate(struct p256 *key, struct err *err);

/*
 * From PEM, as PKCS #8 or as OpenSSL's older form, without a password.
 * ERR_REFUSED, in words, for any other kind of key.
 */
bool p256_from_pem(struct p256 *key, const char *pem, size_t len,
		   struct err *err);

/* The caller frees with EVP_PKEY_free. */
EVP_PKEY *p256_to_pkey(const struct p256 *key, struct err *err);

/* The same, in a library context of its own; NULL: the usual one. */
EVP_PKEY *p256_to_pkey_in(OSSL_LIB_CTX *context, const struct p256 *key,
			  struct err *err);

/* ECDSA over SHA-256 of the data. */
bool p256_sign(const struct p256 *key, const void *data, size_t len,
	       unsigned char out[static P256_SIGNATURE], struct err *err);

/* Wipes the key's bytes. */
void p256_release(struct p256 *key);

#endif
