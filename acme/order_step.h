/*
 * The machine of one order: what to ask of the CA in each state, and what its
 * answer means (RFC 8555, 7.4 to 7.5).
 *
 *	intent → ordered → presented → challenged → ready → finalizing
 *	       → polling → download → done | dead
 *
 * Pure in its effect: a step takes the row and the reply, and returns the
 * next state and at most one effect. Nothing here speaks to the network, the
 * store or the clock; acme/engine.c commits, projects and then acts.
 *
 * What a state asks follows from the row alone, so a crash needs no code of
 * its own: a row that was under way is marked unsure, and an unsure row asks
 * by GET what became of its order before it posts anything again.
 */
#ifndef ACME_ORDER_STEP_H
#define ACME_ORDER_STEP_H

#include "acme/client.h"
#include "acme/scope.h"
#include "store/order.h"

/* What a step may look at beside the row and the reply. */
struct order_context {
	time_t now;
	int64_t now_ms;			/* the same moment, to the millisecond */
	uint32_t dice;			/* uniform: for spreads */
	const char *host;		/* "mta-sts.<domain>" */
	const char *thumbprint;		/* of the account's key */
	const char *orders_url;		/* the account's list; empty: none */
	time_t account_at;		/* it registered; 0: not of late */
	time_t heard_at; /* the CA answered anything; 0: not since the start */
	long patience;			/* seconds from birth to giving up */
	bool (*is_known)(const char *order_url, void *arg);	/* a row of ours */
	void *arg;
};

/* The request that the row's state stands for. */
struct order_question {
	enum { ASK_NEW_ORDER, ASK_URL } where;	/* ASK_NEW_ORDER: directory's */
	char url[URL_SIZE];
	char *payload;		/* owned; NULL: POST-as-GET */
};

enum order_effect {
	ORDER_ASK,	/* send what the new state asks for */
	ORDER_WAIT,	/* wake_ms is set: ask when it has come */
	ORDER_INSTALL,	/* the reply's body is a chain: verify, install */
	ORDER_END	/* dead: see scope and problem */
};

struct order_step {
	enum order_effect effect;
	enum fail_scope scope;	/* whose fault, if it failed or must wait */
	long retry_after;	/* seconds the CA asked for, or -1 */
	struct err problem;	/* ERR_NONE, or why it failed or waits */
	char type[64];		/* the CA's word for it; or empty */
	long looks; /* dead, and the CA may count so many failed validations */
	bool may_be_issued; /* dead, and yet the CA may have, or may still */
	bool is_others; /* it failed at an order that is hardly this one's */
	bool is_endless; /* dead: the CA worked at it, and came to no end */
};

/* The caller frees question.payload. */
struct order_question order_ask(const struct order *o,
				const struct order_context *ctx);

/*
 * The reply to order_ask(): writes what was learned and the next state into
 * the row (the caller's copy of it) and says what to do.
 */
struct order_step order_reply(struct order *o, const struct ca_reply *reply,
			      const struct order_context *ctx);

/*
 * Whose fault is an order that has expired? If the CA could not be had, or the
 * box was off, nobody's (SCOPE_NONE). One that was born expired must not come
 * again at once: a clock is wrong, and the next would be the same. Nor one that
 * the CA has looked at until it expired: it is void.
 */
enum fail_scope order_scope_of_expiry(const struct order *o);

/* The row ends here, with this problem. */
struct order_step order_give_up(struct order *o, enum fail_scope scope,
				const struct err *problem, time_t now);

#endif
