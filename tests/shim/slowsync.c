/*
 * A slow disk, for LD_PRELOAD: every fsync() and fdatasync() takes
 * SLOWSYNC_MS milliseconds longer than it would: "20", or "5-50" for a new
 * number in there each time. And while there is a file SLOWSYNC_HANG, those of
 * the thread that waits for the disk do not come back.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void hang(void)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	const char *path = getenv("SLOWSYNC_HANG");
	char thread[16] = "";

	pthread_getname_np(pthread_self(), thread, sizeof(thread));
	while (path && !strcmp(thread, "syncer") && access(path, F_OK) == 0)
		nanosleep(&pause, NULL);
}

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
	hang();
	return (int)syscall(SYS_fsync, fd);
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
int fdatasync(int fd)
{
	delay();
	hang();
	return (int)syscall(SYS_fdatasync, fd);
}
