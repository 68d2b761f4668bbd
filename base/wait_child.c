#include "base/wait_child.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/steady.h"

static bool has_ended(int pidfd, int64_t until)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	int n;

	do {
		int64_t left = until - steady_ms();

		if (left > INT_MAX)
			left = INT_MAX;
		n = poll(&p, 1, left > 0 ? (int)left : 0);
	} while (n < 0 && errno == EINTR);
	return n > 0;
}

bool wait_child(pid_t pid, int64_t until, int *status)
{
	int pidfd = pidfd_open(pid, 0);
	bool ok = pidfd >= 0 && has_ended(pidfd, until);

	if (pidfd >= 0)
		close(pidfd);
	if (!ok)
		kill(-pid, SIGKILL);
	while (waitpid(pid, status, 0) < 0 && errno == EINTR)
		;
	return ok;
}
