/*
 * Trials: orders that prove that a CA issues for a name of ours, and whose
 * certificate is never served.
 *
 * The canary is a trial that we make by ourselves, so that the second CA is
 * known to work on the day when it is needed: once a week with each CA that
 * has not issued anything since. An admin may try any name with any CA.
 */
#include <stdio.h>
#include <stdlib.h>

#include "acme/engine_parts.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "store/trail.h"

#define CANARY_EVERY (7 * WHEN_DAY)
#define NAMES_TRIED  8
#define PATIENCE     WHEN_DAY	/* with a CA that an asked one waits for */
#define CANARY_PAUSE WHEN_HOUR	/* after a failure; doubles, to a day */

static long pause_after(long failures)
{
	long pause = CANARY_PAUSE;

	while (--failures > 0 && pause < WHEN_DAY)
		pause *= 2;
	return pause < WHEN_DAY ? pause : WHEN_DAY;
}

static const char *ca_of(const struct stepping *s)
{
	return s->authority ? s->authority->settings.name : "its CA";
}

/* Takes the text. */
static void tell(const struct stepping *s, enum trail_level level,
		 const char *kind, char *text)
{
	engine_event(s->engine, &(struct trail){ .level = level, .kind = kind,
						 .domain = s->domain->name,
						 .text = text });
	free(text);
}

static void tell_failed(const struct stepping *s, const struct err *why)
{
	tell(s, TRAIL_WARNING, "trial.failed",
	     xasprintf("trial with %s failed: %s%s%s%s", ca_of(s), why->text,
		       *why->hint ? " (" : "", why->hint,
		       *why->hint ? ")" : ""));
}

void trial_passed(const struct stepping *s, const struct cert *c)
{
	struct ca *ca = &s->authority->row;

	ca->proven_at = c->created_at;
	ca->canary_at = c->created_at + CANARY_EVERY;
	tell(s, TRAIL_INFO, "trial.passed",
	     xasprintf("trial with %s passed", ca_of(s)));
}

void trial_failed(const struct stepping *s, const struct order_step *step)
{
	tell_failed(s, &step->problem);
	if (!s->authority)
		return;
	s->authority->row.canary_failures++;
	s->authority->row.canary_at =
		engine_now(s->engine) +
		pause_after(s->authority->row.canary_failures);
}

/* ---- the canary ---- */

/* One that its everyday work proves needs none: the first, as a rule. */
static time_t canary_due(const struct authority *a)
{
	time_t proven = a->row.proven_at + CANARY_EVERY;

	if (a->row.canary_at > proven)
		return a->row.canary_at;
	return a->row.proven_at ? proven : a->row.canary_at;
}

static bool has_canary(const struct authority *a)
{
	return a->engine->settings.ca_count > 1 && authority_is_current(a);
}

/*
 * Any live name will do: the one that came first is here to stay. After a
 * failure it is the next one's turn: CAA may forbid this CA for a name.
 */
static bool find_name(struct authority *a, struct domain *d)
{
	struct engine *e = a->engine;
	long n = a->row.canary_failures % NAMES_TRIED;
	struct err err = ERR_INIT;
	int64_t id;

	if (!domain_nth_live(e->store, n, &id, &err) &&
	    !domain_nth_live(e->store, 0, &id, &err))
		return false;
	if (engine_domain(e, id, d) && d->leaving != DOMAIN_HANDING_OVER)
		return true;
	a->row.canary_failures++;
	return false;
}

static void send_canary(struct engine *e, struct authority *a)
{
	struct budget_wait wait;
	struct err err = ERR_INIT;
	struct order there;
	struct domain d;

	if (canary_due(a) > engine_now(e) ||
	    order_has_trial(e->store, a->row.id) || !find_name(a, &d) ||
	    order_trial_of_domain(e->store, d.id, &there, NULL))
		return; /* one trial of a name at a time: another CA's first */
	a->is_wanted = true;
	if (!authority_room(a) || rollover_holds(a) ||
	    issuance_start_trial(e, a, &d, &wait, &err) || !wait.ready_ms)
		return;
	a->row.canary_at = wait.ready_ms / 1000 + 1;
}

/* ---- asked for by an admin ---- */

int64_t engine_ca_id(const struct engine *e, const char *name)
{
	for (size_t i = 0; i < e->settings.ca_count; i++)
		if (streq(e->ca[i]->settings.name, name))
			return e->ca[i]->row.id;
	return 0;
}

/*
 * There is no room for it, or the CA is down: an admin who asked must not be
 * left without an answer for ever. They go one in each tick.
 */
static void wait_or_give_up(struct engine *e, struct authority *a, int64_t id)
{
	time_t now = engine_now(e);
	struct domain d;
	struct stepping s = { e, a, &d, "" };
	struct err err = ERR_INIT;

	if (!a->trial_waits || a->trial_waits > now)
		a->trial_waits = now;
	if (now - a->trial_waits < PATIENCE || !engine_domain(e, id, &d))
		return;
	d.try_ca = 0;
	if (!engine_ok(e, domain_update(e->store, &d, &err), &err))
		return;
	err_set(&err, ERR_AGAIN, "it could not be begun for a day");
	tell_failed(&s, &err);
	e->has_more = true;
}

static void begin_asked(struct engine *e, struct authority *a, int64_t id)
{
	struct domain d;
	struct stepping s = { e, a, &d, "" };
	struct order there;
	struct budget_wait wait;
	struct err err = ERR_INIT;

	if (!engine_domain(e, id, &d))
		return;
	d.try_ca = 0;
	if (engine_ok(e, domain_update(e->store, &d, &err), &err) &&
	    !order_trial_of_domain(e->store, d.id, &there, NULL) &&
	    !issuance_start_trial(e, a, &d, &wait, &err) && wait.ready_ms)
		tell_failed(&s, &err);
}

static void send_asked(struct engine *e, struct authority *a)
{
	struct err err = ERR_INIT;
	int64_t id;

	if (!domain_next_trial(e->store, a->row.id, &id, &err)) {
		a->trial_waits = 0;
		engine_ok(e, err.kind == ERR_NONE, &err);
		return;
	}
	engine_at(e, ROW_TRIAL, id);
	a->is_wanted = true;
	if (!authority_room(a) || rollover_holds(a)) {
		wait_or_give_up(e, a, id);
		return;
	}
	a->trial_waits = 0;
	begin_asked(e, a, id);
}

/* ---- staging ---- */

void trials_stage(struct engine *e)
{
	for (size_t i = 0; i < e->settings.ca_count && !e->has_failed; i++) {
		if (!e->may_begin) {
			e->ca[i]->trial_waits = 0;
			continue;
		}
		send_asked(e, e->ca[i]);
		engine_at(e, ROW_CANARY, e->ca[i]->row.id);
		if (has_canary(e->ca[i]) && !e->has_failed)
			send_canary(e, e->ca[i]);
	}
}

/* Nothing of it is urgent: an idle tick will do. */
int64_t trials_next_ms(struct engine *e)
{
	(void)e;
	return 0;
}
