#include "base/errands.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/mem.h"

struct errands {
	struct loop *home, *loop; /* `loop`: NULL, when the thread has ended */
	pthread_t thread;
	atomic_bool is_stopping;
	struct errand *first, **last; /* all that are not done; home's */
};

/* Goes to the thread and comes back. */
struct errand {
	struct errand *next;
	struct errands *errands;
	struct loop *home;
	errand_run *run;
	errand_done *done;
	void *arg;
	bool was_run, is_told;
};

/* They come back in the order they went. */
static struct errand *take_first(struct errands *e)
{
	struct errand *first = e->first;

	e->first = first->next;
	if (!e->first)
		e->last = &e->first;
	return first;
}

/* At home. */
static void come_back(void *arg)
{
	struct errand *one = arg;

	if (!one->is_told) {
		take_first(one->errands);
		one->done(one->was_run, one->arg);
	}
	free(one);
}

/* On the thread; or at home, when that has ended. */
static void go(void *arg)
{
	struct errand *one = arg;

	if (!atomic_load(&one->errands->is_stopping)) {
		one->run(one->arg);
		one->was_run = true;
	}
	loop_post(one->home, come_back, one);
}

void errands_ask(struct errands *e, errand_run *run, errand_done *done,
		 void *arg)
{
	struct errand *one = xmalloc(sizeof(*one));

	*one = (struct errand){ .errands = e,
				.home = e->home,
				.run = run,
				.done = done,
				.arg = arg };
	*e->last = one;
	e->last = &one->next;
	if (e->loop)
		loop_post(e->loop, go, one);
	else
		loop_post(e->home, come_back, one);
}

/* Signals are for control. */
static void *live(void *arg)
{
	struct errands *e = arg;
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	loop_run(e->loop);
	return NULL;
}

struct errands *errands_start(struct loop *home, const char *name,
			      struct err *err)
{
	struct errands *e = xcalloc(1, sizeof(*e));

	e->home = home;
	e->last = &e->first;
	e->loop = loop_new(err);
	if (e->loop && pthread_create(&e->thread, NULL, live, e) == 0) {
		pthread_setname_np(e->thread, name);
		return e;
	}
	err_set(err, ERR_INTERNAL, "the thread \"%s\" does not start", name);
	loop_free(e->loop);
	free(e);
	return NULL;
}

void errands_stop(struct errands *e)
{
	if (!e)
		return;
	atomic_store(&e->is_stopping, true);
	loop_stop(e->loop);
	pthread_join(e->thread, NULL);
	loop_free(e->loop); /* what is still posted comes back, not run */
	e->loop = NULL;
	while (e->first) {
		struct errand *one = take_first(e);

		one->is_told = true; /* freed when it comes back */
		one->done(one->was_run, one->arg);
	}
	free(e);
}
