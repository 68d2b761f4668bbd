/*
 * A small virtual world for the real engine: a clock that only moves when
 * nothing else is to do, one timer, an ACME server in memory, DNS answers as
 * told, and a real store in a folder of its own.
 *
 * What must outlive a client that dies (clock, CA, counters) is in shared
 * memory, so that a test can run a client in a child process and let it end
 * at any point of the engine.
 */
#ifndef TESTS_SIM_SIM_WORLD_H
#define TESTS_SIM_SIM_WORLD_H

#include "acme/engine.h"
#include "tests/sim/sim_ca.h"

#define SIM_START   1800000000L		/* January 2027 */
#define SIM_ADDRESS "192.0.2.1"
#define SIM_NEVER_MS (INT64_MAX / 2)	 /* no timer is set */
#define SIM_CRASHED 99			/* exit status at a crash point */

/* What becomes of an exchange with the CA. */
enum sim_fault {
	SIM_FAULTLESS,
	SIM_LOST_REQUEST,  /* the CA never hears of it */
	SIM_LOST_REPLY,	   /* it acts, and no answer comes */
	SIM_ERROR_500,	   /* it does not act: a problem document */
	SIM_HTML_500,	   /* it acts, and a proxy says 502 in HTML */
	SIM_BUSY_503,	   /* it does not act: Retry-After */
	SIM_GARBAGE_200,   /* it acts, and what comes back is no JSON */
	SIM_TOO_MANY_429,  /* it does not act: a door before it, in HTML */
	SIM_GONE_404,	   /* it does not act: a machine that is behind */
	SIM_BAD_400,	   /* it does not act: a proxy that dislikes it */
	SIM_FORBIDDEN_403, /* it does not act: something before it, in HTML */
	SIM_FOUND_302,	   /* the same, to a page of maintenance */
	SIM_FAULTS
};

struct sim_shared {
	int64_t now_ms;
	uint64_t dice;
	int64_t skew_ms; /* the machine's clock less the true time */
	struct sim_ca ca;
	unsigned long exchanges;	/* since the beginning of time */
	unsigned long points;
};

struct sim_world {
	struct sim_shared *shared;
	struct tiny_ca signer;
	char *dir;

	/* At will, at any time. */
	struct engine_settings settings;
	bool names_lead_here;
	long dns_ms;			/* that an answer takes */
	bool dns_fails;			/* no answer comes */
	const char *caa_issue;		/* published for all; NULL: nothing */
	bool probe_fails;		/* nobody reaches our port 80 */
	bool sleeps;			/* idle timers come up to an hour late */
	long look_ms, key_ms, commit_ms; /* that these take: a look at
						   the clock, a key, a commit */
	long sync_ms;			 /* that the disk takes, meanwhile */
	bool syncs_fail;
	enum sim_fault fault;
	bool (*spares)(const struct fetch_request *request); /* NULL: none */
	unsigned long fault_from, fault_until;	/* exchanges, first and end */
	const char *peace;		/* Retry-After of SIM_BUSY_503 */
	unsigned long crash_at;		/* the nth point from now; 0: never */
	void (*watch)(struct sim_world *w);	/* after each event */

	/* While it is started. */
	struct world world;
	struct store *store;
	struct engine *engine;
	struct sim_event *events;	/* earliest first */
	int64_t wake_at_ms;
	bool is_syncing; /* a tick waits for the disk */
	unsigned in_flight, most_in_flight;
	unsigned caa_asked, caa_open, most_caa_open; /* a look before an
							   order asks once */
	unsigned long ticks, slow_tick;
};

void sim_init(struct sim_world *w);
void sim_release(struct sim_world *w);

/* The daemon's life: opens the store, makes the engine; and ends both. */
void sim_start(struct sim_world *w);
void sim_stop(struct sim_world *w);

/* As the admin does: a domain that waits for DNS, with a policy. */
void sim_add(struct sim_world *w, const char *name);
struct domain sim_domain(struct sim_world *w, const char *name);

/* A number that state.db tells; and how many lines of a kind its trail has. */
long sim_rows(const struct sim_world *w, const char *sql);
long sim_told(const struct sim_world *w, const char *kind);

/* One thing happens: a reply, a DNS answer or the timer. */
void sim_step(struct sim_world *w);

/* Until `done` says so between two ticks, at most `seconds` of virtual time: was it? */
bool sim_run(struct sim_world *w, bool (*done)(struct sim_world *w),
	     long seconds);
bool sim_all_live(struct sim_world *w);
time_t sim_now(const struct sim_world *w);

/* The certificate served for this mail domain right now ends; 0: none is. */
time_t sim_served_until(struct sim_world *w, const char *name);

/*
 * Runs `story` in a child, which may crash at w->crash_at. True: it came to
 * its end. Anything but that and a crash ends the test.
 */
bool sim_in_child(struct sim_world *w, void (*story)(struct sim_world *w));

#endif
