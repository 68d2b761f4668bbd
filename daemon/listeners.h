/*
 * The listening sockets of the world's side: those that were passed to us
 * (sd_listen_fds(3)), or else those that the configuration says, bound here.
 *
 * Who passes them keeps them open: while this process ends and the next one
 * starts, connections wait in the kernel, and none is refused.
 */
#ifndef DAEMON_LISTENERS_H
#define DAEMON_LISTENERS_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/config.h"
#include "daemon/health.h"
#include "httpd/listener.h"
#include "httpd/server.h"

struct listeners {
	int fd[HTTPD_LISTENERS_MAX];
	size_t count;
	bool is_passed; /* the configuration does not count, */
	bool differs;	/* and has others; or has others since a reload */
	char address[HTTPD_LISTENERS_MAX][LISTENER_ADDRESS_SIZE];
};

struct both_listeners {
	struct listeners https, http;
};

/*
 * For each of the two: what was passed under its name ("https", "http"), or
 * else by its usual port; if nothing was, what *c says. To be called once.
 * On failure nothing is open.
 */
bool listeners_open(struct both_listeners *l, const struct config *c,
		    struct err *err);

/*
 * Where they listen is put in the place of what *c said, at a reload too, for
 * what looks there must find it; and it is noted whether that differs.
 */
void listeners_note(struct both_listeners *l, struct config *c);

/* Would a restart make them others? */
bool listeners_await_restart(const struct listeners *l);

/* Does the file at `path` name others? For status. */
void listeners_judge(const struct both_listeners *l, const char *path,
		     struct findings *out);

/* httpd_start() has them now; or they are closed. */
void listeners_give(struct both_listeners *l, struct httpd_options *o);
void listeners_close(struct both_listeners *l);

#endif
