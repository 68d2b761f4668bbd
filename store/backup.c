#include "store/backup.h"

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
#include "store/backup_copy.h"
#include "store/ballast.h"
#include "store/former.h"
#include "store/internal.h"

#define LAST_KEPT   3
#define DAYS_KEPT   4		/* today is one of them */
#define NAME_FORMAT "state-%Y%m%dT%H.db"
#define NAME_SHAPE  "state-00000000T00.db"	/* 0: a digit */
#define NAME_SIZE   sizeof(NAME_SHAPE)
#define DAY_LEN	    (sizeof("state-00000000") - 1)

/* ---- one backup ---- */

static bool sync_folder_of(const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? xstrndup(path, (size_t)(slash - path) + 1)
			  : xstrdup(".");
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = (fd >= 0 && fsync(fd) == 0) || err_sys(err, "%s", dir);

	if (fd >= 0)
		close(fd);
	free(dir);
	return ok;
}

/* link(), not rename(): nobody's file is written over unasked. */
static bool put_in_place(const char *from, const char *to, bool replaces,
			 struct err *err)
{
	int rc = replaces ? rename(from, to) : link(from, to);
	bool ok = rc == 0 || err_sys(err, "create %s", to);

	unlink(from);
	return ok && sync_folder_of(to, err);
}

static bool copy_to(const struct store_options *options, const char *to,
		    bool replaces, bool (*go_on)(void *arg), void *arg,
		    struct err *err)
{
	char *state = store_path(options->dir, "state.db");
	char *aside = xasprintf("%s.new", to);
	struct db *from = db_open(state, DB_READ, options->vfs, err);
	bool ok = from && backup_copy(from, aside, go_on, arg, err);

	db_close(from);
	ok = ok && put_in_place(aside, to, replaces, err);
	if (!ok)
		err_prefix(err, "backup");
	free(aside);
	free(state);
	return ok;
}

bool backup_write(const struct store_options *options, const char *to,
		  bool (*go_on)(void *arg), void *arg, struct err *err)
{
	return copy_to(options, to, false, go_on, arg, err);
}

bool backup_replace(const struct store_options *options, const char *to,
		    bool (*go_on)(void *arg), void *arg, struct err *err)
{
	return copy_to(options, to, true, go_on, arg, err);
}

/* ---- those of the folder ---- */

static char *folder_of(const char *dir)
{
	return store_path(dir, "backup");
}

static bool is_backup(const char *name)
{
	const char *shape = NAME_SHAPE;

	for (; *shape; shape++, name++)
		if (*shape == '0' ? (*name < '0' || *name > '9')
				  : *name != *shape)
			return false;
	return *name == '\0';
}

/* What was left behind by a process that ended in between. */
static void remove_scrap(const char *folder, const char *name)
{
	char *path = store_path(folder, name);

	if (str_starts(name, "state-") && strstr(name, ".db.new"))
		unlink(path);
	free(path);
}

struct names {
	char (*name)[NAME_SIZE];
	size_t count;
};

/* The other way round: as times, newest first. */
static int newest_first(const void *a, const void *b)
{
	return strcmp(b, a);
}

static struct names list(const char *folder)
{
	struct names n = { .count = 0 };
	DIR *d = opendir(folder);
	struct dirent *entry;

	while (d && (entry = readdir(d)) != NULL) {
		if (!is_backup(entry->d_name))
			continue;
		n.name = xrealloc_array(n.name, n.count + 1, NAME_SIZE);
		memcpy(n.name[n.count++], entry->d_name, NAME_SIZE);
	}
	if (d)
		closedir(d);
	if (n.count)
		qsort(n.name, n.count, NAME_SIZE, newest_first);
	return n;
}

static void sweep(const char *folder)
{
	DIR *d = opendir(folder);
	struct dirent *entry;

	while (d && (entry = readdir(d)) != NULL)
		remove_scrap(folder, entry->d_name);
	if (d)
		closedir(d);
}

static bool is_of_new_day(const struct names *n, size_t i)
{
	return i == 0 || memcmp(n->name[i], n->name[i - 1], DAY_LEN) != 0;
}

static void prune(const char *folder, size_t last, size_t days)
{
	struct names n = list(folder);
	size_t day = 0;

	for (size_t i = 0; i < n.count; i++) {
		char *path = store_path(folder, n.name[i]);
		bool is_new = is_of_new_day(&n, i);

		day += is_new;
		if (i >= last && !(is_new && day <= days))
			unlink(path);
		free(path);
	}
	free(n.name);
}

static bool make_folder(const char *folder, struct err *err)
{
	return mkdir(folder, 0700) == 0 || errno == EEXIST ||
	       err_sys(err, "create %s", folder);
}

/* The copy may take all of the database's size, and the log's. */
static int64_t room_needed(const char *dir)
{
	static const char *const files[] = { "state.db", "state.db-wal" };
	int64_t need = 0;
	struct stat st;

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		char *path = store_path(dir, files[i]);

		need += stat(path, &st) == 0 ? st.st_size : 0;
		free(path);
	}
	return need;
}

bool backup_has_room(const char *dir, int copies, struct err *err)
{
	struct ballast_room room;

	if (!ballast_look(dir, &room, err))
		return false;
	if (room.is_read_only) {
		err_set(err, ERR_AGAIN, "the disk of %s is read-only", dir);
		return err_hint(err, "make it writable: its kernel's log says "
				     "why it is not");
	}
	if (room.is_there &&
	    room.free >= copies * room_needed(dir) + 2 * room.reserve)
		return true;
	err_set(err, ERR_AGAIN,
		"the disk of %s has no room for a copy of "
		"state.db",
		dir);
	return err_hint(err, "a backup is copied there first: make room for "
			     "as much again as state.db takes");
}

static bool is_tight(const char *dir)
{
	struct ballast_room room;

	return ballast_look(dir, &room, NULL) && !room.is_read_only &&
	       ballast_is_tight(&room);
}

static char *path_of_hour(const char *folder, time_t now)
{
	char name[64];
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(name, sizeof(name), NAME_FORMAT, &tm);
	return store_path(folder, name);
}

/* Those of the hours come again by themselves: they go first. */
static bool make_room(const char *dir, const char *folder, struct err *err)
{
	if (backup_has_room(dir, 1, NULL))
		return true;
	prune(folder, 1, 0);
	if (backup_has_room(dir, 1, NULL))
		return true;
	former_drop(dir);
	return backup_has_room(dir, 1, err);
}

static void relieve(const char *dir, const char *folder)
{
	prune(folder, 1, 0);
	if (is_tight(dir))
		former_drop(dir);
}

static bool write_and_prune(const struct store_options *options,
			    const char *folder, const char *path,
			    bool (*go_on)(void *arg), void *arg,
			    struct err *err)
{
	if (access(path, F_OK) < 0 &&
	    (!make_room(options->dir, folder, err) ||
	     !make_folder(folder, err) ||
	     !backup_write(options, path, go_on, arg, err)))
		return false;
	prune(folder, LAST_KEPT, DAYS_KEPT);
	return true;
}

bool backup_turn(const struct store_options *options, time_t now,
		 bool (*go_on)(void *arg), void *arg, struct err *err)
{
	char *folder = folder_of(options->dir);
	char *path = path_of_hour(folder, now);
	bool ok = true;

	sweep(folder);
	former_age(options->dir, now);
	if (is_tight(options->dir))
		relieve(options->dir, folder);
	else
		ok = write_and_prune(options, folder, path, go_on, arg, err);
	free(path);
	free(folder);
	return ok;
}

char *backup_newest(const char *dir)
{
	char *folder = folder_of(dir), *path = NULL;
	struct names n = list(folder);

	if (n.count)
		path = store_path(folder, n.name[0]);
	free(n.name);
	free(folder);
	return path;
}
