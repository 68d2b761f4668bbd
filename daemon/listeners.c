#include "daemon/listeners.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

/* ---- passed ---- */

static const struct {
	const char *name;
	unsigned port;
	size_t offset;
} kinds[] = {
	{ "https", 443, offsetof(struct both_listeners, https) },
	{ "http", 80, offsetof(struct both_listeners, http) },
};

static struct listeners *kind_of(struct both_listeners *l, int fd,
				 const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (streq(name, kinds[i].name))
			return (void *)((char *)l + kinds[i].offset);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (listener_port(fd) == kinds[i].port)
			return (void *)((char *)l + kinds[i].offset);
	return NULL;
}

static bool refuse(int fd, const char *name, const char *why, struct err *err)
{
	err_set(err, ERR_REFUSED, "the passed socket %d (%s) %s", fd, name,
		why);
	return err_hint(err, "pass listening TCP sockets, with "
			     "FileDescriptorName=https or http in their "
			     "socket units");
}

static bool take_passed(struct both_listeners *l, int fd, const char *name,
			struct err *err)
{
	struct listeners *to;

	if (sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) <= 0 ||
	    !listener_port(fd))
		return refuse(fd, name, "does not listen for TCP", err);
	to = kind_of(l, fd, name);
	if (!to)
		return refuse(fd, name, "is neither for https nor for http",
			      err);
	if (to->count == HTTPD_LISTENERS_MAX)
		return refuse(fd, name, "is one too many", err);
	if (!listener_adopt(fd, err))
		return false;
	listener_address(fd, to->address[to->count]);
	to->fd[to->count++] = fd;
	to->is_passed = true;
	return true;
}

static void free_names(char **names, int count)
{
	for (int i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

/* Children are told nothing of them. */
static bool take_all_passed(struct both_listeners *l, struct err *err)
{
	char **names = NULL;
	int count = sd_listen_fds_with_names(true, &names);
	bool ok = true;

	for (int i = 0; i < count; i++) {
		int fd = SD_LISTEN_FDS_START + i;

		if (!ok || !take_passed(l, fd, names[i], err)) {
			ok = false;
			close(fd);
		}
	}
	if (count > 0)
		free_names(names, count);
	return ok;
}

/* ---- bound here ---- */

static bool bind_all(struct listeners *l, const char (*addresses)[64],
		     size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		int fd = listener_bind(addresses[i], err);

		if (fd < 0)
			return false;
		l->fd[l->count++] = fd;
	}
	return true;
}

bool listeners_open(struct both_listeners *l, const struct config *c,
		    struct err *err)
{
	*l = (struct both_listeners){ .https.count = 0 };
	if (c->lacks_ipv6)
		log_warn("mtastsd: this machine's kernel has no IPv6: it "
			 "listens on IPv4 alone, where nothing else is "
			 "configured");
	if (take_all_passed(l, err) &&
	    (l->https.is_passed || bind_all(&l->https, c->listen_https,
					    c->listen_https_count, err)) &&
	    (l->http.is_passed ||
	     bind_all(&l->http, c->listen_http, c->listen_http_count, err)))
		return true;
	listeners_close(l);
	return false;
}

/* ---- whose they are ---- */

static void note(const struct listeners *l, char (*to)[64], size_t *count)
{
	if (!l->is_passed)
		return;
	memset(to, 0, CONFIG_LIST_MAX * sizeof(*to));
	for (*count = 0; *count < l->count; (*count)++)
		str_copy(to[*count], sizeof(*to), l->address[*count]);
}

/* They are there, too, once httpd has the descriptors. */
void listeners_note(const struct both_listeners *l, struct config *c)
{
	note(&l->https, c->listen_https, &c->listen_https_count);
	note(&l->http, c->listen_http, &c->listen_http_count);
}

static void move(struct listeners *l, int *to, size_t *count)
{
	memcpy(to, l->fd, l->count * sizeof(*to));
	*count = l->count;
	for (size_t i = 0; i < l->count; i++)
		l->fd[i] = -1;
}

void listeners_give(struct both_listeners *l, struct httpd_options *o)
{
	move(&l->https, o->https_fds, &o->https_count);
	move(&l->http, o->http_fds, &o->http_count);
}

static void close_all(struct listeners *l)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->fd[i] >= 0)
			close(l->fd[i]);
	l->count = 0;
}

void listeners_close(struct both_listeners *l)
{
	close_all(&l->https);
	close_all(&l->http);
}
