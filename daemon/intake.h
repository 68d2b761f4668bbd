/*
 * TLS reports on their way into the store.
 *
 * Each waits in a queue that is bounded in number and bytes, is read by a
 * thread of its own (daemon/unpacker.h), one at a time, and is then stored with
 * all others that are ready, in one transaction of at most 10 ms that does not
 * wait for the disk; of many domains, in several. Who brought it is answered
 * when the syncer says that it is durable, and not before.
 *
 * Anybody may post: so what comes is counted by address, and what may be stored
 * in a day is limited, of a domain and of each sender, so that none of them takes
 * it all. One that tells of days to come may come again, for it may be our clock
 * that is wrong; by mail only while nobody has said what time it is, for mail that
 * waits keeps others waiting. What is no report, or is known, costs the domain nothing. When the disk is tight reports are
 * the first to be refused. What is too old goes in small pieces.
 *
 * Control thread only.
 */
#ifndef DAEMON_INTAKE_H
#define DAEMON_INTAKE_H

#include "base/loop.h"
#include "base/when.h"
#include "daemon/config.h"
#include "daemon/syncer.h"
#include "httpd/peers.h"
#include "policy/tls_report.h"
#include "store/report.h"
#include "store/store.h"

#define INTAKE_QUEUE_MAX     4000
#define INTAKE_BYTES_MAX     (16L * 1024 * 1024)
#define INTAKE_DOMAINS_MAX   100 /* of one report; the rest is dropped */
#define INTAKE_LATER_SECONDS 60
#define INTAKE_EARLY_SECONDS WHEN_HOUR /* for what tells of days to come, */
#define INTAKE_EARLY_MAX     (30 * WHEN_DAY) /* of no more than these */

struct intake;

enum intake_outcome {
	INTAKE_STORED,
	INTAKE_KNOWN,	   /* it was there, or enough of its id and day */
	INTAKE_EMPTY,	   /* nothing was sent, it says */
	INTAKE_NOT_OURS,   /* not a word of a domain that is hosted here */
	INTAKE_NO_REPORT,  /* from here on `err` says why */
	INTAKE_OVER_LIMIT, /* it never will be taken */
	INTAKE_TOO_MANY,   /* of late: `retry_after` */
	INTAKE_LATER	   /* we cannot just now: `retry_after` */
};

#define INTAKE_OUTCOMES (INTAKE_LATER + 1)

/* "stored", "known", "empty", "not_ours"; others are errors. */
const char *intake_outcome_name(enum intake_outcome outcome);

struct intake_answer {
	enum intake_outcome outcome;
	struct err err;
	unsigned retry_after;			/* seconds, or 0 */
	bool is_early; /* it alone is to come later, whatever others do */
	const struct tls_report *report;	/* NULL: it could not be read */
	const char (*domain)[DOMAIN_NAME_SIZE]; /* ours, that it tells of */
	size_t domain_count;
	size_t dropped; /* policies of others */
};

struct intake_ask {
	enum report_via via;
	char domain[DOMAIN_NAME_SIZE]; /* of the path; "" if there is none */
	char about[DOMAIN_NAME_SIZE];  /* what its mail says; else "" */
	struct peer peer;	       /* counted, if it has a family */
	bool is_trusted; /* an administrator's: no limits but the queue's */
	char signed_by[DOMAIN_NAME_SIZE]; /* by DKIM, or "" */
	char *body;			  /* taken */
	size_t len;
	/* Once, maybe at once, and at the latest within intake_stop(). */
	void (*done)(const struct intake_answer *answer, void *arg);
	void *arg;
};

struct intake_parts {
	struct loop *loop;
	struct store *store;
	struct syncer *syncer;
	const struct config *config; /* the daemon's, updated by a reload */
	time_t (*now)(void *arg);
	bool (*is_time_known)(void *arg); /* else `now` may be long ago */
	void *arg;
};

struct intake *intake_start(const struct intake_parts *parts, struct err *err);

/* Whose report has been read hears that it is stored, others to come again. */
void intake_stop(struct intake *in);

void intake_take(struct intake *in, const struct intake_ask *ask);

/* How many ended so, since the start. */
unsigned long intake_count(const struct intake *in, enum intake_outcome how);

#endif
