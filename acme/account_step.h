/*
 * The machine of one account: registered, found again, told a new contact
 * (RFC 8555, 7.3).
 *
 *	new | lost → valid        refused → (later) valid
 *	lost → deactivated        deactivated → valid | lost
 *
 * Registering and finding again are the same request: newAccount with a key
 * that the CA knows gives the account there is (7.3.1). So a CA that has
 * forgotten us is met with the same key, and a crash in between costs
 * nothing. An account that the CA knows and does not want is not registered
 * again: once a day it is asked whether that is still so. Pure in its effect, as acme/order_step.h.
 */
#ifndef ACME_ACCOUNT_STEP_H
#define ACME_ACCOUNT_STEP_H

#include "acme/engine.h"
#include "acme/scope.h"

struct account_question {
	char url[URL_SIZE];
	char *payload;		/* owned */
	bool by_key;		/* signed with the public key, not the kid */
};

/* Has it something to ask at `now`? */
bool account_is_due(const struct account *a, const char *contact, time_t now);

/* ERR_REFUSED if the CA wants a binding that is not configured. */
bool account_ask(const struct account *a, const struct ca_settings *ca,
		 const char *contact, const struct wire_directory *directory,
		 struct account_question *question, struct err *err);

/*
 * The reply to account_ask(), into the row (the caller's copy). Returns the
 * scope of a failure, SCOPE_NONE on success; the reason is in the row.
 */
enum fail_scope account_reply(struct account *a, const char *contact,
			      const struct ca_reply *reply, time_t now);

/* The CA will not have us, for a reason that the row tells. */
bool account_is_declined(const struct account *a);

/* The CA has said that it does not know the account. */
void account_lose(struct account *a);

/* Orders wait until it is asked again, or the configuration is read anew. */
void account_refuse(struct account *a, const struct err *problem, time_t now);

#endif
