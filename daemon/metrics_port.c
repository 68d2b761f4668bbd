#include "daemon/metrics_port.h"

#include <event2/event.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "httpd/listener.h"

struct metrics_port {
	struct event *again;
	bool (*take)(int fd, void *arg, struct err *err);
	void *arg;
	char address[LISTENER_ADDRESS_SIZE];
	bool is_open;
	struct err why; /* it is not */
};

static bool try(struct metrics_port *m, struct err *err)
{
	int fd = listener_bind(m->address, err);

	return fd >= 0 && m->take(fd, m->arg, err);
}

static void wait_for_it(struct metrics_port *m, const struct err *why)
{
	static const struct timeval pace = { .tv_sec = METRICS_PORT_AGAIN };

	if (!streq(m->why.text, why->text))
		log_error("mtastsd: metrics_listen: %s: there are no metrics "
			  "by TCP",
			  why->text);
	m->why = *why;
	event_add(m->again, &pace);
}

static void listen_now(struct metrics_port *m)
{
	struct err err = ERR_INIT;

	m->is_open = try(m, &err);
	if (!m->is_open) {
		wait_for_it(m, &err);
		return;
	}
	if (m->why.kind != ERR_NONE)
		log_info("mtastsd: metrics can be had at %s now", m->address);
	m->why = (struct err)ERR_INIT;
}

static void on_time(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	listen_now(arg);
}

struct metrics_port *metrics_port_new(struct loop *loop,
				      bool (*take)(int fd, void *arg,
						   struct err *err),
				      void *arg, struct err *err)
{
	struct metrics_port *m = xcalloc(1, sizeof(*m));

	m->take = take;
	m->arg = arg;
	m->again = evtimer_new(loop_base(loop), on_time, m);
	if (m->again)
		return m;
	free(m);
	err_set(err, ERR_INTERNAL, "libevent gave no timer");
	return NULL;
}

void metrics_port_free(struct metrics_port *m)
{
	if (!m)
		return;
	event_free(m->again);
	free(m);
}

bool metrics_port_use(struct metrics_port *m, const char *address)
{
	if (m->is_open)
		return streq(m->address, address);
	event_del(m->again);
	m->why = (struct err)ERR_INIT;
	str_copy(m->address, sizeof(m->address), address);
	if (*address)
		listen_now(m);
	return true;
}

void metrics_port_judge(const struct metrics_port *m, struct findings *out)
{
	if (m->why.kind != ERR_NONE)
		findings_add(out, "box.metrics-port", HEALTH_WARNING,
			     "\"ss -ltnp\" says who has it; stop that one, or "
			     "change metrics_listen and reload mtastsd: it is "
			     "tried again every few seconds",
			     "there are no metrics by TCP: %s", m->why.text);
}
