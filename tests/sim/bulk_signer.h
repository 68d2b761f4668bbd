/*
 * Certificates by the hundred thousand: one template in DER, in which serial
 * number, dates, name and key are put, and which is signed anew. All have the
 * same length. They are right in every respect, and OpenSSL says so; but for
 * the signature of those that are to be sham, which tests/sim/shortcuts.h
 * looks at in OpenSSL's place.
 */
#ifndef TESTS_SIM_BULK_SIGNER_H
#define TESTS_SIM_BULK_SIGNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define BULK_SERIAL 8	/* bytes: a mark, the CA, zeros, the number */

struct bulk_signer;

/* The CA's own certificates are valid in between. */
struct bulk_signer *bulk_signer_new(time_t from, time_t until);
void bulk_signer_free(struct bulk_signer *s);

struct bulk_leaf {
	unsigned ca;
	uint32_t number;	/* of the certificate */
	const char *host;	/* BULK_HOST_LEN characters */
	time_t from, until;
	const unsigned char *point;
	bool is_sham;		/* the signature is */
};

/* Leaf and issuer as PEM. The caller frees. */
char *bulk_signer_issue(struct bulk_signer *s, const struct bulk_leaf *leaf);

/* Where in a certificate what is, counted from the first byte of its TBS. */
#define BULK_UTC 13	/* "270115080000Z" */
struct bulk_shape {
	size_t len;		/* of the TBS */
	size_t serial_at, from_at, until_at, host_at, point_at;
};
const struct bulk_shape *bulk_signer_shape(const struct bulk_signer *s);

uint32_t bulk_serial_number(const unsigned char serial[static BULK_SERIAL]);

#endif
