/*
 * What costs the simulator most, done once: parsing a certificate and a key,
 * and making a request for one. Linked in place of the functions named below
 * (the linker's --wrap), which are what does the work whenever something is
 * new. So certificates and keys are the real ones, only remembered; requests
 * for certificates are one template with another name, key and sham signature,
 * but for those that are made while shortcuts_off() holds.
 *
 *	d2i_X509, PEM_read_bio_X509, p256_to_pkey	remembered
 *	csr_make					from a template
 */
#ifndef TESTS_SIM_SHORTCUTS_H
#define TESTS_SIM_SHORTCUTS_H

#include <stdbool.h>
#include <stddef.h>

/* Once in a process, after sham_init(). */
void shortcuts_init(void);
void shortcuts_release(void);

/* From here on, requests are made and signed by the product's own code. */
void shortcuts_off(bool is_off);

/* Is it a request of ours, with the signature that its key would give? */
enum sham_request { REQUEST_REAL, REQUEST_SHAM, REQUEST_FORGED };
enum sham_request shortcuts_look(const unsigned char *der, size_t len);

#endif
