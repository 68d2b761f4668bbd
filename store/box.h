/*
 * The box as a whole: who it is, whether it is frozen, whether it is to take
 * the operator's zone from another box. In table `meta`.
 *
 * A frozen box serves what it has and begins no order, so that an old box and
 * a new one can stand side by side during a move. It stays so until it is
 * thawed, over restarts too.
 */
#ifndef STORE_BOX_H
#define STORE_BOX_H

#include <time.h>

#include "store/store.h"

struct box_freeze {
	time_t since;			/* 0: it is not frozen */
	char actor[128];		/* who asked for it; cut if longer */
	char reason[1024];		/* or empty */
};

/* A database that cannot say so counts as not frozen: renewals matter more. */
bool box_is_frozen(struct store *s);

/* All zero if it is not. */
bool box_freeze_read(struct store *s, struct box_freeze *f, struct err *err);

#define BOX_ID_SIZE 40

/*
 * Who it is in the operator's zone. Made with the store, and the same in its
 * backups; another one where a backup was restored on another machine.
 */
bool box_id(struct store *s, char out[static BOX_ID_SIZE], struct err *err);

/* The same by a handle of its own: any thread. */
bool box_id_in(const struct store_options *options,
	       char out[static BOX_ID_SIZE], struct err *err);

/* Until the zone has its mark. box_take_zone(): inside a transaction. */
bool box_takes_zone(struct store *s);
bool box_take_zone(struct store *s, bool takes, struct err *err);

/*
 * It was restored on another machine, and nobody has said since that the zone
 * is its own: where no mark in the zone tells, nothing is published.
 * box_take_zone() ends that, whatever it is told.
 */
bool box_holds_zone_back(struct store *s);

/*
 * Until then orders may have been placed that are in no row: by the box whose
 * backup was restored here, without a serve.db that tells of them. 0: none.
 */
time_t box_orders_uncounted(struct store *s);

/* Inside a transaction. Whoever froze it first is remembered. */
bool box_freeze(struct store *s, const struct box_freeze *f, struct err *err);
bool box_thaw(struct store *s, struct err *err);

#endif
