/*
 * Certificates by the hundred thousand: one template in DER, in which serial
 * number, dates, name and key are put, and which is signed anew. All have the
 * same length. They are right in every respect, and OpenSSL says so.
 */
#ifndef TESTS_SIM_BULK_SIGNER_H
#define TESTS_SIM_BULK_SIGNER_H

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
};

/* Leaf and issuer as PEM. The caller frees. */
char *bulk_signer_issue(struct bulk_signer *s, const struct bulk_leaf *leaf);

uint32_t bulk_serial_number(const unsigned char serial[static BULK_SERIAL]);

#endif
