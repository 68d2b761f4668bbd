/*
 * A certificate that comes along from elsewhere, with its key, so that a
 * domain that moves here is served before its DNS leads here.
 *
 * It is judged as one from a CA would be: it names the host, fits its key,
 * has not expired, and its chain builds. One that leads to no root that senders
 * trust is taken, too, and nobody is told of the policy for it. Ours replaces it
 * in its time.
 */
#ifndef ACME_CERT_IMPORT_H
#define ACME_CERT_IMPORT_H

#include "store/cert.h"

struct cert_import {
	const char *chain;	/* PEM, the leaf first */
	const char *key;	/* PEM */
	time_t now;
	uint32_t dice;		/* a uniform number: spreads renewals */
	const char *ca_file;	/* roots beside the system's, or NULL */
};

/*
 * Inside a transaction; d is written, and live. *c is what is served now;
 * *is_news is false if that was so already. ERR_REFUSED in words.
 */
bool cert_import(struct store *s, struct domain *d,
		 const struct cert_import *in, struct cert *c, bool *is_news,
		 struct err *err);

#endif
