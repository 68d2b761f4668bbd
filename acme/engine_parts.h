/*
 * What the files of the engine share: the tick in engine.c, one CA in
 * authority.c, orders in issuance.c, DNS looks in arrivals.c.
 *
 * A tick has three phases. While *staging*, inside the transaction, the parts
 * take what came in, write rows and note effects; nothing else may be touched.
 * Then the tick commits and projects. Only then is each effect carried out.
 * So a part never acts by itself: it stages, and engine.c calls it back.
 */
#ifndef ACME_ENGINE_PARTS_H
#define ACME_ENGINE_PARTS_H

#include "acme/account_step.h"
#include "acme/client.h"
#include "acme/engine.h"
#include "acme/order_step.h"

#define LOOKS_IN_FLIGHT 32

/* One CA and our account there. */
struct authority {
	struct engine *engine;
	struct ca_settings settings;
	struct ca row;
	struct account account;		/* as stored; read anew each tick */
	bool has_account;
	struct client *client;
	bool is_busy;			/* directory or account asked for */
	int64_t retry_at_ms;		/* after trouble; 0: none */
	long failures;			/* in a row */
	struct err problem;
	unsigned in_flight;		/* orders with a request under way */
};

struct arrived;
struct effect;
typedef void arrived_take(struct engine *e, const struct arrived *got);
typedef void effect_act(struct engine *e, const struct effect *effect);

/* What came in since the last tick: a list, oldest first. */
struct arrived {
	struct arrived *next;
	arrived_take *take;		/* staging */
	struct authority *authority;	/* that was asked, or NULL */
	int64_t id;			/* of the row it is about */
	long epoch;			/* of that row when it was asked */
	struct ca_reply reply;		/* its texts are owned, in `texts` */
	char *texts[3];
	bool is_good;			/* of looks: what came of it ... */
	char found[200];
	struct err verdict;
};

/* What to do once the tick is committed and projected. */
struct effect {
	effect_act *act;
	struct authority *authority;	/* to ask, or NULL */
	int64_t id;			/* of the row it is about */
	char host[DOMAIN_NAME_SIZE];
	struct order order;		/* to ask for */
	char url[URL_SIZE];		/* where to ask ... */
	char *payload;			/* ... what; owned, or NULL */
	bool by_key;			/* signed with the key, not the kid */
};

struct engine {
	const struct world *world;
	struct store *store;
	struct engine_settings settings;
	struct authority *ca[ENGINE_CA_LIMIT];
	size_t ca_count;

	struct arrived *inbox, **inbox_tail;
	struct effect **effects;	/* noted by this tick, not yet done */
	size_t effect_count;
	const char **passed;		/* order states entered in this tick */
	size_t passed_count;
	bool is_swept;			/* strays of the last life are ended */
	bool is_committed;		/* effects wait for the projection */
	bool has_failed;		/* the database, in this tick */
	struct err failure;

	int64_t looking[LOOKS_IN_FLIGHT];	/* domain ids; 0: free */
	size_t look_count;
	time_t looked_at;		/* what was due then is looked at */
};

/* ---- engine.c ---- */

time_t engine_now(const struct engine *e);
uint32_t engine_dice(const struct engine *e);

/* Takes `a`: into the inbox, and a tick soon. From callbacks. */
void engine_arrived(struct engine *e, struct arrived *a);
struct arrived *arrived_new(arrived_take *take, struct authority *a, int64_t id,
			    long epoch);
void arrived_keep_reply(struct arrived *a, const struct ca_reply *reply);

/* Staging: an effect to fill in. The engine's. */
struct effect *engine_will(struct engine *e, effect_act *act,
			   struct authority *a);

/* Staging: an order enters this state, for the points of the world. */
void engine_passes(struct engine *e, const char *state);

/*
 * Staging: a database call came back. True if all is well; ERR_AGAIN and
 * ERR_NOT_FOUND (the row has moved on, or is gone) only skip this row; any
 * other error fails the whole tick.
 */
bool engine_ok(struct engine *e, bool ok, const struct err *err);

/*
 * Staging: the row of a domain that is due. False if it is gone, or does not
 * decode: then it is set aside for a day, so that it holds nobody up.
 */
bool engine_domain(struct engine *e, int64_t id, struct domain *d);

/* Staging: a line in the trail, and in the log. */
struct trail;
void engine_event(struct engine *e, const struct trail *event);

/* ---- authority.c ---- */

struct authority *authority_new(struct engine *e,
				const struct ca_settings *settings);
void authority_free(struct authority *a);

/*
 * The settings were read anew: an account that was refused may be taken now.
 * Inside a transaction.
 */
bool authority_hope(struct authority *a, struct err *err);

/* The CA that new orders go to, or NULL. */
struct authority *engine_authority(struct engine *e);
struct authority *authority_by_id(struct engine *e, int64_t ca_id);

/* False for one that only waits for replies, since its settings changed. */
bool authority_is_current(const struct authority *a);

/* Staging: gets directory and account, if there is work for the CA. */
void authority_stage(struct authority *a, bool has_work);

/* Directory and account are there, and no trouble is being waited out. */
bool authority_is_ready(const struct authority *a);

/* An order's exchange went well, or badly for everybody there. */
void authority_worked(struct authority *a);
void authority_failed(struct authority *a, const struct err *problem,
		      long retry_after);
void authority_lost_account(struct authority *a);

/* ---- issuance.c ---- */

void issuance_wake_orders(struct engine *e, struct authority *a);
void issuance_abandon_strays(struct engine *e);
void issuance_start_orders(struct engine *e);

/* Is there an order or a domain due that needs this CA? */
bool issuance_has_work(struct engine *e, const struct authority *a);

/* The earliest moment, in ms, at which one will be; 0: none. */
int64_t issuance_next_due(struct engine *e, const struct authority *a);

/* ---- arrivals.c ---- */

void arrivals_stage(struct engine *e);
int64_t arrivals_next_ms(struct engine *e);

#endif
