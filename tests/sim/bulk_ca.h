/*
 * An ACME CA for a million orders, with Boulder's manners: order reuse,
 * limits as token buckets, renewal information, 409 for a second `replaces`.
 * As strict as tests/sim/sim_ca.h, which is for few orders, and a hundred
 * times faster: names are numbers, certificates are one template signed anew.
 *
 * It judges its clients too: what no correct one does is the complaint, and
 * certificates that nobody decided to order are counted as duplicates.
 */
#ifndef TESTS_SIM_BULK_CA_H
#define TESTS_SIM_BULK_CA_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/fetch.h"
#include "base/p256.h"
#include "tests/sim/sim_ca.h"

#define BULK_ACCOUNTS 64
#define BULK_NONCES   4096
#define BULK_HOST     "mta-sts.d%05u.sim.test"
#define BULK_HOST_LEN 23

enum bulk_method { BULK_HTTP_01, BULK_TLS_ALPN_01 };

struct bulk_bucket {
	double level;
	time_t at;	/* 0: full */
};

struct bulk_order {
	uint32_t name, account;
	uint8_t status, authz;		/* enum sim_status */
	bool is_known, chall_failed, is_real, is_reused, is_exempt;
	bool is_asked;			/* about, ever, and the answer heard */
	uint8_t looks;			/* still to come */
	uint8_t method;			/* enum bulk_method */
	const char *problem;		/* why it is invalid, a type */
	time_t made_at, expires_at, busy_until;
	time_t asked_at;		/* first, if it is */
	uint32_t cert;			/* once valid */
	uint32_t replaces;		/* a certificate, or BULK_NONE */
	uint32_t urged;			/* one whose window had begun, or that */
};

struct bulk_cert {
	uint32_t name, order;
	time_t from, until, issued_at;
	unsigned char point[P256_POINT];
	bool is_served;		/* was ever: told by who looks */
	bool is_revoked, is_lost, is_trial;
	time_t revoked_at;
	uint32_t replaced_by;	/* an order, or BULK_NONE */
};

#define BULK_NONE UINT32_MAX

struct bulk_name {
	uint32_t open_order, newest;	/* of certificates; or BULK_NONE */
	time_t validated_until;
	time_t issued_at; /* the last one, a trial's too; 0: none */
	struct bulk_bucket duplicates, failed;
};

struct bulk_ca {
	/* How it behaves: set at will. */
	char origin[32];		/* "https://a.ca.test" */
	unsigned number;		/* of the CA, below 256 */
	long life[3];			/* of certificates: by name, modulo 3 */
	long backdate;
	bool lists_orders, reuses_orders, has_ari, has_limits, wants_eab;
	bool keeps_failed_pending;
	long authz_reuse;		/* seconds that a validation counts */
	unsigned looks;	    /* from several places, a moment apart */
	long look_after_ms; /* of the first: 0: at once */
	long issuance_time;		/* an order is `processing` */
	long poll_after;		/* Retry-After of what goes on; 0: none */
	long ari_retry;			/* Retry-After of renewal information */
	bool ari_is_late;		/* its windows lie beyond the end */
	unsigned bad_nonce_every;

	/* The world round it. */
	time_t now;
	long client_ahead; /* seconds: who comes so much early breaks no limit */
	uint32_t came_early; /* the last name refused for that; BULK_NONE */
	bool is_incident;		/* every certificate is to be replaced */
	time_t incident_before;		/* ... that was issued before this */

	/* NULL: the token is there. Else the type of the problem. */
	const char *(*validate)(void *arg, const struct bulk_ca *ca,
				unsigned name, enum bulk_method method,
				const char *token, const char *key_auth);
	bool (*allows)(void *arg, const struct bulk_ca *ca, unsigned name);

	/* bulk_ca_look() is to be called after so long. */
	void (*later)(void *arg, const struct bulk_ca *ca, uint32_t order,
		      long ms);

	/* Is the order one whose certificate is not meant to be served? */
	bool (*is_trial)(void *arg, const struct bulk_ca *ca, uint32_t order);
	void *arg;

	/* What it has. */
	struct bulk_signer *signer;
	struct {
		bool is_known;
		unsigned char point[P256_POINT];
		char thumbprint[64];
		struct bulk_bucket orders;
	} account[BULK_ACCOUNTS];
	unsigned accounts;
	/* All names have one registered domain. By the true rate, and by that
	   which the CA publishes. */
	struct bulk_bucket new_certs, new_certs_said;
	struct bulk_name *name;
	unsigned names;
	struct bulk_order *order;
	uint32_t orders, order_cap;
	struct bulk_cert *cert;
	uint32_t certs, cert_cap;
	bool nonce_is_used[BULK_NONCES];
	uint64_t nonces, nonces_from;

	/* What it counted. */
	unsigned long posts, new_orders, real_orders, real_certs, ari_polls;
	unsigned long registrations, failed_looks, conflicts, lost_certs;
	unsigned long breaches, duplicates, hasty;
	unsigned long gone_orders;	/* expired or lost, never asked about */
	char complaint[SIM_TEXT];	/* the first thing a client did wrong */
	char duplicate[SIM_TEXT];	/* the first, told */
	char breach[SIM_TEXT];
};

/* One signing key and template for all CAs of a process, made once. */
struct bulk_signer *bulk_signer_new(time_t from, time_t until);
void bulk_signer_free(struct bulk_signer *s);

void bulk_ca_init(struct bulk_ca *ca, unsigned number, unsigned names,
		  struct bulk_signer *signer);
void bulk_ca_release(struct bulk_ca *ca);

/* Is the URL one of this CA's? */
bool bulk_ca_owns(const struct bulk_ca *ca, const char *url);
void bulk_ca_answer(struct bulk_ca *ca, const struct fetch_request *rq,
		    struct sim_answer *answer);

/* The CA looks whether the challenge is there. */
void bulk_ca_look(struct bulk_ca *ca, uint32_t id);

/* Nobody will come for this one any more. */
void bulk_ca_lose(struct bulk_ca *ca, uint32_t cert);

/* Who asks it was killed just now: what he was told last may be lost. */
void bulk_ca_unheard(struct bulk_ca *ca);

/* Its database is lost: accounts, orders, and who has which certificate. */
void bulk_ca_wipe(struct bulk_ca *ca);

void bulk_ca_revoke(struct bulk_ca *ca, uint32_t cert);

/* The certificate of this serial number (hex), or NULL. */
struct bulk_cert *bulk_ca_find(struct bulk_ca *ca, const char *serial);

/*
 * For the judge: has the account had room for an order of the name for so long,
 * by the limits as they are published?
 */
bool bulk_ca_has_budget(struct bulk_ca *ca, unsigned name, long seconds);

#endif
