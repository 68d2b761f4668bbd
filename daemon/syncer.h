/*
 * A thread that waits for the disk, so that the loop need not: store_sync().
 *
 * Who has committed something that is not durable yet asks for a sync. They
 * take turns, in the order they came: a sync is one commit's, and while it is
 * under way nobody else who waits here has committed since, so that its owner
 * finds all of the store durable at the end of it.
 */
#ifndef DAEMON_SYNCER_H
#define DAEMON_SYNCER_H

#include "acme/world.h"
#include "base/loop.h"
#include "store/store.h"

struct syncer;

/* Answers come on `control`, the thread that calls all of this. */
struct syncer *syncer_start(struct loop *control, struct store *store,
			    struct err *err);

/* `done` is called at the end, but for syncer_stop() and syncer_forget(). */
void syncer_ask(struct syncer *s, sync_done *done, void *arg);

/*
 * The same for who has nothing committed yet: `begin` is called when its turn
 * comes, which may be at once, and commits. False: there is nothing to sync,
 * and `done` is not called.
 */
typedef bool sync_begin(void *arg);
void syncer_queue(struct syncer *s, sync_begin *begin, sync_done *done,
		  void *arg);

/* Whoever asked with `arg` waits no more. */
void syncer_forget(struct syncer *s, void *arg);

/* Waits for a sync that is under way; no answer comes any more. */
void syncer_stop(struct syncer *s);

#endif
