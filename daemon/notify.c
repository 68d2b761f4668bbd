#include "daemon/notify.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

struct notify {
	pid_t pid;		/* and its process group */
	int pidfd;
	struct event *ended;	/* with the time-out */
	char *program;
	notify_done *done;
	void *arg;
};

/* ---- starting ---- */

/* The input as a file in memory: no pipe that somebody has to feed. */
static int input_file(const char *input, struct err *err)
{
	size_t len = strlen(input);
	int fd = memfd_create("notify", MFD_CLOEXEC);

	if (fd >= 0 && write(fd, input, len) == (ssize_t)len &&
	    lseek(fd, 0, SEEK_SET) == 0)
		return fd;
	err_sys(err, "no room for a command's input");
	if (fd >= 0)
		close(fd);
	return -1;
}

/* What we ignore or block is not the command's way. */
static void set_attributes(posix_spawnattr_t *attr)
{
	sigset_t none, usual;

	sigemptyset(&none);
	sigemptyset(&usual);
	sigaddset(&usual, SIGPIPE);
	posix_spawnattr_init(attr);
	posix_spawnattr_setsigmask(attr, &none);
	posix_spawnattr_setsigdefault(attr, &usual);
	posix_spawnattr_setpgroup(attr, 0);
	posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK |
					       POSIX_SPAWN_SETSIGDEF |
					       POSIX_SPAWN_SETPGROUP);
}

static bool spawn(struct notify *n, const char *const *argv, int in,
		  struct err *err)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int rc;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO,
					 STDOUT_FILENO);
	posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
	set_attributes(&attr);
	rc = posix_spawn(&n->pid, argv[0], &actions, &attr,
			 (char *const *)argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	if (rc == 0)
		return true;
	n->pid = 0;
	errno = rc;
	err_sys(err, "%s does not start", argv[0]);
	return err_hint(err, "notify in mtastsd.conf must name a program that "
			     "mtastsd may run");
}

/* ---- ending ---- */

static void notify_free(struct notify *n)
{
	if (n->ended)
		event_free(n->ended);
	if (n->pidfd >= 0)
		close(n->pidfd);
	free(n->program);
	free(n);
}

/* The whole group: what it has started is not to outlive it. */
static void kill_group(const struct notify *n)
{
	kill(-n->pid, SIGKILL);
	waitpid(n->pid, NULL, 0);
}

static void say_status(const struct notify *n, int status, struct err *err)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return;
	if (WIFEXITED(status))
		err_set(err, ERR_AGAIN, "%s ended with status %d", n->program,
			WEXITSTATUS(status));
	else
		err_set(err, ERR_AGAIN, "%s was ended by signal %d",
			n->program, WTERMSIG(status));
	err_hint(err, "it must end with 0 once it has passed the alert on; "
		      "what it prints is in the daemon's log");
}

static void on_ended(evutil_socket_t fd, short what, void *arg)
{
	struct notify *n = arg;
	struct err result = ERR_INIT;
	notify_done *done = n->done;
	void *done_arg = n->arg;
	int status = 0;

	(void)fd;
	if (what & EV_READ && waitpid(n->pid, &status, WNOHANG) == n->pid) {
		say_status(n, status, &result);
	} else {
		kill_group(n);
		err_set(&result, ERR_AGAIN, "%s did not end in time",
			n->program);
	}
	notify_free(n);
	done(&result, done_arg);
}

void notify_kill(struct notify *n)
{
	if (!n)
		return;
	kill_group(n);
	notify_free(n);
}

/* ---- both ---- */

static bool watch(struct notify *n, struct loop *loop, long timeout_ms,
		  struct err *err)
{
	struct timeval late = { timeout_ms / 1000, timeout_ms % 1000 * 1000 };

	n->pidfd = pidfd_open(n->pid, 0);
	if (n->pidfd >= 0)
		n->ended = event_new(loop_base(loop), n->pidfd, EV_READ,
				     on_ended, n);
	if (n->ended && event_add(n->ended, &late) == 0)
		return true;
	err_sys(err, "%s cannot be watched", n->program);
	kill_group(n);
	return false;
}

struct notify *notify_start(struct loop *loop, const char *const *argv,
			    const char *input, long timeout_ms,
			    notify_done *done, void *arg, struct err *err)
{
	struct notify *n;
	int in = input_file(input, err);
	bool ok;

	if (in < 0)
		return NULL;
	n = xcalloc(1, sizeof(*n));
	*n = (struct notify){ .pidfd = -1, .program = xstrdup(argv[0]),
			      .done = done, .arg = arg };
	ok = spawn(n, argv, in, err) && watch(n, loop, timeout_ms, err);
	close(in);
	if (ok)
		return n;
	notify_free(n);
	return NULL;
}
