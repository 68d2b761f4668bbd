#include "cli/report_apart.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/steady.h"
#include "base/str.h"
#include "base/wait_child.h"
#include "base/write_all.h"

#define PROGRAM	    "/proc/self/exe"
#define WORDS_MAX   16
#define OUTPUT_MAX  16384
#define CPU_SECONDS 20
#define PATIENCE_MS 90000 /* longer than it waits for the daemon */

/* Its standard input, output and error, as files in memory. */
struct files {
	int fd[3];
};

/* ---- files ---- */

/* None of the first three, should ours be closed. */
static int new_file(const char *name)
{
	int any = memfd_create(name, MFD_CLOEXEC), fd = -1;

	if (any >= 0) {
		fd = fcntl(any, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		close(any);
	}
	return fd;
}

static void close_files(struct files *f)
{
	for (int i = 0; i < 3; i++)
		if (f->fd[i] >= 0)
			close(f->fd[i]);
}

static bool open_files(struct files *f, const void *message, size_t len,
		       struct err *err)
{
	f->fd[0] = new_file("message");
	f->fd[1] = new_file("answer");
	f->fd[2] = new_file("words");
	return (f->fd[0] >= 0 && f->fd[1] >= 0 && f->fd[2] >= 0 &&
		write_all(f->fd[0], message, len) &&
		lseek(f->fd[0], 0, SEEK_SET) == 0) ||
	       err_sys(err, "no room for a message");
}

static void read_back(int fd, char text[static OUTPUT_MAX + 1])
{
	ssize_t n = pread(fd, text, OUTPUT_MAX, 0);

	text[n > 0 ? n : 0] = '\0';
}

/* ---- the process ---- */

static void set_words(const struct report_taker *t,
		      const char *words[static WORDS_MAX])
{
	size_t n = 0;

	words[n++] = "mtastsctl";
	words[n++] = "report";
	words[n++] = "import";
	words[n++] = "-";
	words[n++] = "--json";
	words[n++] = "--via";
	words[n++] = t->via;
	words[n++] = "--socket";
	words[n++] = api_socket(t->api);
	if (t->server) {
		words[n++] = "--auth-results";
		words[n++] = t->server;
	}
	if (t->requires_dkim)
		words[n++] = "--require-dkim";
	words[n] = NULL;
}

/*
 * Of memory it has what drop_root() left to us. Of time the kernel says SIGXCPU
 * only below the hard limit, and there SIGKILL, as anybody may.
 */
static void set_limits(void)
{
	static const struct {
		int what;
		struct rlimit is;
	} limits[] = {
		{ RLIMIT_CPU, { CPU_SECONDS, CPU_SECONDS + 1 } },
		{ RLIMIT_FSIZE, { OUTPUT_MAX, OUTPUT_MAX } },
		{ RLIMIT_CORE, { 0, 0 } },
#ifndef __SANITIZE_ADDRESS__
		/* it starts nothing; a sanitizer does */
		{ RLIMIT_NPROC, { 0, 0 } },
#endif
	};

	for (size_t i = 0; i < ARRAY_LEN(limits); i++)
		setrlimit((__rlimit_resource_t)limits[i].what, &limits[i].is);
}

/* In the new process, up to its exec. */
static void become_reader(const struct files *f, const char *const *words)
{
	char *const nothing[] = { NULL };

	setpgid(0, 0);
	set_limits();
	for (int i = 0; i < 3; i++)
		if (dup2(f->fd[i], i) < 0)
			_exit(127);
	if (close_range(STDERR_FILENO + 1, ~0u, 0) == 0)
		execve(PROGRAM, (char *const *)words, nothing);
	_exit(127);
}

static bool start(const struct report_taker *t, const struct files *f,
		  pid_t *pid, struct err *err)
{
	const char *words[WORDS_MAX];

	set_words(t, words);
	*pid = fork();
	if (*pid == 0)
		become_reader(f, words);
	if (*pid < 0)
		return err_sys(err, "no process to read a message");
	setpgid(*pid, *pid); /* whoever of us is first */
	return true;
}

/* ---- what came of it ---- */

/* The first line, as it is behind "mtastsctl: ". */
static void set_said(const struct files *f, struct err *err)
{
	static const char prefix[] = "mtastsctl: ";
	char text[OUTPUT_MAX + 1];

	read_back(f->fd[2], text);
	text[strcspn(text, "\n")] = '\0';
	err_set(err, ERR_REFUSED, "%s",
		text + (str_starts(text, prefix) ? strlen(prefix) : 0));
}

static bool read_tally(const struct files *f, struct report_tally *tally)
{
	char text[OUTPUT_MAX + 1];
	json_t *sum;
	bool ok;

	read_back(f->fd[1], text);
	sum = json_loads(text, 0, NULL);
	ok = report_tally_read(tally, sum);
	json_decref(sum);
	return ok;
}

static enum report_fate fate_of(const struct report_tally *its)
{
	if (its->refused || its->unsigned_ || its->too_large)
		return REPORT_REFUSED;
	return its->no_report ? REPORT_NONE : REPORT_TAKEN;
}

static enum report_fate later(struct report_taker *t, bool is_over)
{
	t->later = EXIT_TEMPFAIL;
	t->is_over = is_over;
	return REPORT_LATER;
}

/* By an administrator, or for want of memory of others: it did nothing. */
static bool is_from_outside(int signal)
{
	return signal == SIGKILL || signal == SIGTERM || signal == SIGINT ||
	       signal == SIGHUP;
}

static enum report_fate was_ended(struct report_taker *t, int signal,
				  struct err *err)
{
	bool is_innocent = is_from_outside(signal);

	err_set(err, is_innocent ? ERR_AGAIN : ERR_REFUSED,
		"the process that read it was ended by signal %d", signal);
	if (is_innocent)
		return later(t, false);
	t->tally.messages++;
	t->tally.refused++;
	return REPORT_REFUSED;
}

static enum report_fate judge(struct report_taker *t, const struct files *f,
			      int status, struct err *err)
{
	struct report_tally its;
	int code = WEXITSTATUS(status);

	if (WIFSIGNALED(status))
		return was_ended(t, WTERMSIG(status), err);
	set_said(f, err);
	if (!read_tally(f, &its) ||
	    (code != EXIT_FINE && code != EXIT_TEMPFAIL)) {
		err_prefix(err, "the process that read it ended with status %d",
			   code);
		return later(t, code == EXIT_TEMPFAIL);
	}
	report_tally_add(&t->tally, &its);
	return code == EXIT_FINE ? fate_of(&its) : later(t, !its.put_off);
}

enum report_fate report_take_apart(struct report_taker *t, const void *data,
				   size_t len, int64_t until, struct err *err)
{
	int64_t usual = steady_ms() + PATIENCE_MS;
	enum report_fate fate;
	struct files f;
	int status = 0;
	pid_t pid;

	if (!open_files(&f, data, len, err) || !start(t, &f, &pid, err)) {
		fate = later(t, true);
	} else if (wait_child(pid, usual < until ? usual : until, &status)) {
		fate = judge(t, &f, status, err);
	} else {
		err_set(err, ERR_AGAIN,
			"the process that read it did not end in time");
		fate = later(t, false);
	}
	close_files(&f);
	return fate;
}
