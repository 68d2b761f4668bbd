#include "daemon/syncer.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/mem.h"

struct syncer {
	struct loop *control, *loop;
	struct store *store;
	pthread_t thread;
	struct sync_job *head, **tail; /* who waits */
	struct sync_job *job;	       /* under way; or NULL */
};

/* Waits, goes to the thread and comes back. */
struct sync_job {
	struct sync_job *next;
	struct syncer *syncer; /* NULL: it is no more */
	struct loop *control;
	struct store *store;
	sync_begin *begin; /* or NULL */
	sync_done *done;   /* NULL: nobody waits for it any more */
	void *arg;
	struct err err;
};

static void deliver(void *arg);

/* On the thread. */
static void carry_out(void *arg)
{
	struct sync_job *j = arg;

	store_sync(j->store, &j->err);
	loop_post(j->control, deliver, j);
}

static struct sync_job *take_first(struct syncer *s)
{
	struct sync_job *j = s->head;

	s->head = j->next;
	if (!s->head)
		s->tail = &s->head;
	return j;
}

/* What `begin` and `done` ask for in turn waits behind the others. */
static void go_on(struct syncer *s)
{
	while (!s->job && s->head) {
		s->job = take_first(s);
		if (!s->job->begin || s->job->begin(s->job->arg)) {
			loop_post(s->loop, carry_out, s->job);
			return;
		}
		free(s->job);
		s->job = NULL;
	}
}

/* On control. */
static void deliver(void *arg)
{
	struct sync_job *j = arg;
	struct syncer *s = j->syncer;

	if (s && j->done)
		j->done(&j->err, j->arg);
	free(j);
	if (!s)
		return;
	s->job = NULL; /* not before: its owner's turn is over now */
	go_on(s);
}

void syncer_queue(struct syncer *s, sync_begin *begin, sync_done *done,
		  void *arg)
{
	struct sync_job *j = xmalloc(sizeof(*j));

	*j = (struct sync_job){ .syncer = s,
				.control = s->control,
				.store = s->store,
				.begin = begin,
				.done = done,
				.arg = arg };
	*s->tail = j;
	s->tail = &j->next;
	go_on(s);
}

void syncer_ask(struct syncer *s, sync_done *done, void *arg)
{
	syncer_queue(s, NULL, done, arg);
}

void syncer_forget(struct syncer *s, void *arg)
{
	struct sync_job **at = &s->head, *j;

	if (s->job && s->job->arg == arg)
		s->job->done = NULL;
	while ((j = *at) != NULL) {
		if (j->arg != arg) {
			at = &j->next;
			continue;
		}
		*at = j->next;
		free(j);
	}
	s->tail = at;
}

/* Signals are for control. */
static void *run(void *arg)
{
	struct syncer *s = arg;
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	pthread_setname_np(pthread_self(), "syncer");
	loop_run(s->loop);
	return NULL;
}

static void syncer_free(struct syncer *s)
{
	while (s->head)
		free(take_first(s));
	loop_free(s->loop); /* what is still posted runs here */
	free(s);
}

struct syncer *syncer_start(struct loop *control, struct store *store,
			    struct err *err)
{
	struct syncer *s = xcalloc(1, sizeof(*s));

	s->control = control;
	s->tail = &s->head;
	s->store = store;
	s->loop = loop_new(err);
	if (s->loop && pthread_create(&s->thread, NULL, run, s) == 0)
		return s;
	err_set(err, ERR_INTERNAL, "the syncer's thread does not start");
	syncer_free(s);
	return NULL;
}

void syncer_stop(struct syncer *s)
{
	if (!s)
		return;
	if (s->job)
		s->job->syncer = NULL;
	loop_stop(s->loop);
	pthread_join(s->thread, NULL);
	syncer_free(s);
}
