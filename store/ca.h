/*
 * Certificate authorities and our accounts with them: tables `ca`, `account`.
 *
 * An account's key is never deleted: a CA that has forgotten us gets the same
 * key again. A CA has at most one account that is not superseded; the row of
 * a superseded one holds an account that we had before, or only the key that
 * the account had before.
 */
#ifndef STORE_CA_H
#define STORE_CA_H

#include <time.h>

#include "base/p256.h"
#include "store/store.h"

#define CA_NAME_SIZE 64
#define URL_SIZE     512	/* a longer URL from a CA is refused */
#define CONTACT_SIZE 320

struct ca {
	int64_t id;
	char name[CA_NAME_SIZE];	/* as in the configuration */
	char directory_url[URL_SIZE];
	long epoch;

	/* The circuit breaker: how things stand between us. */
	long failures;			/* in a row */
	int64_t retry_ms;		/* not before; 0: at once */
	time_t down_since;		/* 0: it answers */
	int64_t well_since_ms;		/* since it answers again */
	char problem[sizeof(((struct err *)0)->text)];
	char hint[sizeof(((struct err *)0)->hint)];

	/* The canary: it issues, as was seen. */
	time_t proven_at;		/* last; 0: never */
	time_t canary_at;		/* the next trial; 0: as soon as may be */
	long canary_failures;		/* in a row */
};

enum account_state {
	ACCOUNT_NEW,		/* has a key; the CA does not know it yet */
	ACCOUNT_VALID,
	ACCOUNT_LOST,		/* the CA says it does not know it (any more) */
	ACCOUNT_REFUSED,	/* the CA will not have us: see problem */
	ACCOUNT_DEACTIVATED	/* it had us, and wants us no more: for good */
};

struct account {
	int64_t id;
	int64_t ca_id;
	enum account_state state;
	long epoch;
	struct p256 key;
	char url[URL_SIZE];		/* the "kid"; empty while new */
	char orders_url[URL_SIZE];	/* RFC 8555, 7.1.2.1; empty: no list */
	char contact[CONTACT_SIZE];	/* as the CA has it */
	char problem[sizeof(((struct err *)0)->text)];
	char hint[sizeof(((struct err *)0)->hint)];
	time_t retry_at;		/* 0: at once */
	time_t created_at;
	time_t superseded_at;		/* 0: it is in use */

	/* On its way to another key (RFC 8555, 7.3.5). */
	bool is_rolling;
	struct p256 next_key;		/* if it is */
	bool roll_told;			/* the CA may know the next one already */
	time_t roll_at;			/* not before */
	long roll_failures;		/* in a row */
};

/* Wipes its keys. */
void account_release(struct account *a);

const char *account_state_name(enum account_state state);

/*
 * The row for this name at this URL, made if need be. The same name at
 * another URL is another CA: accounts do not travel.
 */
bool ca_ensure(struct store *s, const char *name, const char *directory_url,
	       struct ca *ca, struct err *err);
/* A text of it that does not decode is left out: it is only told. */
bool ca_by_id(struct store *s, int64_t id, struct ca *ca, struct err *err);

/* That with the next higher id; ERR_NOT_FOUND after the last. */
bool ca_next(struct store *s, int64_t id, struct ca *ca, struct err *err);

/* Is it there for trying things out? What it signs is trusted by nobody. */
bool ca_is_staging(const struct ca *ca);

/* Guarded by epoch, as domain_update(). */
bool ca_update(struct store *s, struct ca *ca, struct err *err);

bool account_insert(struct store *s, struct account *a, struct err *err);
bool account_by_id(struct store *s, int64_t id, struct account *a,
		   struct err *err);

/* The CA's account that is not superseded. ERR_NOT_FOUND if there is none. */
bool account_of_ca(struct store *s, int64_t ca_id, struct account *a,
		   struct err *err);

/* Guarded by epoch, as domain_update(). */
bool account_update(struct store *s, struct account *a, struct err *err);

/* The same; from now on the CA has none, and another may be inserted. */
bool account_supersede(struct store *s, struct account *a, time_t now,
		       struct err *err);

/*
 * If the CA's account does not decode, it is superseded as it is and its live
 * orders end, so that another can be made: *done tells. One that decodes, and
 * none at all, are left alone. Inside a transaction.
 */
bool account_set_aside(struct store *s, int64_t ca_id, time_t now, bool *done,
		       struct err *err);

/* How many a CA has that are superseded. */
long account_count_superseded(struct store *s, int64_t ca_id);

#endif
