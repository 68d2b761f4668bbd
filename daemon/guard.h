/*
 * The guard: watches how the store stands, and mends what can be mended
 * while it runs.
 *
 * Once a second it looks at the store's health, which it tells the log when
 * it changes, and at serve.db: one that is gone, or that the desk has found
 * damaged, is made anew from state.db. Certificates that the desk finds
 * damaged are renewed. The desk is its own.
 *
 * Control thread only.
 */
#ifndef DAEMON_GUARD_H
#define DAEMON_GUARD_H

#include "base/loop.h"
#include "daemon/desk.h"
#include "daemon/health.h"
#include "httpd/server.h"
#include "store/health.h"

/* In a place that outlives the loop: messages may still be under way. */
struct guard {
	struct store *store; /* NULL: it does not watch */
	struct httpd *httpd;
	struct desk *desk;
	struct event *timer;
	enum store_health health; /* as it was told last */
	unsigned long failures;	  /* reads of serve.db, counted last */
	bool is_serve_damaged;
	unsigned pause;		      /* seconds until serve.db is tried */
	struct err serve, backup;     /* why there is none; or ERR_NONE */
	void (*poke)(void *arg);      /* there is work for the engine */
	time_t (*now)(void *arg);     /* by the engine's time */
	void *arg;
};

/* The fields from `poke` on are the caller's; all else is set here. */
bool guard_start(struct guard *g, struct loop *loop, struct store *store,
		 struct httpd *httpd, const char *state_dir, struct err *err);
void guard_stop(struct guard *g);

/* What is wrong with the store, for `status`. */
void guard_judge(const struct guard *g, struct findings *out);

#endif
