/*
 * A backup as a stream of bytes: state.db as it is at one moment, sealed
 * (base/seal.h), so that one that is cut off or damaged does not pass.
 *
 * The copy is made beside state.db first, and checked, and has no name by then:
 * however the process ends, nothing of it is left. Reading it holds no lock and
 * keeps nobody from writing, however long the reader takes; and it comes in
 * pieces, so any size fits into any memory.
 *
 * Any thread, one at a time.
 */
#ifndef STORE_BACKUP_STREAM_H
#define STORE_BACKUP_STREAM_H

#include <time.h>

#include "base/seal.h"
#include "store/store.h"

#define BACKUP_KIND "mtastsd-backup"

enum backup_part { BACKUP_HEAD, BACKUP_BODY, BACKUP_TAIL, BACKUP_OVER };

struct backup_stream {
	int fd; /* -1: none is open */
	struct seal_about about;
	struct sealer sealer;
	enum backup_part part;
	int64_t left;
};

/* `go_on` as of backup_write(). ERR_AGAIN: the disk has no room for the copy. */
bool backup_open(struct backup_stream *b, const struct store_options *options,
		 time_t now, bool (*go_on)(void *arg), void *arg,
		 struct err *err);

/*
 * The next bytes, at most `size`, which is no less than SEAL_HEAD_MAX. *len is
 * 0 when there are no more.
 */
bool backup_read(struct backup_stream *b, void *out, size_t size, size_t *len,
		 struct err *err);

/* Of all that backup_read() gives. */
int64_t backup_length(const struct backup_stream *b);

/* One that was not opened is fine. */
void backup_close(struct backup_stream *b);

/*
 * From `fd` to the new file `to`, 0600, synced: the database that is in a
 * backup. A bare database, as those of the hour are, passes as it is.
 * ERR_INPUT: it is none; ERR_REFUSED: a newer program made it; ERR_DAMAGED.
 */
bool backup_unpack(int fd, const char *to, struct err *err);

/*
 * What processes that were killed have left of their copies, and of what they
 * were to restore: it is full of keys. For who has the folder's lock.
 */
void backup_sweep(const char *dir);

#endif
