#include "cli/fetch_secret.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/steady.h"
#include "base/wait_child.h"

#define SECRET_MAX    16384 /* tokens of Microsoft are about 2,000 */
#define SECRET_MS     30000 /* for a password too: its file may be a pipe */

/* False: there is nothing at the descriptor until then. */
static bool wait_for(int fd, int64_t until, struct err *err)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int64_t left;
	int n = -1;

	while (n < 0 && (left = until - steady_ms()) > 0) {
		n = poll(&p, 1, (int)left);
		if (n < 0 && errno != EINTR)
			return err_sys(err, "poll");
	}
	return n > 0 || err_set(err, ERR_AGAIN, "it did not end in time");
}

/* False: no end until then, or more than there is room for. */
static bool read_text(int fd, int64_t until, char text[static SECRET_MAX],
		      struct err *err)
{
	size_t len = 0;
	ssize_t n = 1;

	while (n > 0 && len < SECRET_MAX - 1) {
		if (!wait_for(fd, until, err))
			return false;
		n = read(fd, text + len, SECRET_MAX - 1 - len);
		if (n < 0 && errno != EINTR)
			return err_sys(err, "read");
		if (n < 0)
			n = 1;
		else
			len += (size_t)n;
	}
	text[len] = '\0';
	return n == 0 ||
	       err_set(err, ERR_INPUT, "more than %d bytes", SECRET_MAX - 1);
}

/* Its first line. It must not be empty. */
static char *read_secret(int fd, int64_t until, struct err *err)
{
	char text[SECRET_MAX];
	char *secret = NULL;

	if (!read_text(fd, until, text, err))
		return NULL;
	text[strcspn(text, "\r\n")] = '\0';
	if (*text)
		secret = xstrdup(text);
	else
		err_set(err, ERR_INPUT, "nothing is in its first line");
	explicit_bzero(text, sizeof(text));
	return secret;
}

char *fetch_password(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *secret = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		err_sys(err, "it cannot be opened");
	} else if (st.st_mode & (S_IROTH | S_IWOTH)) {
		err_set(err, ERR_INPUT, "everybody may read it");
		err_hint(err,
			 "chmod o= %s; and change the password, if others "
			 "have accounts here",
			 path);
	} else {
		secret = read_secret(fd, steady_ms() + SECRET_MS, err);
	}
	if (fd >= 0)
		close(fd);
	if (!secret)
		err_prefix(err, "password_file %s", path);
	return secret;
}

/* ---- a command ---- */

static int start(char *const *argv, int out, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int rc;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null",
					 O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP);
	rc = posix_spawn(pid, argv[0], &actions, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return rc;
}

/* How it ended says more than what it printed. */
static bool ended_well(pid_t pid, int64_t until, struct err *err)
{
	int status = 0;
	bool ok = wait_child(pid, until, &status);

	if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
		return err_set(err, ERR_AGAIN, "it ended with status %d",
			       WEXITSTATUS(status));
	return ok || err_set(err, ERR_AGAIN, "it did not end in time");
}

static char *run(char *const *argv, int64_t until, struct err *err)
{
	int ends[2], rc;
	char *secret;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0) {
		err_sys(err, "pipe");
		return NULL;
	}
	rc = start(argv, ends[1], &pid);
	close(ends[1]);
	if (rc != 0)
		err_set(err, ERR_INPUT, "%s", strerror(rc));
	secret = rc == 0 ? read_secret(ends[0], until, err) : NULL;
	/* First: one that finds nobody reads on ends with a status, too. */
	if (rc == 0 && !secret)
		kill(-pid, SIGKILL);
	close(ends[0]);
	if (rc == 0 && !ended_well(pid, until, err)) {
		free(secret);
		secret = NULL;
	}
	return secret;
}

char *fetch_token(char *const *argv, int64_t until, struct err *err)
{
	int64_t usual = steady_ms() + SECRET_MS;
	char *secret = run(argv, usual < until ? usual : until, err);

	if (!secret)
		err_prefix(err, "token_command %s", argv[0]);
	return secret;
}
