/*
 * The other side of acme/jws.h: reads and verifies a flattened JWS.
 */
#ifndef TESTS_SIM_ES256_H
#define TESTS_SIM_ES256_H

#include <jansson.h>
#include <stdbool.h>

#include "base/p256.h"

struct es256 {
	json_t *header;		/* "protected", decoded */
	char *payload;		/* decoded; "" for POST-as-GET */
	char *input;		/* what is signed */
	unsigned char *signature;
	size_t signature_len;
};

bool es256_read(struct es256 *jws, const char *text, size_t len);
void es256_release(struct es256 *jws);

/* The uncompressed point of a JWK. */
bool es256_point(const json_t *jwk, unsigned char point[static P256_POINT]);
bool es256_verify(const struct es256 *jws,
		  const unsigned char point[static P256_POINT]);

#endif
