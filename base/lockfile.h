/*
 * A lock file that keeps a second process out of a folder.
 *
 * An open-file-description lock: gone with the process, however it ends, so
 * there is never a stale one. The file stays; its content, the holder's
 * process id, is for people.
 */
#ifndef BASE_LOCKFILE_H
#define BASE_LOCKFILE_H

#include "base/err.h"

/*
 * The descriptor that holds the lock, to be closed by the caller; or -1:
 * ERR_REFUSED if another process has it, naming that process.
 */
int lockfile_take(const char *path, struct err *err);

#endif
