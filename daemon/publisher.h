/*
 * Keeps the operator's own zone as it should be (daemon/zone.h), by RFC 2136
 * dynamic updates or by a hook.
 *
 * The store says what is due (store/publication.h). Once a second some of it
 * is compared with what the zone was told; what differs goes out as one update,
 * by a command that runs beside us (base/child.h): what the zone may have is
 * committed before, what it has after. A failure is tried again, ever more
 * slowly; an update that failed goes in halves, so that a name that the server
 * will not take holds up nobody else.
 *
 * A server's zone has a mark that says whose it is (struct zone_mark), and each
 * update holds that it is this box's: another box's is left alone, and told.
 *
 * A box that is frozen publishes nothing: the zone belongs to the new box.
 *
 * Control thread only.
 */
#ifndef DAEMON_PUBLISHER_H
#define DAEMON_PUBLISHER_H

#include <time.h>

#include "acme/engine.h"
#include "base/loop.h"
#include "daemon/config.h"
#include "store/store.h"

struct publisher;

struct publisher_parts {
	struct loop *loop;
	struct store *store;
	struct engine *engine;
	const struct config *config; /* the daemon's, updated by a reload */
};

/* All of it outlives the publisher. */
struct publisher *publisher_start(const struct publisher_parts *parts,
				  struct err *err);
void publisher_stop(struct publisher *p); /* NULL is fine */

/* The configuration was read again. */
void publisher_configure(struct publisher *p);

/* Somebody has asked: a pause after a failure is over. */
void publisher_hurry(struct publisher *p);

struct publisher_status {
	bool is_on;
	bool is_frozen; /* and does nothing for that */
	const char *zone;
	const char *by;	      /* the server's address, or the hook */
	time_t taken_at;      /* the last update, since the start; 0: none */
	time_t failing_since; /* 0: it is not */
	struct err problem;   /* the last one, while it is failing */
};

void publisher_status(const struct publisher *p, struct publisher_status *out);

#endif
