/*
 * A kernel without IPv6 (ipv6.disable=1), for LD_PRELOAD.
 */
#include <errno.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */
int socket(int family, int type, int protocol)
{
	if (family == AF_INET6) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	return (int)syscall(SYS_socket, family, type, protocol);
}
/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
