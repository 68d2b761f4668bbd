#include "httpd/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 4096	/* the kernel's own limit cuts it down */

/* "host:port" or "[v6]:port" into its two parts. */
static bool split(const char *address, char *host, size_t size,
		  const char **port, struct err *err)
{
	const char *colon = strrchr(address, ':');
	size_t len = colon ? (size_t)(colon - address) : 0;

	if (len > 2 && address[0] == '[' && address[len - 1] == ']') {
		address++;
		len -= 2;
	}
	if (!len || len >= size) {
		err_set(err, ERR_INPUT, "\"%.60s\" is no address to listen on",
			address);
		return err_hint(err, "write address:port, such as 0.0.0.0:443 "
				     "or [::]:443");
	}
	memcpy(host, address, len);
	host[len] = '\0';
	*port = colon + 1;
	return true;
}

static bool explain(const char *address, struct err *err)
{
	int cause = errno;

	err_sys(err, "listen on %s", address);
	err->kind = ERR_REFUSED;
	if (cause == EADDRINUSE)
		return err_hint(err, "another program has this port: "
				     "\"ss -ltnp\" shows which; stop it or "
				     "change listen_https or listen_http");
	if (cause == EACCES || cause == EPERM)
		return err_hint(err, "ports below 1024 need a privilege: start "
				     "it as root, by systemd, or with "
				     "CAP_NET_BIND_SERVICE");
	if (cause == EADDRNOTAVAIL)
		return err_hint(err, "no interface of this machine has that "
				     "address");
	return false;
}

static bool set_up(int fd, const struct addrinfo *ai)
{
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (ai->ai_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
		return false;
	return bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 &&
	       listen(fd, BACKLOG) == 0;
}

static int open_socket(const struct addrinfo *ai)
{
	return socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
		      0);
}

int listener_bind(const char *address, struct err *err)
{
	struct addrinfo want = { .ai_socktype = SOCK_STREAM,
				 .ai_flags = AI_PASSIVE | AI_NUMERICHOST |
					     AI_NUMERICSERV };
	struct addrinfo *ai;
	const char *port = NULL;
	char host[64];
	int fd;

	if (!split(address, host, sizeof(host), &port, err))
		return -1;
	if (getaddrinfo(host, port, &want, &ai) != 0) {
		err_set(err, ERR_INPUT, "\"%.60s\" is no address to listen on",
			address);
		return -1;
	}
	fd = open_socket(ai);
	if (fd < 0 || !set_up(fd, ai)) {
		explain(address, err);
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	freeaddrinfo(ai);
	return fd;
}

unsigned listener_port(int fd)
{
	struct sockaddr_storage at = { 0 };
	socklen_t len = sizeof(at);

	if (getsockname(fd, (struct sockaddr *)&at, &len) < 0)
		return 0;
	if (at.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)(void *)&at)->sin6_port);
	return ntohs(((struct sockaddr_in *)(void *)&at)->sin_port);
}
