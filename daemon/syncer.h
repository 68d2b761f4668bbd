/*
 * A thread that waits for the disk, so that the loop need not: store_sync().
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

/* One at a time: `done` is called, but for syncer_stop(). */
void syncer_ask(struct syncer *s, sync_done *done, void *arg);

/* Waits for a sync that is under way; its answer does not come. */
void syncer_stop(struct syncer *s);

#endif
