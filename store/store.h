/*
 * The store: `state.db`, the authority, and its projection `serve.db`, in
 * one 0700 folder that a lock file keeps to one daemon.
 *
 * One writer, the control thread, owns a `struct store`. The rule for every
 * change that the world can see is commit, project, act:
 *
 *	store_begin(s, &err)
 *	... domain_update(), order_update(), cert_install() ...
 *	store_commit(s, &err)	durable
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
	bool (*go_on)(void *arg); /* asked all the time while opening takes
				     long, which ends when it says no; or NULL */
	void *arg;
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

/*
 * Between these SQLite looks once, and not for each statement, whether others
 * have written: for who asks many small things. Nothing is begun in between.
 */
void store_begin_reading(struct store *s);
void store_end_reading(struct store *s);

/*
 * A transaction whose commit is seen at once and does not wait for the disk;
 * a loss of power may take it back, until a sync has made it durable:
 *
 *	store_begin_async(s, &err) ... store_commit(s, &err)
 *	written = store_written(s)
 *	... on any thread, one at a time: store_sync(s, &err) ...
 *	store_synced(s, written), or store_sync_failed(s)
 *
 * and then, and not before, project and act. A store_commit() of the other
 * kind makes all that was written before durable as well. What need not be
 * (a look at DNS can be had again) is left to whoever syncs next.
 */
bool store_begin_async(struct store *s, struct err *err);
int64_t store_written(const struct store *s);
bool store_is_durable(const struct store *s);
bool store_sync(struct store *s, struct err *err);
void store_synced(struct store *s, int64_t written);

/*
 * What was written may be lost, though it can be read. store_settle() puts
 * that right, or says why it cannot yet; store_begin() asks for it as well.
 * The same is so when a commit fails that others went before.
 */
void store_sync_failed(struct store *s);
bool store_settle(struct store *s, struct err *err);

/* Idempotent: brings serve.db up to the last committed change. */
bool store_project(struct store *s, struct err *err);

/*
 * Copies what is in long WAL files into the databases, with handles of its
 * own: for the desk, so that control never waits for it. Any thread, while
 * the store is open.
 */
bool store_checkpoint(struct store *s, struct err *err);

#endif
