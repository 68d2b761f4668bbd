/*
 * An ACME server in memory: enough of RFC 8555 for one name per order and
 * http-01, strict where a client may be wrong (signature, url, nonce, kid,
 * finalize only when ready, a CSR for exactly the order's name and a key of
 * its own).
 *
 * Everything it knows is in this one struct without a pointer to the heap:
 * in shared memory it outlives a client that dies in another process.
 */
#ifndef TESTS_SIM_SIM_CA_H
#define TESTS_SIM_SIM_CA_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/fetch.h"
#include "base/p256.h"
#include "tests/sim/sim_ca_more.h"
#include "tests/sim/tiny_ca.h"

#define SIM_CA_ORIGIN	 "https://ca.test"
#define SIM_CA_DIRECTORY SIM_CA_ORIGIN "/directory"
#ifndef SIM_ORDERS
#define SIM_ORDERS 1024
#endif
#define SIM_ACCOUNTS	 8
#define SIM_NONCES	 8192
#define SIM_TEXT	 256

/* SIM_CA_ORIGIN, unless a program of its own sets it, once and at its start. */
extern const char *sim_ca_origin;

enum sim_status {
	SIM_PENDING,
	SIM_READY,
	SIM_PROCESSING,
	SIM_VALID,
	SIM_INVALID
};

struct sim_order {
	bool is_known;			/* false: forgotten */
	char name[SIM_TEXT];
	unsigned account;
	enum sim_status status;
	enum sim_status authz;
	bool chall_failed;		/* an error stands in the challenge */
	unsigned looks;			/* until what goes on ends */
	unsigned told;			/* times told to look at the token */
	unsigned csrs;			/* accepted: never more than one */
	time_t expires_at;
	char pem[4096];			/* the chain, once issued */
};

struct sim_ca {
	/* How it behaves: set at will. */
	long life;			/* of certificates, seconds */
	long backdate;			/* how old they are at birth */
	bool lists_orders;		/* accounts have an orders list */
	unsigned page;			/* orders on one page of it */
	bool reuses_orders;		/* newOrder gives the open one again */
	bool reuses_authz;		/* a name once validated stays so */
	unsigned validation_looks;	/* GETs of an authz till it is decided */
	unsigned issuance_looks;	/* GETs of an order in processing */
	bool keeps_failed_pending;	/* a failed challenge may be tried again */
	bool wants_eab;
	bool refuses_accounts;		/* new ones */
	unsigned cursed;		/* the nth order's authz: 500 for ever */
	bool is_vague;			/* no account: 500, and not a word */
	unsigned bad_nonce_every;	/* every nth POST; 0: never */
	unsigned bad_nonce_percent;	/* of POSTs, by a dice that is fixed */
	const char *sends_instead;	/* of each chain: a PEM; NULL: honest */
	long order_life;		/* seconds; 0: a day */
	bool links_elsewhere;		/* certificates are at another host */
	const char *declines;		/* newOrder for this name; "": for all;
					   NULL: none */
	const char *declines_as;	/* this error */
	long declines_status;
	const char *declines_for; /* Retry-After; NULL: none */
	bool knows_no_replaces; /* newOrder with that word: malformed */

	/* The world round it. */
	const struct tiny_ca *signer;
	bool (*token_is_served)(void *arg, const char *token,
				const char *key_auth);
	void *arg;
	time_t now;

	/* What it has and what it counted. */
	struct {
		bool is_known;
		unsigned char point[P256_POINT];
		char contact[SIM_TEXT];
		char thumbprint[64];
	} account[SIM_ACCOUNTS];
	unsigned accounts;
	struct sim_order order[SIM_ORDERS];
	unsigned orders;
	bool nonce_is_used[SIM_NONCES];
	uint64_t nonces;
	unsigned posts, certs, refused_csrs, failed_looks, registrations;
	struct sim_more more;		/* and how that behaves */
	char complaint[SIM_TEXT];	/* the first thing a client did wrong */
};

struct sim_answer {
	long status;
	char *body;			/* owned */
	char location[SIM_TEXT];
	char link[2 * SIM_TEXT];
	char nonce[32];
	char retry_after[64];
};

void sim_ca_answer(struct sim_ca *ca, const struct fetch_request *rq,
		   struct sim_answer *answer);

/* As when its database is lost: accounts and orders are gone. */
void sim_ca_wipe(struct sim_ca *ca);

/* Orders that were ever made for this name, and CSRs taken for them. */
unsigned sim_ca_orders_of(const struct sim_ca *ca, const char *host);
unsigned sim_ca_csrs_of(const struct sim_ca *ca, const char *host);

#endif
