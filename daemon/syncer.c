#include "daemon/syncer.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/mem.h"

struct syncer {
	struct loop *control, *loop;
	struct store *store;
	pthread_t thread;
	struct sync_job *job; /* under way; or NULL */
};

/* Goes to the thread and comes back. */
struct sync_job {
	struct syncer *syncer; /* NULL: nobody waits for it any more */
	struct loop *control;
	struct store *store;
	sync_done *done;
	void *arg;
	struct err err;
};

/* On control. */
static void deliver(void *arg)
{
	struct sync_job *j = arg;

	if (j->syncer) {
		j->syncer->job = NULL;
		j->done(&j->err, j->arg);
	}
	free(j);
}

/* On the thread. */
static void carry_out(void *arg)
{
	struct sync_job *j = arg;

	store_sync(j->store, &j->err);
	loop_post(j->control, deliver, j);
}

void syncer_ask(struct syncer *s, sync_done *done, void *arg)
{
	assert(!s->job);
	s->job = xmalloc(sizeof(*s->job));
	*s->job = (struct sync_job){ .syncer = s,
				     .control = s->control,
				     .store = s->store,
				     .done = done,
				     .arg = arg };
	loop_post(s->loop, carry_out, s->job);
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
	loop_free(s->loop); /* what is still posted runs here */
	free(s);
}

struct syncer *syncer_start(struct loop *control, struct store *store,
			    struct err *err)
{
	struct syncer *s = xcalloc(1, sizeof(*s));

	s->control = control;
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
