/*
 * Hosted mail domains: table `domain`.
 *
 * A row is a plain value. `due_at` is when the engine has something to do
 * for it: the next DNS look in waiting-for-dns, the next order in issuing,
 * the renewal in live; 0 while an order is under way, and in the queue.
 */
#ifndef STORE_DOMAIN_H
#define STORE_DOMAIN_H

#include <time.h>

#include "base/err.h"
#include "policy/domain_name.h"
#include "store/store.h"

#define DOMAIN_LABEL_SIZE 128
#define DOMAIN_RUA_SIZE   512
#define DOMAIN_TOKEN_SIZE 33

enum domain_state {
	DOMAIN_WAITING_FOR_DNS,	/* its name does not lead here yet */
	DOMAIN_ISSUING,		/* it does; no certificate yet */
	DOMAIN_LIVE		/* served with a certificate */
};

/* On its way out it is served on, and to the world it is live. */
enum domain_leaving {
	DOMAIN_STAYS,
	DOMAIN_REMOVING,	/* RFC 8461, 8.3 */
	DOMAIN_HANDING_OVER	/* to another host that keeps the policy */
};

/*
 * The queue for a CA, most urgent first; within a rank by deadline, which is
 * the end of the certificate served, or the arrival of a new domain.
 */
enum domain_rank {
	RANK_EMERGENCY, /* expired, or with a twentieth of its life left */
	RANK_REVOKED,	/* must be replaced; or an admin waits for it */
	RANK_RENEWAL,
	RANK_NEW,
	RANK_GONE /* expired days ago; by how long it waits */
};

/* How a CA may see that the name is ours (RFC 8555, 8.3; RFC 8737). */
enum challenge_method { METHOD_HTTP_01, METHOD_TLS_ALPN_01 };

#define METHOD_COUNT 2	/* of them */

struct domain {
	int64_t id;
	char name[DOMAIN_NAME_SIZE];	/* A-label form, unique */
	char label[DOMAIN_LABEL_SIZE];	/* the operator's word for a customer */
	char rua[DOMAIN_RUA_SIZE];	/* TLS reports: URIs, comma-separated */
	char report_token[DOMAIN_TOKEN_SIZE]; /* the path of those that are
					   posted here: 128 random bits */
	enum domain_state state;
	long epoch;			/* counts updates: guards stale actors */
	time_t created_at;
	time_t state_at;		/* since when it is in this state */
	enum domain_leaving leaving;
	time_t leaving_at;		/* since when; 0: it stays */
	bool track_mx;			/* its provider's new hosts go in */
	int64_t template_id;		/* its policy follows it; 0: none */
	long template_epoch;		/* of the template, as it was looked at;
					   0: not yet */
	long template_applied; /* and as its hosts came into the policy;
					   0: never */
	time_t due_at;			/* 0: nothing to do, or in the queue */
	time_t ready_at;		/* in the queue for a CA since; 0: not */
	enum domain_rank rank;		/* there */
	time_t deadline;		/* there: who is earlier goes first */
	long dns_looks;			/* without success, since it was added */
	long failures;			/* of issuance, in a row */
	bool renew_forced;		/* the admin asked for this renewal */
	bool revoked;			/* what is served is, or will be */
	enum challenge_method method;	/* the next to try: the last that worked */
	long skips; /* by the precheck, of the next order; */
		    /* -1: of the last, but not of this */
	int64_t try_ca;			/* an admin wants a trial there; 0: no */
	char problem[sizeof(((struct err *)0)->text)];	/* or empty */
	char hint[sizeof(((struct err *)0)->hint)];
	time_t problem_at;
	int64_t policy_id;		/* the version served; 0: none yet */
	int64_t cert_id;		/* the certificate served; 0: none yet */
};

const char *domain_state_name(enum domain_state state);

/* As it is shown: "live", or "removing" and "handing-over" on its way out. */
const char *domain_phase(const struct domain *d);

/* The word for a state, or for a way out, as which *leaving is not 0. */
bool domain_phase_parse(const char *text, enum domain_state *state,
			enum domain_leaving *leaving);

/*
 * Fills d->id, and d->report_token if it is empty. ERR_REFUSED if the name is
 * there already.
 */
bool domain_insert(struct store *s, struct domain *d, struct err *err);

/* ERR_NOT_FOUND, with the name, if there is none. */
bool domain_by_name(struct store *s, const char *name, struct domain *d,
		    struct err *err);
bool domain_by_id(struct store *s, int64_t id, struct domain *d,
		  struct err *err);

/* Is there a row of that name, even one that does not decode? */
bool domain_is_there(struct store *s, const char *name, bool *is_there,
		     struct err *err);

/*
 * Writes the whole row, if `d->epoch` is still the stored one, and counts it
 * up. ERR_AGAIN: the row has changed since it was read; nothing was written.
 */
bool domain_update(struct store *s, struct domain *d, struct err *err);

/* It sets out, or stays after all: domain_update(), for serve.db to know. */
bool domain_set_leaving(struct store *s, struct domain *d,
			enum domain_leaving how, time_t now, struct err *err);

/* DNS has this token, by what another state.db said. */
bool domain_set_token(struct store *s, struct domain *d, const char *token,
		      struct err *err);

/* The admin's wish for a trial is dropped. */
bool domain_forget_trial(struct store *s, int64_t id, struct err *err);

/*
 * Nobody comes to a row that does not decode, or cannot be worked with, before
 * `until`.
 */
bool domain_set_aside(struct store *s, int64_t id, time_t until,
		      struct err *err);

/*
 * Everything of it goes, but for the trail, which keeps its label, and what
 * senders may still hold: the ids of its policies and what they said (table
 * `retired_id`), and that another host announced one (`foreign_past`).
 */
bool domain_delete(struct store *s, const struct domain *d, time_t now,
		   struct err *err);

struct domain_filter {
	const char *label;		/* NULL: any */
	const enum domain_state *state;	/* NULL: any */
	const char *after;		/* names beyond this one; NULL: all */
	long limit;			/* 0: no limit */
	enum domain_leaving leaving;	/* with a state: so it leaves, or not */
};

/* In order of name. `each` returns false to end it early. */
bool domain_each(struct store *s, const struct domain_filter *filter,
		 bool (*each)(const struct domain *d, void *arg), void *arg,
		 struct err *err);

/*
 * The rows of `state` with a problem, in order of name beyond `after`, at most
 * `limit`.
 */
bool domain_each_troubled(struct store *s, enum domain_state state,
			  const char *after, long limit,
			  bool (*each)(const struct domain *d, void *arg),
			  void *arg, struct err *err);

/*
 * The rows of `state` due at `now`, longest due first, at most `limit`, as
 * ids. Returns how many; 0 on failure too, with err set.
 */
size_t domain_due(struct store *s, enum domain_state state, time_t now,
		  int64_t *ids, size_t limit, struct err *err);

/* The earliest due_at beyond `after` over the rows of `state`, or 0. */
time_t domain_next_due(struct store *s, enum domain_state state, time_t after);

/*
 * Puts live and issuing rows that are due at `now` into the queue, at most
 * `limit`, longest due first. Inside a transaction.
 */
bool domain_queue_due(struct store *s, time_t now, long limit,
		      struct err *err);

/*
 * Lifts the first `limit` of each rank that have become emergencies since, and
 * lets go of emergencies that are gone by now.
 */
bool domain_queue_lift(struct store *s, time_t now, long limit,
		       struct err *err);

/* Does nobody wait in it? False on failure too, with err set. */
bool domain_queue_is_empty(struct store *s, struct err *err);

/*
 * The head of one rank of the queue, as ids, beyond those `skip` that are
 * passed over. Returns how many; 0 on failure too, with err set.
 */
size_t domain_queue_head(struct store *s, enum domain_rank rank, size_t skip,
			 int64_t *ids, size_t limit, struct err *err);

/*
 * A domain that waits for a trial with this CA, and for the end of no other
 * trial of its own; the live one that came after `n` others. False if there is none, or with err set.
 */
bool domain_next_trial(struct store *s, int64_t ca_id, int64_t *id,
		       struct err *err);
bool domain_nth_live(struct store *s, long n, int64_t *id, struct err *err);

/*
 * The names in this state, or about `most` of them if there are more: of
 * `count`, as domain_count() says. By their ids, but in no order that an
 * import could have.
 */
bool domain_each_sampled(struct store *s, enum domain_state state, long count,
			 long most, void (*each)(const char *name, void *arg),
			 void *arg, struct err *err);

/* The largest id so far: there are no more domains than that. */
int64_t domain_last_id(struct store *s);

struct domain_counts {
	long waiting, issuing, live;
	long removing, handing_over;	/* of these */
	long with_problem; /* their own, or one that the watch sees */
};
bool domain_count(struct store *s, struct domain_counts *counts,
		  struct err *err);

#endif
