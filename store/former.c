#include "store/former.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/backup.h"
#include "store/internal.h"

#define HEAD "state-v"
#define TAIL ".db"
#define KEPT_SECONDS (30L * 24 * 3600)

char *former_path(const char *dir, int64_t version)
{
	return xasprintf("%s/backup/" HEAD "%lld" TAIL, dir,
			 (long long)version);
}

static bool version_of(const char *name, long *version)
{
	size_t ends = strlen(HEAD) + strlen(TAIL), len = strlen(name);

	return len > ends && str_starts(name, HEAD) && str_ends(name, TAIL) &&
	       str_to_long(name + strlen(HEAD), len - ends, LONG_MAX, version);
}

/* The last one before the newest, or 0. */
static long last_but_one(DIR *d)
{
	long version, newest = 0, before = 0;
	struct dirent *entry;

	while ((entry = readdir(d)) != NULL) {
		if (!version_of(entry->d_name, &version))
			continue;
		if (version > newest) {
			before = newest;
			newest = version;
		} else if (version > before) {
			before = version;
		}
	}
	return before;
}

/* Of a lower version, or last written before that moment: how many were. */
static int remove_those(const char *folder, long below, time_t before)
{
	DIR *d = opendir(folder);
	struct dirent *entry;
	struct stat st;
	long version;
	int n = 0;

	while (d && (entry = readdir(d)) != NULL) {
		char *path = store_path(folder, entry->d_name);

		if (version_of(entry->d_name, &version) &&
		    (version < below ||
		     (stat(path, &st) == 0 && st.st_mtime < before)))
			n += unlink(path) == 0;
		free(path);
	}
	if (d)
		closedir(d);
	return n;
}

static void prune(const char *folder)
{
	DIR *d = opendir(folder);
	long from = d ? last_but_one(d) : 0;

	if (d)
		closedir(d);
	remove_those(folder, from, 0);
}

void former_age(const char *dir, time_t now)
{
	char *folder = store_path(dir, "backup");

	remove_those(folder, 0, now - KEPT_SECONDS);
	free(folder);
}

void former_drop(const char *dir)
{
	char *folder = store_path(dir, "backup");

	if (remove_those(folder, LONG_MAX, 0))
		log_warn("store: the disk has no room: what was kept of "
			 "state.db for who goes back to a former mtastsd is "
			 "gone");
	free(folder);
}

/* Two: the first backup after it, or the migration, needs as much again. */
bool former_keep(const char *dir, int64_t version, bool (*go_on)(void *arg),
		 void *arg, struct err *err)
{
	const struct store_options options = { .dir = dir };
	char *folder = store_path(dir, "backup");
	char *path = former_path(dir, version);
	bool ok = backup_has_room(dir, 2, err) &&
		  (mkdir(folder, 0700) == 0 || errno == EEXIST ||
		   err_sys(err, "create %s", folder)) &&
		  backup_replace(&options, path, go_on, arg, err);

	if (ok)
		prune(folder);
	free(path);
	free(folder);
	return ok;
}
