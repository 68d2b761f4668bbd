#include "cli/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/write_all.h"

static const int ends[] = { SIGHUP, SIGINT, SIGTERM };

/* For the handler; there is one such file at a time. */
static const char *volatile to_remove;

static void on_end(int number)
{
	if (to_remove)
		unlink(to_remove);
	signal(number, SIG_DFL);
	raise(number);
}

static void watch_ends(const char *temporary)
{
	to_remove = temporary;
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		if (signal(ends[i], on_end) == SIG_IGN)
			signal(ends[i], SIG_IGN); /* nohup */
}

/* ---- where it is to be ---- */

static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? xstrndup(path, (size_t)(slash - path) + 1)
		     : xstrdup(".");
}

/* A device or a folder is not what somebody wants to have replaced. */
static bool is_free(const struct new_file *f, struct err *err)
{
	struct stat st;

	if (lstat(f->path, &st) < 0)
		return errno == ENOENT || err_sys(err, "%s", f->path);
	if (f->replaces && S_ISREG(st.st_mode))
		return true;
	err_set(err, ERR_REFUSED, "%s is there already%s", f->path,
		S_ISREG(st.st_mode) ? "" : ", and is no file");
	return err_hint(err, S_ISREG(st.st_mode)
				     ? "name another, or add --replace"
				     : "name a file; - is standard output");
}

static bool open_named(struct new_file *f, struct err *err)
{
	f->temporary = xasprintf("%s.XXXXXX", f->path);
	f->fd = mkostemp(f->temporary, O_CLOEXEC);
	if (f->fd >= 0) {
		watch_ends(f->temporary);
		return true;
	}
	free(f->temporary);
	f->temporary = NULL;
	return err_sys(err, "create %s", f->path);
}

bool new_file_open(struct new_file *f, const char *path, bool replaces,
		   struct err *err)
{
	char *folder;

	*f = (struct new_file){ .fd = -1, .path = path, .replaces = replaces };
	if (!is_free(f, err))
		return false;
	folder = folder_of(path);
	f->fd = open(folder, O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
	free(folder);
	return f->fd >= 0 || open_named(f, err);
}

bool new_file_write(struct new_file *f, const void *data, size_t len,
		    struct err *err)
{
	return write_all(f->fd, data, len) || err_sys(err, "write %s", f->path);
}

/* ---- in its place ---- */

static void has_moved(struct new_file *f)
{
	to_remove = NULL;
	free(f->temporary);
	f->temporary = NULL;
}

/* Where no file can have two names, as on a stick with FAT. */
static bool move(struct new_file *f, const char *name)
{
	if ((errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS) ||
	    renameat2(AT_FDCWD, f->temporary, AT_FDCWD, name,
		      RENAME_NOREPLACE) < 0)
		return false;
	has_moved(f);
	return true;
}

static bool give_name(struct new_file *f, const char *name)
{
	char self[64];

	if (f->temporary)
		return link(f->temporary, name) == 0 || move(f, name);
	snprintf(self, sizeof(self), "/proc/self/fd/%d", f->fd);
	return linkat(AT_FDCWD, self, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0;
}

/* link() never puts one file in the place of another. */
static bool replace(struct new_file *f)
{
	if (!f->temporary) {
		char *name = xasprintf("%s.%ld", f->path, (long)getpid());

		if (!give_name(f, name)) {
			free(name);
			return false;
		}
		f->temporary = name;
	}
	if (rename(f->temporary, f->path) < 0)
		return false;
	has_moved(f);
	return true;
}

static bool sync_folder(const char *path, struct err *err)
{
	char *folder = folder_of(path);
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = (fd >= 0 && fsync(fd) == 0) || err_sys(err, "%s", folder);

	if (fd >= 0)
		close(fd);
	free(folder);
	return ok;
}

bool new_file_keep(struct new_file *f, struct err *err)
{
	if (fsync(f->fd) < 0)
		return err_sys(err, "write %s", f->path);
	if (f->replaces ? !replace(f) : !give_name(f, f->path))
		return err_sys(err, "create %s", f->path);
	return sync_folder(f->path, err);
}

void new_file_close(struct new_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	if (f->temporary)
		unlink(f->temporary);
	to_remove = NULL;
	free(f->temporary);
	f->temporary = NULL;
	f->fd = -1;
}
