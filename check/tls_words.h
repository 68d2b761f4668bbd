/*
 * What OpenSSL's words for a failed handshake mean.
 */
#ifndef CHECK_TLS_WORDS_H
#define CHECK_TLS_WORDS_H

#include <stdbool.h>

/* The other side has no version as new as we ask for. */
bool tls_words_are_old(const char *says);

#endif
