#include "daemon/watchdog.h"

#include <event2/event.h>
#include <stdint.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>

#include "base/log.h"
#include "base/mem.h"

#define FEEDS 4 /* within the time that the manager waits */
#define LONG_WORK_USEC "300000000" /* until the next sign of life */

struct watchdog {
	struct httpd *httpd;
	struct event *timer;
	long patience_ms; /* with a serving thread that says nothing */
	bool is_hungry;
};

static void say(struct watchdog *w, bool hangs)
{
	if (hangs && !w->is_hungry)
		log_error("mtastsd: a serving thread does not answer");
	else if (!hangs && w->is_hungry)
		log_info("mtastsd: all serving threads answer again");
	w->is_hungry = hangs;
}

static void feed(struct watchdog *w)
{
	bool is_well = httpd_silence_ms(w->httpd) < w->patience_ms;

	say(w, !is_well);
	if (is_well)
		sd_notify(0, "WATCHDOG=1");
}

static void on_time(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	feed(arg);
}

void watchdog_wait(struct watchdog *w)
{
	if (w)
		feed(w);
	else
		sd_notify(0, "EXTEND_TIMEOUT_USEC=" LONG_WORK_USEC);
}

static struct timeval pace_of(uint64_t us)
{
	uint64_t pace = us / FEEDS;

	return (struct timeval){ .tv_sec = (time_t)(pace / 1000000),
				 .tv_usec = (suseconds_t)(pace % 1000000) };
}

struct watchdog *watchdog_start(struct loop *loop, struct httpd *h,
				struct err *err)
{
	struct timeval pace;
	struct watchdog *w;
	uint64_t us = 0;

	if (sd_watchdog_enabled(0, &us) <= 0)
		return NULL;
	pace = pace_of(us);
	w = xcalloc(1, sizeof(*w));
	w->httpd = h;
	w->patience_ms = (long)(us / 1000 / 2);
	w->timer = event_new(loop_base(loop), -1, EV_PERSIST, on_time, w);
	if (w->timer && event_add(w->timer, &pace) == 0)
		return w;
	err_set(err, ERR_INTERNAL, "libevent gave no timer");
	watchdog_stop(w);
	return NULL;
}

void watchdog_stop(struct watchdog *w)
{
	if (!w)
		return;
	if (w->timer)
		event_free(w->timer);
	free(w);
}
