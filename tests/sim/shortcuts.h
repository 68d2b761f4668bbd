/*
 * What costs the simulator most, done once: parsing a certificate and a key,
 * and making a request for one. Linked in place of the functions named below
 * (the linker's --wrap), which are what does the work whenever something is
 * new. So certificates and keys are the real ones, only remembered; requests
 * for certificates are one template with another name, key and sham signature,
 * but for those that are made while shortcuts_off() holds.
 *
 *	d2i_X509, PEM_read_bio_X509, p256_to_pkey	remembered
 *	X509_verify_cert	all of it, but for a sham signature of the leaf
 *	csr_make					from a template
 *
 * Half of the time that OpenSSL takes for a certificate is for the key in it,
 * and each world has the same keys. So a certificate of the bulk signer's is
 * what was parsed for the same key in a former world, with another serial
 * number, dates, name and signature in their places; and then it is looked at
 * whether it is, byte by byte, what was to be parsed.
 */
#ifndef TESTS_SIM_SHORTCUTS_H
#define TESTS_SIM_SHORTCUTS_H

#include <stdbool.h>
#include <stddef.h>

struct bulk_shape;

/* Once in a process, after sham_init(). The shape is borrowed. */
void shortcuts_init(const struct bulk_shape *of_certs);
void shortcuts_release(void);

/* Nobody has any certificate of the one before any more. */
void shortcuts_new_world(void);

/* From here on, requests are made and signed by the product's own code. */
void shortcuts_off(bool is_off);

/* Is it a request of ours, with the signature that its key would give? */
enum sham_request { REQUEST_REAL, REQUEST_SHAM, REQUEST_FORGED };
enum sham_request shortcuts_look(const unsigned char *der, size_t len);

#endif
