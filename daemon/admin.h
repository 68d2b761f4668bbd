/*
 * The admin API: JSON over HTTP on unix sockets, versioned /v1/...
 *
 * One table of routes (daemon/routes.c), each saying which socket may use it:
 * `admin.sock` all of them, `read.sock` those that change nothing, `submit.sock`
 * the one that brings TLS reports. Metrics may be had at a TCP address of this
 * machine as well. The peer's uid and login name (SO_PEERCRED),
 * and the user behind sudo, go into the trail. Errors are
 * { "error": { "kind", "message", "hint" } }.
 *
 * Control thread only.
 */
#ifndef DAEMON_ADMIN_H
#define DAEMON_ADMIN_H

#include "acme/engine.h"
#include "base/lag.h"
#include "base/loop.h"
#include "daemon/alerts.h"
#include "daemon/config.h"
#include "daemon/config_state.h"
#include "daemon/guard.h"
#include "daemon/intake.h"
#include "daemon/listeners.h"
#include "daemon/meter.h"
#include "daemon/metrics_port.h"
#include "daemon/report_desk.h"
#include "daemon/publisher.h"
#include "httpd/server.h"
#include "store/store.h"

/*
 * What the routes work on. All of it outlives the admin.
 *
 * A box whose state.db cannot be opened serves on, without a store, an engine
 * and a guard: then only /v1/status and /v1/box have an answer, and `trouble` says why.
 */
struct archive;
struct backup_door;
struct admin_parts {
	struct loop *loop;
	struct store *store;
	struct engine *engine;
	const struct guard *guard;
	const struct err *trouble;
	struct httpd *httpd;
	struct publisher *publisher;
	struct alerts *alerts;
	struct intake *intake;
	struct report_desk *report_desk;
	struct meter *meter;
	struct backup_door *backup_door;
	const struct archive *archive;
	const struct config *config;	/* the daemon's, updated by a reload */
	const struct config_state *config_state; /* what became of reloads */
	const struct both_listeners *listeners;	 /* of the world's side */
	const struct metrics_port *metrics_port; /* the admin's own */
	const struct lag *lag;		/* of the loop; NULL: not measured */
	time_t started_at;
};

struct admin;

/*
 * Makes admin.sock, read.sock and submit.sock, each 0660 and of a group of its
 * own, in config->run_dir, replacing sockets that nobody listens on.
 */
struct admin *admin_start(const struct admin_parts *parts, struct err *err);

/*
 * The loop will not run again: what is answered from here on, by whoever
 * stops, is sent at once.
 */
void admin_end(struct admin *a);

/* After intake, report desk and meter: whoever waits has been answered. */
void admin_stop(struct admin *a);

/* The parts are others now. */
void admin_update(struct admin *a, const struct admin_parts *parts);

/* As metrics_port_use(). */
bool admin_use_metrics(struct admin *a, const char *address);

#endif
