/*
 * Another key for our account with a CA, asked for by an admin.
 *
 * A rollover (RFC 8555, 7.3.5) keeps the account and its URL: what customers
 * have in their DNS stays true. A new account does not, and takes a fresh key
 * too; it is for when the old one is lost or not wanted by the CA any more.
 */
#ifndef ACME_ROLLOVER_H
#define ACME_ROLLOVER_H

#include "acme/engine.h"

/*
 * Inside a transaction: notes that it is wanted, and the key is made; the
 * engine does the rest. *is_news is false if it is under way already.
 */
bool rollover_ask(struct engine *e, const char *ca, bool *is_news,
		  struct err *err);

/*
 * Inside a transaction: the account is superseded, its orders end, and
 * another one will be registered. `was` is the URL of the old one.
 */
bool rollover_new_account(struct engine *e, const char *ca,
			  char was[static URL_SIZE], struct err *err);

#endif
