/*
 * Cheap cryptography for a million orders: a pool of real P-256 keys made
 * once, signatures of requests that cost a hash, signatures of certificates
 * that are real ECDSA with nonces prepared beforehand, and OpenSSL's own
 * randomness from a seed, so that a run can be replayed byte for byte.
 *
 * Nothing here is secret, and nothing here is in the product.
 */
#ifndef TESTS_SIM_SHAM_H
#define TESTS_SIM_SHAM_H

#include <stdint.h>

#include "base/p256.h"

/* The pool of keys, and OpenSSL's dice. Once in a process. */
void sham_init(size_t keys);

/* OpenSSL's dice from here on. */
void sham_seed(uint64_t seed);

/* The nth key of the pool; false beyond its end. */
bool sham_key(size_t n, struct p256 *key);

/* A signature that binds key and data as a real one does, but proves nothing. */
void sham_sign(const unsigned char point[static P256_POINT], const void *data,
	       size_t len, unsigned char out[static P256_SIGNATURE]);
bool sham_is_sham(const unsigned char *signature);
bool sham_verify(const unsigned char point[static P256_POINT],
		 const void *data, size_t len, const unsigned char *signature);

/*
 * Real ECDSA over SHA-256 for who signs very often: nonces are prepared and
 * used again and again. The DER is always SHAM_DER bytes long.
 */
#define SHAM_DER 72

/* Sham ones of the same shape. */
void sham_sign_der(const unsigned char point[static P256_POINT],
		   const void *data, size_t len,
		   unsigned char out[static SHAM_DER]);
bool sham_is_sham_der(const unsigned char *der, size_t len);
bool sham_verify_der(const unsigned char point[static P256_POINT],
		     const void *data, size_t len,
		     const unsigned char der[static SHAM_DER]);

struct sham_signer;
struct sham_signer *sham_signer_new(EVP_PKEY *key);
void sham_signer_free(struct sham_signer *s);
void sham_signer_sign(struct sham_signer *s, const void *data, size_t len,
		      unsigned char out[static SHAM_DER]);

#endif
