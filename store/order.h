/*
 * Orders for a certificate: table `ord`. One row is one machine, driven by
 * acme/order.c; its states and what is durable in each stand here.
 *
 * The database itself allows one live order per domain, and one trial beside
 * it. A row is a plain
 * value. Challenges live in the row too: an order of ours has one name, thus
 * one authorization.
 */
#ifndef STORE_ORDER_H
#define STORE_ORDER_H

#include <time.h>

#include "store/ca.h"
#include "store/domain.h"

#define ORDER_CSR_MAX	 1024
#define ORDER_TOKEN_SIZE 256	/* a longer token is refused */
#define ORDER_SEEK_SIZE	 4096
#define PROFILE_SIZE	 64
#define ARI_ID_SIZE	 128
#define ORDER_REPLACES_UNSAID "-" /* the CA declined the word: not said again */
#define ORDER_KEY_AUTH_SIZE (ORDER_TOKEN_SIZE + 64)	/* "." thumbprint */

enum order_state {
	ORDER_INTENT,		/* key and CSR are durable; the CA may know */
	ORDER_ORDERED,		/* order, finalize and authz URL are known */
	ORDER_PRESENTED,	/* the token is durable and can be fetched */
	ORDER_CHALLENGED,	/* the CA was told to look */
	ORDER_READY,		/* the authorization is valid */
	ORDER_FINALIZING,	/* the CSR may have reached the CA */
	ORDER_POLLING,		/* the CA is at work on the certificate */
	ORDER_DOWNLOAD,		/* the certificate has a URL */
	ORDER_DONE,		/* installed */
	ORDER_DEAD		/* given up: see problem */
};

struct order {
	int64_t id;
	int64_t domain_id;
	int64_t ca_id;
	int64_t account_id;
	int64_t key_id;
	enum order_state state;
	bool is_trial;			/* proves issuance: never served */
	enum challenge_method method;
	char profile[PROFILE_SIZE];	/* asked for; empty: the CA's default */
	char replaces[ARI_ID_SIZE];	/* RFC 9773, 5; empty: nothing said */
	long epoch;			/* counts updates: guards stale replies */
	long tries;			/* waits in this state: paces the next */
	long sent;			/* times the CA was told to act; or pages
					   of its list that were read */
	bool unsure;			/* the CA may have heard: look first */
	int64_t wake_ms;		/* wall clock; 0: a request is under way */
	unsigned char csr[ORDER_CSR_MAX];	/* DER */
	size_t csr_len;
	char order_url[URL_SIZE];
	char finalize_url[URL_SIZE];
	char authz_url[URL_SIZE];
	char chall_url[URL_SIZE];
	char cert_url[URL_SIZE];
	char token[ORDER_TOKEN_SIZE];	/* served while it stands here ... */
	char key_auth[ORDER_KEY_AUTH_SIZE];	/* ... with this answer */
	char seek[ORDER_SEEK_SIZE];	/* URLs to look at, one a line */
	time_t expires_at;		/* the CA's; 0: not said */
	time_t gone_since;		/* the CA says that it is not there;
					   0: it does not */
	time_t created_at;
	time_t ended_at;		/* 0 while live */
	char problem[sizeof(((struct err *)0)->text)];
	uint64_t shown;			/* the store's: what serving has of it */
};

const char *order_state_name(enum order_state state);
bool order_is_live(const struct order *o);	/* neither done nor dead */

/*
 * Fills o->id. ERR_AGAIN if the domain has a live order; one whose row does
 * not decode is ended to make room. Of the ended ones the last few are kept.
 */
bool order_insert(struct store *s, struct order *o, struct err *err);
bool order_by_id(struct store *s, int64_t id, struct order *o, struct err *err);

/* The domain's live order; ERR_NOT_FOUND if there is none. No trial. */
bool order_of_domain(struct store *s, int64_t domain_id, struct order *o,
		     struct err *err);
bool order_trial_of_domain(struct store *s, int64_t domain_id, struct order *o,
			   struct err *err);

/* Guarded by epoch, as domain_update(). */
bool order_update(struct store *s, struct order *o, struct err *err);

/* Is this order URL ours already? For the search after a crash. */
bool order_url_is_known(struct store *s, const char *order_url);

/* Is it that of a trial of ours that has ended? The CA gave one order to both. */
bool order_url_was_trials(struct store *s, const char *order_url);

/* When the order ended that the domain had before its last one; 0: none did. */
time_t order_before_ended(struct store *s, int64_t domain_id);

/* Ids of a CA's live orders with 0 < wake_ms <= now_ms, earliest first. */
size_t order_due(struct store *s, int64_t ca_id, int64_t now_ms, int64_t *ids,
		 size_t limit, struct err *err);

/* Of those that wait, due or not, the next after this id, by id. */
size_t order_waiting(struct store *s, int64_t ca_id, int64_t after_id,
		     int64_t *ids, size_t limit, struct err *err);

/* Has this CA a live trial? */
bool order_has_trial(struct store *s, int64_t ca_id);

/* The CAs that have live orders, as ids, at most `limit`. Returns how many. */
size_t order_cas(struct store *s, int64_t *ca_ids, size_t limit,
		 struct err *err);

/*
 * Nobody comes to a live row before `until_ms`; and then its CA is asked what
 * became of it, for an answer may have been lost.
 */
bool order_put_off(struct store *s, int64_t id, int64_t until_ms,
		   struct err *err);

/*
 * Ends a row that does not decode, or cannot be worked with, and makes its
 * domain due: another order may do better. No such live row is success.
 */
bool order_set_aside(struct store *s, int64_t id, time_t now, struct err *err);

/*
 * At the start: every live order is marked unsure, for the CA may have gone on
 * while nobody was here; one that was under way is due at now_ms, one that
 * waits goes on waiting. A domain that nothing would ever come back to is due
 * too. Inside a transaction.
 */
bool order_resume_all(struct store *s, int64_t now_ms, struct err *err);

/*
 * The domains of a CA's live orders for `registered` and the names below it,
 * at most `limit`, and when each order was made.
 */
struct order_under {
	int64_t domain_id;
	time_t created_at;
};
size_t order_live_under(struct store *s, int64_t ca_id, const char *registered,
			struct order_under *out, size_t limit, struct err *err);

/* Ids of an account's live orders, at most `limit`. */
size_t order_live(struct store *s, int64_t account_id, int64_t *ids,
		  size_t limit, struct err *err);

/*
 * Ends all live orders of an account, trials too, in one go; their domains
 * are due. What comes back for them is stale.
 */
bool order_end_all(struct store *s, int64_t account_id, const char *why,
		   time_t now, struct err *err);

/*
 * The account has another key: the answers to challenges that are open are
 * made anew with its thumbprint (RFC 8555, 8.1).
 */
bool order_rekey(struct store *s, int64_t account_id, const char *thumbprint,
		 struct err *err);

/* How many live orders of an account the CA is just now validating. */
long order_count_validating(struct store *s, int64_t account_id);

/* The earliest wake_ms over a CA's live orders, or 0 if none waits. */
int64_t order_next_wake(struct store *s, int64_t ca_id);

struct order_counts {
	long live;
	long done;
	long dead;
};
bool order_count(struct store *s, int64_t ca_id, struct order_counts *counts,
		 struct err *err);

#endif
