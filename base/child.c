#include "base/child.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

#define PIPE_ROOM 65536 /* bytes, as Linux makes them */

struct child {
	pid_t pid; /* and its process group */
	int pidfd;
	struct event *ended; /* with the time-out */
	int output_fd;	     /* -1: it is not kept */
	struct event *said;
	struct buf output;
	char *program;
	char *end_hint; /* or NULL */
	child_done *done;
	void *arg;
};

/* ---- starting ---- */

/* The input as a file in memory: no pipe that somebody has to feed. */
static int input_file(const char *input, struct err *err)
{
	size_t len = strlen(input);
	int fd = memfd_create("child", MFD_CLOEXEC);

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

/* Both kinds of output to `out`, or to where our errors go. */
static void set_files(posix_spawn_file_actions_t *actions, int in, int out)
{
	posix_spawn_file_actions_init(actions);
	posix_spawn_file_actions_adddup2(actions, in, STDIN_FILENO);
	if (out >= 0)
		posix_spawn_file_actions_adddup2(actions, out, STDERR_FILENO);
	posix_spawn_file_actions_adddup2(actions, STDERR_FILENO, STDOUT_FILENO);
	posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
}

static bool spawn(struct child *c, const struct child_task *task, int in,
		  int out, struct err *err)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int rc;

	set_files(&actions, in, out);
	set_attributes(&attr);
	rc = posix_spawn(&c->pid, task->argv[0], &actions, &attr,
			 (char *const *)task->argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	if (rc == 0)
		return true;
	c->pid = 0;
	errno = rc;
	err_sys(err, "%s does not start", task->argv[0]);
	return task->start_hint ? err_hint(err, "%s", task->start_hint) : false;
}

/* ---- what it says ---- */

/* What is too much is read and dropped: it is not to wait for us. */
static void on_said(evutil_socket_t fd, short what, void *arg)
{
	struct child *c = arg;
	char part[1024];
	ssize_t n = read(fd, part, sizeof(part));

	(void)what;
	if (n > 0) {
		size_t room = c->output.max - c->output.len;

		buf_add(&c->output, part, (size_t)n < room ? (size_t)n : room);
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		event_del(c->said);
	}
}

/* What is in the pipe when it has ended; others may still hold that open. */
static void hear_rest(struct child *c)
{
	for (int i = 0; c->said && i < PIPE_ROOM / 1024; i++)
		on_said(c->output_fd, EV_READ, c);
}

/* The writing end, or -1; *ok is false, with err set, if that is a failure. */
static int open_output(struct child *c, bool is_kept, bool *ok, struct err *err)
{
	int ends[2];

	*ok = !is_kept || pipe2(ends, O_CLOEXEC) == 0 ||
	      err_sys(err, "no pipe for a command's output");
	if (!is_kept || !*ok)
		return -1;
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	c->output_fd = ends[0];
	return ends[1];
}

/* ---- ending ---- */

static void child_free(struct child *c)
{
	if (c->ended)
		event_free(c->ended);
	if (c->said)
		event_free(c->said);
	if (c->output_fd >= 0)
		close(c->output_fd);
	buf_release(&c->output);
	free(c->end_hint);
	if (c->pidfd >= 0)
		close(c->pidfd);
	free(c->program);
	free(c);
}

/* The whole group: what it has started is not to outlive it. */
static void kill_group(const struct child *c)
{
	kill(-c->pid, SIGKILL);
	waitpid(c->pid, NULL, 0);
}

static void say_status(const struct child *c, int status, struct err *err)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return;
	if (WIFEXITED(status))
		err_set(err, ERR_AGAIN, "%s ended with status %d", c->program,
			WEXITSTATUS(status));
	else
		err_set(err, ERR_AGAIN, "%s was ended by signal %d", c->program,
			WTERMSIG(status));
	if (c->end_hint)
		err_hint(err, "%s", c->end_hint);
}

/* It is gone before its caller hears of it, but for what it said. */
static void finish(struct child *c, const struct err *result)
{
	child_done *done = c->done;
	void *arg = c->arg;
	char *output = buf_take(&c->output);

	child_free(c);
	done(result, output, arg);
	free(output);
}

static void on_ended(evutil_socket_t fd, short what, void *arg)
{
	struct child *c = arg;
	struct err result = ERR_INIT;
	int status = 0;

	(void)fd;
	if (what & EV_READ && waitpid(c->pid, &status, WNOHANG) == c->pid) {
		say_status(c, status, &result);
	} else {
		kill_group(c);
		err_set(&result, ERR_AGAIN, "%s did not end in time",
			c->program);
	}
	hear_rest(c);
	finish(c, &result);
}

void child_kill(struct child *c)
{
	if (!c)
		return;
	kill_group(c);
	child_free(c);
}

/* ---- both ---- */

static bool watch(struct child *c, struct loop *loop, long timeout_ms,
		  struct err *err)
{
	struct timeval late = { timeout_ms / 1000, timeout_ms % 1000 * 1000 };

	c->pidfd = pidfd_open(c->pid, 0);
	if (c->pidfd >= 0)
		c->ended = event_new(loop_base(loop), c->pidfd, EV_READ,
				     on_ended, c);
	if (c->output_fd >= 0)
		c->said = event_new(loop_base(loop), c->output_fd,
				    EV_READ | EV_PERSIST, on_said, c);
	if (c->ended && event_add(c->ended, &late) == 0 &&
	    (c->output_fd < 0 || (c->said && event_add(c->said, NULL) == 0)))
		return true;
	err_sys(err, "%s cannot be watched", c->program);
	kill_group(c);
	return false;
}

static bool run(struct child *c, struct loop *loop,
		const struct child_task *task, int in, struct err *err)
{
	bool ok;
	int out = open_output(c, task->keeps_output, &ok, err);

	ok = ok && spawn(c, task, in, out, err) &&
	     watch(c, loop, task->timeout_ms, err);
	if (out >= 0)
		close(out);
	return ok;
}

struct child *child_start(struct loop *loop, const struct child_task *task,
			  child_done *done, void *arg, struct err *err)
{
	struct child *c;
	int in = input_file(task->input, err);
	bool ok;

	if (in < 0)
		return NULL;
	c = xcalloc(1, sizeof(*c));
	*c = (struct child){ .pidfd = -1,
			     .output_fd = -1,
			     .program = xstrdup(task->argv[0]),
			     .end_hint = xstrdup(task->end_hint),
			     .done = done,
			     .arg = arg };
	buf_init(&c->output,
		 task->output_max ? task->output_max : CHILD_OUTPUT_MAX);
	ok = run(c, loop, task, in, err);
	close(in);
	if (ok)
		return c;
	child_free(c);
	return NULL;
}
