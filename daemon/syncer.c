#include "daemon/syncer.h"

#include <stdlib.h>

#include "base/errands.h"
#include "base/mem.h"

struct syncer {
	struct errands *errands;
	struct store *store;
	struct sync_job *head, **tail; /* who waits */
	struct sync_job *job;	       /* under way; or NULL */
};

struct sync_job {
	struct sync_job *next;
	struct syncer *syncer;
	sync_begin *begin; /* or NULL */
	sync_done *done;   /* NULL: nobody waits for it any more */
	void *arg;
	struct err err;
};

static void deliver(bool was_run, void *arg);

/* On the thread. */
static void carry_out(void *arg)
{
	struct sync_job *j = arg;

	store_sync(j->syncer->store, &j->err);
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
			errands_ask(s->errands, carry_out, deliver, s->job);
			return;
		}
		free(s->job);
		s->job = NULL;
	}
}

/* On control. */
static void deliver(bool was_run, void *arg)
{
	struct sync_job *j = arg;
	struct syncer *s = j->syncer;

	if (!was_run)
		carry_out(j); /* a stop leaves nothing that has begun */
	if (j->done)
		j->done(&j->err, j->arg);
	free(j);
	s->job = NULL; /* not before: its owner's turn is over now */
	go_on(s);
}

void syncer_queue(struct syncer *s, sync_begin *begin, sync_done *done,
		  void *arg)
{
	struct sync_job *j = xmalloc(sizeof(*j));

	*j = (struct sync_job){
		.syncer = s, .begin = begin, .done = done, .arg = arg
	};
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

struct syncer *syncer_start(struct loop *control, struct store *store,
			    struct err *err)
{
	struct syncer *s = xcalloc(1, sizeof(*s));

	s->tail = &s->head;
	s->store = store;
	s->errands = errands_start(control, "syncer", err);
	if (s->errands)
		return s;
	free(s);
	return NULL;
}

void syncer_stop(struct syncer *s)
{
	if (!s)
		return;
	if (s->job)
		s->job->done = NULL;
	while (s->head)
		free(take_first(s));
	errands_stop(s->errands);
	free(s);
}
