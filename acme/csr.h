/*
 * A certificate signing request for one host name and one P-256 key
 * (RFC 2986; RFC 8555, 7.4): empty subject, the name as a DNS SAN.
 */
#ifndef ACME_CSR_H
#define ACME_CSR_H

#include "base/p256.h"
#include "store/order.h"

/* DER into `out`. */
bool csr_make(const struct p256 *key, const char *host,
	      unsigned char out[static ORDER_CSR_MAX], size_t *len,
	      struct err *err);

#endif
