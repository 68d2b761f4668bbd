/*
 * Alerts: what is wrong with this box is found, kept as rows of the store
 * (store/alert.h) and told (store/notice.h): to the journal, to a command, by
 * mail. And while nothing is, a heartbeat says so to somebody outside.
 *
 * Found by looking, a part of the rows at each turn, and never by the one who
 * failed: whoever died of it could not say so. Each watcher (alerts_*.c) looks
 * at how things stand and raises or ends; so a crash loses nothing, for what
 * still stands is found again.
 *
 * Control thread only.
 */
#ifndef DAEMON_ALERTS_H
#define DAEMON_ALERTS_H

#include <time.h>

#include "acme/engine.h"
#include "base/loop.h"
#include "daemon/archive.h"
#include "daemon/config.h"
#include "daemon/publisher.h"
#include "store/store.h"

struct alerts;

struct alerts_parts {
	struct loop *loop;
	struct store *store;
	struct engine *engine;
	const struct publisher *publisher; /* NULL: there is none */
	const struct archive *archive;	   /* NULL: there is none */
	const struct config *config;	/* the daemon's, updated by a reload */
};

/* All of it outlives the alerts. */
struct alerts *alerts_start(const struct alerts_parts *parts, struct err *err);
void alerts_stop(struct alerts *a);	/* NULL is fine */

/* The configuration was read again. */
void alerts_configure(struct alerts *a);

/* Somebody who is told. */
enum alert_sink { SINK_LOG, SINK_NOTIFY, SINK_MAIL, SINK_COUNT };

struct alerts_sink {
	const char *name;		/* "journal", "notify", "mail" */
	bool is_used;
	long waiting;			/* notices in the outbox */
	time_t oldest;			/* of them; 0: none */
	time_t delivered_at;		/* last, since the start; 0: not */
	char problem[sizeof(((struct err *)0)->text)];	/* with the last try */
};

void alerts_sink(struct alerts *a, enum alert_sink sink,
		 struct alerts_sink *out);

struct alerts_heartbeat {
	bool is_used;
	bool is_held;			/* something is grave: outside alarms */
	time_t sent_at;			/* last, since the start; 0: not */
	char problem[sizeof(((struct err *)0)->text)];
};

void alerts_heartbeat(const struct alerts *a, struct alerts_heartbeat *out);

/* A notice to all who are told, at once. Inside a transaction. */
bool alerts_test(struct alerts *a, const char *actor, time_t now,
		 struct err *err);

#endif
