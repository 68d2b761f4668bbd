/*
 * The TCP address where metrics can be had, if there is to be one.
 *
 * A port that another program has is no reason not to serve. It is tried again
 * until it is free, and status says so meanwhile.
 *
 * Control thread only.
 */
#ifndef DAEMON_METRICS_PORT_H
#define DAEMON_METRICS_PORT_H

#include "base/loop.h"
#include "daemon/health.h"

#define METRICS_PORT_AGAIN 5 /* seconds */

struct metrics_port;

/* `take` gets the listening socket, which is its own, whatever comes of it. */
struct metrics_port *metrics_port_new(struct loop *loop,
				      bool (*take)(int fd, void *arg,
						   struct err *err),
				      void *arg, struct err *err);
void metrics_port_free(struct metrics_port *m);

/*
 * From now on; "" is nowhere. False: it listens elsewhere already, which only a
 * restart changes.
 */
bool metrics_port_use(struct metrics_port *m, const char *address);

/* For status. */
void metrics_port_judge(const struct metrics_port *m, struct findings *out);

#endif
