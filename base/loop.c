#include "base/loop.h"

#include <event2/thread.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"

struct message {
	struct message *next;
	void (*run)(void *arg);
	void *arg;
};

struct loop {
	struct event_base *base;
	struct event *wake;	/* active while messages wait */

	pthread_mutex_t lock;	/* guards head and tail */
	struct message *head, **tail;
};

static struct message *take_all(struct loop *loop)
{
	struct message *list;

	pthread_mutex_lock(&loop->lock);
	list = loop->head;
	loop->head = NULL;
	loop->tail = &loop->head;
	pthread_mutex_unlock(&loop->lock);
	return list;
}

static void run_messages(evutil_socket_t fd, short what, void *arg)
{
	struct message *m, *next;

	(void)fd;
	(void)what;
	for (m = take_all(arg); m; m = next) {
		next = m->next;
		m->run(m->arg);
		free(m);
	}
}

void loop_init_library(void)
{
	evthread_use_pthreads();
}

static struct event_base *make_base(bool is_busy)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config &&
	    (!is_busy ||
	     event_config_set_flag(config,
				   EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST) == 0))
		base = event_base_new_with_config(config);
	if (config)
		event_config_free(config);
	return base;
}

static struct loop *make(bool is_busy, struct err *err)
{
	struct loop *loop = xcalloc(1, sizeof(*loop));

	loop->tail = &loop->head;
	pthread_mutex_init(&loop->lock, NULL);
	loop->base = make_base(is_busy);
	if (loop->base)
		loop->wake = event_new(loop->base, -1, EV_PERSIST, run_messages,
				       loop);
	if (!loop->wake) {
		err_set(err, ERR_INTERNAL, "libevent gave no event loop");
		loop_free(loop);
		return NULL;
	}
	return loop;
}

struct loop *loop_new(struct err *err)
{
	return make(false, err);
}

struct loop *loop_new_busy(struct err *err)
{
	return make(true, err);
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	loop_drain(loop);
	if (loop->wake)
		event_free(loop->wake);
	if (loop->base)
		event_base_free(loop->base);
	pthread_mutex_destroy(&loop->lock);
	free(loop);
}

static bool has_messages(struct loop *loop)
{
	bool has;

	pthread_mutex_lock(&loop->lock);
	has = loop->head != NULL;
	pthread_mutex_unlock(&loop->lock);
	return has;
}

void loop_drain(struct loop *loop)
{
	while (has_messages(loop))	/* a message may post another */
		run_messages(-1, 0, loop);
}

struct event_base *loop_base(struct loop *loop)
{
	return loop->base;
}

void loop_run(struct loop *loop)
{
	event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY);
}

void loop_stop(struct loop *loop)
{
	event_base_loopexit(loop->base, NULL);
}

void loop_post(struct loop *loop, void (*run)(void *arg), void *arg)
{
	struct message *m = xmalloc(sizeof(*m));

	*m = (struct message){ .run = run, .arg = arg };
	pthread_mutex_lock(&loop->lock);
	*loop->tail = m;
	loop->tail = &m->next;
	pthread_mutex_unlock(&loop->lock);
	event_active(loop->wake, EV_READ, 0);
}

void loop_defer(struct loop *loop, void (*run)(void *arg), void *arg)
{
	loop_post(loop, run, arg);
}
