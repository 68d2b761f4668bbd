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

bool leaf_has_key(X509 *leaf, const struct p256 *key);

/* Of its validity. */
bool leaf_times(X509 *leaf, time_t *not_before, time_t *not_after);

/* As a row has them: cut where no CA may be that long; "" if it has none. */
void leaf_serial(const X509 *leaf, char out[static CERT_SERIAL_SIZE]);
void leaf_issuer(const X509 *leaf, char out[static CERT_ISSUER_SIZE]);

#endif
