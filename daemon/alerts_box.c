/*
 * What concerns the whole box: CAs and accounts, the schedule, the store, the
 * operator's own zone. And the alerts that nobody comes back to, gone over in turn.
 */
#include "daemon/alerts_parts.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "store/box.h"
#include "store/ca.h"
#include "store/report.h"

#define LATE	    WHEN_HOUR
#define SEEN_FOR    (2 * WHEN_MINUTE)	/* a machine that slept catches up */
#define PROVEN_FOR  (14 * WHEN_DAY)	/* twice the pace of the canary */
#define TRIALS_MANY 3
#define CA_ERROR    16	/* times the patience, and no other CA is there */

/* ---- CAs ---- */

static bool some_ca_is_well(struct alerts *a)
{
	struct engine *e = a->parts.engine;
	struct engine_ca_status ca;

	for (size_t i = 0; i < engine_ca_count(e); i++) {
		engine_ca_status(e, i, &ca);
		if (!ca.down_since)
			return true;
	}
	return false;
}

static bool has_account_trouble(const struct engine_ca_status *ca)
{
	return streq(ca->account, account_state_name(ACCOUNT_REFUSED)) ||
	       streq(ca->account, account_state_name(ACCOUNT_DEACTIVATED));
}

static bool tell_down(struct alerts *a, const struct engine_ca_status *ca,
		      time_t now, struct err *err)
{
	long patience = a->parts.config->alerts.ca_down;
	long down = now - ca->down_since;
	bool is_grave = down >= CA_ERROR * patience && !some_ca_is_well(a);

	if (down < patience)
		return true;
	return alert_raise(
		a->parts.store,
		&(struct alert){ .kind = KIND_CA, .subject = ca->name,
				 .level = is_grave ? ALERT_ERROR
						   : ALERT_WARNING,
				 .text = *ca->problem ? ca->problem
						      : "it does not answer",
				 .hint = ca->hint, .since = ca->down_since },
		now, err);
}

/* The CA will not have us: it is not down, and time does not heal it. */
static bool tell_account(struct alerts *a, const struct engine_ca_status *ca,
			 time_t now, struct err *err)
{
	return alerts_raise(a, KIND_ACCOUNT, ca->name, ALERT_ERROR, ca->hint,
			    now, err, "our account there is %s%s%s",
			    ca->account, *ca->problem ? ": " : "",
			    ca->problem);
}

static bool judge_ca(struct alerts *a, const struct engine_ca_status *ca,
		     time_t now, struct err *err)
{
	struct store *s = a->parts.store;

	if (has_account_trouble(ca))
		return alert_end(s, KIND_CA, ca->name, now, err) &&
		       tell_account(a, ca, now, err);
	if (!alert_end(s, KIND_ACCOUNT, ca->name, now, err))
		return false;
	return ca->down_since ? tell_down(a, ca, now, err)
			      : alert_end(s, KIND_CA, ca->name, now, err);
}

/* ---- CAs that should stand by ---- */

/* Only then is there a canary, and a name for it. */
static bool has_canaries(struct alerts *a)
{
	int64_t id;

	return engine_ca_count(a->parts.engine) > 1 &&
	       !box_is_frozen(a->parts.store) &&
	       domain_nth_live(a->parts.store, 0, &id, NULL);
}

static bool is_unproven(const struct ca *row, time_t now)
{
	return row->canary_failures >= TRIALS_MANY ||
	       (row->proven_at && now - row->proven_at > PROVEN_FOR);
}

static bool tell_unproven(struct alerts *a, const struct ca *row, time_t now,
			  struct err *err)
{
	char hint[sizeof(err->hint)], at[INSTANT_TEXT] = "never";

	snprintf(hint, sizeof(hint),
		 "mtastsctl log tells of each trial; mtastsctl cert try "
		 "NAME --ca %s makes one now",
		 row->name);
	if (row->proven_at)
		instant_format(row->proven_at, at);
	return alerts_raise(a, KIND_UNPROVEN, row->name, ALERT_WARNING, hint,
			    now, err,
			    "it might not take over: its last certificate: %s; "
			    "trials that have failed since: %ld",
			    at, row->canary_failures);
}

/*
 * What is down, or has refused us, is told already. After a start, or a thaw,
 * the canary has its hour.
 */
static bool judge_standby(struct alerts *a, const struct engine_ca_status *ca,
			  time_t *since, time_t now, struct err *err)
{
	struct store *s = a->parts.store;
	struct ca row;

	if (ca->down_since || has_account_trouble(ca))
		return true;
	if (!ca_by_id(s, engine_ca_id(a->parts.engine, ca->name), &row, NULL))
		return true; /* damaged: the engine says so */
	if (!is_unproven(&row, now) || !has_canaries(a)) {
		*since = 0;
		return alert_end(s, KIND_UNPROVEN, ca->name, now, err);
	}
	if (!*since || *since > now)
		*since = now;
	return (row.canary_failures < TRIALS_MANY && now - *since < LATE) ||
	       tell_unproven(a, &row, now, err);
}

/* ---- validations that fail for many ---- */

/*
 * The engine learns it anew after a start. So silence is no end, nor one that
 * was lucky: only that they work is, or a day in which nobody failed.
 */
static bool judge_validations(struct alerts *a,
			      const struct engine_ca_status *ca, time_t *since,
			      time_t now, struct err *err)
{
	if (!ca->alike_since && (!*since || *since > now))
		*since = now;
	if (!ca->alike_since)
		return (!ca->alike_is_over && now - *since < WHEN_DAY) ||
		       alert_end(a->parts.store, KIND_ALIKE, ca->name, now,
				 err);
	*since = 0;
	return alerts_raise(a, KIND_ALIKE, ca->name, ALERT_WARNING,
			    "the CA must reach this box from outside, on port "
			    "80 or 443 and on every address: check firewall, "
			    "NAT and routes; mtastsctl log tells what it said",
			    now, err,
			    "validations fail for many domains at once at CA "
			    "%s: likely this box or its network",
			    ca->name);
}

/* There are as many places as CAs: one whose CA is gone is free. */
static struct ca_watch *watch_of(struct alerts *a, const char *name)
{
	struct ca_watch *place = NULL;

	for (size_t i = 0; i < ENGINE_CA_LIMIT; i++) {
		struct ca_watch *w = &a->ca[i];

		if (streq(w->name, name))
			return w;
		if (!place && !engine_ca_id(a->parts.engine, w->name))
			place = w;
	}
	*place = (struct ca_watch){ .unproven_since = 0 };
	str_copy(place->name, sizeof(place->name), name);
	return place;
}

bool alerts_watch_cas(struct alerts *a, time_t now, struct err *err)
{
	struct engine *e = a->parts.engine;
	struct engine_ca_status ca;
	struct ca_watch *w;

	for (size_t i = 0; i < engine_ca_count(e); i++) {
		engine_ca_status(e, i, &ca);
		w = watch_of(a, ca.name);
		if (!judge_ca(a, &ca, now, err) ||
		    !judge_validations(a, &ca, &w->reached_since, now, err) ||
		    !judge_standby(a, &ca, &w->unproven_since, now, err))
			return false;
	}
	return true;
}

/* ---- the schedule ---- */

bool alerts_has_reason_to_wait(struct alerts *a)
{
	return box_is_frozen(a->parts.store) || !some_ca_is_well(a);
}

/* Renewals come first: of those that wait, the first of each rank. */
static time_t waits_since(struct store *s)
{
	time_t since = 0;

	for (enum domain_rank rank = 0; rank <= RANK_RENEWAL; rank++) {
		struct domain d;
		int64_t id;

		if (domain_queue_head(s, rank, 0, &id, 1, NULL) == 1 &&
		    domain_by_id(s, id, &d, NULL) &&
		    (!since || d.ready_at < since))
			since = d.ready_at;
	}
	return since;
}

static bool is_at_work(struct alerts *a)
{
	struct engine *e = a->parts.engine;
	struct engine_ca_status ca;

	for (size_t i = 0; i < engine_ca_count(e); i++) {
		engine_ca_status(e, i, &ca);
		if (ca.in_flight)
			return true;
	}
	return false;
}

static time_t earlier(time_t a, time_t b)
{
	return !a || (b && b < a) ? b : a;
}

/* The moment of the earliest work that should have begun; 0: all is well. */
static time_t overdue(struct alerts *a, time_t now)
{
	struct store *s = a->parts.store;
	time_t due = earlier(domain_next_due(s, DOMAIN_LIVE, 0),
			     domain_next_due(s, DOMAIN_ISSUING, 0));

	if (!is_at_work(a))
		due = earlier(due, waits_since(s));
	if (!due || due > now - LATE || alerts_has_reason_to_wait(a))
		return 0;
	return due;
}

bool alerts_watch_schedule(struct alerts *a, time_t now, struct err *err)
{
	time_t due = overdue(a, now);
	char at[INSTANT_TEXT];

	if (!due || a->stalled_since > now)
		a->stalled_since = 0;
	else if (!a->stalled_since)
		a->stalled_since = now;
	if (!a->stalled_since)
		return alert_end(a->parts.store, KIND_STALLED, "", now, err);
	if (now - a->stalled_since < SEEN_FOR)
		return true;
	return alerts_raise(a, KIND_STALLED, "", ALERT_CRITICAL,
			    "restart mtastsd; please report this, with its log",
			    now, err,
			    "an order was due at %s, and nobody works on it",
			    instant_format(due, at));
}

/* ---- the clock ---- */

bool alerts_watch_clock(struct alerts *a, time_t now, struct err *err)
{
	struct err trouble;

	engine_clock_trouble(a->parts.engine, &trouble);
	if (trouble.kind == ERR_NONE)
		return alert_end(a->parts.store, KIND_CLOCK, "", now, err);
	return alerts_raise(a, KIND_CLOCK, "", ALERT_WARNING, trouble.hint, now,
			    err, "%s", trouble.text);
}

/* ---- the operator's own zone ---- */

bool alerts_watch_zone(struct alerts *a, time_t now, struct err *err)
{
	struct publisher_status zone;

	if (!a->parts.publisher)
		return true;
	publisher_status(a->parts.publisher, &zone);
	if (!zone.failing_since)
		return alert_end(a->parts.store, KIND_ZONE, "", now, err);
	if (now - zone.failing_since < a->parts.config->publish.alert_after)
		return true;
	return alerts_raise(a, KIND_ZONE, "", ALERT_WARNING, zone.problem.hint,
			    now, err, "the zone %s cannot be published: %s",
			    zone.zone, zone.problem.text);
}

/* ---- backups by schedule ---- */

bool alerts_watch_backup(struct alerts *a, time_t now, struct err *err)
{
	struct archive_status b = { .is_on = false };

	if (a->parts.archive)
		archive_status(a->parts.archive, &b);
	if (b.is_on && !b.is_known)
		return true; /* what was told may still be so */
	if (!b.is_on || b.problem.kind == ERR_NONE)
		return alert_end(a->parts.store, KIND_BACKUP, "", now, err);
	return alerts_raise(
		a, KIND_BACKUP, "", b.is_late ? ALERT_ERROR : ALERT_WARNING,
		b.problem.hint, now, err, "no backup is written to %s: %s",
		b.folder, b.problem.text);
}

/* ---- TLS reports ---- */

static bool tell_shed(struct alerts *a, const struct report_shed *shed,
		      time_t now, struct err *err)
{
	char more[40] = "", hint[sizeof(err->hint)];

	if (shed->domains > 1)
		snprintf(more, sizeof(more), " and %lld more domain%s",
			 (long long)shed->domains - 1,
			 shed->domains > 2 ? "s" : "");
	snprintf(hint, sizeof(hint), "see what came: mtastsctl report list %s",
		 shed->heaviest);
	return alerts_raise(
		a, KIND_REPORT_SHED, "", ALERT_WARNING, hint, now, err,
		"the oldest TLS reports of %s%s were let go: they "
		"took more room than report_room or "
		"report_room_total lets them",
		*shed->heaviest ? shed->heaviest : "a domain that is gone",
		more);
}

bool alerts_watch_shed(struct alerts *a, time_t now, struct err *err)
{
	struct store *s = a->parts.store;
	struct report_shed shed;

	if (!report_shed_since(s, now - WHEN_DAY, &shed, err))
		return false;
	return shed.domains ? tell_shed(a, &shed, now, err)
			    : alert_end(s, KIND_REPORT_SHED, "", now, err);
}

/* ---- the store ---- */

static const enum alert_level health_levels[] = {
	[STORE_FINE] = ALERT_INFO,
	[STORE_TIGHT] = ALERT_WARNING,
	[STORE_FULL] = ALERT_ERROR,
	[STORE_READ_ONLY] = ALERT_ERROR,
	[STORE_BROKEN] = ALERT_CRITICAL,
};

bool alerts_watch_store(struct alerts *a, time_t now, struct err *err)
{
	struct store *s = a->parts.store;
	struct err problem = ERR_INIT;
	enum store_health health = store_health(s, &problem);

	if (health == STORE_FINE)
		return alert_end(s, KIND_STORE, "", now, err);
	return alerts_raise(a, KIND_STORE, "", health_levels[health],
			    problem.hint, now, err, "the store is %s: %s",
			    store_health_name(health), problem.text);
}

/*
 * A store that cannot be written keeps no alert about that: it is told from
 * memory, and so is its end.
 */
void alerts_watch_unwritable(struct alerts *a, bool is_written, time_t now)
{
	struct err problem = ERR_INIT;
	enum store_health health = store_health(a->parts.store, &problem);

	if (is_written || health == STORE_FINE) {
		if (is_written && a->told_health != STORE_FINE) {
			err_set(&problem, ERR_NONE, "it can be written again");
			alerts_urgent(a, NOTICE_ENDED,
				      health_levels[a->told_health], &problem,
				      now);
			a->told_health = STORE_FINE;
		}
		return;
	}
	if (health == a->told_health)
		return;
	a->told_health = health;
	alerts_urgent(a, NOTICE_BEGUN, health_levels[health], &problem, now);
}

/* ---- what nobody comes back to ---- */

static bool is_no_ca(struct alerts *a, const char *name)
{
	return engine_ca_id(a->parts.engine, name) == 0;
}

static bool is_no_domain(struct alerts *a, const char *name)
{
	struct err err = ERR_INIT;
	struct domain d;

	return !domain_by_name(a->parts.store, name, &d, &err) &&
	       err.kind == ERR_NOT_FOUND;
}

static bool fails_no_more(struct alerts *a, const char *name)
{
	struct domain d;

	return domain_by_name(a->parts.store, name, &d, NULL)
		       ? d.failures == 0 || d.leaving == DOMAIN_HANDING_OVER
		       : is_no_domain(a, name);
}

/* An open one is looked at again, whether it is served by now. */
static bool look_again(struct alerts *a, const char *name)
{
	if (is_no_domain(a, name))
		return true;
	alerts_self_soon(a, name);
	return false;
}

static const struct {
	const char *kind;
	bool (*is_over)(struct alerts *a, const char *subject);
	unsigned every;		/* turns */
} reviews[] = {
	{ KIND_DOMAIN, fails_no_more, 1 },
	{ KIND_CERT, is_no_domain, 1 },
	{ KIND_FORGOTTEN, is_no_domain, 1 },
	{ KIND_MX, is_no_domain, 1 },
	{ KIND_REFUSED, is_no_domain, 1 },
	{ KIND_UNANNOUNCED, is_no_domain, 1 },
	{ KIND_READY, is_no_domain, 1 },
	{ KIND_REMOVABLE, is_no_domain, 1 },
	{ KIND_REPORT_FAILING, is_no_domain, 1 },
	{ KIND_REPORT_SHARE, is_no_domain, 1 },
	{ KIND_REPORT_SILENT, is_no_domain, 1 },
	{ KIND_REPORT_OLD, is_no_domain, 1 },
	{ KIND_SERVED, look_again, 5 },
	{ KIND_CA, is_no_ca, 1 },
	{ KIND_UNPROVEN, is_no_ca, 1 },
	{ KIND_ALIKE, is_no_ca, 1 },
	{ KIND_ACCOUNT, is_no_ca, 1 },
};

static bool review_part(struct alerts *a, time_t now, bool *done,
			struct err *err)
{
	const char *kind = reviews[a->review].kind;
	char subjects[ALERTS_PART][ALERT_SUBJECT_SIZE];
	size_t n = alert_subjects(a->parts.store, kind, a->reviewed, subjects,
				  ALERTS_PART, err);

	for (size_t i = 0; i < n; i++)
		if (reviews[a->review].is_over(a, subjects[i]) &&
		    !alert_end(a->parts.store, kind, subjects[i], now, err))
			return false;
	if (n)
		memcpy(a->reviewed, subjects[n - 1], sizeof(a->reviewed));
	*done = n < ALERTS_PART;
	return err->kind == ERR_NONE;
}

/* All kinds in one turn, as far as one part of rows reaches. */
bool alerts_watch_review(struct alerts *a, time_t now, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(reviews); i++) {
		bool done = true;

		if (a->turns % reviews[a->review].every == 0 &&
		    !review_part(a, now, &done, err))
			return false;
		if (!done) {
			a->has_more = true;
			return true;
		}
		a->review = (a->review + 1) % ARRAY_LEN(reviews);
		a->reviewed[0] = '\0';
	}
	return true;
}
