/*
 * JSON Web Signatures as ACME wants them: flattened, ES256, with nonce and
 * url (RFC 8555, 6.2; RFC 7515), the key's thumbprint (RFC 7638), the
 * external account binding (RFC 8555, 7.3.4) and the change of an account's
 * key (7.3.5).
 *
 * Every char * returned is the caller's to free.
 */
#ifndef ACME_JWS_H
#define ACME_JWS_H

#include "acme/world.h"

struct jws_header {
	const char *url;
	const char *nonce;	/* NULL: none, for a JWS inside another */
	const char *kid;	/* the account URL; NULL: the public key itself */
};

/* `payload` NULL is POST-as-GET. NULL if the key cannot sign. */
char *jws_sign(const struct world *world, const struct p256 *key,
	       const struct jws_header *header, const char *payload,
	       struct err *err);

char *jws_thumbprint(const struct p256 *key);

/* The JSON text to stand under "externalAccountBinding". */
char *jws_eab(const struct p256 *key, const char *eab_kid,
	      const unsigned char *hmac_key, size_t hmac_key_len,
	      const char *new_account_url);

/*
 * The JWS, signed by the new key, that asks for the account to have that key
 * from now on (RFC 8555, 7.3.5). It is the payload of a request to `url` by
 * the old key. NULL if the new key cannot sign.
 */
char *jws_key_change(const struct world *world, const struct p256 *old_key,
		     const struct p256 *new_key, const char *account_url,
		     const char *url, struct err *err);

#endif
