/*
 * A backup takes the place of state.db, on a stopped box.
 *
 * A backup is older than what the box did last. What serving had is newer:
 * serve.db is not thrown away, but its certificates, keys, policies and
 * names are taken over first (restore_adopt()). So nothing that was issued
 * since is ordered again, and no name goes off the air.
 */
#ifndef STORE_RESTORE_H
#define STORE_RESTORE_H

#include <time.h>

#include "store/store.h"

struct restored {
	bool is_in_place;	/* also where store_restore() failed after it */
	char *kept;		/* where the former state.db is now; or NULL */
	bool has_serve;		/* there is a serve.db of this store: it knows
				   what became of names since the backup; else
				   the former box may run elsewhere, and the
				   operator's zone stays that one's */
};
void restored_release(struct restored *r);

/*
 * Takes the lock, looks through `file`, puts a copy of it in the place of
 * state.db and keeps what was there beside it. ERR_REFUSED: a daemon runs, or
 * the backup is of a newer version. Until the last step nothing is changed; after
 * it, only the sync of the folder may fail.
 * The next store_open() takes over what serve.db has, and makes it anew.
 */
bool store_restore(const struct store_options *options, const char *file,
		   time_t now, struct restored *r, struct err *err);

#endif
