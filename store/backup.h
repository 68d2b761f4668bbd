/*
 * Backups of state.db: whole, checked, and taken while it is written.
 *
 * Those that are made by themselves are in DIR/backup, one an hour, named
 * after the hour: state-20261231T23.db (UTC). The last three are kept, and
 * the last one of each of the three days before; of all but the newest the
 * room is given back when the disk is tight, or has none for the next one. If
 * that is not enough, what store/former.h keeps goes as well.
 *
 * For the desk: heavy work with handles of its own. Any thread. `go_on` is
 * asked all the time; when it says no, the work ends soon, with an error.
 */
#ifndef STORE_BACKUP_H
#define STORE_BACKUP_H

#include <time.h>

#include "store/store.h"

/*
 * A copy of state.db as it is now, at `to` (0600), which must not be there.
 * It is one file without a log, and whole, or there is none.
 */
bool backup_write(const struct store_options *options, const char *to,
		  bool (*go_on)(void *arg), void *arg, struct err *err);

/* The same, but it takes the place of what is there, as soon as it is whole. */
bool backup_replace(const struct store_options *options, const char *to,
		    bool (*go_on)(void *arg), void *arg, struct err *err);

/*
 * This hour's backup, if it is not there yet and the disk has room for it;
 * then what is too many goes. ERR_AGAIN: there is no room for it. On a disk that
 * is tight, which store_health() tells of, none is made, and that is no error.
 */
bool backup_turn(const struct store_options *options, time_t now,
		 bool (*go_on)(void *arg), void *arg, struct err *err);

/* For copies beside state.db, and what is under way besides; or ERR_AGAIN. */
bool backup_has_room(const char *dir, int copies, struct err *err);

/* The path of the newest in DIR/backup, for the caller to free, or NULL. */
char *backup_newest(const char *dir);

#endif
