/*
 * state.db as the former version left it: a copy, made before the first
 * migration. Who goes back to the mtastsd of that version restores it.
 *
 * DIR/backup/state-v14.db is what was of version 14. There is one per version,
 * and the last two are kept, for 30 days; the hourly backups beside them come
 * and go (store/backup.h). These hold the keys of all domains, too, and a disk
 * without room is worse than a way back that is longer. Inside store/ only.
 */
#ifndef STORE_FORMER_H
#define STORE_FORMER_H

#include <time.h>

#include "store/store.h"

/*
 * Takes the place of one of that version. ERR_AGAIN: there is no room for it, and
 * for as much again.
 */
bool former_keep(const char *dir, int64_t version, bool (*go_on)(void *arg),
		 void *arg, struct err *err);

/* Those that are too old go. */
void former_age(const char *dir, time_t now);

/* All go: the room is needed. */
void former_drop(const char *dir);

/* Where it is, for the caller to free. */
char *former_path(const char *dir, int64_t version);

#endif
