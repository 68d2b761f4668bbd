/*
 * The outbox: what has gathered is sealed, and each sink gets it, one notice
 * at a time and in order, as often as it takes. What came of it is a row
 * before the next is begun: told at least once, over crashes too.
 *
 * The journal takes all at once. The command and the mail are waited for by
 * nobody: a sink that is down holds up neither the others nor the loop.
 */
#include "daemon/alerts_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "daemon/notice_text.h"
#include "policy/domain_field.h"

#define GATHER_CRITICAL 5L	/* seconds, at most */
#define SEALED_AT_ONCE	20
#define NOTIFY_MS	30000
#define NOTIFY_START_HINT                                                      \
	"notify in mtastsd.conf must name a program that mtastsd may run"
#define NOTIFY_END_HINT                                                        \
	"it must end with 0 once it has passed the alert on; what it prints "  \
	"is in the daemon's log"
#define MAIL_MS		60000
#define PAUSE_FIRST	10L
#define PAUSE_MOST	(10 * WHEN_MINUTE)
#define DOWN_AFTER	(15 * WHEN_MINUTE)
#define URGENT_PAUSE	60

static const char *const sink_names[SINK_COUNT] = {
	[SINK_LOG] = "journal",
	[SINK_NOTIFY] = "notify",
	[SINK_MAIL] = "mail",
};

static const struct alert_settings *settings(const struct alerts *a)
{
	return &a->parts.config->alerts;
}

static bool is_used(const struct alerts *a, enum alert_sink sink)
{
	return sink == SINK_LOG ||
	       (sink == SINK_NOTIFY && settings(a)->notify_count) ||
	       (sink == SINK_MAIL && settings(a)->mail_to_count);
}

static unsigned used_sinks(const struct alerts *a)
{
	unsigned sinks = 0;

	for (enum alert_sink i = 0; i < SINK_COUNT; i++)
		sinks |= is_used(a, i) ? 1u << i : 0;
	return sinks;
}

static const char *host_name(void)
{
	static char name[256];

	if (!*name && gethostname(name, sizeof(name) - 1) != 0)
		snprintf(name, sizeof(name), "localhost");
	return name;
}

long alerts_pause(long attempts)
{
	long pause = PAUSE_FIRST;

	while (attempts-- > 0 && pause < PAUSE_MOST)
		pause *= 2;
	return pause < PAUSE_MOST ? pause : PAUSE_MOST;
}

/* ---- what came of it ---- */

/* In the same transaction: others are told of a sink that is down. */
static bool write_failed(struct alerts *a, enum alert_sink sink,
			 const struct err *why, time_t now, struct err *err)
{
	struct sink_state *s = &a->sinks[sink];

	if (!notice_failed(a->parts.store, s->id, sink,
			   now + alerts_pause(s->attempts), err))
		return false;
	if (now - s->at < DOWN_AFTER)
		return true;
	return alerts_raise(a, KIND_SINK, sink_names[sink], ALERT_WARNING,
			    why->hint, now, err,
			    "alerts do not get through: %s", why->text);
}

static bool write_delivered(struct alerts *a, enum alert_sink sink,
			    time_t now, struct err *err)
{
	struct sink_state *s = &a->sinks[sink];

	return notice_delivered(a->parts.store, s->id, sink, err) &&
	       (!s->attempts ||
		notice_hurry(a->parts.store, sink, now, err)) &&
	       alert_end(a->parts.store, KIND_SINK, sink_names[sink], now,
			 err);
}

static bool write_result(struct alerts *a, enum alert_sink sink,
			 const struct err *result, time_t now, struct err *err)
{
	struct store *s = a->parts.store;
	bool ok;

	if (!store_begin(s, err))
		return false;
	ok = result->kind == ERR_NONE
		     ? write_delivered(a, sink, now, err)
		     : write_failed(a, sink, result, now, err);
	if (ok)
		return store_commit(s, err);
	store_rollback(s);
	return false;
}

static void note_result(struct alerts *a, enum alert_sink sink,
			const struct err *result, time_t now)
{
	struct sink_state *s = &a->sinks[sink];

	if (result->kind == ERR_NONE) {
		s->delivered_at = now;
		s->problem[0] = '\0';
		return;
	}
	if (!streq(s->problem, result->text))
		log_warn("alerts: %s: %s%s%s%s", sink_names[sink], result->text,
			 *result->hint ? " (" : "", result->hint,
			 *result->hint ? ")" : "");
	snprintf(s->problem, sizeof(s->problem), "%s", result->text);
}

/* A result that cannot be written: it is told once more, later. */
static void on_result(struct alerts *a, enum alert_sink sink,
		      const struct err *result)
{
	struct sink_state *s = &a->sinks[sink];
	struct err err = ERR_INIT;
	time_t now = alerts_now(a);

	s->is_busy = false;
	if (!a->timer)
		return;		/* we are stopping */
	note_result(a, sink, result, now);
	if (!s->id) {
		s->has_urgent = result->kind != ERR_NONE;
		s->urgent_at = now + URGENT_PAUSE;
	} else if (!write_result(a, sink, result, now, &err)) {
		alerts_could_not(a, sink_names[sink], &err);
		s->urgent_at = now + URGENT_PAUSE;	/* no storm of it */
	}
}

/* ---- the sinks ---- */

/* "": it is about several, or about no domain. */
static const char *domain_of(const struct notice *n)
{
	static const char *const kinds[] = { "cert.", "domain.", "policy.",
					     "report." };

	if (n->count != 1 || !n->item_count)
		return "";
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (str_starts(n->kind, kinds[i]))
			return n->item[0].subject;
	return "";
}

static bool send_log(struct alerts *a, const struct notice *n)
{
	static const enum log_level at[] = {
		[ALERT_INFO] = LOG_LEVEL_INFO,
		[ALERT_WARNING] = LOG_LEVEL_WARN,
		[ALERT_ERROR] = LOG_LEVEL_ERROR,
		[ALERT_CRITICAL] = LOG_LEVEL_ERROR,
	};
	char *line = notice_line(n);

	(void)a;
	log_about(at[n->what == NOTICE_ENDED ? ALERT_INFO : n->level],
		  domain_field(domain_of(n)), "alert: %s: %s",
		  alert_level_name(n->level), line);
	free(line);
	return true;
}

static void on_notified(const struct err *result, const char *output, void *arg)
{
	struct alerts *a = arg;

	(void)output;
	a->notify = NULL;
	on_result(a, SINK_NOTIFY, result);
}

static bool send_notify(struct alerts *a, const struct notice *n)
{
	const char *argv[ALERT_WORDS_MAX + 1] = { NULL };
	json_t *whole = notice_json(n, host_name());
	char *text = json_dumps(whole, JSON_COMPACT);
	struct err err = ERR_INIT;

	for (size_t i = 0; i < settings(a)->notify_count; i++)
		argv[i] = settings(a)->notify[i];
	a->notify = child_start(
		a->parts.loop,
		&(struct child_task){ .argv = argv,
				      .input = text,
				      .timeout_ms = NOTIFY_MS,
				      .start_hint = NOTIFY_START_HINT,
				      .end_hint = NOTIFY_END_HINT },
		on_notified, a, &err);
	free(text);
	json_decref(whole);
	if (!a->notify)
		on_result(a, SINK_NOTIFY, &err);
	return false;
}

static void on_mailed(const struct err *result, void *arg)
{
	on_result(arg, SINK_MAIL, result);
}

/* The Message-ID stays the same for each attempt. */
static bool send_mail(struct alerts *a, const struct notice *n)
{
	const struct alert_settings *to = settings(a);
	const struct mail_server server = {
		.url = to->mail_server, .user = to->mail_user,
		.password = to->mail_password, .ca_file = to->mail_trust,
		.require_tls = to->mail_tls, .timeout_ms = MAIL_MS,
	};
	char *subject = notice_subject(n, host_name());
	char *text = notice_mail(n, host_name());
	char *id = xasprintf("%lld.%lld@%s", (long long)n->id,
			     (long long)n->at, host_name());
	struct mail mail = { .from = to->mail_from, .subject = subject,
			     .id = id, .date = n->at, .text = text };

	for (size_t i = 0; i < to->mail_to_count; i++)
		mail.to[mail.to_count++] = to->mail_to[i];
	mail_send(a->mailer, &server, &mail, on_mailed, a);
	free(id);
	free(text);
	free(subject);
	return false;
}

/* True: taken already. Else its callback says. */
static bool (*const senders[SINK_COUNT])(struct alerts *a,
				      const struct notice *n) = {
	[SINK_LOG] = send_log,
	[SINK_NOTIFY] = send_notify,
	[SINK_MAIL] = send_mail,
};

static void give(struct alerts *a, enum alert_sink sink,
		 const struct notice *n)
{
	static const struct err fine = ERR_INIT;
	struct sink_state *s = &a->sinks[sink];

	s->is_busy = true;
	s->id = n->id;
	s->attempts = n->attempts;
	s->at = n->at;
	if (senders[sink](a, n))
		on_result(a, sink, &fine);
}

/* ---- a turn ---- */

/* One from beyond its pause has seen the time go back: it is over. */
static bool is_pausing(const struct sink_state *s, time_t now)
{
	return s->urgent_at > now && s->urgent_at <= now + URGENT_PAUSE;
}

static void serve(struct alerts *a, enum alert_sink sink, time_t now)
{
	struct sink_state *s = &a->sinks[sink];
	struct notice n;
	bool found;

	if (s->is_busy || !is_used(a, sink) || is_pausing(s, now))
		return;
	if (s->has_urgent)
		give(a, sink, &a->urgent);
	else if (notice_due(a->parts.store, sink, now, &n, &found, NULL) &&
		 found)
		give(a, sink, &n);
}

static bool seal_one(struct alerts *a, time_t now, bool *found,
		     struct err *err)
{
	long gather = settings(a)->gather;
	const struct notice_pace pace = {
		.gather = gather,
		.gather_critical = gather < GATHER_CRITICAL ? gather
							    : GATHER_CRITICAL,
	};
	struct notice n;

	if (!notice_gathered(a->parts.store, &pace, now, &n, found, err))
		return false;
	return !*found ||
	       notice_seal(a->parts.store, &n, used_sinks(a), now, err);
}

static bool seal(struct alerts *a, time_t now, struct err *err)
{
	struct store *s = a->parts.store;
	bool found = true;

	if (!store_begin(s, err))
		return false;
	for (int i = 0; i < SEALED_AT_ONCE && found; i++) {
		if (seal_one(a, now, &found, err))
			continue;
		store_rollback(s);
		return false;
	}
	return store_commit(s, err);
}

bool alerts_outbox_step(struct alerts *a, size_t step, time_t now)
{
	struct err err = ERR_INIT;

	if (step == 0)
		seal(a, now, &err);	/* if not now, then in the next turn */
	else if (step <= SINK_COUNT)
		serve(a, (enum alert_sink)(step - 1), now);
	return step <= SINK_COUNT;
}

void alerts_urgent(struct alerts *a, enum notice_what what,
		   enum alert_level level, const struct err *problem,
		   time_t now)
{
	struct notice *n = &a->urgent;
	struct notice_item *item = &n->item[0];

	*n = (struct notice){ .what = what, .level = level, .count = 1,
			      .at = now, .item_count = 1 };
	snprintf(n->kind, sizeof(n->kind), "%s", KIND_STORE);
	item->level = level;
	item->since = now;
	snprintf(item->text, sizeof(item->text), "%s", problem->text);
	snprintf(item->hint, sizeof(item->hint), "%s", problem->hint);
	for (enum alert_sink sink = 0; sink < SINK_COUNT; sink++) {
		a->sinks[sink].has_urgent = is_used(a, sink);
		a->sinks[sink].urgent_at = 0;
	}
}

/* ---- its life ---- */

void alerts_outbox_configure(struct alerts *a)
{
	struct store *s = a->parts.store;
	struct err err = ERR_INIT;

	if (!store_begin(s, &err))
		return;
	if (!notice_keep_sinks(s, used_sinks(a), &err))
		store_rollback(s);
	else
		store_commit(s, &err);
	if (err.kind != ERR_NONE)
		log_warn("alerts: %s", err.text);
}

bool alerts_outbox_start(struct alerts *a, struct err *err)
{
	a->mailer = mailer_new(a->parts.loop, err);
	if (!a->mailer)
		return false;
	alerts_outbox_configure(a);
	return true;
}

/* What is under way then is told again after the next start. */
void alerts_outbox_stop(struct alerts *a)
{
	child_kill(a->notify);
	a->notify = NULL;
	mailer_free(a->mailer);
	a->mailer = NULL;
}

/* ---- for the admin ---- */

void alerts_sink(struct alerts *a, enum alert_sink sink,
		 struct alerts_sink *out)
{
	const struct sink_state *s = &a->sinks[sink];

	*out = (struct alerts_sink){ .name = sink_names[sink],
				     .is_used = is_used(a, sink),
				     .delivered_at = s->delivered_at };
	snprintf(out->problem, sizeof(out->problem), "%s", s->problem);
	notice_waiting(a->parts.store, sink, &out->waiting, &out->oldest,
		       NULL);
}
