#include "daemon/config_access.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"

#define USER "mtastsd" /* that README.md makes */

struct user {
	char name[64], group[64];
	uid_t uid;
	gid_t gid;
	bool is_named; /* the system knows him, and so his groups */
};

/* ---- who it is ---- */

static void name_group(struct user *u)
{
	const struct group *g = getgrgid(u->gid);

	if (g)
		str_copy(u->group, sizeof(u->group), g->gr_name);
	else
		snprintf(u->group, sizeof(u->group), "%lu",
			 (unsigned long)u->gid);
}

static void use_entry(struct user *u, const struct passwd *p)
{
	u->is_named = true;
	u->uid = p->pw_uid;
	u->gid = p->pw_gid;
	str_copy(u->name, sizeof(u->name), p->pw_name);
}

static bool find_user(const char *state_dir, struct user *u)
{
	const struct passwd *p;
	struct stat st;
	bool is_there = stat(state_dir, &st) == 0;

	*u = (struct user){ .is_named = false };
	p = is_there ? getpwuid(st.st_uid) : getpwnam(USER);
	if (p) {
		use_entry(u, p);
	} else if (is_there) {
		u->uid = st.st_uid;
		u->gid = st.st_gid;
		snprintf(u->name, sizeof(u->name), "uid %lu",
			 (unsigned long)u->uid);
	} else {
		return false;
	}
	name_group(u);
	return true;
}

static bool become(const struct user *u)
{
	bool has_groups = u->is_named ? initgroups(u->name, u->gid) == 0
				      : setgroups(1, &u->gid) == 0;

	return has_groups && setgid(u->gid) == 0 && setuid(u->uid) == 0;
}

/* ---- a file ---- */

/* The first folder on the way that nobody lets us through; false: none. */
static bool closed_folder(const char *path, char *out, size_t size)
{
	for (const char *at = strchr(path + 1, '/'); at;
	     at = strchr(at + 1, '/')) {
		snprintf(out, size, "%.*s", (int)(at - path), path);
		if (access(out, X_OK) < 0)
			return true;
	}
	return false;
}

/* Of people, or of root: it is not for a daemon to be let in there. */
static bool is_private(const struct user *u, const char *folder)
{
	struct stat st;

	if (streq(folder, "/root") || str_starts(folder, "/root/") ||
	    streq(folder, "/home") || str_starts(folder, "/home/"))
		return true;
	return stat(folder, &st) < 0 || (st.st_uid != 0 && st.st_uid != u->uid);
}

static void hint_folder(const struct user *u, const char *folder,
			const char *path)
{
	if (is_private(u, folder))
		log_error("mtastsd: hint: %s is private: put the file into "
			  "/etc/mtastsd instead: install -m 640 -g %s %s "
			  "/etc/mtastsd/",
			  folder, u->group, path);
	else
		log_error("mtastsd: hint: let it into the folder: chgrp %s %s; "
			  "chmod g+x %s",
			  u->group, folder, folder);
}

static bool may_read(const struct user *u, const char *key, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char folder[CONFIG_PATH_SIZE];

	if (fd >= 0) {
		close(fd);
		return true;
	}
	log_error("mtastsd: %s %s: the daemon's user %s may not read it: %s",
		  key, path, u->name, strerror(errno));
	if (closed_folder(path, folder, sizeof(folder)))
		hint_folder(u, folder, path);
	else
		log_error("mtastsd: hint: chgrp %s %s; chmod 640 %s", u->group,
			  path, path);
	return false;
}

/* No finding; but where there are keys, it is no clean bill either. */
static bool untested(const struct config *c, const char *why)
{
	if (c->file_count)
		log_warn("mtastsd: whether the daemon's user may read the "
			 "keys was not tested: %s",
			 why);
	return true;
}

bool config_access_check(const struct config *c, const char *path)
{
	struct user u;
	bool ok;

	if (geteuid() != 0)
		return true;
	if (!find_user(c->state_dir, &u))
		return untested(c, "nobody owns its state_dir yet");
	if (u.uid != 0 && !become(&u))
		return untested(c, "this process cannot become that user");
	ok = may_read(&u, "configuration", path);
	for (size_t i = 0; i < c->file_count; i++)
		ok = may_read(&u, c->file[i].key, c->file[i].path) && ok;
	return ok;
}
