/*
 * base64url without padding (RFC 7515, section 2): what JOSE speaks.
 */
#ifndef BASE_B64_H
#define BASE_B64_H

#include <stdbool.h>
#include <stddef.h>

/* The caller frees. */
char *b64url_encode(const void *data, size_t len);

/*
 * Strict: no padding, no white space, no other alphabet. On success *out is
 * the caller's to free, and followed by a NUL that does not count.
 */
bool b64url_decode(const char *text, unsigned char **out, size_t *len);

#endif
