/*
 * How many connections are open, of those that were admitted.
 *
 * evhttp tells when it accepts one, but not when it closes one. So the
 * descriptors are remembered with the inode of their socket: a slot whose
 * descriptor is closed, or is another socket by now, is free again.
 */
#ifndef DAEMON_CONN_LIMIT_H
#define DAEMON_CONN_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define CONN_LIMIT 256

struct conn_limit {
	struct {
		int fd;
		ino_t inode;	/* 0: free */
	} slot[CONN_LIMIT];
	size_t most; /* of them; 0: all */
};

/* False, and nothing is remembered, if so many others are open. */
bool conn_limit_admit(struct conn_limit *limit, int fd);

#endif
