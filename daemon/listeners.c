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
		str_copy(l->address[l->count], sizeof(l->address[0]),
			 addresses[i]);
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

static bool has(const struct listeners *l, const char *address)
{
	for (size_t i = 0; i < l->count; i++)
		if (listener_is_same(l->address[i], address))
			return true;
	return false;
}

static bool are_same(const struct listeners *l, char (*said)[64], size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!has(l, said[i]))
			return false;
	return count == l->count;
}

/* That sockets are passed elsewhere than by default contradicts nobody. */
static void note(struct listeners *l, bool is_named, char (*to)[64],
		 size_t *count)
{
	l->differs = (is_named || !l->is_passed) && !are_same(l, to, *count);
	memset(to, 0, CONFIG_LIST_MAX * sizeof(*to));
	for (*count = 0; *count < l->count; (*count)++)
		str_copy(to[*count], sizeof(*to), l->address[*count]);
}

/* They are there, too, once httpd has the descriptors. */
void listeners_note(struct both_listeners *l, struct config *c)
{
	note(&l->https, c->names_https, c->listen_https,
	     &c->listen_https_count);
	note(&l->http, c->names_http, c->listen_http, &c->listen_http_count);
}

bool listeners_await_restart(const struct listeners *l)
{
	return l->differs && !l->is_passed;
}

/* "0.0.0.0:443, [::]:443" */
static void list(const struct listeners *l, char *out, size_t size)
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < l->count && len < size; i++)
		len += (size_t)snprintf(out + len, size - len, "%s%s",
					i ? ", " : "", l->address[i]);
}

static void judge(const struct listeners *l, const char *kind, const char *path,
		  struct findings *out)
{
	char where[256], hint[200];

	list(l, where, sizeof(where));
	if (l->is_passed) {
		snprintf(hint, sizeof(hint),
			 "take that line out; where systemd listens is set "
			 "by: systemctl edit mtastsd-%s.socket",
			 kind);
		findings_add(out, "port.not-used", HEALTH_WARNING, hint,
			     "listen_%s of %s is not used: mtastsd was given "
			     "its sockets, and they listen at %s",
			     kind, path, where);
	} else {
		findings_add(out, "port.not-yet", HEALTH_WARNING,
			     "restart mtastsd",
			     "listen_%s of %s has changed: until a restart "
			     "mtastsd listens at %s",
			     kind, path, where);
	}
}

void listeners_judge(const struct both_listeners *l, const char *path,
		     struct findings *out)
{
	if (l->https.differs)
		judge(&l->https, "https", path, out);
	if (l->http.differs)
		judge(&l->http, "http", path, out);
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
