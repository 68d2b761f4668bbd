/*
 * Certificates and their keys: tables `cert`, `key` and `issuer`.
 *
 * A key is made once per order and belongs to it until a certificate binds
 * it. An issuer chain is stored once, however many leaves it signed.
 */
#ifndef STORE_CERT_H
#define STORE_CERT_H

#include <time.h>

#include "base/buf.h"
#include "base/p256.h"
#include "store/order.h"

#define CERT_SERIAL_SIZE 48	/* hex */
#define CERT_ISSUER_SIZE 128

enum cert_state {
	CERT_ACTIVE,	/* served */
	CERT_RETIRED,	/* replaced by a newer one */
	CERT_BAD,	/* the CA's answer failed verification: never served */
	CERT_TRIAL	/* proved that a CA issues; never served */
};

struct cert {
	int64_t id;
	int64_t domain_id;
	int64_t ca_id;				/* 0: imported */
	int64_t account_id;			/* 0: imported */
	int64_t key_id;
	int64_t order_id;			/* 0: imported */
	enum cert_state state;
	char serial[CERT_SERIAL_SIZE];		/* lower-case hex */
	char issuer[CERT_ISSUER_SIZE];		/* its common name */
	time_t not_before, not_after;
	time_t renew_at;
	time_t created_at;
	char profile[PROFILE_SIZE];		/* it was asked for with */
	const char *distrust; /* borrowed, for cert_install() alone: why
				   nobody trusts what is imported, or NULL */

	/* What the CA advises (RFC 9773). */
	char ari_id[ARI_ID_SIZE];		/* empty: it has none */
	time_t ari_start, ari_end;		/* the window last heard; 0: none */
	time_t ari_pick;			/* our moment in it */
	char ari_url[URL_SIZE];			/* why, if the CA says; or empty */
	long ari_hastened; /* how many before it, in a row, gave way
				   to the CA's haste */
	bool ari_is_stale; /* what it hears, for this ari_url, is
				   what the last of them gave way to */
	time_t ari_poll_at;			/* 0: not asked (any more) */
	long ari_failures;			/* in a row */

	/* What we told the CA (RFC 8555, 7.6). */
	int revoke_reason;			/* RFC 5280, 5.3.1 */
	time_t revoked_at;			/* the CA said yes; 0: not */
	time_t revoke_due_at;			/* ask then; 0: nobody wants it */
	long revoke_failures;
};

/* The bytes of a chain, as the CA gave it. */
struct cert_chain {
	const unsigned char *leaf;	/* DER */
	size_t leaf_len;
	const unsigned char *issuers;	/* DER, one behind the other */
	size_t issuers_len;
};

/*
 * A revoke_due_at that waits for the replacement: the certificate is due as
 * soon as another one takes its place.
 */
#define CERT_REVOKE_ONCE_REPLACED ((time_t)253402300799)	/* year 9999 */

const char *cert_state_name(enum cert_state state);

/*
 * Stores it. An active one retires the domain's former one, becomes
 * d->cert_id and is projected; d is written. Fills c->id. With the first one
 * DNS is to be looked at, at once. Of the retired and bad ones the last few
 * are kept, with their keys, the newest of each CA, and those that are still
 * to be revoked.
 */
bool cert_install(struct store *s, struct domain *d, struct cert *c,
		  const struct cert_chain *chain, struct err *err);

/* ERR_NOT_FOUND if the domain has no active one. */
bool cert_current(struct store *s, const struct domain *d, struct cert *c,
		  struct err *err);

bool cert_by_id(struct store *s, int64_t id, struct cert *c, struct err *err);

/* Writes renew_at, and all that begins with ari_ or revoke. */
bool cert_update(struct store *s, const struct cert *c, struct err *err);

/*
 * Those served whose renewal information is to be asked for at `now`, longest
 * due first; those of any state that are to be revoked. Ids, at most `limit`.
 * Returns how many; 0 on failure too, with err set.
 */
size_t cert_ari_due(struct store *s, time_t now, int64_t *ids, size_t limit,
		    struct err *err);
size_t cert_revoke_due(struct store *s, time_t now, int64_t *ids, size_t limit,
		       struct err *err);

/* What of these two is due before `until` is due then: for a damaged row. */
bool cert_put_off(struct store *s, int64_t id, time_t until, struct err *err);

/*
 * Those served that are to be judged by what is left of their life at `now`:
 * a new one at once, any other when cert_judge_at() said so.
 */
size_t cert_judge_due(struct store *s, time_t now, int64_t *ids, size_t limit,
		      struct err *err);
bool cert_judge_at(struct store *s, int64_t id, time_t at, struct err *err);

time_t cert_next_ari(struct store *s);		/* the earliest, or 0 */
time_t cert_next_revoke(struct store *s);

/* Has this CA certified the name since then, as far as we remember? */
bool cert_is_known_to(struct store *s, int64_t domain_id, int64_t ca_id,
		      time_t since);

/* All of a domain, newest first. `each` returns false to end it early. */
bool cert_each(struct store *s, int64_t domain_id,
	       bool (*each)(const struct cert *c, void *arg), void *arg,
	       struct err *err);

/* Leaf and issuers of one certificate as PEM, the caller frees. */
char *cert_pem(struct store *s, int64_t cert_id, struct err *err);

/* The leaf's DER, into an empty buf of at least 64 KiB. */
bool cert_leaf(struct store *s, int64_t cert_id, struct buf *der,
	       struct err *err);

/* How many certificates of this CA are served. */
long cert_count_served(struct store *s, int64_t ca_id);

/* The earliest not_after over all certificates served, or 0. */
time_t cert_nearest_expiry(struct store *s);

/* ERR_AGAIN if the key is compromised: make another. */
bool key_insert(struct store *s, int64_t domain_id, const struct p256 *key,
		time_t now, int64_t *id, struct err *err);

/* ERR_NOT_FOUND if there is none, or none that decodes. */
bool key_by_id(struct store *s, int64_t id, struct p256 *key, struct err *err);

/* Somebody else may have it: it is never certified again, not even imported. */
bool key_compromise(struct store *s, int64_t key_id, time_t now,
		    struct err *err);

/* True too if that cannot be found out. */
bool key_is_compromised(struct store *s,
			const unsigned char point[static P256_POINT]);

#endif
