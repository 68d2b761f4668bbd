#include "daemon/run_as.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"

#define USUAL_USER "mtastsd"

/* The parent is root's. */
static bool make_folder(const char *path, mode_t mode, const struct passwd *p,
			struct err *err)
{
	if (mkdir(path, mode) < 0)
		return errno == EEXIST || err_sys(err, "create %s", path);
	return chown(path, p->pw_uid, p->pw_gid) == 0 ||
	       err_sys(err, "give %s to %s", path, p->pw_name);
}

static bool become(const struct passwd *p, struct err *err)
{
	if (initgroups(p->pw_name, p->pw_gid) < 0 ||
	    setresgid(p->pw_gid, p->pw_gid, p->pw_gid) < 0 ||
	    setresuid(p->pw_uid, p->pw_uid, p->pw_uid) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(err, "become %s", p->pw_name);
	return p->pw_uid == 0 || setuid(0) < 0 ||
	       err_set(err, ERR_INTERNAL, "root could not be left");
}

static void warn_of_root(void)
{
	if (geteuid() == 0 && getpwnam(USUAL_USER))
		log_warn("mtastsd: runs as root; --user " USUAL_USER
			 " would bind the ports and leave");
}

bool run_as(const char *user, const struct config *c, struct err *err)
{
	const struct passwd *p;

	if (!user) {
		warn_of_root();
		return true;
	}
	p = getpwnam(user);
	if (!p) {
		err_set(err, ERR_INPUT, "there is no user %.64s", user);
		return err_hint(err,
				"make one: useradd --system --home-dir %s "
				"--shell /usr/sbin/nologin %.32s; its groups "
				"are in mtastsd(8), \"Without systemd\"",
				c->state_dir, user);
	}
	if (geteuid() == p->pw_uid)
		return true;
	if (geteuid() != 0) {
		err_set(err, ERR_INPUT, "only root can become %s", p->pw_name);
		return err_hint(err, "leave --user out, or start it as root");
	}
	return make_folder(c->state_dir, 0700, p, err) &&
	       make_folder(c->run_dir, 0755, p, err) && become(p, err);
}
