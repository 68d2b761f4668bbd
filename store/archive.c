#include "store/archive.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "store/backup_stream.h"
#include "store/internal.h"

#define NAME_FORMAT "mtastsd-%Y%m%dT%H%M%SZ.backup"
#define NAME_SIZE   sizeof("mtastsd-00000000T000000Z.backup")
#define UNDER_WAY   "mtastsd.backup.part"
#define PIECE	    (256 * 1024)

/* ---- names ---- */

struct names {
	char (*name)[NAME_SIZE];
	size_t count;
};

static void name_of(time_t at, char out[static NAME_SIZE])
{
	struct tm tm;

	gmtime_r(&at, &tm);
	strftime(out, NAME_SIZE, NAME_FORMAT, &tm);
}

/* 0: it is none of ours. */
static time_t time_of(const char *name)
{
	struct tm tm = { .tm_year = 0 };
	const char *end = strlen(name) == NAME_SIZE - 1
				  ? strptime(name, NAME_FORMAT, &tm)
				  : NULL;

	return end && !*end ? timegm(&tm) : 0;
}

/* The other way round: as times, newest first. */
static int newest_first(const void *a, const void *b)
{
	return strcmp(b, a);
}

static bool list(const char *folder, struct names *n, struct err *err)
{
	DIR *d = opendir(folder);
	struct dirent *entry;

	*n = (struct names){ .count = 0 };
	if (!d) {
		err_sys(err, "%s", folder);
		return err_hint(err, "backup_folder must be there, mounted and "
				     "the daemon's to write: it is never made "
				     "here");
	}
	while ((entry = readdir(d)) != NULL) {
		if (!time_of(entry->d_name))
			continue;
		n->name = xrealloc_array(n->name, n->count + 1, NAME_SIZE);
		memcpy(n->name[n->count++], entry->d_name, NAME_SIZE);
	}
	closedir(d);
	if (n->count)
		qsort(n->name, n->count, NAME_SIZE, newest_first);
	return true;
}

/* By a clock that has been put back since, a backup may be of days to come. */
static time_t newest_of(const struct names *n, time_t now)
{
	for (size_t i = 0; i < n->count; i++)
		if (time_of(n->name[i]) <= now)
			return time_of(n->name[i]);
	return 0;
}

/* ---- one more ---- */

static bool is_wanted(const struct archive_task *task, struct err *err)
{
	return task->go_on(task->arg) ||
	       err_set(err, ERR_AGAIN, "ended before it was done");
}

struct writing {
	const struct archive_task *task;
	char *part; /* its path until it is whole */
	int fd;
};

static const char *folder_of(const struct writing *w)
{
	return w->task->settings->folder;
}

static bool cannot_write(const struct writing *w, struct err *err)
{
	int why = errno;

	err_sys(err, "write to %s", folder_of(w));
	if (why == EROFS || why == EACCES || why == EPERM)
		return err_hint(err, "the daemon's user must be able to write "
				     "it, and its service, too: see "
				     "backup_folder in mtastsd.conf(5)");
	if (why == ENOSPC || why == EDQUOT)
		return err_hint(err, "make room, or keep fewer by a lower "
				     "backup_keep, and reload");
	return false;
}

static bool write_piece(const struct writing *w, const char *data, size_t len,
			struct err *err)
{
	while (len) {
		ssize_t n = write(w->fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cannot_write(w, err);
		data += n;
		len -= (size_t)n;
	}
	return is_wanted(w->task, err);
}

static bool write_stream(const struct writing *w, struct backup_stream *b,
			 struct err *err)
{
	char *piece = xmalloc(PIECE);
	size_t len = 0;
	bool ok;

	do
		ok = backup_read(b, piece, PIECE, &len, err) &&
		     write_piece(w, piece, len, err);
	while (ok && len);
	free(piece);
	return ok && (fsync(w->fd) == 0 || cannot_write(w, err));
}

/* First the folder, which costs nothing to try; then the copy. */
static bool write_part(struct writing *w, struct err *err)
{
	const struct archive_task *t = w->task;
	struct backup_stream b = { .fd = -1 };
	bool ok;

	unlink(w->part); /* of one that was killed */
	w->fd = open(w->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (w->fd < 0)
		return cannot_write(w, err);
	ok = backup_open(&b, t->options, t->now, t->go_on, t->arg, err) &&
	     write_stream(w, &b, err);
	backup_close(&b);
	if (close(w->fd) < 0 && ok)
		ok = cannot_write(w, err);
	return ok;
}

/* Not all that can be mounted knows how to sync a folder. */
static void sync_folder(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

static bool name_it(const struct writing *w, struct err *err)
{
	char name[NAME_SIZE], *path;
	bool ok;

	name_of(w->task->now, name);
	path = store_path(folder_of(w), name);
	ok = rename(w->part, path) == 0 || cannot_write(w, err);
	free(path);
	if (ok)
		sync_folder(folder_of(w));
	return ok;
}

static bool write_one(const struct archive_task *task, struct err *err)
{
	struct writing w = { .task = task,
			     .part = store_path(task->settings->folder,
						UNDER_WAY),
			     .fd = -1 };
	bool ok = write_part(&w, err) && name_it(&w, err);

	if (!ok)
		unlink(w.part);
	free(w.part);
	return ok;
}

/* ---- all of them ---- */

/* By a clock that is ahead all would be too old. */
static bool is_too_old(const struct archive_task *t, time_t at)
{
	long keep_for = t->settings->keep_for;

	return keep_for && t->is_time_known && t->now - at > keep_for;
}

static void prune(const struct archive_task *t)
{
	const struct archive_settings *s = t->settings;
	struct names n;
	time_t newest;

	if (!list(s->folder, &n, NULL))
		return;
	newest = newest_of(&n, t->now);
	for (size_t i = 0; i < n.count; i++) {
		time_t at = time_of(n.name[i]);
		char *path = store_path(s->folder, n.name[i]);

		if (at != newest && ((long)i >= s->keep || is_too_old(t, at)))
			unlink(path);
		free(path);
	}
	free(n.name);
}

static void look(const struct archive_settings *s, time_t now,
		 struct archive_found *found)
{
	char name[NAME_SIZE], *path;
	struct names n;
	struct stat st;

	*found = (struct archive_found){ .newest = 0 };
	if (!list(s->folder, &n, NULL))
		return;
	found->newest = newest_of(&n, now);
	found->count = (long)n.count;
	free(n.name);
	name_of(found->newest, name);
	path = store_path(s->folder, name);
	found->size = found->newest && stat(path, &st) == 0 ? st.st_size : 0;
	free(path);
}

bool archive_turn(const struct archive_task *task, struct archive_found *found,
		  struct err *err)
{
	const struct archive_settings *settings = task->settings;
	struct names n;
	bool ok = list(settings->folder, &n, err);
	time_t newest = ok ? newest_of(&n, task->now) : 0;

	if (ok)
		free(n.name);
	if (ok && (!newest || task->now - newest >= settings->every)) {
		prune(task); /* what fills the folder may be too many by now */
		ok = write_one(task, err);
		if (ok)
			prune(task);
	}
	look(settings, task->now, found);
	return ok;
}
