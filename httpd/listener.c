#include "httpd/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"

#define LISTEN_BACKLOG 1024

/* "[::]:443" and "0.0.0.0:443" into their two parts, both numeric. */
static bool split(const char *address, char host[static 64],
		  char port[static 8])
{
	const char *colon = strrchr(address, ':');
	size_t len = colon ? (size_t)(colon - address) : 0;
	long number;

	if (!len || !str_to_long(colon + 1, strlen(colon + 1), 65535, &number))
		return false;
	if (address[0] == '[' && len > 2 && address[len - 1] == ']') {
		address++;
		len -= 2;
	} else if (memchr(address, ':', len)) {
		return false;	/* IPv6 without brackets: where is the port? */
	}
	if (len >= 64)
		return false;
	memcpy(host, address, len);
	host[len] = '\0';
	snprintf(port, 8, "%ld", number);
	return true;
}

static struct addrinfo *resolve(const char *address, struct err *err)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *found = NULL;
	char host[64], port[8];

	if (split(address, host, port) &&
	    getaddrinfo(host, port, &hints, &found) == 0)
		return found;
	err_set(err, ERR_INPUT, "\"%.80s\" is not an address to listen on",
		address);
	err_hint(err, "write an IP address and a port: "
		      "0.0.0.0:443 or [::]:443");
	return NULL;
}

static bool set_options(int fd, int family)
{
	const int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return false;
	return family != AF_INET6 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY,
						&on, sizeof(on)) == 0;
}

static bool bind_failed(const char *address, struct err *err)
{
	int why = errno;

	err_sys(err, "listen on %s", address);
	if (why == EADDRINUSE) {
		err->kind = ERR_REFUSED;
		err_hint(err, "another program has this port: find it with "
			      "\"ss -ltnp\" and stop it, or listen on an "
			      "address that is free: listen_https, "
			      "listen_http");
	} else if (why == EACCES) {
		err->kind = ERR_REFUSED;
		err_hint(err, "ports below 1024 are root's: with systemd the "
			      "socket units bind them, and \"systemctl status "
			      "mtastsd-https.socket mtastsd-http.socket\" says "
			      "why they do not; without, start it as root, "
			      "with --user");
	} else if (why == EADDRNOTAVAIL) {
		err->kind = ERR_REFUSED;
		err_hint(err, "this machine does not have that address: "
			      "\"ip address\" lists those it has");
	}
	return false;
}

bool listener_has_family(const char *address)
{
	struct addrinfo *at = resolve(address, NULL);
	int fd = at ? socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
	bool has = !at || fd >= 0 || errno != EAFNOSUPPORT;

	if (fd >= 0)
		close(fd);
	if (at)
		freeaddrinfo(at);
	return has;
}

bool listener_is_same(const char *a, const char *b)
{
	struct addrinfo *one = resolve(a, NULL), *other = resolve(b, NULL);
	bool is_same = one && other && one->ai_addrlen == other->ai_addrlen &&
		       memcmp(one->ai_addr, other->ai_addr, one->ai_addrlen) ==
			       0;

	if (one)
		freeaddrinfo(one);
	if (other)
		freeaddrinfo(other);
	return is_same;
}

static bool socket_failed(const char *address, struct err *err)
{
	int why = errno;

	err_sys(err, "socket for %s", address);
	if (why == EAFNOSUPPORT) {
		err->kind = ERR_REFUSED;
		err_hint(err, "this machine's kernel has no such addresses: "
			      "take it out of listen_https and listen_http");
	}
	return false;
}

int listener_bind(const char *address, struct err *err)
{
	struct addrinfo *at = resolve(address, err);
	int fd;

	if (!at)
		return -1;
	fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
		    0);
	if (fd < 0 || !set_options(fd, at->ai_family)) {
		socket_failed(address, err);
		goto fail;
	}
	if (bind(fd, at->ai_addr, at->ai_addrlen) < 0 ||
	    listen(fd, LISTEN_BACKLOG) < 0) {
		bind_failed(address, err);
		goto fail;
	}
	freeaddrinfo(at);
	return fd;

fail:
	if (fd >= 0)
		close(fd);
	freeaddrinfo(at);
	return -1;
}

unsigned listener_port(int fd)
{
	struct sockaddr_storage at = { 0 };
	socklen_t len = sizeof(at);

	if (getsockname(fd, (struct sockaddr *)&at, &len) < 0)
		return 0;
	if (at.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&at)->sin6_port);
	if (at.ss_family == AF_INET)
		return ntohs(((struct sockaddr_in *)&at)->sin_port);
	return 0;
}

bool listener_adopt(int fd, struct err *err)
{
	int flags = fcntl(fd, F_GETFL);

	return (flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0) ||
	       err_sys(err, "the passed socket %d", fd);
}

void listener_address(int fd, char out[static LISTENER_ADDRESS_SIZE])
{
	char host[INET6_ADDRSTRLEN] = "";
	struct sockaddr_storage at = { 0 };
	socklen_t len = sizeof(at);

	out[0] = '\0';
	if (getsockname(fd, (struct sockaddr *)&at, &len) < 0)
		return;
	if (at.ss_family == AF_INET6) {
		inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&at)->sin6_addr,
			  host, sizeof(host));
		snprintf(out, LISTENER_ADDRESS_SIZE, "[%s]:%u", host,
			 listener_port(fd));
	} else if (at.ss_family == AF_INET) {
		inet_ntop(AF_INET, &((struct sockaddr_in *)&at)->sin_addr, host,
			  sizeof(host));
		snprintf(out, LISTENER_ADDRESS_SIZE, "%s:%u", host,
			 listener_port(fd));
	}
}
