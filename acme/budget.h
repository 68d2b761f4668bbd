/*
 * What an order costs of a CA's limits, and whether that is there: the limits
 * (acme/limits.h) joined to the buckets in the store (store/bucket.h).
 *
 *	budget_for_order(&b, &limits, &wanted);
 *	if (!budget_take(&b, s, now_ms, &wait, &err))
 *		... not before wait.ready_ms: err says why ...
 *
 * Everything here that takes a store runs inside a transaction. Control
 * thread only.
 */
#ifndef ACME_BUDGET_H
#define ACME_BUDGET_H

#include <stddef.h>

#include "acme/limits.h"
#include "policy/domain_name.h"

/* As a CA tells orders apart when it exempts some from its limits. */
enum budget_purpose {
	BUDGET_NEW,		/* a name we have no certificate of this CA for */
	BUDGET_RENEWAL,		/* the same names as a certificate of this CA */
	BUDGET_ARI,		/* with `replaces`, and inside its window now */
	BUDGET_PURPOSES
};

struct budget_order {
	int64_t ca_id;
	const char *host;	/* the name to be certified */
	enum budget_purpose purpose;
	long life;		/* of the certificate before; 0: not known */
	bool is_revoked;	/* that one is, or the CA asks for haste */

	/*
	 * From the promised moment on (a quarter of the life is left) a
	 * renewal is one: our own guard must not cost the promise. A name
	 * that has nothing to serve is one from the beginning.
	 */
	bool is_emergency;

	/*
	 * Other orders that have paid for LIMIT_PER_DOMAIN under the same
	 * registered domain, and that the CA has not counted yet, for it does
	 * when it issues. Until then nothing comes back to it for them: it is
	 * full, and cannot be more than that.
	 */
	long reserved;

	/*
	 * Until then others may have been issued that we do not count: by who
	 * we were before a backup was restored. 0: none.
	 */
	int64_t uncounted_ms;
};

struct budget_item {
	enum limit_kind kind;
	char subject[DOMAIN_NAME_SIZE];	/* "": our account */
	struct limit limit;
	long needed;	/* tokens that must be there */
	long taken;	/* of them */
	long left;	/* no more than that were left ... */
	int64_t left_ms; /* ... at this moment; 0: as they were counted */
	long reserved;	 /* for so many it may still be full */
};

struct budget {
	int64_t ca_id;
	struct budget_item items[LIMIT_KINDS];
	size_t count;
};

struct budget_wait {
	enum limit_kind kind;	/* the one that is there last */
	int64_t ready_ms;
};

void budget_for_order(struct budget *b, const struct limits *limits,
		      const struct budget_order *o);

/*
 * Is all of it there? If not: ERR_AGAIN with the limit in words, and *wait.
 * Any other error is the store's, and *wait is then untouched.
 */
bool budget_check(const struct budget *b, struct store *s, int64_t now_ms,
		  struct budget_wait *wait, struct err *err);

/* The same, and takes it if it is there. */
bool budget_take(const struct budget *b, struct store *s, int64_t now_ms,
		 struct budget_wait *wait, struct err *err);

/*
 * An order that took it has ended without a certificate: gives back what a CA
 * only counts when it issues. The order itself stays counted.
 */
bool budget_refund(const struct budget *b, struct store *s, int64_t now_ms,
		   struct err *err);

/* An order that took nothing of it has its certificate, and the CA counts it. */
bool budget_charge(const struct budget *b, struct store *s, int64_t now_ms,
		   struct err *err);

/*
 * An order that took it has its certificate: what came back for it meanwhile,
 * and did not at the CA, goes. It is one of those that are reserved.
 */
bool budget_settle(const struct budget *b, struct store *s, int64_t now_ms,
		   struct err *err);

/* The CA has found a challenge of this name invalid. */
bool budget_charge_failure(const struct limits *limits,
			   const struct budget_order *o, struct store *s,
			   int64_t now_ms, struct err *err);

/*
 * The CA has refused this order for this limit (limit_meant()), and for how
 * long: that is believed more than our own count.
 */
bool budget_empty_until(const struct limits *limits,
			const struct budget_order *o, enum limit_kind kind,
			struct store *s, int64_t now_ms, int64_t until_ms,
			struct err *err);

/*
 * Seconds until the last of `count` new names can be ordered, if each takes
 * one token of `bucket`. Rounded up to whole tokens.
 */
long budget_estimate(struct limit limit, const struct bucket *bucket,
		     long count, int64_t now_ms);

/*
 * The name by which LIMIT_PER_DOMAIN counts this one: a tail of it. One that
 * is a public suffix itself stands for itself.
 */
const char *budget_registered_domain(const char *host);

#endif
