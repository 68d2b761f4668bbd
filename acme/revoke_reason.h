/*
 * Why a certificate is revoked: the words and numbers of RFC 5280, 5.3.1, as
 * far as the holder of a certificate may use them. Pure.
 */
#ifndef ACME_REVOKE_REASON_H
#define ACME_REVOKE_REASON_H

#include <stdbool.h>

#define REVOKE_UNSPECIFIED    0
#define REVOKE_KEY_COMPROMISE 1

const char *revoke_reason_name(int reason);

/* In any case of letters. */
bool revoke_reason_parse(const char *name, int *reason);

#endif
