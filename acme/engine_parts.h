/*
 * What the files of the engine share: the tick in engine.c, one CA in
 * authority.c, who is next in queue.c, looks before an order in prechecks.c,
 * orders in issuance.c, what comes of them in install.c and outcome.c, DNS
 * looks at names that do not lead here yet in arrivals.c.
 *
 * A tick has three phases. While *staging*, inside the transaction, the parts
 * take what came in, write rows and note effects; nothing else may be touched.
 * Then the tick commits, waits until that is durable (others have the thread
 * meanwhile, and no tick is staged) and projects. Only then is each effect
 * carried out. So a part never acts by itself: it stages, and engine.c calls
 * it back.
 */
#ifndef ACME_ENGINE_PARTS_H
#define ACME_ENGINE_PARTS_H

#include "acme/account_step.h"
#include "acme/alike.h"
#include "acme/budget.h"
#include "acme/client.h"
#include "acme/clock.h"
#include "acme/culprit.h"
#include "acme/engine.h"
#include "acme/order_step.h"
#include "acme/refused.h"
#include "acme/schedule.h"
#include "store/cert.h"

#define LOOKS_IN_FLIGHT 32

/* One CA and our account there. */
struct authority {
	struct engine *engine;
	struct ca_settings settings;
	struct ca row;			/* with the breaker: read anew, and */
	struct ca stored;		/* written, in each tick */
	struct account account;		/* as stored; read anew each tick */
	bool has_account;
	time_t account_at; /* it registered; 0: not in this life */
	time_t heard_at;   /* it answered last, whatever; the same */
	struct client *client;
	bool is_wanted;			/* somebody waits for it, in this tick */
	bool is_busy;			/* directory or account asked for */
	int64_t asked_ms;		/* for its directory, last */
	bool is_doubted;		/* ... it is asked for at once */
	int depth;		 /* of its trouble: what goes as deep ends it */
	int64_t order_failed_ms; /* for its trouble, last */
	int64_t rest_ms;	 /* how long its last pause was meant to be */
	bool has_directory;	 /* it came just now, in this tick */
	int64_t told_ms; /* of its trouble, last; in these words */
	char told[sizeof(((struct err *)0)->text)];
	int64_t config_retry_ms;	/* the configuration is in the way */
	unsigned in_flight;		/* orders with a request under way */
	int64_t moved_ms, moved_id;	/* orders that wait were looked at */
	int64_t move_ms;		/* and one of them may move then */
	unsigned polls;			/* for renewal information, under way */
	int64_t ari_retry_ms;		/* none before that */
	long ari_failures;		/* in a row, whichever they were for */
	struct bucket posts, ari_bucket;	/* of requests: lost at the end */
	int64_t profile_refused_ms;	/* by an order, though it was offered */
	bool lacks_profile;		/* that is preferred: told already */
	int64_t new_orders_ms;		/* its limit of new orders is used up */
	struct err new_orders_why;	/* ... in words */
	struct refused_row refused[2];	/* new names, and renewals: by limits
					   in words that we do not know */
	struct alike alike;		/* how its validations go */
	struct culprits culprits;	/* names that it may fail alone */
	unsigned errands;		/* other requests under way */
	struct order_ends ended, ending; /* since the start; in this tick */
	time_t trial_waits;		/* for room, since; 0: none does */
	int64_t roll_hold_ms;		/* orders are held back since; 0: not */
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
	bool is_spoilt;			/* it has failed a tick: thrown away */
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
	char *payload;			/* ... what, or a long URL; owned */
	bool by_key;			/* signed with the key, not the kid */
	bool is_gone;			/* of looks: see acme/prechecks.c */
	struct err verdict;		/* of errands: for the reply's taker */
};

/* A row that is being staged; its id is that of the domain, order, .... */
enum row_kind {
	ROW_NONE,
	ROW_DOMAIN,
	ROW_TRIAL,  /* the trial that an admin wants of a domain */
	ROW_CANARY, /* that a CA is sent */
	ROW_ORDER,
	ROW_CERT,
	ROW_CA
};

struct row_at {
	enum row_kind kind;
	int64_t id;
};

#define BLAMED_MAX 16

/* A row that has failed a tick: blame.c. */
struct blamed {
	struct row_at row;
	unsigned times; /* in a row, nearly */
	time_t at;	/* last */
	bool is_due;	/* to be put off, by the next tick */
	char why[sizeof(((struct err *)0)->text)];
};

/* What an event says in the log. */
struct line {
	bool is_warning;
	char *domain; /* owned, as is the text; NULL: the box */
	char *text;
};

/* What a tick has behind it. */
enum tick_stage {
	TICK_NONE,	/* it is still to be staged */
	TICK_COMMITTED, /* a loss of power may take it back */
	TICK_DURABLE	/* effects wait for the projection */
};

struct engine {
	const struct world *world;
	struct store *store;
	struct engine_settings settings;
	struct authority *ca[ENGINE_CA_LIMIT];
	size_t ca_count;

	struct arrived *inbox, **inbox_tail;
	size_t taken; /* of the inbox, by this tick */
	int64_t staging_since_ms, rest_until_ms;
	struct effect **effects;	/* noted by this tick, not yet done */
	size_t effect_count;
	const char **passed;		/* order states entered in this tick */
	size_t passed_count;
	struct clock clock; /* world is its view */
	int64_t shifted_ms; /* of clock.back_ms, in this tick */
	bool is_clock_told;
	bool is_swept;			/* strays of the last life are ended */
	bool has_more;			/* staged a part: tick again at once */
	unsigned tidy_in;		/* ticks: old buckets are forgotten */
	bool ari_left;			/* polls that are due and must wait */
	enum tick_stage stage;		/* of the tick that is under way */
	bool is_syncing;		/* ... and waits for the disk */
	engine_settled *settled;	/* who waits for it too, or NULL */
	void *settled_arg;
	int64_t sync_to;		/* store_written() of then */
	int64_t spent_ms;		/* by that tick, before it waited */
	bool may_begin;			/* new orders, in this tick */
	bool has_served;		/* one of the queue, in this tick */
	int64_t lifted_ms;		/* when ranks were last looked at */
	struct err held;		/* why not, as it was told last */
	bool has_failed;		/* the database, in this tick */
	struct err failure;
	struct row_at at, culprit; /* staged just now; when it failed */
	struct arrived *taking;	   /* or NULL */
	struct blamed blamed[BLAMED_MAX];
	bool is_blameless;		/* they fail whatever row it is */
	unsigned failures;		/* of ticks, in a row */
	struct err told;	 /* of failures, last; and until when */
	int64_t silent_until_ms; /* the same is not told again */
	struct line *lines;	 /* for the log, once it is committed */
	size_t line_count;

	struct prechecks *prechecks;
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

/* Staging: false if what is left is for the next tick (set has_more). */
bool engine_has_time(const struct engine *e);

/* Staging: an order enters this state, for the points of the world. */
void engine_passes(struct engine *e, const char *state);

/*
 * Staging: from here on it is about this row. If the tick fails, the next one
 * puts it off: blame.c.
 */
void engine_at(struct engine *e, enum row_kind kind, int64_t id);

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

/* The same of a certificate that its CA is to be asked about, or told of. */
bool engine_cert(struct engine *e, int64_t id, struct cert *c);

/* Staging: a line in the trail, and in the log. */
struct trail;
void engine_event(struct engine *e, const struct trail *event);

/* ---- blame.c: a row that fails a tick fails no second one ---- */

/* Staging, first of all: puts off who is to blame for the last failure. */
void blame_stage(struct engine *e);

/* After a tick failed while staging; and after one was committed. */
void blame_failed(struct engine *e);
void blame_committed(struct engine *e);

/* ---- timekeeping.c ---- */

/*
 * When an answer comes, and then only: in the inbox it may wait for as long as
 * nothing can be written, and its Date is no longer true.
 */
void timekeeping_hear(struct engine *e, struct authority *a,
		      const struct ca_reply *reply);

/* Staging, before anything else. */
void timekeeping_stage(struct engine *e);
void timekeeping_committed(struct engine *e);

/* ---- authority.c ---- */

struct authority *authority_new(struct engine *e,
				const struct ca_settings *settings);
void authority_free(struct authority *a);

/*
 * The settings were read anew: an account that was refused may be taken now.
 * Inside a transaction.
 */
bool authority_hope(struct engine *e, int64_t ca_id, struct err *err);

struct authority *authority_by_id(struct engine *e, int64_t ca_id);

/* False for one that only waits for replies, since its settings changed. */
bool authority_is_current(const struct authority *a);

/*
 * Its names in CAA records: as its directory has them, or else as the
 * configuration does. Returns how many; 0: not known.
 */
size_t authority_identities(const struct authority *a,
			    const char *out[static ENGINE_CAA_NAMES]);

/*
 * Staging: first the rows are read; last the directory and the account are
 * asked for, if somebody wants the CA, and its row is written.
 */
void authority_refresh(struct authority *a);
void authority_stage(struct authority *a);
void authority_write(struct authority *a);
int64_t authority_next_ms(const struct authority *a);

/* It is left alone until then, as far as we are concerned. */
void authority_put_off(struct authority *a, int64_t until_ms);

/* Time went back: what it waits for in memory lies too far ahead. */
void authority_forget_waits(struct authority *a);

/* Directory and account are there, and no trouble is being waited out. */
bool authority_is_ready(const struct authority *a);

/* Nothing could be ordered there for `patience` seconds and more. */
bool authority_is_down(const struct authority *a, long patience);

/* Requests of orders that it may be sent in this tick. */
unsigned authority_room(const struct authority *a);

/* Those under way, and noted in this tick. */
unsigned authority_used(const struct authority *a);

/* The moment until which it is left alone; 0: now. */
int64_t authority_retry_ms(const struct authority *a);

/* So long after that others go first whom it did not fail. */
int64_t authority_yield_ms(const struct authority *a);

/* What to ask for: empty for the CA's default. */
void authority_plan_profile(struct authority *a, char out[static PROFILE_SIZE]);

/*
 * How deep an exchange goes into a CA's works: each order state is a step
 * deeper. What goes well says nothing of what lies deeper, so trouble ends
 * with an exchange that goes as deep as the one that failed.
 */
enum depth { DEPTH_DIRECTORY, DEPTH_ACCOUNT, DEPTH_LOOK, DEPTH_ORDER };
#define DEPTH_WHOLE (DEPTH_ORDER + ORDER_DEAD)

/* An exchange went well, or badly for everybody there. */
void authority_worked(struct authority *a, int depth);
void authority_failed(struct authority *a, int depth, const struct err *problem,
		      long retry_after);
void authority_lost_account(struct authority *a);
void authority_refused_profile(struct authority *a);

/* It has our account, but wants something of people first. */
void authority_refused_account(struct authority *a, const struct err *problem);

/* ---- queue.c: which domain is next, and with which CA ---- */

void queue_stage(struct engine *e);
int64_t queue_next_ms(struct engine *e);

/* NULL: all refuse the name. */
struct authority *queue_choose(struct engine *e, const struct domain *d);

/* This CA is not asked for the name before then. Is there another to ask? */
bool queue_turn_away(struct engine *e, const struct authority *a,
		     const struct domain *d, time_t until);

/* Is there another than those that refuse it, if perhaps a CA that is down? */
bool queue_is_open(struct engine *e, const struct domain *d);

/* Seconds that the domain waits for a CA that is down. */
long queue_patience(struct engine *e, const struct domain *d);

/*
 * Has this CA been down, or failed this name alone, for longer than the domain
 * waits for it? And of one that does: seconds until it has, or <= 0.
 */
bool queue_is_down_for(const struct authority *a, const struct domain *d);
long queue_time_to_down(const struct authority *a, const struct domain *d);

/* ---- prechecks.c: looks at a name before its order ---- */

struct prechecks *prechecks_new(void);
void prechecks_free(struct prechecks *p);

enum look_answer {
	LOOK_GO,	/* order it */
	LOOK_UNDER_WAY, /* there will be a tick when it is over */
	LOOK_PUT_OFF	/* it has left the queue; the row is written */
};

/* Staging: may an order for this domain of the queue be made now? */
enum look_answer prechecks_ask(struct engine *e, struct domain *d);

/* Staging: its order is made. */
void prechecks_forget(struct engine *e, int64_t domain_id);

/* Was it seen just now that CAA forbids this CA, but not another one? */
bool prechecks_forbid(const struct authority *a, const struct domain *d);

/* ---- issuance.c: orders under way ---- */

void issuance_stage(struct engine *e);
int64_t issuance_next_ms(struct engine *e);

/*
 * Staging: an order, for which there is room. The domain leaves the queue.
 * False with wait->ready_ms set: a limit of the CA stands in the way.
 */
bool issuance_start(struct engine *e, struct authority *a, struct domain *d,
		    struct budget_wait *wait, struct err *err);
bool issuance_start_trial(struct engine *e, struct authority *a,
			  const struct domain *d, struct budget_wait *wait,
			  struct err *err);

/* The tick is committed: what ended in it has ended. */
void issuance_committed(struct engine *e);

/* Requests noted in this tick. */
unsigned issuance_noted(const struct engine *e, const struct authority *a);

/* One order on its way through a step. */
struct stepping {
	struct engine *engine;
	struct authority *authority;	/* NULL: it is not asked any more */
	struct domain *domain;
	const char *host;
};

void issuance_ended(const struct stepping *s, const struct order *o,
		    const struct order_step *step);

/* ---- install.c, outcome.c, trials.c: what came of an order ---- */

void install_chain(const struct stepping *s, struct order *o,
		   const struct ca_reply *reply);

/* How long an order may go without an end while the CA answers. */
long outcome_patience(struct engine *e, const struct domain *d);
void outcome_failed(struct engine *e, struct domain *d, struct authority *a,
		    const struct order_step *step);
void outcome_certified(struct engine *e, struct domain *d,
		       const struct order *o, const struct cert *c);

/*
 * While validations fail for many names at this CA, a few at a time try, and
 * the others look again then. 0: it may be ordered.
 */
time_t outcome_turn(struct engine *e, const struct authority *a,
		    const struct domain *d);
void outcome_tries(struct engine *e, struct authority *a,
		   const struct domain *d);

/* What is left of the certificate served. */
struct schedule_life engine_life(struct engine *e, const struct domain *d);

void trial_passed(const struct stepping *s, const struct cert *c);
void trial_failed(const struct stepping *s, const struct order_step *step);
void trials_stage(struct engine *e);
int64_t trials_next_ms(struct engine *e);

/* ---- spending.c: the CA's limits ---- */

/* Staging, before the order is made. As budget_take(). */
bool spending_take(struct engine *e, struct authority *a,
		   const struct domain *d, const struct order *o,
		   struct budget_wait *wait, struct err *err);

/*
 * Staging, with what newOrder came to: is a limit that it met not of this one
 * name? Then the step says so. False: it says nothing of how the CA works.
 */
bool spending_weigh(const struct stepping *s, const struct order *o,
		    struct order_step *step);

/* Staging, before its certificate is in the store. */
void spending_issued(const struct stepping *s, const struct order *o);

/* Staging: it ended without a certificate. */
void spending_ended(const struct stepping *s, const struct order *o,
		    const struct order_step *step);

/* After a tick, now and then: forgets buckets that are full again. */
void spending_tidy(struct engine *e);

/* ---- renewal_info.c ---- */

void renewal_info_stage(struct engine *e);
int64_t renewal_info_next_ms(struct engine *e);

/*
 * What a certificate that takes the place of `former` must know of why: was it
 * for the CA's haste? Before `former` is retired.
 */
void renewal_inherit(struct engine *e, struct cert *c,
		     const struct cert *former);

/* A uniform number that belongs to this certificate. */
uint32_t renewal_dice(const struct cert *c);

/* ---- arrivals.c ---- */

void arrivals_stage(struct engine *e);
int64_t arrivals_next_ms(struct engine *e);

/* ---- errand.c ---- */

enum errand_where { ERRAND_REVOKE_CERT, ERRAND_KEY_CHANGE, ERRAND_NEW_ACCOUNT };

/* One request to a CA beside its orders, signed and sent; all is copied. */
struct errand {
	struct authority *authority;
	enum errand_where where;
	const struct p256 *key;		/* signs ... */
	const char *kid;		/* ... in this account's name, or NULL */
	const char *payload;
	const struct p256 *next_key;	/* with ERRAND_KEY_CHANGE, instead */
	arrived_take *take;		/* the reply ... */
	int64_t id;			/* ... with these */
	long epoch;
	bool is_good;
	struct err verdict;
};

/* Acting. The directory is asked for first, if what we have of it is old. */
void errand_run(const struct errand *errand);

/* ---- revocations.c ---- */

void revocations_stage(struct engine *e);
int64_t revocations_next_ms(struct engine *e);

/* ---- rollover.c ---- */

void rollover_stage(struct engine *e);
int64_t rollover_next_ms(struct engine *e);

/*
 * The key of the account there is about to change: no new order now, so that
 * those under way can get through with the key that they began with.
 */
bool rollover_holds(const struct authority *a);

#endif
