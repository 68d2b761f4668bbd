/*
 * A disk that fails, for LD_PRELOAD: writes and syncs of files below
 * FAULTYDISK_FOLDER, as the words in the file FAULTYDISK_CONTROL say, which a
 * test changes while the program runs. EAGAIN: they hang, for as long as that is
 * said and none is to go well first.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct control {
	atomic_int skip;   /* so many calls go well first */
	atomic_int fail;   /* then so many fail ... */
	atomic_int error;  /* ... with this errno */
	atomic_int failed; /* counts them */
};

static struct control *control;
static const char *folder;

static void set_up(void)
{
	const char *path = getenv("FAULTYDISK_CONTROL");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *at;

	folder = getenv("FAULTYDISK_FOLDER");
	if (fd < 0 || !folder)
		return;
	at = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED,
		  fd, 0);
	close(fd);
	control = at == MAP_FAILED ? NULL : at;
}

static int is_ours(int fd)
{
	char link[40], path[512];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	return n > 0 && strncmp(path, folder, strlen(folder)) == 0;
}

/* Takes one of what is left, if there is any. */
static int take(atomic_int *left)
{
	int n = atomic_load(left);

	while (n > 0)
		if (atomic_compare_exchange_weak(left, &n, n - 1))
			return 1;
	return 0;
}

static int fails(int fd)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, set_up);
	if (!control || !atomic_load(&control->fail) || !is_ours(fd) ||
	    take(&control->skip) || !take(&control->fail))
		return 0;
	atomic_fetch_add(&control->failed, 1);
	if (atomic_load(&control->error) == EAGAIN) {
		while (atomic_load(&control->error) == EAGAIN &&
		       !atomic_load(&control->skip))
			usleep(10000);
		return 0;
	}
	errno = atomic_load(&control->error);
	return 1;
}

/* A full disk can still be synced. */
static int fails_to_sync(int fd)
{
	return control && atomic_load(&control->error) != ENOSPC && fails(fd);
}

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */
ssize_t write(int fd, const void *data, size_t len)
{
	return fails(fd) ? -1 : syscall(SYS_write, fd, data, len);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
	return fails(fd) ? -1 : syscall(SYS_pwrite64, fd, data, len, at);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at)
{
	return fails(fd) ? -1 : syscall(SYS_pwrite64, fd, data, len, at);
}

int ftruncate(int fd, off_t len)
{
	return fails(fd) ? -1 : (int)syscall(SYS_ftruncate, fd, len);
}

int ftruncate64(int fd, off64_t len)
{
	return fails(fd) ? -1 : (int)syscall(SYS_ftruncate, fd, len);
}

int fsync(int fd)
{
	return fails_to_sync(fd) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	return fails_to_sync(fd) ? -1 : (int)syscall(SYS_fdatasync, fd);
}
/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
