#include "base/lockfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void describe_holder(int fd, const char *path, struct err *err)
{
	char pid[24] = "";
	ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

	pid[n > 0 ? n : 0] = '\0';
	pid[strcspn(pid, "\n")] = '\0';
	err_set(err, ERR_REFUSED, "%s is held by another process (pid %s)",
		path, *pid ? pid : "unknown");
	err_hint(err, "one state folder serves one daemon: stop the other one, "
		      "or give this one a state_dir of its own");
}

/* As a rule somebody else ran here first, as root. */
static void refuse_open(const char *path, struct err *err)
{
	bool is_closed = errno == EACCES;

	err_sys(err, "open %s", path);
	if (is_closed)
		err_hint(err,
			 "it is another user's: ls -l %s; give its folder "
			 "to who runs this: chown -R",
			 path);
}

int lockfile_take(const char *path, struct err *err)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0) {
		refuse_open(path, err);
		return -1;
	}
	if (fcntl(fd, F_OFD_SETLK, &lock) < 0) {
		if (errno == EAGAIN || errno == EACCES)
			describe_holder(fd, path, err);
		else
			err_sys(err, "lock %s", path);
		close(fd);
		return -1;
	}
	if (ftruncate(fd, 0) < 0) {
		err_sys(err, "write %s", path);
		close(fd);
		return -1;
	}
	dprintf(fd, "%ld\n", (long)getpid());	/* not on a full disk */
	return fd;
}
