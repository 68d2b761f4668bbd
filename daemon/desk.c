#include "daemon/desk.h"

#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "store/backup.h"
#include "store/ballast.h"
#include "store/health.h"

#define DAMAGE_EVERY WHEN_HOUR /* it may have been mended */

struct job {
	struct desk *desk;
	const struct task *task;
	struct event *timer;
	struct err last; /* told once, not at each turn */
};

static bool copy_logs(struct desk *d, struct err *err);
static bool keep_ballast(struct desk *d, struct err *err);
static bool check_serve(struct desk *d, struct err *err);
static bool check_state(struct desk *d, struct err *err);
static bool check_certs(struct desk *d, struct err *err);
static bool back_up(struct desk *d, struct err *err);

enum { NO_TOPIC = -1 };

static const struct task {
	const char *what;
	bool (*run)(struct desk *d, struct err *err);
	int topic;	   /* enum desk_topic, told each time */
	long first, every; /* seconds */
} tasks[] = {
	{ "ballast", keep_ballast, NO_TOPIC, 0, 30 },
	{ "checkpoint", copy_logs, NO_TOPIC, 1, 1 },
	{ "serve.db", check_serve, DESK_SERVE_DB, 5, WHEN_DAY },
	{ "state.db", check_state, DESK_STATE_DB, 10, WHEN_DAY },
	{ "certificates", check_certs, NO_TOPIC, 15, WHEN_DAY },
	{ "backup", back_up, DESK_BACKUP, 20, WHEN_MINUTE },
};

struct desk {
	struct desk_options options;
	char *state_dir;
	struct loop *loop;
	struct job jobs[ARRAY_LEN(tasks)];
	atomic_bool is_over;
	pthread_t thread;
};

static struct store_options where(const struct desk *d)
{
	return (struct store_options){ .dir = d->state_dir };
}

static bool goes_on(void *arg)
{
	const struct desk *d = arg;

	return !atomic_load(&d->is_over);
}

/* ---- what control is told ---- */

struct letter {
	struct desk_options to;
	struct desk_news news;
};

static void deliver(void *arg)
{
	struct letter *l = arg;

	l->to.tell(&l->news, l->to.arg);
	free(l);
}

static void tell(const struct desk *d, const struct desk_news *news)
{
	struct letter *l = xmalloc(sizeof(*l));

	*l = (struct letter){ .to = d->options, .news = *news };
	loop_post(d->options.control, deliver, l);
}

/* ---- the tasks ---- */

static bool copy_logs(struct desk *d, struct err *err)
{
	return store_checkpoint(d->options.store, err);
}

static bool keep_ballast(struct desk *d, struct err *err)
{
	return ballast_make(d->state_dir, err);
}

static bool check_serve(struct desk *d, struct err *err)
{
	struct store_options o = where(d);

	return store_check(&o, STORE_SERVE_DB, goes_on, d, err);
}

static bool check_state(struct desk *d, struct err *err)
{
	struct store_options o = where(d);

	return store_check(&o, STORE_STATE_DB, goes_on, d, err);
}

static bool check_certs(struct desk *d, struct err *err)
{
	struct desk_news news = { .topic = DESK_CERTS };
	struct store_options o = where(d);
	int64_t from = 0;

	do {
		if (!cert_check(&o, &from, news.ids, &news.count, goes_on, d,
				err))
			return false;
		if (news.count)
			tell(d, &news);
	} while (from);
	return true;
}

static bool back_up(struct desk *d, struct err *err)
{
	struct store_options o = where(d);

	return backup_turn(&o, time(NULL), goes_on, d, err);
}

/* ---- what came of one ---- */

static void note(struct job *j, const struct err *err)
{
	struct desk_news news = { .err = *err };

	if (*err->text && !streq(err->text, j->last.text))
		log_warn("store: %s: %s", j->task->what, err->text);
	j->last = *err;
	if (j->task->topic == NO_TOPIC)
		return;
	news.topic = (enum desk_topic)j->task->topic;
	tell(j->desk, &news);
}

static void set_timer(struct job *j, long seconds)
{
	const struct timeval tv = { .tv_sec = seconds };

	event_add(j->timer, &tv);
}

static void run_job(evutil_socket_t fd, short what, void *arg)
{
	struct job *j = arg;
	struct err err = ERR_INIT;
	long pause = j->task->every;

	(void)fd;
	(void)what;
	if (!goes_on(j->desk))
		return;
	j->task->run(j->desk, &err);
	if (!goes_on(j->desk))
		return; /* it was ended, and has not failed */
	note(j, &err);
	if (err.kind != ERR_NONE && pause > DAMAGE_EVERY)
		pause = DAMAGE_EVERY;
	set_timer(j, pause);
}

/* ---- life ---- */

/* Signals are for control. */
static void *run(void *arg)
{
	struct desk *d = arg;
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	pthread_setname_np(pthread_self(), "desk");
	loop_run(d->loop);
	return NULL;
}

static void desk_free(struct desk *d)
{
	for (size_t i = 0; i < ARRAY_LEN(tasks); i++)
		if (d->jobs[i].timer)
			event_free(d->jobs[i].timer);
	loop_free(d->loop);
	free(d->state_dir);
	free(d);
}

static bool make_jobs(struct desk *d)
{
	for (size_t i = 0; i < ARRAY_LEN(tasks); i++) {
		struct job *j = &d->jobs[i];

		*j = (struct job){ .desk = d, .task = &tasks[i] };
		j->timer = evtimer_new(loop_base(d->loop), run_job, j);
		if (!j->timer)
			return false;
		set_timer(j, j->task->first);
	}
	return true;
}

struct desk *desk_start(const struct desk_options *options, struct err *err)
{
	struct desk *d = xcalloc(1, sizeof(*d));

	d->options = *options;
	d->state_dir = xstrdup(options->state_dir);
	d->loop = loop_new(err);
	if (d->loop && make_jobs(d) &&
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
	atomic_store(&d->is_over, true);
	loop_stop(d->loop);
	pthread_join(d->thread, NULL);
	desk_free(d);
}

static void check_serve_now(void *arg)
{
	struct desk *d = arg;

	for (size_t i = 0; i < ARRAY_LEN(tasks); i++)
		if (tasks[i].topic == DESK_SERVE_DB)
			set_timer(&d->jobs[i], 0);
}

void desk_check_serve(struct desk *d)
{
	loop_post(d->loop, check_serve_now, d);
}
