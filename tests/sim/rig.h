/*
 * One simulated box, for years: the shipped engine and store on a virtual
 * disk, virtual CAs and DNS, a clock that jumps from event to event, and an
 * end of its life at any moment, after which it starts again from the disk.
 *
 * A process ends without one: its disk goes dead and the world goes deaf, so
 * that nothing it does from then on reaches anything; then what it has in
 * memory is taken down in good order. So a hundred thousand crashes leak
 * nothing and need no fork.
 *
 * All that happens comes from one seed; `hash` is a fingerprint of it.
 */
#ifndef TESTS_SIM_RIG_H
#define TESTS_SIM_RIG_H

#include "acme/engine.h"
#include "httpd/site_cache.h"
#include "store/serve.h"
#include "tests/sim/bulk_ca.h"
#include "tests/sim/disk.h"

#define RIG_START   1800000000L		/* January 2027 */
#define RIG_ADDRESS "192.0.2.1"
#define RIG_CAS	    3
#define RIG_NOBODY  (~0u)

struct rig;
struct rig_event;
typedef void rig_run(struct rig *r, struct rig_event *e);

/* Something that will happen. In the heap till then. */
struct rig_event {
	int64_t at_ms;
	uint64_t seq;
	rig_run *run;
	bool is_of_life;	/* a reply: it comes at once when a life ends */
	unsigned number;	/* of a name, a CA or a thing of the caller's */
	int64_t detail;
	unsigned wronged;	/* whose order an answer spoils; RIG_NOBODY */

	/* Replies: one of them is set. */
	fetch_done *fetched;
	dns_done *resolved;
	dns_caa_done *caa_found;
	probe_done *probed;
	sync_done *synced;
	void *arg;
	struct sim_answer answer;
	struct err error;
	int64_t sent_ms;
};

/* How a CA is to be had just now. */
enum ca_mode {
	CA_WELL,
	CA_FLAKY,	/* a part of the exchanges goes wrong */
	CA_SLOW,	/* it takes its time over each order */
	CA_SILENT,	/* from here on, it is down in one way or other */
	CA_REFUSES,
	CA_ERRORS,	/* 500, and nothing done */
	CA_BUSY,	/* 503 with Retry-After */
	CA_PROXY_DIES,	/* 502 in HTML, though it may have acted */
	CA_GARBLES,	/* 200 and rubbish */
	CA_HOLLOW,	/* a directory that is served, and 500 behind it */
	CA_MODES
};

/* How a name looks from outside. */
enum name_mode {
	NAME_WELL,
	NAME_GONE,		/* NXDOMAIN */
	NAME_ELSEWHERE,		/* another's address */
	NAME_BAD_AAAA,		/* a second address where nobody is */
	NAME_SERVFAIL,
	NAME_CAPTURED,		/* somebody else answers on port 80 */
	NAME_MODES
};

struct rig_name {
	char host[32];
	enum name_mode mode;
	unsigned forbidden;	/* CAs that CAA forbids, as bits */
	unsigned unwelcome;	/* ... that answer its orders with errors */
};

struct weather;
struct judge;

struct rig {
	uint64_t seed, dice, hash, world_dice;
	bool is_verbose;
	char verdict[400];	/* the first thing that was wrong; or empty */

	/* True time, and how far the box's clock is from it. */
	int64_t now_ms;
	int64_t skew_ms;
	bool is_misled; /* by the box's clock, as far as is known */

	struct rig_event **heap;
	size_t heap_len, heap_cap;
	uint64_t seq;
	struct rig_event *spare;	/* to be used again, a list */

	struct bulk_ca ca[RIG_CAS];
	size_t ca_count;
	enum ca_mode ca_mode[RIG_CAS];
	struct rig_name *name;
	unsigned names;
	struct disk *disk;
	struct engine_settings settings;
	struct weather *weather;
	struct judge *judge;

	/* While a process lives. */
	struct world world;
	struct store *store;
	struct engine *engine;
	struct serve *serve;
	struct site_cache *cache;
	bool is_up;			/* it runs */
	bool is_dying;			/* it has ended, and is in the way */
	bool is_asleep;			/* suspended */
	int64_t wake_ms;		/* true time; 0: no timer */
	unsigned in_flight;
	bool is_exact;			/* every idle tick is made */
	size_t next_key;
	unsigned long checkpoint_at;	/* of the disk's writes */

	/* What happened. */
	unsigned long events, ticks, crashes, exchanges, starts, power_losses;
	unsigned long starts_failed;
	bool had_power_loss; /* before this life */
};

/* Names and CAs are made; it is not started. */
void rig_init(struct rig *r, uint64_t seed, unsigned names, size_t cas,
	      struct bulk_signer *signer);
void rig_release(struct rig *r);

/* The first start: a new disk, with all names as new domains. */
void rig_install(struct rig *r);

/* A process starts; false: it could not, and ended. */
bool rig_start(struct rig *r);

/* It stops in good order. */
void rig_stop(struct rig *r);

/* It ends here and now. Cleaned up by the next rig_step(). */
void rig_kill(struct rig *r);

/* The one next thing happens. */
void rig_step(struct rig *r);

/* Something to happen later. The event is the rig's. */
struct rig_event *rig_after(struct rig *r, int64_t ms, rig_run *run,
			    unsigned number);

time_t rig_now(const struct rig *r);		/* true */
int64_t rig_clock_ms(const struct rig *r);	/* the box's */

/* The first verdict stays. */
void rig_condemn(struct rig *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void rig_say(const struct rig *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The host's name as a number; false: it is none of ours. */
bool rig_number(const struct rig *r, const char *host, unsigned *number);

#endif
