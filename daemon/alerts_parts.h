/*
 * What the files daemon/alerts*.c share, and nobody else sees.
 */
#ifndef DAEMON_ALERTS_PARTS_H
#define DAEMON_ALERTS_PARTS_H

#include <event2/event.h>

#include "base/child.h"
#include "base/fetch.h"
#include "base/mailer.h"
#include "daemon/alert_kinds.h"
#include "daemon/alerts.h"
#include "daemon/self_look.h"
#include "store/alert.h"
#include "store/cert.h"
#include "store/domain.h"
#include "store/health.h"
#include "store/notice.h"

#define ALERTS_PART 100	/* rows looked at in one turn, of each sort */

struct sink_state {
	bool is_busy;
	int64_t id;		/* of the notice under way; 0: the urgent one */
	long attempts;
	time_t at;		/* of that notice */
	bool has_urgent;	/* it is to get the urgent one */
	time_t urgent_at;	/* not before */
	time_t delivered_at;
	char problem[sizeof(((struct err *)0)->text)];
};

#define SELF_SOON  64		/* names to be looked at out of turn */
#define SELF_AGAIN 3		/* looks that agree before it is an alert */

struct self_state {
	SSL_CTX *tls;
	struct self_look *look;		/* under way, or NULL */
	char host[DOMAIN_NAME_SIZE];	/* of that look: the domain */
	unsigned strikes;		/* looks in a row that saw it wrong */
	char soon[SELF_SOON][DOMAIN_NAME_SIZE];
	size_t soon_count;
	unsigned soon_left;		/* of them, in this turn */
	char after[DOMAIN_NAME_SIZE];	/* the sample has come so far */
	double allowance;		/* looks of the sample that may begin */
	unsigned turn;			/* of the listeners */
};

/* What is known of a CA from earlier turns: by name, for a reload may move it. */
struct ca_watch {
	char name[CA_NAME_SIZE]; /* empty: free */
	time_t unproven_since;
	time_t reached_since;
};

struct alerts {
	struct alerts_parts parts;
	struct event *timer;
	unsigned turns;
	size_t step;			/* of this turn */
	bool is_written;		/* by all its steps so far */
	bool has_more;			/* a watcher has not looked at all */

	struct { enum domain_state state; char after[DOMAIN_NAME_SIZE]; } failing;
	size_t review;			/* the kind whose alerts are gone over */
	char reviewed[ALERT_SUBJECT_SIZE];
	time_t stalled_since;
	struct ca_watch ca[ENGINE_CA_LIMIT];

	enum store_health told_health;	/* by the urgent notice */
	struct notice urgent;		/* what the store cannot keep */

	struct sink_state sinks[SINK_COUNT];
	struct child *notify;
	struct mailer *mailer;
	struct self_state self;

	struct fetcher *fetcher;
	struct event *beat;
	bool is_beating, is_held;
	time_t beat_at;
	char beat_problem[sizeof(((struct err *)0)->text)];
};

/* The engine's time, which follows no clock that steps. */
time_t alerts_now(const struct alerts *a);

/*
 * The watchers: each in a transaction of its own. False with err set ends it
 * without a trace; the others go on.
 */
typedef bool alerts_watch(struct alerts *a, time_t now, struct err *err);

alerts_watch alerts_watch_certs, alerts_watch_domains, alerts_watch_cas,
	alerts_watch_schedule, alerts_watch_clock, alerts_watch_store,
	alerts_watch_zone, alerts_watch_backup, alerts_watch_shed,
	alerts_watch_review;

/* Logs it, unless it is the store that is not well: that is told already. */
void alerts_could_not(struct alerts *a, const char *what,
		      const struct err *why);

/* Text that is too long is cut. */
bool alerts_raise(struct alerts *a, const char *kind, const char *subject,
		  enum alert_level level, const char *hint, time_t now,
		  struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 8, 9)));

/*
 * After all of them: has one of them been written? What the store cannot keep
 * is told without it.
 */
void alerts_watch_unwritable(struct alerts *a, bool is_written, time_t now);

/* Frozen, or no CA is well: then work may lie still. */
bool alerts_has_reason_to_wait(struct alerts *a);

/* A certificate judged by what is left of it. Pure. */
struct alerts_verdict {
	bool is_open;
	enum alert_level level;
	bool has_expired;
	time_t next;			/* when to judge it again */
};
struct alerts_verdict alerts_judge(const struct cert *c, time_t now);

/* ---- daemon/alerts_self.c: the own names, as clients see them ---- */

void alerts_self_soon(struct alerts *a, const char *domain);
void alerts_self_start(struct alerts *a);
void alerts_self_turn(struct alerts *a);
void alerts_self_stop(struct alerts *a);

/* ---- daemon/alerts_outbox.c ---- */

bool alerts_outbox_start(struct alerts *a, struct err *err);
void alerts_outbox_configure(struct alerts *a);

/* The nth step of a turn; false when there is none. */
bool alerts_outbox_step(struct alerts *a, size_t step, time_t now);
void alerts_outbox_stop(struct alerts *a);

/* At once, from memory, for what cannot be written. */
void alerts_urgent(struct alerts *a, enum notice_what what,
		   enum alert_level level, const struct err *problem,
		   time_t now);

/* Seconds until a sink is tried again after so many failures. Pure. */
long alerts_pause(long attempts);

/* ---- daemon/alerts_beat.c ---- */

bool alerts_beat_start(struct alerts *a, struct err *err);
void alerts_beat_stop(struct alerts *a);
void alerts_beat_configure(struct alerts *a);

#endif
