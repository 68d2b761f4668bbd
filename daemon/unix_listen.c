#include "daemon/unix_listen.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

#define BACKLOG 1024	/* beyond it, connect() fails at once */

static bool set_path(struct sockaddr_un *to, const char *path, struct err *err)
{
	*to = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) < sizeof(to->sun_path)) {
		memcpy(to->sun_path, path, strlen(path) + 1);
		return true;
	}
	err_set(err, ERR_INPUT, "%s is too long for a socket's path", path);
	return err_hint(err, "at most %zu bytes: set a shorter run_dir",
			sizeof(to->sun_path) - 1);
}

/* Nobody there, or only what a former daemon left? */
static bool is_free(const char *path, struct err *err)
{
	struct sockaddr_un to;
	struct stat st;
	int fd;
	bool answers;

	if (lstat(path, &st) < 0)
		return errno == ENOENT || err_sys(err, "%s", path);
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, ERR_REFUSED, "%s is there and no socket",
			       path);
	if (!set_path(&to, path, err))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(err, "socket");
	answers = connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 ||
		  errno == EAGAIN;
	close(fd);
	if (!answers)
		return true;
	err_set(err, ERR_REFUSED, "another mtastsd answers at %s", path);
	return err_hint(err, "stop it, or give this one another run_dir");
}

/* A machine without the group, or a daemon that is not in it, is no error. */
static void give_to_group(const char *path, const char *group)
{
	struct group entry, *found = NULL;
	char buffer[65536];

	errno = getgrnam_r(group, &entry, buffer, sizeof(buffer), &found);
	if (errno == 0 && !found)
		return;
	if (!found || chown(path, (uid_t)-1, found->gr_gid) < 0)
		log_warn("%s: not given to group %s: %s", path, group,
			 strerror(errno));
}

/* Made aside and renamed: never there with another mode, or deaf. */
static bool listen_at(int fd, const char *path, mode_t mode, const char *group,
		      struct err *err)
{
	char *aside = xasprintf("%s.new", path);
	struct sockaddr_un at;
	bool ok = false;

	if (!set_path(&at, aside, err))
		goto out;
	unlink(aside);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0) {
		err_sys(err, "create %s", aside);
		goto out;
	}
	give_to_group(aside, group);
	ok = chmod(aside, mode) == 0 && listen(fd, BACKLOG) == 0 &&
	     rename(aside, path) == 0;
	if (!ok) {
		err_sys(err, "listen at %s", path);
		unlink(aside);
	}

out:
	free(aside);
	return ok;
}

int unix_listen(const char *path, mode_t mode, const char *group,
		struct err *err)
{
	int fd;

	if (!is_free(path, err))
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		err_sys(err, "socket");
		return -1;
	}
	if (listen_at(fd, path, mode, group, err))
		return fd;
	close(fd);
	return -1;
}
