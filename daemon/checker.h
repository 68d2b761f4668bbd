/*
 * Looks at hosted domains from outside, as mtasts-check does, and keeps what
 * it found (store/checked.h): those that somebody asks for, and once a day
 * those in mode testing that may be about to become ready for enforce, and all
 * that enforce: a mail host whose certificate has gone bad costs them mail.
 *
 * A few at once. Control thread only.
 */
#ifndef DAEMON_CHECKER_H
#define DAEMON_CHECKER_H

#include "acme/engine.h"
#include "base/loop.h"
#include "daemon/config.h"
#include "store/store.h"

/* All of it outlives the checker. */
struct checker_parts {
	struct loop *loop;
	struct store *store;
	struct engine *engine;
	const struct config *config;
	const char *agent; /* so that its fetches are not counted */
};

struct checker;

struct checker *checker_start(const struct checker_parts *parts,
			      struct err *err);
void checker_stop(struct checker *c);	/* NULL is fine */

#endif
