#include "daemon/archive.h"

#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/steady.h"
#include "base/str.h"
#include "base/when.h"
#include "daemon/health.h"
#include "store/archive.h"

#define SOON	     2		       /* seconds, after the start */
#define LOOK_EVERY   WHEN_MINUTE       /* is one due? */
#define RETRY_AFTER  (5 * WHEN_MINUTE) /* after a failure */
#define HANGS_MS     (5 * WHEN_MINUTE * 1000)
#define LATE_FACTOR  3 /* intervals */
#define LEAVE_WITHIN 3 /* seconds, of a stop */

/* The thread's, until it is posted; one that is left is the thread's to free. */
struct turn {
	struct archive *archive; /* NULL: it is not waited for any more */
	struct loop *home;
	pthread_t thread;
	char *state_dir;
	struct archive_settings settings;
	time_t now;
	bool is_time_known;
	struct archive_found found;
	struct err err;
	atomic_bool is_unwanted;
	atomic_llong alive_ms; /* steady_ms(), when it last went on */
	pthread_mutex_t lock;  /* the two below */
	bool is_left, is_posted;
	bool is_joined;
};

struct archive {
	struct archive_parts parts;
	struct event *timer;
	struct turn *turn; /* under way, or NULL */
	time_t since;
	bool has_looked;
	struct archive_found found;
	struct err problem;
	char folder[sizeof(((struct archive_settings *)0)->folder)];
};

static time_t now_of(const struct archive *a)
{
	return a->parts.now(a->parts.arg);
}

static const struct archive_settings *settings_of(const struct archive *a)
{
	return &a->parts.config->archive;
}

/* ---- on the thread ---- */

static bool goes_on(void *arg)
{
	struct turn *t = arg;

	atomic_store(&t->alive_ms, steady_ms());
	return !atomic_load(&t->is_unwanted);
}

static void come_back(void *arg);

static void turn_free(struct turn *t)
{
	if (!t->is_joined)
		pthread_join(t->thread, NULL);
	pthread_mutex_destroy(&t->lock);
	free(t->state_dir);
	free(t);
}

static void *run(void *arg)
{
	struct turn *t = arg;
	const struct store_options options = { .dir = t->state_dir };
	const struct archive_task task = { .options = &options,
					   .settings = &t->settings,
					   .now = t->now,
					   .is_time_known = t->is_time_known,
					   .go_on = goes_on,
					   .arg = t };
	sigset_t all;
	bool is_left;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	archive_turn(&task, &t->found, &t->err);
	pthread_mutex_lock(&t->lock);
	is_left = t->is_left;
	t->is_posted = !is_left;
	if (!is_left)
		loop_post(t->home, come_back, t);
	pthread_mutex_unlock(&t->lock);
	if (is_left)
		turn_free(t);
	return NULL;
}

/* ---- on control ---- */

static void say(struct archive *a, const struct turn *t)
{
	if (t->err.kind != ERR_NONE && !streq(t->err.text, a->problem.text))
		log_warn("backup: %s", t->err.text);
	else if (t->err.kind == ERR_NONE && t->found.newest == t->now)
		log_info("backup: %lld bytes written to %s, where %ld are now",
			 (long long)t->found.size, t->settings.folder,
			 t->found.count);
}

static void set_timer(struct archive *a, long seconds)
{
	const struct timeval tv = { .tv_sec = seconds };

	event_add(a->timer, &tv);
}

/* What is there is not forgotten because nobody can look. */
static void take(struct archive *a, const struct turn *t)
{
	a->turn = NULL;
	say(a, t);
	a->has_looked = true;
	a->problem = t->err;
	if (t->err.kind == ERR_NONE || t->found.newest)
		a->found = t->found;
	set_timer(a, t->err.kind == ERR_NONE ? LOOK_EVERY : RETRY_AFTER);
}

static void come_back(void *arg)
{
	struct turn *t = arg;
	struct archive *a = t->archive;

	if (a)
		take(a, t);
	turn_free(t);
}

static void begin(struct archive *a)
{
	struct turn *t = xcalloc(1, sizeof(*t));

	t->archive = a;
	t->home = a->parts.loop;
	t->state_dir = xstrdup(a->parts.config->state_dir);
	t->settings = *settings_of(a);
	t->now = now_of(a);
	t->is_time_known = a->parts.is_time_known(a->parts.arg);
	atomic_store(&t->alive_ms, steady_ms());
	pthread_mutex_init(&t->lock, NULL);
	if (pthread_create(&t->thread, NULL, run, t) == 0) {
		pthread_setname_np(t->thread, "archive");
		a->turn = t;
		return;
	}
	t->is_joined = true; /* there is none */
	turn_free(t);
	err_set(&a->problem, ERR_AGAIN, "its thread does not start");
	set_timer(a, RETRY_AFTER);
}

/*
 * Where the newest is known and all is well, the folder is left alone until one
 * is due.
 */
static bool is_due(const struct archive *a)
{
	time_t now = now_of(a), newest = a->found.newest;

	return a->problem.kind != ERR_NONE || !newest || newest > now ||
	       now - newest >= settings_of(a)->every;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct archive *a = arg;

	(void)fd;
	(void)what;
	if (!*settings_of(a)->folder || a->turn)
		return;
	if (is_due(a))
		begin(a);
	else
		set_timer(a, LOOK_EVERY);
}

/* ---- what is told of it ---- */

static bool hangs(const struct archive *a)
{
	return a->turn &&
	       steady_ms() - atomic_load(&a->turn->alive_ms) > HANGS_MS;
}

static bool is_late(const struct archive *a)
{
	time_t from = a->found.newest ? a->found.newest : a->since;

	return now_of(a) - from > LATE_FACTOR * settings_of(a)->every;
}

static void find_problem(const struct archive *a, struct err *out)
{
	*out = a->problem;
	if (hangs(a)) {
		err_set(out, ERR_AGAIN, "%s does not answer", a->folder);
		err_hint(out, "see whether what is mounted there is well; the "
			      "box goes on without it");
	} else if (out->kind == ERR_NONE && is_late(a)) {
		err_set(out, ERR_AGAIN, "none has been made for long");
	}
}

void archive_status(const struct archive *a, struct archive_status *out)
{
	const struct archive_settings *s = settings_of(a);

	*out = (struct archive_status){ .is_on = *s->folder != '\0',
					.folder = s->folder,
					.every = s->every };
	if (!out->is_on)
		return;
	out->is_known = a->has_looked || hangs(a);
	out->newest = a->found.newest;
	out->count = a->found.count;
	out->size = a->found.size;
	out->is_late = is_late(a);
	find_problem(a, &out->problem);
}

void archive_judge(const struct archive *a, struct findings *out)
{
	char at[INSTANT_TEXT] = "";
	struct archive_status s;

	archive_status(a, &s);
	if (!s.is_on || s.problem.kind == ERR_NONE)
		return;
	if (s.newest)
		instant_format(s.newest, at);
	findings_add(out, "backup.failed",
		     s.is_late ? HEALTH_ERROR : HEALTH_WARNING, s.problem.hint,
		     "no backup is written to %s: %s%s%s", s.folder,
		     s.problem.text, *at ? "; the last one is of " : "", at);
}

/* ---- life ---- */

static void give_up(struct turn *t)
{
	t->archive = NULL;
	atomic_store(&t->is_unwanted, true);
}

/* False: it has ended, and comes back. Else it is not ours any more. */
static bool leave(struct turn *t)
{
	bool is_posted;

	pthread_mutex_lock(&t->lock);
	is_posted = t->is_posted;
	if (!is_posted) {
		t->is_left = t->is_joined = true;
		pthread_detach(t->thread);
	}
	pthread_mutex_unlock(&t->lock);
	return !is_posted;
}

/* It may hang there for hours yet. */
static void leave_folder(struct archive *a)
{
	struct turn *t = a->turn;

	a->turn = NULL;
	if (!t)
		return;
	log_info("backup: the one under way into %s is given up", a->folder);
	give_up(t);
	leave(t);
}

void archive_configure(struct archive *a)
{
	if (!streq(a->folder, settings_of(a)->folder)) {
		leave_folder(a);
		a->found = (struct archive_found){ .newest = 0 };
		a->since = now_of(a);
		a->has_looked = false;
		a->problem = (struct err)ERR_INIT;
		str_copy(a->folder, sizeof(a->folder), settings_of(a)->folder);
	}
	if (!a->turn)
		set_timer(a, 0);
}

struct archive *archive_start(const struct archive_parts *parts,
			      struct err *err)
{
	struct archive *a = xcalloc(1, sizeof(*a));

	a->parts = *parts;
	a->since = now_of(a);
	str_copy(a->folder, sizeof(a->folder), settings_of(a)->folder);
	a->timer = evtimer_new(loop_base(parts->loop), on_timer, a);
	if (!a->timer) {
		err_set(err, ERR_INTERNAL, "libevent gave no timer");
		archive_stop(a);
		return NULL;
	}
	set_timer(a, SOON);
	return a;
}

static bool ends_in_time(struct turn *t)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LEAVE_WITHIN;
	t->is_joined = pthread_timedjoin_np(t->thread, NULL, &until) == 0;
	return t->is_joined;
}

void archive_stop(struct archive *a)
{
	if (!a)
		return;
	if (a->turn) {
		give_up(a->turn);
		if (!ends_in_time(a->turn) && leave(a->turn))
			log_warn("backup: %s does not answer, and is not "
				 "waited for",
				 a->folder);
	}
	if (a->timer)
		event_free(a->timer);
	free(a);
}
