/*
 * A certificate authority of two levels, for tests: it signs whatever it is
 * told to, right or wrong.
 */
#ifndef TESTS_SIM_TINY_CA_H
#define TESTS_SIM_TINY_CA_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <time.h>

struct tiny_ca {
	EVP_PKEY *root_key, *key;
	X509 *root, *cert;	/* `cert` signs leaves; `root` signed it */
};

/* Both certificates are valid in [from, until]. */
void tiny_ca_init(struct tiny_ca *ca, const char *name, time_t from,
		  time_t until);
void tiny_ca_release(struct tiny_ca *ca);

struct tiny_leaf {
	const char *host;
	EVP_PKEY *key;		/* its public half is certified */
	time_t from, until;
	long serial;
	bool names_issuer_key; /* an authority key identifier */
};

/* The caller frees with X509_free. */
X509 *tiny_ca_issue(const struct tiny_ca *ca, const struct tiny_leaf *leaf);

/* A file that others trust. What fails here ends the program. */
void tiny_ca_write_root(const struct tiny_ca *ca, const char *path);

/* As PEM, one behind the other, up to a NULL. The caller frees. */
char *tiny_ca_pem(X509 *const *certs);

#endif
