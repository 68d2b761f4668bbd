#include "store/former.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "store/backup.h"
#include "store/internal.h"

#define HEAD "state-v"
#define TAIL ".db"

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

static void prune(const char *folder)
{
	DIR *d = opendir(folder);
	struct dirent *entry;
	long version, from;

	if (!d)
		return;
	from = last_but_one(d);
	rewinddir(d);
	while ((entry = readdir(d)) != NULL) {
		char *path = store_path(folder, entry->d_name);

		if (version_of(entry->d_name, &version) && version < from)
			unlink(path);
		free(path);
	}
	closedir(d);
}

bool former_keep(const char *dir, int64_t version, bool (*go_on)(void *arg),
		 void *arg, struct err *err)
{
	const struct store_options options = { .dir = dir };
	char *folder = store_path(dir, "backup");
	char *path = former_path(dir, version);
	bool ok = backup_has_room(dir, err) &&
		  (mkdir(folder, 0700) == 0 || errno == EEXIST ||
		   err_sys(err, "create %s", folder));

	if (ok) {
		unlink(path);
		ok = backup_write(&options, path, go_on, arg, err);
		prune(folder);
	}
	free(path);
	free(folder);
	return ok;
}
