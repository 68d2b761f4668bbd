/*
 * A database copied to a file of its own, page by page, while others write
 * it. Inside store/ only.
 */
#ifndef STORE_BACKUP_COPY_H
#define STORE_BACKUP_COPY_H

#include "store/db.h"

/*
 * `from` as it is at this moment, at `to`, 0600, one file without a log,
 * checked and synced. What was there is gone; on failure, nothing is there.
 */
bool backup_copy(struct db *from, const char *to, bool (*go_on)(void *arg),
		 void *arg, struct err *err);

#endif
