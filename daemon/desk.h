/*
 * The desk: one thread for heavy, unhurried work, away from the loop.
 *
 * It copies the write-ahead logs of the store into the databases, keeps the
 * ballast, makes a backup every hour, and looks through both databases after
 * the start and once a day. What it finds it tells control, by message.
 */
#ifndef DAEMON_DESK_H
#define DAEMON_DESK_H

#include "base/err.h"
#include "base/loop.h"

struct desk;

enum desk_topic {
	DESK_STATE_DB, /* looked through */
	DESK_SERVE_DB,
	DESK_BACKUP /* this hour's */
};

struct desk_options {
	const char *state_dir;
	struct loop *control;
	/*
	 * On the control thread. What came of it: nothing is wrong
	 * (ERR_NONE), or this is. May come after desk_stop(), too.
	 */
	void (*tell)(enum desk_topic topic, const struct err *err, void *arg);
	void *arg;
};

struct desk *desk_start(const struct desk_options *options, struct err *err);
void desk_stop(
	struct desk *d); /* waits for what it is doing, not for its end */

/* It fails to be read: look through serve.db now. Any thread. */
void desk_check_serve(struct desk *d);

#endif
