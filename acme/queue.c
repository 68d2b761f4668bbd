/*
 * The queue for the CAs: who is next, and which CA it goes to.
 *
 * What is due lies in the store, ordered by rank and deadline; looking at it
 * costs what is started, not what waits. A domain goes to the first CA of the
 * configuration that is not down, and that has not refused its name. A CA that
 * has been down for longer than the domain has patience is passed over; while
 * it is down it gets one domain at a time, to see whether it is well again.
 * So is one whose limit of new orders is used up, by a domain that would be
 * new to it and has a certificate to lose.
 */
#include <stdio.h>
#include <stdlib.h>

#include "acme/engine_parts.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "store/refusal.h"

#define LIFT_MS	       5000
#define QUEUE_PART     200	/* rows put into the queue in one tick */
#define HEAD	       64	/* rows of a rank looked at in one tick */
#define AHEAD	       16	/* of them: they wait for the next order */
#define PATIENCE       (2 * WHEN_MINUTE)
#define PASSED_OVER    30	/* seconds until a row that must wait is back */

/* How long a domain waits for a CA that is down before it takes the next. */
static long patience_of(const struct domain *d, const struct schedule_life *life)
{
	long part = life->whole / 100;

	if (d->renew_forced || life->whole <= 0 || part > PATIENCE)
		return PATIENCE;
	return part;
}

static bool refuses(const struct authority *a, const struct domain *d)
{
	struct engine *e = a->engine;

	return refusal_holds(e->store, d->id, a->row.id, engine_now(e)) ||
	       prechecks_forbid(a, d);
}

/* Its limit of new orders is used up, and this would be one. */
static bool is_limited(const struct authority *a, const struct domain *d)
{
	const struct engine *e = a->engine;

	return a->new_orders_ms > e->world->now_ms(e->world->ctx) &&
	       !cert_is_known_to(e->store, d->id, a->row.id,
				 limit_known_since(engine_now(e)));
}

/* First certificates wait for that; what is served goes to the next CA. */
static bool passes_over(const struct authority *a, const struct domain *d)
{
	return d->rank != RANK_NEW && is_limited(a, d);
}

/* When its trouble began, be it that of all there, or of this name alone. */
static time_t down_since(const struct authority *a, const struct domain *d)
{
	time_t all = a->row.down_since;
	time_t alone = culprit_alone_since(&a->culprits, d->id,
					   engine_now(a->engine));

	return alone && (!all || alone < all) ? alone : all;
}

static bool is_down(const struct authority *a, const struct domain *d,
		    long patience)
{
	time_t since = down_since(a, d);

	return since && engine_now(a->engine) - since >= patience;
}

/* It has no time to find out whether a CA that was down is well again. */
static bool is_pressed(const struct schedule_life *life)
{
	return life->whole && life->left < life->whole / 4;
}

/* Somebody has to; not who has seen that it fails this name. */
static bool may_look_again(const struct authority *a, const struct domain *d,
			   const struct schedule_life *life)
{
	return !culprit_alone_since(&a->culprits, d->id,
				    engine_now(a->engine)) &&
	       authority_room(a) && !is_pressed(life);
}

/* The best CA to wait for, if none is any good: the first that would take it. */
struct authority *queue_choose(struct engine *e, const struct domain *d)
{
	struct schedule_life life = engine_life(e, d);
	long patience = patience_of(d, &life);
	struct authority *first = NULL;

	for (size_t i = 0; i < e->settings.ca_count; i++) {
		struct authority *a = e->ca[i];

		if (refuses(a, d))
			continue;
		if ((!is_down(a, d, patience) || may_look_again(a, d, &life)) &&
		    !passes_over(a, d))
			return a;
		if (!first)
			first = a;
	}
	return first;
}

long queue_patience(struct engine *e, const struct domain *d)
{
	struct schedule_life life = engine_life(e, d);

	return patience_of(d, &life);
}

bool queue_is_down_for(const struct authority *a, const struct domain *d)
{
	return is_down(a, d, queue_patience(a->engine, d));
}

bool queue_turn_away(struct engine *e, const struct authority *a,
		     const struct domain *d, time_t until)
{
	struct err err = ERR_INIT;

	if (e->settings.ca_count < 2 ||
	    !engine_ok(e, refusal_note(e->store, d->id, a->row.id, until, &err),
		       &err))
		return false;
	for (size_t i = 0; i < e->settings.ca_count; i++)
		if (!refuses(e->ca[i], d) && !queue_is_down_for(e->ca[i], d))
			return true;
	return false;
}

/* One that is down is waited for, while another's limit lasts. */
bool queue_is_open(struct engine *e, const struct domain *d)
{
	if (e->settings.ca_count < 2)
		return false;
	for (size_t i = 0; i < e->settings.ca_count; i++)
		if (!refuses(e->ca[i], d))
			return true;
	return false;
}

/* ---- one domain of the queue ---- */

/* No CA wants it: by then one may be asked again. */
static time_t next_hope(struct engine *e, const struct domain *d)
{
	time_t end = refusal_next_end(e->store, d->id, engine_now(e));

	return end ? end : engine_now(e) + PASSED_OVER;
}

/* What is under way already will say itself when it is due again. */
static bool is_under_way(struct engine *e, struct domain *d)
{
	struct err err = ERR_INIT;
	struct order o;

	if (!engine_ok(e, order_of_domain(e->store, d->id, &o, &err), &err))
		return e->has_failed;
	d->ready_at = d->due_at = 0;
	engine_ok(e, domain_update(e->store, d, &err), &err);
	return true;
}

/* What went wrong before says more. True if the row is now another. */
static bool explain(struct engine *e, struct domain *d, const struct err *why)
{
	bool is_same = streq(d->problem, why->text);

	if ((*d->problem && !is_same) || (is_same && streq(d->hint, why->hint)))
		return false;
	d->problem_at = engine_now(e);
	snprintf(d->problem, sizeof(d->problem), "%s", why->text);
	snprintf(d->hint, sizeof(d->hint), "%s", why->hint);
	return true;
}

static void put_back(struct engine *e, struct domain *d, time_t until,
		     const struct err *why)
{
	struct err err = ERR_INIT;

	d->ready_at = 0;
	d->due_at = until;
	if (why)
		explain(e, d, why);
	engine_ok(e, domain_update(e->store, d, &err), &err);
}

/*
 * New domains leave half of the room to those that have senders already, and
 * those that are gone nearly as much, so that new ones do not keep them out.
 */
static bool has_its_share(const struct authority *a, const struct domain *d)
{
	unsigned half = a->engine->settings.orders_in_flight / 2;
	unsigned share = d->rank == RANK_GONE ? half + half / 4 : half;

	return d->rank >= RANK_NEW && half > 0 && authority_used(a) >= share;
}

static unsigned room_for(const struct authority *a, const struct domain *d)
{
	bool is_held = rollover_holds(a) || is_limited(a, d) ||
		       has_its_share(a, d);

	return is_held ? 0 : authority_room(a);
}

/* Has another CA room, so that this one is not waited for by all? */
static bool has_another(struct engine *e, const struct authority *a)
{
	for (size_t i = 0; i < e->settings.ca_count; i++)
		if (e->ca[i] != a && authority_room(e->ca[i]))
			return true;
	return false;
}

/* One that refused it may be asked again sooner than this one. */
static bool has_hope_before(struct engine *e, const struct domain *d,
			    time_t until)
{
	time_t end = refusal_next_end(e->store, d->id, engine_now(e));

	return end && end < until;
}

/*
 * The CA's limit for this name is used up; another CA has limits of its own.
 * That for new orders concerns all new ones: they are looked at once more.
 */
static bool limited(struct engine *e, struct authority *a, struct domain *d,
		    const struct budget_wait *wait, const struct err *why)
{
	time_t until = wait->ready_ms / 1000 + 1;

	if (wait->kind == LIMIT_NEW_ORDERS) {
		a->new_orders_ms = wait->ready_ms;
		a->new_orders_why = *why;
		e->has_more = true;
		return false;
	}
	if (queue_turn_away(e, a, d, until))
		until = engine_now(e) + 1;
	else if (queue_is_open(e, d))
		until = engine_now(e) + PASSED_OVER;
	else if (has_hope_before(e, d, until))
		until = next_hope(e, d);
	put_back(e, d, until, why);
	return true;
}

/* Validations fail for many there, and it is not its turn to try. */
static bool lets_others_try(struct engine *e, const struct authority *a,
			    struct domain *d)
{
	time_t turn = outcome_turn(e, a, d);
	struct err why = ERR_INIT;

	if (!turn)
		return false;
	err_set(&why, ERR_AGAIN,
		"validations fail for many domains at once: "
		"a few try at a time, until one succeeds");
	err_hint(&why, "mtastsctl cert renew %s tries it now", d->name);
	put_back(e, d, turn, &why);
	return true;
}

/* False if it stays where it is. */
static bool begin(struct engine *e, struct authority *a, struct domain *d)
{
	struct budget_wait wait;
	struct err err = ERR_INIT;

	if (lets_others_try(e, a, d)) /* another was quicker to be looked at */
		return true;
	prechecks_forget(e, d->id);
	if (issuance_start(e, a, d, &wait, &err)) {
		outcome_tries(e, a, d);
		return true;
	}
	return wait.ready_ms && limited(e, a, d, &wait, &err);
}

/* There is room for it: is all well with the name, too? */
static bool look_and_begin(struct engine *e, struct authority *a,
			   struct domain *d)
{
	switch (prechecks_ask(e, d)) {
	case LOOK_UNDER_WAY:
		return false;
	case LOOK_PUT_OFF:
		return true;
	case LOOK_GO:
		break;
	}
	if (!refuses(a, d))
		return begin(e, a, d);
	a = queue_choose(e, d); /* CAA lets another one issue, and not this */
	if (!a) {
		put_back(e, d, next_hope(e, d), NULL);
		return true;
	}
	a->is_wanted = true;
	return room_for(a, d) && begin(e, a, d);
}

/* Its directory and our account are quickly there, trouble is not over soon. */
static long time_to_ready(const struct authority *a)
{
	const struct world *w = a->engine->world;

	return authority_retry_ms(a) > w->now_ms(w->ctx) ? PASSED_OVER : 1;
}

/*
 * No CA has an order left for it. First certificates stay, for those behind
 * them wait for the same. What is served leaves, so that it hides nobody: the
 * most urgent are back when there is one, the others look again later.
 */
static bool wait_for_limit(struct engine *e, struct authority *a,
			   struct domain *d, bool is_ahead)
{
	struct schedule_life life = engine_life(e, d);
	time_t until = engine_now(e) + patience_of(d, &life) + 1;
	time_t back = a->new_orders_ms / 1000 + 1;
	struct err err = ERR_INIT;

	if (d->rank != RANK_NEW) {
		put_back(e, d, is_ahead && back < until ? back : until,
			 &a->new_orders_why);
		return true;
	}
	if (explain(e, d, &a->new_orders_why))
		engine_ok(e, domain_update(e->store, d, &err), &err);
	return false;
}

/*
 * False if it stays where it is, because its CA is full or not ready. If it
 * is the only one who waits for that CA, it must not stand in the way.
 */
static bool serve(struct engine *e, struct domain *d, bool is_ahead)
{
	struct authority *a = queue_choose(e, d);

	if (!a) {
		put_back(e, d, next_hope(e, d), NULL);
		return true;
	}
	if (lets_others_try(e, a, d))
		return true;
	a->is_wanted = true;
	if (is_limited(a, d))
		return wait_for_limit(e, a, d, is_ahead);
	if (room_for(a, d))
		return look_and_begin(e, a, d);
	if (authority_is_ready(a) || !has_another(e, a))
		return false;
	put_back(e, d, engine_now(e) + time_to_ready(a), NULL);
	return true;
}

long queue_time_to_down(const struct authority *a, const struct domain *d)
{
	return (long)(down_since(a, d) - engine_now(a->engine)) +
	       queue_patience(a->engine, d);
}

/* ---- the whole queue ---- */

static bool any_room(struct engine *e)
{
	for (size_t i = 0; i < e->settings.ca_count; i++)
		if (authority_room(e->ca[i]))
			return true;
	return false;
}

/*
 * Nobody can be served. Whoever stands at the head may wait for a CA that is
 * never there, and those behind him for another.
 */
static void want_all(struct engine *e)
{
	for (size_t i = 0; i < e->settings.ca_count; i++)
		if (!authority_is_ready(e->ca[i]))
			e->ca[i]->is_wanted = true;
}

/* While somebody waits, each CA that is down is asked whether it still is. */
static void want_back(struct engine *e)
{
	for (size_t i = 0; i < e->settings.ca_count; i++)
		if (e->ca[i]->row.down_since)
			e->ca[i]->is_wanted = true;
}

/*
 * There is no time left: but one that can be served is served in each tick,
 * or a box that is always late would serve nobody.
 */
static bool must_stop(struct engine *e)
{
	if (!e->has_served || engine_has_time(e))
		return false;
	e->has_more = true;
	return true;
}

static bool serve_one(struct engine *e, int64_t id, bool is_ahead)
{
	struct domain d;
	bool is_served;

	engine_at(e, ROW_DOMAIN, id);
	if (!engine_domain(e, id, &d) || is_under_way(e, &d))
		return true;
	is_served = serve(e, &d, is_ahead);
	e->has_served = e->has_served || is_served;
	return is_served;
}

static void serve_rank(struct engine *e, enum domain_rank rank)
{
	int64_t ids[HEAD];
	struct err err = ERR_INIT;
	size_t n = domain_queue_head(e->store, rank, 0, ids, ARRAY_LEN(ids),
				     &err);
	size_t left = 0;

	engine_ok(e, err.kind == ERR_NONE, &err);
	if (n)
		want_back(e);
	if (n && !any_room(e)) {
		want_all(e);
		return;
	}
	for (size_t i = 0; i < n && !e->has_failed; i++) {
		if (must_stop(e))
			return;
		left += !serve_one(e, ids[i], i < AHEAD);
	}
	if (n == ARRAY_LEN(ids) && left < n)
		e->has_more = true;
}

/* Ranks change with the days: now and then is often enough. */
static bool lift(struct engine *e, struct err *err)
{
	int64_t now_ms = e->world->now_ms(e->world->ctx);

	if (llabs(now_ms - e->lifted_ms) < LIFT_MS)
		return true;
	e->lifted_ms = now_ms;
	return domain_queue_lift(e->store, engine_now(e), QUEUE_PART, err);
}

void queue_stage(struct engine *e)
{
	struct err err = ERR_INIT;

	e->has_served = false;
	if (!e->may_begin ||
	    !engine_ok(e, domain_queue_due(e->store, engine_now(e), QUEUE_PART,
					   &err), &err) ||
	    domain_queue_is_empty(e->store, &err) ||
	    !engine_ok(e, err.kind == ERR_NONE && lift(e, &err), &err))
		return;
	for (int rank = RANK_EMERGENCY; rank <= RANK_GONE; rank++)
		if (!e->has_failed)
			serve_rank(e, (enum domain_rank)rank);
}

/* The moment when more new names may be ordered; 0: now, or nobody waits. */
static int64_t next_new_ms(struct engine *e)
{
	int64_t now_ms = e->world->now_ms(e->world->ctx), best = 0;

	for (size_t i = 0; i < e->settings.ca_count; i++) {
		int64_t at = e->ca[i]->new_orders_ms;

		if (at > now_ms && (!best || at < best))
			best = at;
	}
	return best;
}

int64_t queue_next_ms(struct engine *e)
{
	int64_t more_ms = next_new_ms(e);
	time_t live = domain_next_due(e->store, DOMAIN_LIVE, 0);
	time_t fresh = domain_next_due(e->store, DOMAIN_ISSUING, 0);

	if (!e->may_begin)
		return 0; /* a thaw wakes us, or room that is found */
	if (!live || (fresh && fresh < live))
		live = fresh;
	if (!live || (more_ms && more_ms < (int64_t)live * 1000))
		return more_ms;
	return (int64_t)live * 1000;
}
