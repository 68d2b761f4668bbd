/*
 * What orders cost of a CA's limits (acme/budget.h): taken in the transaction
 * that makes the order, given back when it ends without a certificate, and
 * corrected by what the CA itself says.
 */
#include <stdlib.h>

#include "acme/ari.h"
#include "acme/budget.h"
#include "acme/engine_parts.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "store/box.h"
#include "store/health.h"

#define TIDY_EVERY 100 /* ticks, of a minute each when nothing is to do */
#define TRY_MS	   (WHEN_MINUTE * 1000L) /* for the answer to one new order */
#define TIDY_ROWS  200 /* at once: the thread is not ours alone */
#define RESERVED_MAX 1000 /* more than any CA grants in its period */

/*
 * Would the CA exempt this order from its limits (RFC 9773, 5)? Also one whose
 * word it declined: what was not taken is not given back.
 */
static bool is_in_window(const struct order *o, const struct cert *c)
{
	struct ari_window w = { .start = c->ari_start, .end = c->ari_end };

	return *o->replaces && ari_window_is_open(&w, o->created_at);
}

/*
 * After a restore: a certificate that no order of ours has made came over from
 * serve.db; and without one nobody knows of which names there are newer ones.
 */
static int64_t uncounted_ms(struct engine *e, const struct authority *a,
			    const struct cert *c)
{
	time_t at = box_orders_uncounted(e->store);

	if (!c->order_id && c->ca_id == a->row.id && c->created_at > at)
		at = c->created_at;
	return (int64_t)at * 1000;
}

/* The facts of an order, the same when it begins and when it ends. */
static struct budget_order facts_of(struct engine *e,
				    const struct authority *a,
				    const struct domain *d,
				    const struct order *o, const char *host)
{
	struct budget_order facts = { .ca_id = a->row.id,
				      .host = host,
				      .is_revoked = d->revoked,
				      .is_emergency = true };
	struct cert c;

	if (cert_is_known_to(e->store, d->id, a->row.id,
			     limit_known_since(o->created_at)))
		facts.purpose = BUDGET_RENEWAL;
	if (!d->cert_id || !cert_current(e->store, d, &c, NULL))
		return facts;
	facts.life = c.not_after - c.not_before;
	facts.uncounted_ms = uncounted_ms(e, a, &c);
	facts.is_emergency = c.not_after - o->created_at < facts.life / 4;
	if (is_in_window(o, &c))
		facts.purpose = BUDGET_ARI;
	return facts;
}

/*
 * Live orders of new names under the same registered domain, that is: which
 * have paid for it. A bucket without a row is full, and none has.
 */
static long reserved(struct engine *e, const struct authority *a,
		     const char *host)
{
	const char *registered = budget_registered_domain(host);
	struct order_under *under;
	struct bucket bucket;
	struct err err = ERR_INIT;
	long n = 0;
	size_t count;

	if (!bucket_read(e->store, a->row.id, LIMIT_PER_DOMAIN, registered,
			 &bucket, NULL) ||
	    bucket.level == BUCKET_FULL.level)
		return 0;
	under = xmalloc(RESERVED_MAX * sizeof(*under));
	count = order_live_under(e->store, a->row.id, registered, under,
				 RESERVED_MAX, &err);
	engine_ok(e, err.kind == ERR_NONE, &err);
	for (size_t i = 0; i < count; i++)
		n += !cert_is_known_to(e->store, under[i].domain_id, a->row.id,
				       limit_known_since(under[i].created_at));
	free(under);
	return n;
}

/*
 * A limit that we have guessed, in words that we do not know, is tried out by
 * one new name; the others wait for the answer, and not for ever.
 */
static bool may_try(struct engine *e, struct authority *a,
		    struct budget_wait *wait, struct err *err)
{
	int64_t now = e->world->now_ms(e->world->ctx);

	if (!refused_is_full(&a->refused[false], engine_now(e)) ||
	    a->new_orders_ms <= now)
		return true;
	*wait = (struct budget_wait){ LIMIT_NEW_ORDERS, a->new_orders_ms };
	*err = a->new_orders_why;
	return false;
}

static void note_try(struct engine *e, struct authority *a)
{
	if (refused_is_full(&a->refused[false], engine_now(e)))
		a->new_orders_ms = e->world->now_ms(e->world->ctx) + TRY_MS;
}

bool spending_take(struct engine *e, struct authority *a,
		   const struct domain *d, const struct order *o,
		   struct budget_wait *wait, struct err *err)
{
	char host[DOMAIN_NAME_SIZE];
	struct budget_order facts;
	bool is_new;
	struct budget b;

	domain_name_policy_host(d->name, host);
	facts = facts_of(e, a, d, o, host);
	is_new = facts.purpose == BUDGET_NEW && !o->is_trial;
	if (facts.purpose == BUDGET_NEW)
		facts.reserved = reserved(e, a, host);
	budget_for_order(&b, &a->settings.limits, &facts);
	if ((is_new && !may_try(e, a, wait, err)) ||
	    !budget_take(&b, e->store, e->world->now_ms(e->world->ctx), wait,
			 err))
		return false;
	if (is_new)
		note_try(e, a);
	return true;
}

/* ---- limits in words that we do not know ---- */

static bool is_riddle(const struct order *o, const struct order_step *step)
{
	return step->effect == ORDER_END && step->scope == SCOPE_DOMAIN &&
	       !*o->order_url && step->retry_after > 0 &&
	       streq(step->type, "rateLimited") &&
	       limit_meant(step->problem.text) == LIMIT_KINDS &&
	       !limit_is_pause(step->problem.text);
}

/*
 * In the bucket, too: it lasts, and those who wait come back at the pace at
 * which that fills again, and not all at once.
 */
static void hold_new_orders(const struct stepping *s, const struct order *o,
			    const struct order_step *step)
{
	struct engine *e = s->engine;
	struct authority *a = s->authority;
	int64_t now = e->world->now_ms(e->world->ctx);
	struct budget_order facts = facts_of(e, a, s->domain, o, s->host);
	long wait = refused_hold(step->retry_after);
	struct err err = ERR_INIT;
	char at[INSTANT_TEXT];

	a->new_orders_ms = now + wait * 1000L;
	a->new_orders_why = step->problem;
	err_hint(&a->new_orders_why, "goes on at %s by itself",
		 instant_format(now / 1000 + wait, at));
	engine_ok(e,
		  budget_empty_until(&a->settings.limits, &facts,
				     LIMIT_NEW_ORDERS, e->store, now,
				     a->new_orders_ms, &err),
		  &err);
}

static bool is_taken(const struct order *o, const struct order_step *step)
{
	return step->effect == ORDER_ASK && *o->order_url;
}

/* A limit that a renewal does not meet may be one of new names all the same. */
static void end_rows(struct authority *a, bool is_known)
{
	a->refused[true].count = 0;
	if (is_known)
		return;
	if (a->refused[false].count == REFUSED_ALIKE)
		a->new_orders_ms = 0;
	a->refused[false].count = 0;
}

/*
 * New names wait for such a limit, as for that of new orders. If even renewals
 * meet it, the CA asks for peace; another one may take them over.
 */
static bool weigh_riddle(const struct stepping *s, const struct order *o,
			 struct order_step *step, bool is_known)
{
	struct authority *a = s->authority;
	time_t now = engine_now(s->engine);

	if (refused_note(&a->refused[is_known], s->host, now,
			 step->retry_after)) {
		step->scope = is_known ? SCOPE_CA : SCOPE_NONE;
		step->problem.kind = ERR_AGAIN;
		if (!is_known)
			hold_new_orders(s, o, step);
	}
	return step->scope == SCOPE_CA ||
	       (!is_known && !refused_is_full(&a->refused[true], now));
}

bool spending_weigh(const struct stepping *s, const struct order *o,
		    struct order_step *step)
{
	struct engine *e = s->engine;
	struct authority *a = s->authority;
	bool is_known;

	if (o->is_trial || (!is_taken(o, step) && !is_riddle(o, step)))
		return true;
	is_known = cert_is_known_to(e->store, s->domain->id, a->row.id,
				    limit_known_since(engine_now(e)));
	if (is_riddle(o, step))
		return weigh_riddle(s, o, step, is_known);
	end_rows(a, is_known);
	return true;
}

/* ---- when it has ended ---- */

/* The CA's own count is believed more than ours. */
static void believe(struct engine *e, const struct authority *a,
		    const struct budget_order *facts,
		    const struct order_step *step)
{
	int64_t now = e->world->now_ms(e->world->ctx);
	enum limit_kind kind = limit_meant(step->problem.text);
	struct err err = ERR_INIT;

	if (kind < LIMIT_KINDS && step->retry_after > 0)
		engine_ok(e, budget_empty_until(&a->settings.limits, facts,
						kind, e->store, now,
						now + step->retry_after * 1000L,
						&err), &err);
}

/*
 * A validation that failed is the CA's to count, also if we were not there
 * when it looked and nobody is to blame.
 */
static bool is_counted(const struct order_step *step)
{
	return step->scope == SCOPE_DOMAIN ||
	       (step->scope == SCOPE_ORDER && *step->type);
}

static void charge_looks(struct engine *e, const struct authority *a,
			 const struct budget_order *facts, long looks)
{
	int64_t now = e->world->now_ms(e->world->ctx);
	struct err err = ERR_INIT;

	for (long n = 0; n < looks && !e->has_failed; n++)
		engine_ok(e,
			  budget_charge_failure(&a->settings.limits, facts,
						e->store, now, &err),
			  &err);
}

/* `is_live`: it is still among those that are reserved. */
static void settle(const struct stepping *s, const struct authority *a,
		   struct budget_order *facts, bool is_live)
{
	struct engine *e = s->engine;
	struct err err = ERR_INIT;
	struct budget b;
	long live;

	if (facts->purpose != BUDGET_NEW)
		return;
	live = reserved(e, a, s->host);
	facts->reserved = live > 0 && is_live ? live : live + 1;
	budget_for_order(&b, &a->settings.limits, facts);
	engine_ok(e,
		  budget_settle(&b, e->store, e->world->now_ms(e->world->ctx),
				&err),
		  &err);
}

/* It was made as one that is exempt, took nothing, and then was not. */
static void charge_unsaid(const struct stepping *s, const struct authority *a,
			  struct budget_order facts, const struct order *o)
{
	struct engine *e = s->engine;
	struct err err = ERR_INIT;
	struct budget b;

	if (facts.purpose != BUDGET_ARI ||
	    !streq(o->replaces, ORDER_REPLACES_UNSAID) ||
	    !(facts.is_revoked || facts.is_emergency))
		return;
	facts.purpose = BUDGET_RENEWAL;
	budget_for_order(&b, &a->settings.limits, &facts);
	engine_ok(e,
		  budget_charge(&b, e->store, e->world->now_ms(e->world->ctx),
				&err),
		  &err);
}

static void count_issued(const struct stepping *s, const struct authority *a,
			 const struct order *o, bool is_live)
{
	struct budget_order facts = facts_of(s->engine, a, s->domain, o,
					     s->host);

	settle(s, a, &facts, is_live);
	charge_unsaid(s, a, facts, o);
}

void spending_issued(const struct stepping *s, const struct order *o)
{
	count_issued(s, s->authority, o, true);
}

static void give_back(const struct stepping *s, const struct authority *a,
		      const struct budget_order *facts)
{
	struct engine *e = s->engine;
	struct err err = ERR_INIT;
	struct budget b;

	budget_for_order(&b, &a->settings.limits, facts);
	engine_ok(e,
		  budget_refund(&b, e->store, e->world->now_ms(e->world->ctx),
				&err),
		  &err);
}

void spending_ended(const struct stepping *s, const struct order *o,
		    const struct order_step *step)
{
	struct engine *e = s->engine;
	const struct authority *a = authority_by_id(e, o->ca_id);
	struct budget_order facts;

	if (!a)
		return;
	facts = facts_of(e, a, s->domain, o, s->host);
	if (!*o->cert_url && !step->may_be_issued)
		give_back(s, a, &facts);
	else /* it may be there, if to nobody's use */
		count_issued(s, a, o, false);
	if (!s->authority)
		return; /* it was not asked */
	if (streq(step->type, "rateLimited"))
		believe(e, a, &facts, step);
	else if (*o->token && is_counted(step))
		charge_looks(e, a, &facts, step->looks);
}

bool engine_ca_bucket(const struct engine *e, const char *name,
		      enum limit_kind kind, struct bucket *out)
{
	for (size_t i = 0; i < e->settings.ca_count; i++) {
		const struct authority *a = e->ca[i];

		if (!streq(a->settings.name, name))
			continue;
		if (kind == LIMIT_NEW_ORDERS)
			return bucket_read(e->store, a->row.id, (int)kind, "",
					   out, NULL);
		*out = kind == LIMIT_POSTS ? a->posts : a->ari_bucket;
		return kind == LIMIT_POSTS || kind == LIMIT_ARI;
	}
	return false;
}

/* ---- what is full again ---- */

/* By the longest of all limits: before that, no row means anything. */
static int64_t forget_before(const struct engine *e)
{
	int64_t now_ms = e->world->now_ms(e->world->ctx), before_ms = now_ms;

	for (size_t i = 0; i < e->ca_count; i++) {
		int64_t at_ms = limits_forget_before(&e->ca[i]->settings.limits,
						     now_ms);

		before_ms = at_ms < before_ms ? at_ms : before_ms;
	}
	return before_ms;
}

static bool forget_some(struct engine *e, long *forgotten)
{
	struct store *s = e->store;

	if (!store_begin(s, NULL))
		return false;
	if (bucket_prune(s, forget_before(e), TIDY_ROWS, forgotten, NULL))
		return store_commit(s, NULL);
	store_rollback(s);
	return false;
}

/*
 * A clock that nobody has confirmed may be far ahead: then what is still
 * empty would be taken for full. What cannot be done now is done later.
 */
void spending_tidy(struct engine *e)
{
	long forgotten = 0;

	if (e->tidy_in) {
		e->tidy_in--;
		return;
	}
	e->tidy_in = TIDY_EVERY;
	if (e->ca_count && clock_is_known(&e->clock) &&
	    store_health(e->store, NULL) == STORE_FINE &&
	    forget_some(e, &forgotten) && forgotten == TIDY_ROWS)
		e->tidy_in = 0; /* there are more of them */
}
