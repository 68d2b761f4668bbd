/*
 * OpenSSL's library contexts for leaf certificates and their keys.
 *
 * OpenSSL 3.0 looks at every decoder of every kind of key that there is for
 * each certificate that it parses, and makes a key of its own of what it finds:
 * nine tenths of what a certificate costs. These contexts have what we need of
 * the default provider, and so there is little to be looked at.
 *
 * Both are made once, and are there as long as the process. NULL, which is
 * OpenSSL's usual context, where another provider than the default one was set
 * up (FIPS), from OpenSSL 3.5 on, which needs no help, and if they cannot be
 * made: all works there. Both are NULL, or neither. Any thread.
 */
#ifndef BASE_OPENSSL_H
#define BASE_OPENSSL_H

#include <openssl/types.h>

/*
 * Of the keys, and so of an SSL_CTX that presents them: all of the default
 * provider but decoders, and of the encoders that of an EC public key alone.
 */
OSSL_LIB_CTX *openssl_keys(void);

/*
 * Of leaves: there is no public key in an X509 that is parsed here, unless it
 * is given one, but all else.
 */
OSSL_LIB_CTX *openssl_leaves(void);

#endif
