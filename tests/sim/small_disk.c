#include "tests/sim/small_disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "tests/sim/scratch.h"

int small_disk_mount(void **state)
{
	char *dir = scratch_make();

	*state = dir;
	if (mount("tmpfs", dir, "tmpfs", 0, "size=16m") < 0) {
		print_message("no disk can be mounted: %s\n", strerror(errno));
		scratch_remove(dir);
		*state = NULL;
	}
	return 0;
}

int small_disk_umount(void **state)
{
	if (*state)
		umount(*state);
	scratch_remove(*state);
	return 0;
}

char *small_disk(void **state)
{
	if (!*state)
		skip();
	return *state;
}

static void set_size(const char *dir, long bytes, long more)
{
	char *path = scratch_path(dir, "other");
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	struct err err = ERR_INIT;
	struct stat st = { .st_size = 0 };

	must(fd >= 0 && fstat(fd, &st) == 0, &err);
	bytes = more ? st.st_size + more : bytes;
	must(ftruncate(fd, bytes) == 0, &err);
	must(!bytes || posix_fallocate(fd, 0, bytes) == 0, &err);
	close(fd);
	free(path);
}

void small_disk_fill(const char *dir, long bytes)
{
	set_size(dir, bytes, 0);
}

void small_disk_leave(const char *dir, long bytes)
{
	struct statvfs fs;
	struct err err = ERR_INIT;
	long more;

	must(statvfs(dir, &fs) == 0, &err);
	more = (long)(fs.f_bavail * fs.f_frsize) - bytes;
	if (more)
		set_size(dir, 0, more);
}
