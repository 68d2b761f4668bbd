/*
 * A slow disk, for LD_PRELOAD: every fsync() and fdatasync() takes
 * SLOWSYNC_MS milliseconds longer than it would.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void delay(void)
{
	const char *text = getenv("SLOWSYNC_MS");
	long ms = text ? strtol(text, NULL, 10) : 0;
	struct timespec left = { ms / 1000, ms % 1000 * 1000000 };

	while (ms > 0 && nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
int fsync(int fd)
{
	delay();
	return (int)syscall(SYS_fsync, fd);
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
int fdatasync(int fd)
{
	delay();
	return (int)syscall(SYS_fdatasync, fd);
}
