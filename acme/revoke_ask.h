/*
 * An admin wants a certificate revoked: what that means for the rows. The CA
 * is told later, by acme/revocations.c.
 *
 * What is served is replaced first, before all renewals, and revoked when the
 * new one is served; unless it is to be at once, whatever senders then see.
 * A key that is compromised is never used again, and with it go all others
 * that the domain has had and that are still certified: who has read one key
 * of this box may have read them all.
 */
#ifndef ACME_REVOKE_ASK_H
#define ACME_REVOKE_ASK_H

#include "store/cert.h"

struct revoke_wish {
	int reason;		/* acme/revoke_reason.h */
	bool at_once;
};

/*
 * Inside a transaction; d is written. *is_news is false if all of it was so
 * already. ERR_REFUSED: it was imported, or there is nothing to wait for.
 */
bool revoke_ask(struct store *s, struct domain *d,
		const struct revoke_wish *wish, time_t now, bool *is_news,
		struct err *err);

/*
 * Inside a transaction: what the CA was not told yet, it will not be told. A
 * key that was called compromised stays so. d is written.
 */
bool revoke_cancel(struct store *s, struct domain *d, bool *is_news,
		   struct err *err);

/* Has the domain certificates that the CA is still to be told of? */
bool revoke_is_pending(struct store *s, const struct domain *d);

#endif
