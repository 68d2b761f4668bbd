/*
 * A leaf: does it say what its row says, and is the key its own?
 */
#ifndef STORE_LEAF_H
#define STORE_LEAF_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <time.h>

#include "base/p256.h"
#include "store/cert.h"

/*
 * NULL if the bytes are not one certificate and nothing else. It is of
 * openssl_leaves() (base/openssl.h), and has no public key but in its bytes.
 * The caller frees it.
 */
X509 *leaf_parse(const unsigned char *der, size_t len);

/* Is this its public key, and of P-256? The scalar is not looked at. */
bool leaf_is_of(const X509 *leaf, const struct p256 *key);

/* The same, and the scalar is that of this public key. */
bool leaf_has_key(const X509 *leaf, const struct p256 *key);

/* Of its validity. */
bool leaf_times(X509 *leaf, time_t *not_before, time_t *not_after);

/* As a row has them: cut where no CA may be that long; "" if it has none. */
void leaf_serial(const X509 *leaf, char out[static CERT_SERIAL_SIZE]);
void leaf_issuer(const X509 *leaf, char out[static CERT_ISSUER_SIZE]);

#endif
