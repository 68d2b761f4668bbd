/*
 * What the CA in memory can beside orders: revoke a certificate, change an
 * account's key, want an account no more, and give renewal information.
 */
#ifndef TESTS_SIM_SIM_CA_MORE_H
#define TESTS_SIM_SIM_CA_MORE_H

#include <stdbool.h>

#define SIM_REVOCATIONS 64

struct sim_revocation {
	char serial[48];	/* lower-case hex */
	int reason;
	bool by_key;		/* signed with the certificate's own */
};

struct sim_more {
	/* At will. */
	bool lacks_key_change;		/* in its directory */
	bool refuses_key_change;
	bool is_deactivated;		/* every account that there is */
	bool hears_no_account;		/* revocations only by the own key */
	bool breaks_on_revocation;	/* 500, and nothing else */
	int refused_reason;		/* badRevocationReason; 0: none */
	bool has_ari;			/* and the window, in Unix time: */
	long ari_start, ari_end;
	bool ari_is_haste;   /* it ended half an hour ago, at any time */
	const char *ari_url; /* the explanation; NULL: none ... */
	bool ari_url_turns;  /* ... and it is another each time */
	long ari_status; /* other than 200; 0: none */
	char ari_retry_after[64];

	/* What it counted. */
	struct sim_revocation revoked[SIM_REVOCATIONS];
	unsigned revocations;		/* each certificate once */
	unsigned revoke_requests, key_changes, key_change_requests;
	unsigned ari_polls;
};

struct sim_ca;
struct sim_answer;
struct fetch_request;

/* True if the request was for what stands here, and is answered. */
bool sim_ca_more(struct sim_ca *ca, const struct fetch_request *rq,
		 struct sim_answer *answer);

/* A GET of this path, if it is for what stands here. */
void sim_ca_more_get(struct sim_ca *ca, const char *path,
		     struct sim_answer *answer);

/* Adds to the directory in `answer`. */
void sim_ca_more_directory(const struct sim_ca *ca, struct sim_answer *answer);

#endif
