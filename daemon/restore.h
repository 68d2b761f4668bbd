/*
 * mtastsd --restore BACKUP: what stands between store_restore() and somebody
 * who has a box to bring back.
 */
#ifndef DAEMON_RESTORE_H
#define DAEMON_RESTORE_H

#include "daemon/options.h"

/* NULL for the backup: it says which there are. */
enum daemon_exit restore_command(const char *state_dir, const char *backup);

#endif
