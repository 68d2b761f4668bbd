/*
 * The desk: one thread for heavy, unhurried work, away from the loop.
 *
 * It copies the write-ahead logs of the store into the databases, keeps the
 * ballast, makes a backup every hour, and looks through both databases and
 * all certificates after the start and once a day. What it finds it tells
 * control, by message.
 */
#ifndef DAEMON_DESK_H
#define DAEMON_DESK_H

#include "base/err.h"
#include "base/loop.h"
#include "store/cert_check.h"

struct desk;

enum desk_topic {
	DESK_STATE_DB, /* looked through */
	DESK_SERVE_DB,
	DESK_CERTS,  /* some of them are no good: `ids` */
	DESK_BACKUP, /* this hour's */
};

struct desk_news {
	enum desk_topic topic;
	struct err err;		      /* ERR_NONE: nothing is wrong */
	int64_t ids[CERT_CHECK_PART]; /* of domains */
	size_t count;
};

struct desk_options {
	const char *state_dir;
	struct store *store; /* for store_checkpoint() alone */
	struct loop *control;
	/* On the control thread; after desk_stop(), too. */
	void (*tell)(const struct desk_news *news, void *arg);
	void *arg;
};

struct desk *desk_start(const struct desk_options *options, struct err *err);

/* What it is doing is ended in the middle. */
void desk_stop(struct desk *d);

/* It fails to be read: look through serve.db now. Any thread. */
void desk_check_serve(struct desk *d);

#endif
