#include "store/ballast.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/mem.h"

#define BALLAST_BYTES  (8L * 1024 * 1024)
#define BALLAST_SHARE  16	/* at most this part of a disk */
#define RESERVE_FACTOR 2	/* the reserve, in ballasts */

static char *path_of(const char *dir)
{
	return xasprintf("%s/ballast", dir);
}

static bool is_there(const char *dir)
{
	char *path = path_of(dir);
	struct stat st;
	bool found = stat(path, &st) == 0 && st.st_blocks > 0;

	free(path);
	return found;
}

bool ballast_look(const char *dir, struct ballast_room *room, struct err *err)
{
	struct statvfs fs;
	int64_t unit, total;

	*room = (struct ballast_room){ .free = 0 };
	if (statvfs(dir, &fs) < 0)
		return err_sys(err, "%s", dir);
	unit = (int64_t)fs.f_frsize;
	total = (int64_t)fs.f_blocks * unit;
	room->free = (int64_t)fs.f_bavail * unit;
	room->ballast = total / BALLAST_SHARE < BALLAST_BYTES
				? total / BALLAST_SHARE
				: BALLAST_BYTES;
	room->reserve = RESERVE_FACTOR * room->ballast;
	room->is_there = is_there(dir);
	room->is_read_only = (fs.f_flag & ST_RDONLY) != 0;
	return true;
}

bool ballast_is_tight(const struct ballast_room *room)
{
	return !room->is_there || room->free < room->reserve;
}

/* Real blocks: a hole would keep no room. What came of it is in `why`. */
static bool fill(const char *path, int64_t bytes, int *why)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0) {
		*why = errno;
		return false;
	}
	*why = posix_fallocate(fd, 0, (off_t)bytes);
	close(fd);
	if (*why)
		unlink(path);
	return *why == 0;
}

bool ballast_make(const char *dir, struct err *err)
{
	struct ballast_room room;
	char *path;
	int why;
	bool ok;

	if (!ballast_look(dir, &room, err))
		return false;
	if (room.is_there || room.is_read_only || !room.ballast ||
	    room.free < room.ballast + room.reserve)
		return true;
	path = path_of(dir);
	unlink(path);		/* an empty one keeps no room */
	ok = fill(path, room.ballast, &why) || why == ENOSPC || why == EDQUOT;
	errno = why;
	if (!ok)
		err_sys(err, "%s", path);
	free(path);
	return ok;
}

bool ballast_release(const char *dir)
{
	char *path = path_of(dir);
	bool was_there = unlink(path) == 0;

	free(path);
	return was_there;
}
