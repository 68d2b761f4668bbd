/*
 * What a CA's validator is shown instead of a certificate: self-signed, for
 * one host, with the digest of the key authorization in it (RFC 8737, 3).
 *
 * A CA looks from several places at once, so a few are kept for a few
 * seconds. They have one key in common, made when it is first needed: it
 * proves nothing, the digest does. Owning thread only.
 */
#ifndef HTTPD_ALPN_CERT_H
#define HTTPD_ALPN_CERT_H

#include <time.h>

#include "base/err.h"
#include "httpd/site_cache.h"

#define ALPN_CERTS_KEPT	  32
#define ALPN_CERT_SECONDS 10	/* that one is kept */

struct alpn_certs;

struct alpn_certs *alpn_certs_new(void);
void alpn_certs_free(struct alpn_certs *c);

/*
 * For this host and key authorization, valid around `now`; borrowed until the
 * next call. NULL, with err set, if OpenSSL made none.
 */
const struct cert_pair *alpn_cert_get(struct alpn_certs *c, const char *host,
				      const char *key_auth, time_t now,
				      struct err *err);

#endif
