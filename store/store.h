/*
 * The store: `state.db`, the authority, and its projection `serve.db`, in
 * one 0700 folder that a lock file keeps to one daemon.
 *
 * One writer, the control thread, owns a `struct store`. The rule for every
 * change that the world can see is commit, project, act:
 *
 *	store_begin(s, &err)
 *	... domain_update(), order_update(), cert_install() ...
 *	store_commit(s, &err)	durable (synchronous=FULL)
 *	store_project(s, &err)	what serving needs of it is in serve.db
 *	... now, and not before, tell the CA or answer the admin ...
 *
 * Serving threads never see this header: they read through store/serve.h.
 * Control thread only. All SQL of the program is in this folder.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct store;

struct store_options {
	const char *dir;	/* made with mode 0700 if it is missing */
	const char *vfs;	/* SQLite's file layer, by name: no folder is
				   made or locked, `dir` only begins paths;
				   NULL: the machine's files */
};

/*
 * Takes the lock, opens both databases, migrates, and projects what a crash
 * left unprojected. ERR_REFUSED: another daemon has the folder, or the
 * database is of a newer version.
 */
struct store *store_open(const struct store_options *options, struct err *err);
void store_close(struct store *s);

/*
 * One transaction at a time; writing outside one is a bug. A failed commit
 * has rolled back: nothing of it happened.
 */
bool store_begin(struct store *s, struct err *err);
bool store_commit(struct store *s, struct err *err);
void store_rollback(struct store *s);

/* Idempotent: brings serve.db up to the last committed change. */
bool store_project(struct store *s, struct err *err);

/*
 * Copies what is in long WAL files into the databases, with handles of its
 * own: for the desk, so that control never waits for it. Any thread.
 */
bool store_checkpoint(const struct store_options *options, struct err *err);

#endif
