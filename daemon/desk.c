#include "daemon/desk.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/store.h"

struct desk {
	struct loop *loop;
	struct event *timer;
	char *state_dir;
	pthread_t thread;
	struct err last;	/* told once, not at each turn */
};

static void checkpoint(evutil_socket_t fd, short what, void *arg)
{
	struct desk *d = arg;
	struct store_options where = { .dir = d->state_dir };
	struct err err = ERR_INIT;

	(void)fd;
	(void)what;
	if (store_checkpoint(&where, &err)) {
		d->last = (struct err)ERR_INIT;
		return;
	}
	if (!streq(err.text, d->last.text))
		log_warn("store: checkpoint: %s", err.text);
	d->last = err;
}

static void *run(void *arg)
{
	struct desk *d = arg;

	loop_run(d->loop);
	return NULL;
}

static void desk_free(struct desk *d)
{
	if (d->timer)
		event_free(d->timer);
	loop_free(d->loop);
	free(d->state_dir);
	free(d);
}

struct desk *desk_start(const char *state_dir, struct err *err)
{
	static const struct timeval pace = { .tv_sec = 1 };
	struct desk *d = xcalloc(1, sizeof(*d));

	d->state_dir = xstrdup(state_dir);
	d->loop = loop_new(err);
	if (d->loop)
		d->timer = event_new(loop_base(d->loop), -1, EV_PERSIST,
				     checkpoint, d);
	if (d->timer && event_add(d->timer, &pace) == 0 &&
	    pthread_create(&d->thread, NULL, run, d) == 0)
		return d;
	err_set(err, ERR_INTERNAL, "the desk's thread does not start");
	desk_free(d);
	return NULL;
}

void desk_stop(struct desk *d)
{
	if (!d)
		return;
	loop_stop(d->loop);
	pthread_join(d->thread, NULL);
	desk_free(d);
}
