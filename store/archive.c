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
#include "base/write_all.h"
#include "store/backup_stream.h"
#include "store/box.h"
#include "store/internal.h"

#define MOMENT	  "%Y%m%dT%H%M%SZ.backup"
#define HEAD_SIZE sizeof("mtastsd-00000000-")
#define NAME_SIZE sizeof("mtastsd-00000000-00000000T000000Z.backup")
#define UNDER_WAY ".part" /* behind the name, until it is whole */
#define ID_DIGITS 8
#define PIECE	  (256 * 1024)

/* ---- names ---- */

/* How those of this box are called. */
struct naming {
	const char *folder;
	char head[HEAD_SIZE]; /* "mtastsd-1A2B3C4D-" */
};

static bool naming_init(struct naming *n, const struct archive_task *task,
			struct err *err)
{
	char id[BOX_ID_SIZE];

	n->folder = task->settings->folder;
	if (!box_id_in(task->options, id, err))
		return false;
	if (strspn(id, "0123456789ABCDEF") < ID_DIGITS)
		return err_set(err, ERR_DAMAGED, "the id in state.db is none");
	snprintf(n->head, sizeof(n->head), "mtastsd-%.*s-", ID_DIGITS, id);
	return true;
}

static void name_of(const struct naming *n, time_t at,
		    char out[static NAME_SIZE])
{
	struct tm tm;

	gmtime_r(&at, &tm);
	memcpy(out, n->head, HEAD_SIZE);
	strftime(out + HEAD_SIZE - 1, NAME_SIZE - HEAD_SIZE + 1, MOMENT, &tm);
}

static char *path_of(const struct naming *n, time_t at, const char *tail)
{
	char name[NAME_SIZE];

	name_of(n, at, name);
	return xasprintf("%s/%s%s", n->folder, name, tail);
}

/* 0: it is none of ours. */
static time_t time_of(const struct naming *n, const char *name,
		      const char *tail)
{
	struct tm tm = { .tm_year = 0 };
	const char *end = str_starts(name, n->head)
				  ? strptime(name + HEAD_SIZE - 1, MOMENT, &tm)
				  : NULL;
	char again[NAME_SIZE];
	time_t at;

	if (!end || !streq(end, tail))
		return 0;
	at = timegm(&tm);
	name_of(n, at, again);
	return strncmp(name, again, NAME_SIZE - 1) == 0 ? at : 0;
}

/* ---- what is there ---- */

struct moments {
	time_t *at; /* newest first */
	size_t count;
};

static int newest_first(const void *a, const void *b)
{
	time_t one = *(const time_t *)a, other = *(const time_t *)b;

	return (one < other) - (one > other);
}

static bool list(const struct naming *n, const char *tail, struct moments *m,
		 struct err *err)
{
	DIR *d = opendir(n->folder);
	struct dirent *entry;
	time_t at;

	*m = (struct moments){ .count = 0 };
	if (!d) {
		err_sys(err, "%s", n->folder);
		return err_hint(err, "backup_folder must be there, mounted and "
				     "the daemon's to write: it is never made "
				     "here");
	}
	while ((entry = readdir(d)) != NULL) {
		at = time_of(n, entry->d_name, tail);
		if (!at)
			continue;
		m->at = xrealloc_array(m->at, m->count + 1, sizeof(*m->at));
		m->at[m->count++] = at;
	}
	closedir(d);
	if (m->count)
		qsort(m->at, m->count, sizeof(*m->at), newest_first);
	return true;
}

/* By a clock that has been put back since, a backup may be of days to come. */
static time_t newest_of(const struct moments *m, time_t now)
{
	for (size_t i = 0; i < m->count; i++)
		if (m->at[i] <= now)
			return m->at[i];
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
	const struct naming *naming;
	char *part; /* its path until it is whole */
	int fd;
};

static bool cannot_write(const struct writing *w, struct err *err)
{
	int why = errno;

	err_sys(err, "write to %s", w->naming->folder);
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
	return write_all(w->fd, data, len) ? is_wanted(w->task, err)
					   : cannot_write(w, err);
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

/* What was killed on its way. */
static void sweep(const struct naming *n)
{
	struct moments m;

	if (!list(n, UNDER_WAY, &m, NULL))
		return;
	for (size_t i = 0; i < m.count; i++) {
		char *path = path_of(n, m.at[i], UNDER_WAY);

		unlink(path);
		free(path);
	}
	free(m.at);
}

/* First the folder, which costs nothing to try; then the copy. */
static bool write_part(struct writing *w, struct err *err)
{
	const struct archive_task *t = w->task;
	struct backup_stream b = { .fd = -1 };
	bool ok;

	sweep(w->naming);
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
	char *path = path_of(w->naming, w->task->now, "");
	bool ok = rename(w->part, path) == 0 || cannot_write(w, err);

	free(path);
	if (ok)
		sync_folder(w->naming->folder);
	return ok;
}

static bool write_one(const struct archive_task *task, const struct naming *n,
		      struct err *err)
{
	struct writing w = { .task = task,
			     .naming = n,
			     .part = path_of(n, task->now, UNDER_WAY),
			     .fd = -1 };
	bool ok = write_part(&w, err) && is_wanted(task, err) &&
		  name_it(&w, err);

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

static void prune(const struct archive_task *t, const struct naming *n)
{
	struct moments m;
	time_t newest;

	if (!list(n, "", &m, NULL))
		return;
	newest = newest_of(&m, t->now);
	for (size_t i = 0; i < m.count; i++) {
		char *path = path_of(n, m.at[i], "");

		if (m.at[i] != newest &&
		    ((long)i >= t->settings->keep || is_too_old(t, m.at[i])))
			unlink(path);
		free(path);
	}
	free(m.at);
}

static void look(const struct naming *n, time_t now,
		 struct archive_found *found)
{
	struct moments m;
	struct stat st;
	char *path;

	if (!list(n, "", &m, NULL))
		return;
	found->newest = newest_of(&m, now);
	found->count = (long)m.count;
	free(m.at);
	path = path_of(n, found->newest, "");
	found->size = found->newest && stat(path, &st) == 0 ? st.st_size : 0;
	free(path);
}

static bool is_due(const struct archive_task *t, const struct moments *m)
{
	time_t newest = newest_of(m, t->now);

	return !newest || t->now - newest >= t->settings->every;
}

/* What comes back from a folder that hung may not be wanted any more. */
static bool make_one(const struct archive_task *task, const struct naming *n,
		     struct err *err)
{
	if (!is_wanted(task, err))
		return false;
	prune(task, n); /* it may make room */
	if (!write_one(task, n, err))
		return false;
	if (is_wanted(task, NULL))
		prune(task, n);
	return true;
}

bool archive_turn(const struct archive_task *task, struct archive_found *found,
		  struct err *err)
{
	struct moments m;
	struct naming n;
	bool ok;

	*found = (struct archive_found){ .newest = 0 };
	if (!naming_init(&n, task, err))
		return false;
	ok = list(&n, "", &m, err);
	if (ok && is_due(task, &m))
		ok = make_one(task, &n, err);
	free(m.at);
	look(&n, task->now, found);
	return ok;
}
