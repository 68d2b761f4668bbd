/*
 * What the end of an order means for its domain: live, or another try later,
 * perhaps by another way or with another CA.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/engine_parts.h"
#include "acme/precheck.h"
#include "acme/schedule.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "store/refusal.h"
#include "store/trail.h"

#define PAUSED_AS   4 /* failures in a row: from then on it is daily */
#define ALIKE_PAUSE (10 * WHEN_MINUTE) /* while many fail alike */
#define ALIKE_SPREAD (2 * WHEN_MINUTE)	/* after the next turn to try */
#define REFUSED_FOR WHEN_DAY	/* a CA that refuses a name may be asked again */

static void tell_failed(struct engine *e, const struct domain *d,
			const struct err *problem)
{
	char pause[DURATION_TEXT];
	char *text = xasprintf("%s failed: %s; next try in %s",
			       d->cert_id ? "renewal" : "first certificate",
			       problem->text,
			       duration_rough(d->due_at - engine_now(e), pause));

	engine_event(e, &(struct trail){ .level = TRAIL_WARNING,
					 .kind = "order.failed",
					 .domain = d->name, .text = text });
	free(text);
}

struct schedule_life engine_life(struct engine *e, const struct domain *d)
{
	struct schedule_life life = { 0, 0 };
	struct cert c;

	if (d->cert_id && cert_current(e->store, d, &c, NULL)) {
		life.whole = c.not_after - c.not_before;
		life.left = c.not_after - engine_now(e);
	}
	return life;
}

/*
 * How long an order may go without an end while the CA answers: half a day,
 * or an eighth of a short-lived certificate's life.
 */
long outcome_patience(struct engine *e, const struct domain *d)
{
	long part = engine_life(e, d).whole / 8;

	if (part <= 0 || part > WHEN_DAY / 2)
		return WHEN_DAY / 2;
	return part < WHEN_MINUTE ? WHEN_MINUTE : part;
}

/* Is the failure this name's? Then it must pause; else its CA does. */
static bool is_charged(const struct order_step *step)
{
	return step->scope != SCOPE_NONE && step->scope != SCOPE_CA &&
	       step->scope != SCOPE_ACCOUNT;
}

/* To ask more often ends no pause, however little time is left. */
static long pause_of_paused(struct engine *e, const struct order_step *step)
{
	return schedule_domain_pause(PAUSED_AS, (struct schedule_life){ 0, 0 },
				     step->retry_after, engine_dice(e));
}

/* What was ordered though it did not lead here may do so again any time. */
static bool is_watched(const struct domain *d, struct schedule_life life,
		       const struct order_step *step)
{
	return schedule_is_gone(life) && d->skips > 0 &&
	       step->retry_after < PRECHECK_GONE;
}

/* That it failed long before, for another reason, is no reason to wait. */
static bool is_first_void(struct engine *e, const struct domain *d)
{
	return engine_now(e) - order_before_ended(e->store, d->id) >= WHEN_HOUR;
}

static long pause_after(struct engine *e, const struct domain *d,
			const struct order_step *step)
{
	struct schedule_life life = engine_life(e, d);
	long n = d->failures;

	if (!is_charged(step) &&
	    (step->scope != SCOPE_NONE || is_first_void(e, d)))
		return 1;
	if (!is_charged(step)) /* or there would be no end of it */
		return schedule_domain_pause(1, life, -1, engine_dice(e));
	if (limit_is_pause(step->problem.text))
		return pause_of_paused(e, step);

	/* A void order is nobody's fault: at once, but only once. */
	if (step->scope == SCOPE_ORDER && (n-- == 1 || is_first_void(e, d)))
		return 1;
	if (is_watched(d, life, step))
		return PRECHECK_GONE;
	return schedule_domain_pause(n, life, step->retry_after,
				     engine_dice(e));
}

/* ---- what the CA's word says about the next try ---- */

static const struct meaning {
	const char *type;
	bool other_ca;		/* this CA refuses: another may not */
	bool other_method;	/* the way it looked: another may do */
} meanings[] = {
	{ "caa", true, false },
	{ "rateLimited", true, false },
	{ "rejectedIdentifier", true, false },
	{ "unsupportedIdentifier", true, false },
	{ "connection", false, true },
	{ "incorrectResponse", false, true },
	{ "tls", false, true },
	{ "unauthorized", false, true },
};

static struct meaning meaning_of(const char *type)
{
	for (size_t i = 0; i < ARRAY_LEN(meanings); i++)
		if (streq(type, meanings[i].type))
			return meanings[i];
	return (struct meaning){ type, false, false };
}

/*
 * A name that keeps failing with one CA, and has nothing to wait for, may do
 * better with another: its validators stand elsewhere.
 */
static bool is_pressing(struct engine *e, const struct domain *d)
{
	struct schedule_life life = engine_life(e, d);

	return d->failures >= 2 && life.left < life.whole / 4 + !life.whole;
}

static bool is_limit(const struct order_step *step)
{
	return limit_is_pause(step->problem.text) ||
	       (step->retry_after > 0 && streq(step->type, "rateLimited"));
}

/*
 * Until when this CA is not asked for the name. One that has only failed, and
 * may do better next time, is left out once; one that refuses may think better
 * of a name that has little time left.
 */
static time_t refused_until(struct engine *e, const struct domain *d,
			    const struct order_step *step)
{
	struct schedule_life life = engine_life(e, d);
	time_t now = engine_now(e), most = REFUSED_FOR;

	if (step->is_endless) /* as long as it has cost */
		most = outcome_patience(e, d);

	if (limit_is_pause(step->problem.text))
		return now + most;
	if (is_limit(step))
		return now + step->retry_after;
	if (life.whole && life.left / 4 < most)
		most = life.left / 4 > WHEN_HOUR ? life.left / 4 : WHEN_HOUR;
	if (!meaning_of(step->type).other_ca && !step->is_endless &&
	    2 * d->due_at - now < now + most)
		return 2 * d->due_at - now;
	return now + most;
}

/* A limit is one CA's: the others go on at their pace, also one that is down. */
static time_t next_of_others(struct engine *e, const struct domain *d)
{
	time_t now = engine_now(e);
	time_t next = refusal_next_end(e->store, d->id, now);

	if (queue_is_open(e, d))
		next = now + schedule_domain_pause(d->failures,
						   engine_life(e, d), -1,
						   engine_dice(e));
	return next && next < d->due_at ? next : d->due_at;
}

static void turn_method(struct domain *d, const struct order_step *step)
{
	if (meaning_of(step->type).other_method)
		d->method = d->method == METHOD_HTTP_01 ? METHOD_TLS_ALPN_01
							: METHOD_HTTP_01;
}

/*
 * When all have refused, the round begins anew: how often is for the domain's
 * own pauses to say.
 */
static void turn_to_another(struct engine *e, struct domain *d,
			    const struct authority *a,
			    const struct order_step *step)
{
	struct err err = ERR_INIT;
	bool is_one_free;

	if (step->scope == SCOPE_DOMAIN)
		turn_method(d, step);
	if (!meaning_of(step->type).other_ca && !is_pressing(e, d) &&
	    !step->is_endless)
		return;
	is_one_free = queue_turn_away(e, a, d, refused_until(e, d, step));

	/* At once, but only once at each. */
	if (is_one_free && d->failures < (long)e->settings.ca_count)
		d->due_at = engine_now(e) + 1;
	else if (is_limit(step))
		d->due_at = next_of_others(e, d);
	else if (!is_one_free)
		engine_ok(e, refusal_forget(e->store, d->id, &err), &err);
}

/* ---- what many names have alike ---- */

/* Might the box or its network be to blame for what the CA found? */
static bool may_be_alike(const struct order_step *step)
{
	return step->scope == SCOPE_DOMAIN &&
	       (meaning_of(step->type).other_method ||
		streq(step->type, "dns"));
}

static void tell_alike(struct engine *e, const struct authority *a)
{
	char *text = xasprintf("CA %s: validations fail for many domains at "
			       "once: likely this box or its network; they "
			       "are not charged",
			       a->settings.name);

	engine_event(e, &(struct trail){ .level = TRAIL_WARNING,
					 .kind = "validations.failing",
					 .text = text });
	free(text);
}

/* In its last quarter it goes its own way, and to another CA. */
static bool has_time(struct engine *e, const struct domain *d)
{
	struct schedule_life life = engine_life(e, d);

	return !life.whole || life.left >= life.whole / 4;
}

/* It failed once at most before it was seen that many do. */
static bool may_wait(struct engine *e, const struct authority *a,
		     const struct domain *d)
{
	return alike_holds(&a->alike, engine_now(e)) && has_time(e, d) &&
	       (d->failures <= 1 || alike_knows(&a->alike, d->id));
}

static bool stands_in_line(struct engine *e, const struct authority *a,
			   const struct domain *d)
{
	return !d->renew_forced && !d->revoked && may_wait(e, a, d);
}

void outcome_tries(struct engine *e, struct authority *a,
		   const struct domain *d)
{
	if (stands_in_line(e, a, d))
		alike_tries(&a->alike, d->id, engine_now(e));
}

time_t outcome_turn(struct engine *e, const struct authority *a,
		    const struct domain *d)
{
	struct schedule_life life = engine_life(e, d);
	time_t now = engine_now(e), turn;

	if (!stands_in_line(e, a, d))
		return 0;
	turn = alike_turn(&a->alike, d->id, now);
	if (turn <= now)
		return 0;
	turn += (time_t)((uint64_t)engine_dice(e) * ALIKE_SPREAD >> 32);
	if (life.whole && turn > now + life.left - life.whole / 4)
		turn = now + life.left - life.whole / 4 + 1;
	return turn;
}

/* Of names that were well until now, so many fail that it is not theirs. */
static bool is_alike(struct engine *e, const struct domain *d,
		     struct authority *a, const struct order_step *step)
{
	time_t now = engine_now(e);
	bool was_told;

	if (!a || !may_be_alike(step))
		return false;
	if (d->failures && !alike_has(&a->alike, d->id, now))
		return may_wait(e, a, d);
	was_told = alike_since(&a->alike, now) != 0;
	alike_note(&a->alike, d->id, true, now);
	if (!was_told && alike_since(&a->alike, now))
		tell_alike(e, a);
	return may_wait(e, a, d);
}

/* Another way may do: a port may be closed, and not the other. */
static void put_off_as_many(struct engine *e, struct domain *d,
			    const struct order_step *step)
{
	struct schedule_life life = engine_life(e, d);
	long pause = ALIKE_PAUSE;

	if (life.whole && life.left / 10 < pause)
		pause = life.left / 10 > WHEN_MINUTE ? life.left / 10
						     : WHEN_MINUTE;
	d->due_at = engine_now(e) + pause;
	turn_method(d, step);
}

static void charge(struct engine *e, struct domain *d,
		   const struct authority *a, const struct order_step *step)
{
	d->failures += is_charged(step);
	d->due_at = engine_now(e) + pause_after(e, d, step);
	if (is_charged(step) && schedule_is_gone(engine_life(e, d)))
		d->renew_forced = false; /* it has had its order */
	if (a && step->scope != SCOPE_LOCAL && is_charged(step))
		turn_to_another(e, d, a, step);
}

void outcome_failed(struct engine *e, struct domain *d, struct authority *a,
		    const struct order_step *step)
{
	time_t now = engine_now(e);
	bool was_told = a && alike_since(&a->alike, now);
	bool is_spared = is_alike(e, d, a, step);
	struct err err = ERR_INIT;

	d->ready_at = 0;
	if (!d->cert_id)
		d->renew_forced = false; /* it had its turn, out of turn */
	if (is_spared)
		put_off_as_many(e, d, step);
	else
		charge(e, d, a, step);
	d->problem_at = now;
	snprintf(d->problem, sizeof(d->problem), "%s", step->problem.text);
	snprintf(d->hint, sizeof(d->hint), "%s", step->problem.hint);
	if (engine_ok(e, domain_update(e->store, d, &err), &err) &&
	    !(is_spared && was_told)) /* one line of the CA's tells of all */
		tell_failed(e, d, &step->problem);
}

void outcome_certified(struct engine *e, struct domain *d,
		       const struct order *o, const struct cert *c)
{
	struct authority *a = authority_by_id(e, o->ca_id);
	struct err err = ERR_INIT;

	if (a && *o->chall_url) /* else the CA knew the name from before */
		alike_note(&a->alike, d->id, false, engine_now(e));
	if (d->state != DOMAIN_LIVE)
		d->state_at = engine_now(e);
	d->state = DOMAIN_LIVE;
	d->due_at = c->renew_at;
	d->ready_at = 0;
	d->failures = 0;
	d->skips = d->skips > 0 ? -1 : 0;
	d->renew_forced = d->revoked = false;
	d->method = o->method;
	engine_ok(e, refusal_forget(e->store, d->id, &err), &err);
	for (size_t i = 0; i < e->ca_count; i++)
		culprit_certified(&e->ca[i]->culprits, d->id);
	d->problem[0] = d->hint[0] = '\0';
}
