/*
 * The certificate chain a CA sent, or an admin, checked before anybody may see
 * it.
 *
 * PEM comes in, DER goes out. Refused: no PEM, more than CHAIN_CERTS_MAX
 * certificates, a leaf that does not name the host, is not for the order's
 * key, is expired or not valid yet, a chain that does not build, and a leaf
 * without issuers. Whether senders trust the root is not asked here.
 */
#ifndef ACME_CHAIN_H
#define ACME_CHAIN_H

#include <time.h>

#include "base/buf.h"
#include "base/p256.h"
#include "store/cert.h"

#define CHAIN_CERTS_MAX 10

struct chain {
	struct buf leaf;	/* DER */
	struct buf issuers;	/* DER, one behind the other */
	char serial[CERT_SERIAL_SIZE];
	char issuer[CERT_ISSUER_SIZE];	/* common name, printable */
	time_t not_before, not_after;
};

struct chain_wanted {
	const char *host;
	const struct p256 *key;
	time_t now;
};

/*
 * *c is always to be released. ERR_REFUSED says what is wrong with the chain;
 * what could be read of it stands in *c all the same.
 */
bool chain_read(struct chain *c, const char *pem, size_t len,
		const struct chain_wanted *wanted, struct err *err);
void chain_release(struct chain *c);

#endif
