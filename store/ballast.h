/*
 * The ballast: room on the disk that is kept for the moment when there is
 * no other, so that what is in flight can come to its end.
 *
 * It is a file in the state folder, and its being there is all its state:
 * whoever finds the disk full takes it away, whoever finds room again makes
 * it anew. Any thread; nothing is shared.
 */
#ifndef STORE_BALLAST_H
#define STORE_BALLAST_H

#include <stdint.h>

#include "base/err.h"

/* How a disk stands. Bytes. */
struct ballast_room {
	int64_t free;		/* that we may fill */
	int64_t ballast;	/* what it takes here: 8 MB, less on tiny disks */
	int64_t reserve;	/* below this much, nothing new is begun */
	bool is_there;		/* the ballast is */
	bool is_read_only;
};
bool ballast_look(const char *dir, struct ballast_room *room, struct err *err);

/* Is the ballast gone, or less left beside it than the reserve? */
bool ballast_is_tight(const struct ballast_room *room);

/*
 * Makes it, if it is missing and the reserve is left beside it: there being
 * too little room is no error.
 */
bool ballast_make(const char *dir, struct err *err);

/* Its room is free. True if there was any. */
bool ballast_release(const char *dir);

#endif
