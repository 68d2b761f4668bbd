#include "daemon/conn_limit.h"

#include <sys/stat.h>

static ino_t inode_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

bool conn_limit_admit(struct conn_limit *limit, int fd)
{
	size_t most = limit->most ? limit->most : CONN_LIMIT, i = 0;

	while (i < most && limit->slot[i].inode &&
	       inode_of(limit->slot[i].fd) == limit->slot[i].inode)
		i++;
	if (i == most)
		return false;
	limit->slot[i].fd = fd;
	limit->slot[i].inode = inode_of(fd);
	return true;
}
