/*
 * A stored leaf: does it say what its row says, and is the key its own?
 * Inside store/ only.
 */
#ifndef STORE_LEAF_H
#define STORE_LEAF_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <time.h>

#include "base/p256.h"

bool leaf_has_key(X509 *leaf, const struct p256 *key);

/* Of its validity. */
bool leaf_times(X509 *leaf, time_t *not_before, time_t *not_after);

#endif
