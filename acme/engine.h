/*
 * The ACME engine: keeps every domain of the store certified.
 *
 * It owns no domain, order or account: those are rows. What it owns is the
 * order of things. Each tick takes the replies that came and the rows that
 * are due, asks the machines (acme/order.c, acme/account.c, acme/arrival.c)
 * for the next state and at most one effect each, commits all of it in one
 * transaction, projects, and only then carries the effects out. A crash
 * anywhere leaves rows from which the same code goes on.
 *
 * Control thread only.
 */
#ifndef ACME_ENGINE_H
#define ACME_ENGINE_H

#include "acme/limits.h"
#include "acme/world.h"
#include "store/ca.h"
#include "store/order.h"
#include "store/store.h"

#define ENGINE_CA_LIMIT	     8
#define ENGINE_ADDRESS_LIMIT 16
#define ENGINE_CAA_NAMES     8

struct ca_settings {
	char name[CA_NAME_SIZE];
	char directory_url[URL_SIZE];
	char trust_file[512];		/* PEM; empty: the system's store */
	char eab_kid[128];		/* empty: no external account binding */
	unsigned char eab_key[128];	/* HMAC key, decoded */
	size_t eab_key_len;
	char profile[PROFILE_SIZE];	/* empty: the CA's default */
	bool needs_profile;		/* without it, nothing is ordered here */
	struct limits limits;		/* that the CA publishes */
	char caa_identity[ENGINE_CAA_NAMES][DNS_CAA_VALUE]; /* until it says */
	size_t caa_identity_count;
};

struct engine_settings {
	char contact[CONTACT_SIZE];	/* a mail address; empty: not set */
	bool agree_tos;
	struct ca_settings ca[ENGINE_CA_LIMIT];	/* in order of preference */
	size_t ca_count;
	char address[ENGINE_ADDRESS_LIMIT][DNS_ADDRESS_TEXT];	/* ours */
	size_t address_count;
	unsigned orders_in_flight;	/* per CA */
};

struct engine;

/* `world` and `store` must outlive it. Nothing happens before a tick. */
struct engine *engine_new(const struct world *world, struct store *store,
			  const struct engine_settings *settings,
			  struct err *err);
void engine_free(struct engine *e);

/* This box has other addresses now: only those of `settings` are taken over. */
void engine_set_addresses(struct engine *e,
			  const struct engine_settings *settings);

/* New settings, whole: what is under way goes on. On failure the old stay. */
bool engine_configure(struct engine *e, const struct engine_settings *settings,
		      struct err *err);

/* What world.wake_at asked for. */
void engine_tick(struct engine *e);

/* Rows were changed by an admin: a tick soon. */
void engine_poke(struct engine *e);

/*
 * Rows may be ahead of what is served while a tick waits for the disk. Then
 * `done` is called once it no longer does, whatever came of it, and true is
 * returned; at other times false. One at a time; NULL: nobody waits any more.
 */
typedef void engine_settled(void *arg);
bool engine_when_settled(struct engine *e, engine_settled *done, void *arg);

/* A client asked for this policy host: look at its DNS now. */
void engine_wanted(struct engine *e, const char *host);

/* How orders ended, since the start. */
struct order_ends {
	unsigned long done, dead;
};

/* What stands between the box and any order at all, for `status`. */
struct engine_ca_status {
	char name[CA_NAME_SIZE];
	char directory_url[URL_SIZE];
	bool is_first;			/* of the configuration */
	bool is_used;			/* where a new domain's order would go */
	const char *account;		/* account_state_name(), or "none" */
	char account_url[URL_SIZE];
	char problem[sizeof(((struct err *)0)->text)];	/* or empty */
	char hint[sizeof(((struct err *)0)->hint)];
	char caa_identity[ENGINE_CAA_NAMES][DNS_CAA_VALUE]; /* in CAA records */
	size_t caa_identity_count; /* 0: not known */
	unsigned in_flight;
	bool is_open; /* its breaker: acme/breaker.h */
	struct order_ends ended;
	time_t down_since;		/* 0: it answers, as far as we know */
	time_t retry_at;		/* left alone until then; 0: not */
	time_t proven_at;		/* it last issued; 0: never */
	time_t alike_since;		/* validations fail for many; 0: not */
	bool alike_is_over;		/* they work: seen since the start */
};

/* What time it is: not always what the machine says (acme/clock.h). */
time_t engine_clock(const struct engine *e);
bool engine_clock_is_known(const struct engine *e);
/* Is something wrong with the machine's clock? As clock_trouble(). */
void engine_clock_trouble(const struct engine *e, struct err *out);

/*
 * Do its ticks fail, one after the other? Then nothing is decided, and *why
 * says what is in the way.
 */
bool engine_is_stuck(const struct engine *e, struct err *why);

/* The row of a configured CA, or 0. */
int64_t engine_ca_id(const struct engine *e, const char *name);

/*
 * What is left there for our account, of a limit that does not count by name.
 * False if there is no such CA or limit, or it cannot be read.
 */
bool engine_ca_bucket(const struct engine *e, const char *name,
		      enum limit_kind kind, struct bucket *out);

size_t engine_ca_count(const struct engine *e);
void engine_ca_status(struct engine *e, size_t i, struct engine_ca_status *out);

#endif
