/*
 * A slow disk, for LD_PRELOAD: every fsync() and fdatasync() takes
 * SLOWSYNC_MS milliseconds longer than it would: "20", or "5-50" for a new
 * number in there each time.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void delay(void)
{
	const char *text = getenv("SLOWSYNC_MS");
	char *rest = NULL;
	long from = text ? strtol(text, &rest, 10) : 0;
	long to = rest && *rest == '-' ? strtol(rest + 1, NULL, 10) : from;
	long us = from * 1000;
	struct timespec left;

	if (to > from) /* NOLINTNEXTLINE: dice, no secret */
		us += random() % ((to - from) * 1000 + 1);
	left = (struct timespec){ us / 1000000, us % 1000000 * 1000 };
	while (us > 0 && nanosleep(&left, &left) < 0 && errno == EINTR)
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
