#include "daemon/alerts_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "policy/domain_name.h"

#define PACE_MS	     1000
#define BUSY_PACE_MS 100	/* while there is more to look at */
#define FORGET_TURNS 600
#define LOG_TURNS    60		/* of what fails at each turn */

/* A machine whose clock steps has no other certificates than before. */
time_t alerts_now(const struct alerts *a)
{
	return engine_clock(a->parts.engine);
}

/* ---- raising ---- */

bool alerts_raise(struct alerts *a, const char *kind, const char *subject,
		  enum alert_level level, const char *hint, time_t now,
		  struct err *err, const char *fmt, ...)
{
	char text[sizeof(err->text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return alert_raise(a->parts.store,
			   &(struct alert){ .kind = kind, .subject = subject,
					    .level = level, .text = text,
					    .hint = hint },
			   now, err);
}

/* ---- the turns ---- */

static bool wake(struct alerts *a, time_t now, struct err *err)
{
	bool more;

	if (!alert_wake(a->parts.store, now, &more, err))
		return false;
	a->has_more |= more;
	return true;
}

static bool forget(struct alerts *a, time_t now, struct err *err)
{
	return a->turns % FORGET_TURNS != 0 ||
	       alert_forget(a->parts.store, now, err);
}

static const struct {
	const char *what;
	alerts_watch *watch;
} watchers[] = {
	{ "store", alerts_watch_store },
	{ "certificates", alerts_watch_certs },
	{ "domains", alerts_watch_domains },
	{ "CAs", alerts_watch_cas },
	{ "schedule", alerts_watch_schedule },
	{ "clock", alerts_watch_clock },
	{ "zone", alerts_watch_zone },
	{ "backup", alerts_watch_backup },
	{ "room of reports", alerts_watch_shed },
	{ "what is over", alerts_watch_review },
	{ "silences", wake },
	{ "old alerts", forget },
};

static bool look(struct alerts *a, size_t i, time_t now, struct err *err)
{
	struct store *s = a->parts.store;

	if (!store_begin(s, err))
		return false;
	if (watchers[i].watch(a, now, err))
		return store_commit(s, err);
	store_rollback(s);
	return false;
}

void alerts_could_not(struct alerts *a, const char *what,
		      const struct err *why)
{
	if (store_health(a->parts.store, NULL) == STORE_FINE)
		log_warn("alerts: %s: %s", what, why->text);
}

static void step_look(struct alerts *a, size_t i, time_t now)
{
	struct err err = ERR_INIT;

	if (look(a, i, now, &err))
		return;
	a->is_written = false;
	if (a->turns % LOG_TURNS == 0)
		alerts_could_not(a, watchers[i].what, &err);
}

static void after(struct alerts *a, long ms)
{
	event_add(a->timer, &(struct timeval){ ms / 1000, ms % 1000 * 1000 });
}

static void end_turn(struct alerts *a, time_t now)
{
	alerts_watch_unwritable(a, a->is_written, now);
	alerts_self_turn(a);
	after(a, a->has_more ? BUSY_PACE_MS : PACE_MS);
	a->turns++;
	a->step = 0;
	a->has_more = false;
	a->is_written = true;
}

/*
 * A turn is many steps, and the loop is free between them: each writes once
 * at most, and a disk that takes its time is waited for by others no longer
 * than that.
 */
static void on_step(evutil_socket_t fd, short what, void *arg)
{
	struct alerts *a = arg;
	time_t now = alerts_now(a);
	size_t step = a->step++;

	(void)fd;
	(void)what;
	if (step >= ARRAY_LEN(watchers) &&
	    !alerts_outbox_step(a, step - ARRAY_LEN(watchers), now)) {
		end_turn(a, now);
		return;
	}
	if (step < ARRAY_LEN(watchers))
		step_look(a, step, now);
	after(a, 0);
}

/* ---- by hand ---- */

bool alerts_test(struct alerts *a, const char *actor, time_t now,
		 struct err *err)
{
	char text[256];
	struct alert test = { .kind = KIND_TEST, .subject = "",
			      .level = ALERT_INFO, .text = text,
			      .hint = "nothing is to be done", .since = now };

	snprintf(text, sizeof(text), "a test, asked for by %.128s", actor);

	/* As if it had gathered long enough already. */
	return notice_add(a->parts.store, &test, NOTICE_BEGUN,
			  now - a->parts.config->alerts.gather, err);
}

/* ---- its life ---- */

struct alerts *alerts_start(const struct alerts_parts *parts, struct err *err)
{
	struct alerts *a = xcalloc(1, sizeof(*a));

	a->parts = *parts;
	a->failing.state = DOMAIN_LIVE;
	a->is_written = true;
	alerts_self_start(a);
	a->timer = evtimer_new(loop_base(parts->loop), on_step, a);
	if (a->timer && alerts_outbox_start(a, err) &&
	    alerts_beat_start(a, err)) {
		after(a, PACE_MS);
		return a;
	}
	alerts_stop(a);
	return NULL;
}

void alerts_configure(struct alerts *a)
{
	alerts_outbox_configure(a);
	alerts_beat_configure(a);
}

void alerts_stop(struct alerts *a)
{
	if (!a)
		return;
	if (a->timer)
		event_free(a->timer);
	a->timer = NULL;	/* what ends now is no result */
	alerts_self_stop(a);
	alerts_beat_stop(a);
	alerts_outbox_stop(a);
	free(a);
}
