/*
 * Who asks for a backup gets it in pieces: read by a thread of its own, and
 * sent as fast as the peer takes them. So neither memory nor the control thread
 * knows how large the store is. One at a time.
 *
 * Control thread only.
 */
#ifndef DAEMON_BACKUP_DOOR_H
#define DAEMON_BACKUP_DOOR_H

#include "base/loop.h"
#include "daemon/api.h"

struct backup_door;

struct backup_door *backup_door_start(struct loop *control,
				      const char *state_dir, struct err *err);

/* What is under way breaks off, and whoever gets it can tell. */
void backup_door_stop(struct backup_door *d);

/* ERR_AGAIN: somebody else gets one. */
bool backup_door_is_free(const struct backup_door *d, struct err *err);

/* It is free; `later` is answered from here on. */
void backup_door_send(struct backup_door *d, struct api_later *later,
		      time_t now);

#endif
