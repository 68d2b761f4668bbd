#include "cli/drop_root.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static bool become(uid_t uid, gid_t gid, struct err *err)
{
	struct group *submit = getgrnam(SUBMIT_GROUP);
	gid_t keeps = submit ? submit->gr_gid : gid;

	if (setgroups(1, &keeps) < 0 || setresgid(gid, gid, gid) < 0 ||
	    setresuid(uid, uid, uid) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(err, "root cannot be left");
	if (setuid(0) == 0)
		return err_set(err, ERR_INTERNAL, "root could not be left");
	return true;
}

/*
 * Of what a parser may be made to take by a message that nobody foresaw; a
 * sanitizer's shadow is larger.
 */
static void bound_memory(void)
{
#ifndef __SANITIZE_ADDRESS__
	const struct rlimit most = { 512L << 20, 512L << 20 };

	setrlimit(RLIMIT_AS, &most);
#endif
}

bool drop_root(uid_t user, struct err *err)
{
	struct passwd *entry;

	bound_memory();
	if (geteuid() != 0)
		return true;
	errno = 0;
	entry = user ? getpwuid(user) : getpwnam("nobody");
	if (!entry && !user)
		return err_set(err, ERR_INTERNAL,
			       "there is no user nobody to "
			       "become, and root reads no "
			       "mail of strangers");
	/* A folder may be of a user whom nobody has named: he has no groups. */
	return become(entry ? entry->pw_uid : user,
		      entry ? entry->pw_gid : (gid_t)user, err);
}
