/*
 * Orders: which to start, what their replies change, and what that means for
 * their domains. The machine itself is acme/order_step.c.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/csr.h"
#include "acme/engine_parts.h"
#include "acme/jws.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "store/trail.h"

#define LOOKING	 WHEN_MINUTE /* that a CA may be, at a challenge */
#define APART_MS (WHEN_MINUTE * 1000) /* a trial and an order of one name */
#define MOVE_EVERY_MS 1000
#define TRIES_LEAST   10 /* before an order is given up that fails alone */
#define DOOR_TIMES    6	 /* its pauses grow: to half a minute */
#define LEFT_FOR      3	 /* times as long as it waits for a CA: two others' */
#define PEACE_LONG    WHEN_MINUTE /* more than any pause without a word of it */

/* ---- the trail ---- */

/* A plain renewal leaves one line; what somebody waits for leaves each step. */
static bool is_watched(const struct domain *d)
{
	return !d->cert_id || d->renew_forced;
}

static void tell_step(struct engine *e, const struct domain *d,
		      const struct order *o, const struct authority *a)
{
	static const char *const words[ORDER_DEAD + 1] = {
		[ORDER_ORDERED] = "order placed with",
		[ORDER_PRESENTED] = "challenge published for",
		[ORDER_CHALLENGED] = "validation under way at",
		[ORDER_READY] = "name validated by",
		[ORDER_FINALIZING] = "certificate requested from",
		[ORDER_DOWNLOAD] = "certificate issued by",
	};
	char *kind, *text;

	if (!words[o->state] || (!is_watched(d) && !o->is_trial) ||
	    (o->state == ORDER_DOWNLOAD && o->sent > 0)) /* once more */
		return;
	kind = xasprintf("order.%s", order_state_name(o->state));
	text = xasprintf("%s %s (order %lld)", words[o->state],
			 a->settings.name, (long long)o->id);
	engine_event(e, &(struct trail){ .kind = kind, .domain = d->name,
					 .text = text });
	free(kind);
	free(text);
}

/* ---- one step ---- */

static effect_act ask_order;
static arrived_take got_reply;

static void will_ask(struct engine *e, struct authority *a,
		     const struct order *o, const char *host)
{
	struct effect *effect = engine_will(e, ask_order, a);

	effect->order = *o;
	snprintf(effect->host, sizeof(effect->host), "%s", host);
}

/* An unsure row looks before it acts: that shows less. */
static int depth_of(const struct order *o)
{
	return o->unsure ? DEPTH_LOOK : DEPTH_ORDER + (int)o->state;
}

/* ---- an error: the CA's, or that of one name? ---- */

/*
 * It alone waits for as long as the CA said. Where others work and it does not,
 * it comes ever more rarely, as many such names would be many requests.
 */
static void wait_alone(const struct stepping *s, struct order *o,
		       long retry_after, unsigned times)
{
	struct engine *e = s->engine;
	long wait = schedule_alone_pause((long)times, retry_after,
					 engine_life(e, s->domain));
	int64_t until = e->world->now_ms(e->world->ctx) + (int64_t)wait * 1000;

	if (o->wake_ms < until)
		o->wake_ms = until;
}

static void hold(const struct stepping *s, struct order *o, long retry_after,
		 unsigned times)
{
	if (retry_after > PEACE_LONG)
		culprit_held(&s->authority->culprits, o->domain_id);
	wait_alone(s, o, retry_after, times);
}

/* The CA is well, so that nothing else says it. */
static void explain(const struct stepping *s, const struct err *problem)
{
	struct engine *e = s->engine;
	struct domain *d = s->domain;
	struct err err = ERR_INIT;
	char text[sizeof(d->problem)];

	snprintf(text, sizeof(text), "%.480s; it works for other names",
		 problem->text);
	if (streq(d->problem, text))
		return;
	d->problem_at = engine_now(e);
	str_copy(d->problem, sizeof(d->problem), text);
	str_copy(d->hint, sizeof(d->hint),
		 "it is tried again by itself; ask the CA if it lasts");
	engine_ok(e, domain_update(e->store, d, &err), &err);
}

/* Another order of the same name may fare better, if not soon. */
static bool is_overdue(const struct stepping *s, const struct order *o)
{
	return engine_now(s->engine) - o->created_at >=
	       outcome_patience(s->engine, s->domain);
}

/* Whom a door turns away is in later, and not ever later. */
static unsigned at_a_door(unsigned times)
{
	return times < DOOR_TIMES ? times : DOOR_TIMES;
}

/*
 * With 503 a CA says that it has too much to do (RFC 9110, 15.6.4), and means
 * everybody. What it says with another error is for who asked: its Retry-After
 * keeps no others away, who come one by one, as to any CA in trouble.
 */
static void got_error(const struct stepping *s, struct order *o, int depth,
		      const struct ca_reply *reply, struct order_step *step)
{
	struct authority *a = s->authority;
	unsigned times = culprit_failed(&a->culprits, o->domain_id, depth,
					engine_now(s->engine));
	bool is_busy = reply->status == 503;

	if (!times)
		authority_failed(a, depth, &step->problem,
				 is_busy ? step->retry_after : -1);
	else if (!o->is_trial)
		explain(s, &step->problem);
	if (times >= TRIES_LEAST && is_overdue(s, o))
		*step = order_give_up(o, SCOPE_CA, &step->problem,
				      engine_now(s->engine));
	else if (times || !is_busy)
		hold(s, o, step->retry_after,
		     reply->status == 429 ? at_a_door(times) : times);
}

/*
 * What any request of one name could meet: no answer, garbage, a 500, a door, or
 * a certificate that is not there. That there was no nonce is nobody's alone.
 */
static bool is_error(const struct ca_reply *reply)
{
	if (reply->error.kind != ERR_NONE)
		return !reply->is_unasked;
	return reply->status < 300 || reply->status >= 500 ||
	       reply->status == 429 || wire_is_gone(reply->status) ||
	       scope_is_wordless(reply) ||
	       streq(reply->problem.type, "serverInternal");
}

/* An order that ends after errors: the CA's fault, or those were its own? */
static bool ends_alone(const struct stepping *s, const struct order *o,
		       const struct order_step *step)
{
	return step->effect == ORDER_END && !o->is_trial &&
	       culprit_alone_since(&s->authority->culprits, o->domain_id,
				   engine_now(s->engine));
}

static void ca_failed(const struct stepping *s, struct order *o, int depth,
		      const struct ca_reply *reply, struct order_step *step)
{
	struct authority *a = s->authority;

	if (streq(step->type, "userActionRequired"))
		authority_refused_account(a, &step->problem);
	else if (step->effect == ORDER_WAIT && is_error(reply) &&
		 !step->is_others)
		got_error(s, o, depth, reply, step);
	else if (ends_alone(s, o, step))
		explain(s, &step->problem);
	else
		authority_failed(a, depth, &step->problem, step->retry_after);
}

static void charge(const struct stepping *s, struct order *o, int depth,
		   const struct ca_reply *reply, struct order_step *step)
{
	struct authority *a = s->authority;

	switch (step->scope) {
	case SCOPE_CA:
		ca_failed(s, o, depth, reply, step);
		break;
	case SCOPE_ACCOUNT:
		authority_lost_account(a);
		break;
	case SCOPE_NONE:
	case SCOPE_DOMAIN:
	case SCOPE_ORDER:
	case SCOPE_LOCAL:
		if (scope_is_wordless(reply))
			break; /* that may be anybody's answer */
		authority_worked(a, depth);
		culprit_worked(&a->culprits, o->domain_id, depth,
			       engine_now(s->engine));
		break;
	}
	if (streq(step->type, "invalidProfile"))
		authority_refused_profile(a);
}

static void count_end(struct engine *e, const struct order *o)
{
	struct authority *a = authority_by_id(e, o->ca_id);

	if (a && o->state == ORDER_DONE)
		a->ending.done++;
	else if (a)
		a->ending.dead++;
}

void issuance_committed(struct engine *e)
{
	for (size_t i = 0; i < e->ca_count; i++) {
		e->ca[i]->ended.done += e->ca[i]->ending.done;
		e->ca[i]->ended.dead += e->ca[i]->ending.dead;
	}
}

static bool write_order(struct engine *e, struct order *o)
{
	struct err err = ERR_INIT;

	if (!engine_ok(e, order_update(e->store, o, &err), &err))
		return false;
	engine_passes(e, order_state_name(o->state));
	if (!order_is_live(o))
		count_end(e, o);
	return true;
}

/* The order is dead. A trial is nobody's failure but its CA's. */
void issuance_ended(const struct stepping *s, const struct order *o,
		    const struct order_step *step)
{
	spending_ended(s, o, step);
	if (o->is_trial)
		trial_failed(s, step);
	else
		outcome_failed(s->engine, s->domain, s->authority, step);
}

/*
 * A trial that gave way has taken its token along, and the CA, which had been
 * told to look, goes on with the same order: that is void, for nobody's fault.
 */
static void end(const struct stepping *s, const struct order *o,
		const struct order_step *step)
{
	struct order_step mild = *step;

	if (step->scope == SCOPE_DOMAIN && !o->is_trial &&
	    order_url_was_trials(s->engine->store, o->order_url))
		mild.scope = SCOPE_ORDER;
	issuance_ended(s, o, &mild);
}

/*
 * An answer that is taken after that has lain here: while the disk was full. Or
 * the clock is wrong.
 */
static bool has_expired(const struct engine *e, const struct order *o)
{
	return o->expires_at && o->expires_at < engine_now(e);
}

static void take_step(const struct stepping *s, struct order *o,
		      enum order_state before, const struct order_step *step,
		      const struct ca_reply *reply)
{
	struct engine *e = s->engine;

	switch (step->effect) {
	case ORDER_ASK:
		if (o->state == ORDER_READY) /* of it the same is asked then */
			o->unsure = o->unsure || has_expired(e, o);
		if (write_order(e, o))
			will_ask(e, s->authority, o, s->host);
		break;
	case ORDER_WAIT:
		o->unsure = o->unsure || has_expired(e, o);
		write_order(e, o);
		break;
	case ORDER_INSTALL:
		assert(reply);	/* a download is never abandoned into this */
		spending_issued(s, o);
		install_chain(s, o, reply);
		write_order(e, o);
		return;
	case ORDER_END:
		if (write_order(e, o))
			end(s, o, step);
		return;
	}
	if (o->state != before && s->authority)
		tell_step(e, s->domain, o, s->authority);
}

static bool url_is_known(const char *url, void *arg)
{
	const struct engine *e = arg;

	return order_url_is_known(e->store, url);
}

/* The caller frees ctx.thumbprint. */
static struct order_context context_of(struct engine *e,
				       const struct authority *a,
				       const char *host)
{
	return (struct order_context){
		.now = engine_now(e),
		.now_ms = e->world->now_ms(e->world->ctx),
		.dice = engine_dice(e),
		.host = host,
		.thumbprint = jws_thumbprint(&a->account.key),
		.orders_url = a->account.orders_url,
		.account_at = a->account_at,
		.heard_at = a->heard_at,
		.is_known = url_is_known,
		.arg = e,
	};
}

/* ---- replies ---- */

/* A row that does not decode must not come up again and again. */
static void set_aside(struct engine *e, int64_t order_id)
{
	struct err err = ERR_INIT;

	if (!e->has_failed)
		engine_ok(e, order_set_aside(e->store, order_id, engine_now(e),
					     &err), &err);
}

static bool read_pair(struct engine *e, int64_t order_id, struct order *o,
		      struct domain *d)
{
	struct err err = ERR_INIT;

	return engine_ok(e, order_by_id(e->store, order_id, o, &err), &err) &&
	       engine_ok(e, domain_by_id(e->store, o->domain_id, d, &err),
			 &err);
}

static void got_reply(struct engine *e, const struct arrived *got)
{
	char host[DOMAIN_NAME_SIZE];
	struct stepping s = { e, got->authority, NULL, host };
	struct order_context ctx;
	struct order_step step;
	enum order_state before;
	int depth;
	struct domain d;
	struct order o;

	engine_at(e, ROW_ORDER, got->id);
	if (!read_pair(e, got->id, &o, &d)) {
		set_aside(e, got->id);
		return;
	}
	if (o.epoch != got->epoch)
		return;
	s.domain = &d;
	domain_name_policy_host(d.name, host);
	ctx = context_of(e, got->authority, host);
	before = o.state;
	depth = depth_of(&o);
	ctx.patience = outcome_patience(e, &d);
	step = order_reply(&o, &got->reply, &ctx);
	if (before != ORDER_INTENT || spending_weigh(&s, &o, &step))
		charge(&s, &o, depth, &got->reply, &step);
	take_step(&s, &o, before, &step, &got->reply);
	free((char *)ctx.thumbprint);
}

/* ---- waking what waited ---- */

unsigned issuance_noted(const struct engine *e, const struct authority *a)
{
	unsigned n = 0;

	for (size_t i = 0; i < e->effect_count; i++)
		n += e->effects[i]->act == ask_order &&
		     e->effects[i]->authority == a;
	return n;
}

/* With its CA, or NULL: then it is not asked any more. */
static void abandon(struct engine *e, struct authority *a, struct order *o,
		    struct domain *d, enum fail_scope scope, const char *why)
{
	char host[DOMAIN_NAME_SIZE];
	struct stepping s = { e, a, d, host };
	enum order_state before = o->state;
	struct err problem = ERR_INIT;
	struct order_step step;

	domain_name_policy_host(d->name, host);
	err_set(&problem, ERR_AGAIN, "%s", why);
	step = order_give_up(o, scope, &problem, engine_now(e));
	step.is_endless = a && scope == SCOPE_ORDER; /* it has expired there */
	take_step(&s, o, before, &step, NULL);
}

static void abandon_stray(struct engine *e, int64_t id)
{
	struct domain d;
	struct order o;

	engine_at(e, ROW_ORDER, id);
	if (read_pair(e, id, &o, &d))
		abandon(e, NULL, &o, &d, SCOPE_ORDER,
			"its CA is not configured any more");
	else
		set_aside(e, id);
}

static void abandon_all(struct engine *e, int64_t ca_id)
{
	int64_t ids[64];
	struct err err = ERR_INIT;
	size_t n;

	do {
		n = order_due(e->store, ca_id, INT64_MAX, ids, ARRAY_LEN(ids),
			      &err);
		engine_ok(e, err.kind == ERR_NONE, &err);
		for (size_t i = 0; i < n && !e->has_failed; i++)
			abandon_stray(e, ids[i]);
	} while (n == ARRAY_LEN(ids) && !e->has_failed);
}

/* At the start nothing is under way: every live order has a time to wake. */
static void abandon_strays(struct engine *e)
{
	int64_t ca_ids[64];
	struct err err = ERR_INIT;
	size_t n = order_cas(e->store, ca_ids, ARRAY_LEN(ca_ids), &err);

	engine_ok(e, err.kind == ERR_NONE, &err);
	for (size_t i = 0; i < n && !e->has_failed; i++)
		if (!authority_by_id(e, ca_ids[i]))
			abandon_all(e, ca_ids[i]);
}

static void ask_anew(struct engine *e, struct authority *a, struct order *o,
		     const struct domain *d)
{
	char host[DOMAIN_NAME_SIZE];
	struct err err = ERR_INIT;

	o->wake_ms = 0;
	if (!engine_ok(e, order_update(e->store, o, &err), &err))
		return;
	domain_name_policy_host(d->name, host);
	will_ask(e, a, o, host);
}

/* An order waits for that CA, and may leave it then. */
static void note_move(const struct engine *e, struct authority *a, long wait)
{
	int64_t at = e->world->now_ms(e->world->ctx) + (int64_t)wait * 1000;

	if (!a->move_ms || at < a->move_ms)
		a->move_ms = at;
}

/* The CA may be looking just now, and would find nothing. */
static long time_of_look(const struct order *o,
			 const struct schedule_life *life, long age)
{
	long most = life->whole / 100 < LOOKING ? life->whole / 100 : LOOKING;

	return o->state == ORDER_CHALLENGED && age < most ? most - age : 0;
}

/*
 * Seconds until it may leave its CA, which may have issued already, or be about
 * to: another would make a second certificate of one decision. That is for the
 * last quarter of a life; what has no life to go by, was asked for, or is to
 * replace what is revoked waits as for a CA that does not end.
 */
static long time_to_leave(struct engine *e, const struct order *o,
			  const struct domain *d)
{
	struct schedule_life life = engine_life(e, d);
	long age = (long)(engine_now(e) - o->created_at);
	long patient = outcome_patience(e, d) - age;
	long quarter = life.left - life.whole / 4 + 1;

	if (o->state < ORDER_FINALIZING)
		return time_of_look(o, &life, age);
	if (life.whole && !d->renew_forced && !d->revoked)
		return quarter;
	return life.whole && quarter < patient ? quarter : patient;
}

/* Its CA is down for longer than it can wait, and another one takes it. */
static bool must_move(struct engine *e, struct authority *a,
		      const struct order *o, const struct domain *d)
{
	const struct authority *other;
	long wait;

	if (o->is_trial)
		return false;
	wait = queue_time_to_down(a, d);
	if (wait <= 0)
		wait = time_to_leave(e, o, d);
	if (wait > 0) {
		note_move(e, a, wait);
		return false;
	}
	other = queue_choose(e, d);
	return other && other != a && !queue_is_down_for(other, d);
}

/* A CA may be down for weeks: who asked for it is to hear of it before. */
static bool is_overlong_trial(struct engine *e, const struct order *o)
{
	return o->is_trial && engine_now(e) - o->created_at >= WHEN_DAY;
}

/*
 * After a pause of all those go first that the CA did not fail, also those that
 * only come: one of them may show that it works, where one that failed would
 * only begin the pause anew.
 */
static bool lets_others_go(const struct engine *e, const struct authority *a,
			   struct order *o)
{
	int64_t until_ms = a->row.retry_ms + authority_yield_ms(a);
	bool has_failed = (o->unsure && o->tries > 0) ||
			  culprit_since(&a->culprits, o->domain_id,
					engine_now(e));

	if (!has_failed || e->world->now_ms(e->world->ctx) >= until_ms)
		return false;
	o->wake_ms = until_ms;
	return true;
}

/*
 * By a clock that a CA has confirmed. By one that is wrong at boot every order
 * would be made anew, with another look that may fail; so the CA is asked, and
 * its answer says what time it is, too.
 */
static bool has_surely_expired(const struct engine *e, const struct order *o)
{
	return has_expired(e, o) && engine_clock_is_known(e);
}

/*
 * True if the row is no longer among those that are due. What may have been
 * issued is asked for, however old it is: the certificate is still there.
 */
static bool wake_order(struct engine *e, struct authority *a, int64_t id)
{
	struct domain d;
	struct order o;

	engine_at(e, ROW_ORDER, id);
	if (!read_pair(e, id, &o, &d)) {
		set_aside(e, id);
		return true;
	}
	if (o.state < ORDER_FINALIZING && has_surely_expired(e, &o)) {
		abandon(e, a, &o, &d, order_scope_of_expiry(&o),
			"the order has expired at the CA");
		return true;
	}
	if (is_overlong_trial(e, &o)) {
		abandon(e, a, &o, &d, SCOPE_CA, "it had no end in a day");
		return true;
	}
	a->is_wanted = true;
	if (lets_others_go(e, a, &o))
		return write_order(e, &o);
	if (!authority_room(a))
		return false;
	if (o.state < ORDER_FINALIZING) /* what the CA says then is no fault */
		o.unsure = o.unsure || has_expired(e, &o);
	ask_anew(e, a, &o, &d);
	return true;
}

static void move_order(struct engine *e, struct authority *a, int64_t id)
{
	struct domain d;
	struct order o;

	if (!read_pair(e, id, &o, &d)) {
		set_aside(e, id);
	} else if (must_move(e, a, &o, &d)) {
		abandon(e, NULL, &o, &d, SCOPE_CA,
			a->row.down_since
				? "its CA is down: another takes it over"
				: "its CA fails it: another takes it over");
		culprit_left(&a->culprits, d.id,
			     engine_now(e) + LEFT_FOR * queue_patience(e, &d));
	}
}

/* Once a second at most: it begins again with the first of them. */
static bool may_move(const struct engine *e, const struct authority *a)
{
	int64_t ago_ms = e->world->now_ms(e->world->ctx) - a->moved_ms;

	return e->settings.ca_count > 1 &&
	       (a->moved_id || ago_ms < 0 || ago_ms >= MOVE_EVERY_MS);
}

/* The CA is well, but not for them. */
static void move_suspects(struct engine *e, struct authority *a)
{
	struct order o;

	for (size_t i = 0; i < a->culprits.used && !e->has_failed; i++) {
		int64_t id = a->culprits.name[i].domain_id;

		if (id &&
		    culprit_alone_since(&a->culprits, id, engine_now(e)) &&
		    order_of_domain(e->store, id, &o, NULL) &&
		    o.ca_id == a->row.id && o.wake_ms)
			move_order(e, a, o.id);
	}
	a->moved_ms = e->world->now_ms(e->world->ctx);
	a->moved_id = 0;
}

/* Also those that sleep: they may do so for longer than they have time. */
static void move_orders(struct engine *e, struct authority *a)
{
	int64_t ids[64];
	struct err err = ERR_INIT;
	size_t n, i;

	if (!may_move(e, a))
		return;
	if (!a->moved_id)
		a->move_ms = 0;
	if (!a->row.down_since) {
		move_suspects(e, a);
		return;
	}
	n = order_waiting(e->store, a->row.id, a->moved_id, ids, ARRAY_LEN(ids),
			  &err);
	engine_ok(e, err.kind == ERR_NONE, &err);
	for (i = 0; i < n && !e->has_failed && (!i || engine_has_time(e)); i++)
		move_order(e, a, ids[i]);
	a->moved_ms = e->world->now_ms(e->world->ctx);
	a->moved_id = i && (i < n || n == ARRAY_LEN(ids)) ? ids[i - 1] : 0;
	if (a->moved_id)
		e->has_more = true;
}

static void wake_orders(struct engine *e, struct authority *a)
{
	int64_t ids[64];
	struct err err = ERR_INIT;
	size_t n = order_due(e->store, a->row.id,
			     e->world->now_ms(e->world->ctx), ids,
			     ARRAY_LEN(ids), &err);
	size_t done = 0;

	engine_ok(e, err.kind == ERR_NONE, &err);
	for (size_t i = 0; i < n && !e->has_failed; i++)
		done += wake_order(e, a, ids[i]);
	if (done && n == ARRAY_LEN(ids))
		e->has_more = true;
}

void issuance_stage(struct engine *e)
{
	if (!e->is_swept)
		abandon_strays(e);
	for (size_t i = 0; i < e->ca_count && !e->has_failed; i++) {
		if (!authority_is_current(e->ca[i]))
			continue;
		move_orders(e, e->ca[i]);
		wake_orders(e, e->ca[i]);
	}
}

/* When its orders are to be looked at again: one of them may move then. */
static int64_t next_move_ms(const struct engine *e, const struct authority *a)
{
	int64_t soonest = a->moved_ms + MOVE_EVERY_MS;

	if (e->settings.ca_count < 2 || !a->move_ms)
		return 0;
	return a->move_ms > soonest ? a->move_ms : soonest;
}

/* What cannot be worked on yet is not waited for: its reply will wake us. */
static int64_t next_wake_ms(const struct engine *e, const struct authority *a)
{
	if (a->is_wanted && !authority_room(a))
		return 0;
	return order_next_wake(e->store, a->row.id);
}

static void earlier(int64_t *best, int64_t at_ms)
{
	if (at_ms && (!*best || at_ms < *best))
		*best = at_ms;
}

int64_t issuance_next_ms(struct engine *e)
{
	int64_t best = 0;

	for (size_t i = 0; i < e->ca_count; i++) {
		if (!authority_is_current(e->ca[i]))
			continue;
		earlier(&best, next_wake_ms(e, e->ca[i]));
		earlier(&best, next_move_ms(e, e->ca[i]));
	}
	return best;
}

/* ---- starting new ones ---- */

static bool make_key(struct engine *e, struct order *o, const char *host,
		     struct err *err)
{
	struct p256 key;
	bool ok;

	if (!e->world->key_make(e->world->ctx, &key, err))
		return false;
	ok = csr_make(&key, host, o->csr, &o->csr_len, err) &&
	     key_insert(e->store, o->domain_id, &key, o->created_at, &o->key_id,
			err);
	p256_release(&key);
	return ok;
}

/*
 * Only a CA that knows of it may be told what a certificate replaces. Also
 * after failures: whose word the CA declines orders without it at once
 * (acme/order_step.c), and any other failure is no reason to do without the
 * exemption from limits that it brings.
 */
static void plan_replaces(struct engine *e, const struct authority *a,
			  const struct domain *d, struct order *o)
{
	const struct wire_directory *dir = client_directory(a->client);
	struct cert c;

	if (!o->is_trial && d->cert_id && *dir->renewal_info &&
	    cert_current(e->store, d, &c, NULL) && c.ca_id == a->row.id &&
	    c.account_id == a->account.id)
		memcpy(o->replaces, c.ari_id, sizeof(o->replaces));
}

static struct order plan_order(struct engine *e, struct authority *a,
			       const struct domain *d, bool is_trial)
{
	struct order o = {
		.domain_id = d->id,
		.ca_id = a->row.id,
		.account_id = a->account.id,
		.state = ORDER_INTENT,
		.is_trial = is_trial,
		.method = d->method,
		.created_at = engine_now(e),
	};

	authority_plan_profile(a, o.profile);
	plan_replaces(e, a, d, &o);
	return o;
}

static bool make_order(struct engine *e, struct authority *a,
		       const struct domain *d, struct order *o,
		       struct budget_wait *wait, struct err *err)
{
	char host[DOMAIN_NAME_SIZE];

	domain_name_policy_host(d->name, host);
	if (!spending_take(e, a, d, o, wait, err) ||
	    !make_key(e, o, host, err) || !order_insert(e->store, o, err))
		return false;
	engine_passes(e, order_state_name(o->state));
	will_ask(e, a, o, host);
	return true;
}

/*
 * Can the two not be under way at once? One host has one challenge by
 * tls-alpn-01: who connects does not say whose he wants to see. And a CA may
 * answer both with one order, which is then certified for one of two keys.
 */
static bool is_in_the_way(const struct order *there, const struct authority *a,
			  const struct domain *d)
{
	return d->method == METHOD_TLS_ALPN_01 || there->ca_id == a->row.id;
}

/* It can be made again. */
static void end_trial(struct engine *e, const struct authority *a,
		      const struct domain *d)
{
	struct domain copy = *d;
	struct order trial;

	if (order_trial_of_domain(e->store, d->id, &trial, NULL) &&
	    is_in_the_way(&trial, a, d))
		abandon(e, NULL, &trial, &copy, SCOPE_ORDER,
			"a renewal of the name goes first");
}

bool issuance_start(struct engine *e, struct authority *a, struct domain *d,
		    struct budget_wait *wait, struct err *err)
{
	struct order o = plan_order(e, a, d, false);

	*wait = (struct budget_wait){ .ready_ms = 0 };
	if (!engine_ok(e, make_order(e, a, d, &o, wait, err), err))
		return false;
	end_trial(e, a, d);
	d->ready_at = d->due_at = 0;
	return engine_ok(e, domain_update(e->store, d, err), err);
}

bool issuance_start_trial(struct engine *e, struct authority *a,
			  const struct domain *d, struct budget_wait *wait,
			  struct err *err)
{
	struct order o = plan_order(e, a, d, true), there;

	*wait = (struct budget_wait){ .ready_ms = 0 };
	if (order_of_domain(e->store, d->id, &there, NULL) &&
	    is_in_the_way(&there, a, d)) {
		wait->ready_ms = e->world->now_ms(e->world->ctx) + APART_MS;
		err_set(err, ERR_AGAIN, "its renewal is under way");
		return err_hint(err, "try again once that has ended: "
				     "mtastsctl domain show %s", d->name);
	}
	return engine_ok(e, make_order(e, a, d, &o, wait, err), err);
}

/* ---- acting ---- */

struct exchange {
	struct authority *authority;
	int64_t order_id;
	long epoch;
};

static void exchange_done(const struct ca_reply *reply, void *arg)
{
	struct exchange *x = arg;
	struct authority *a = x->authority;
	struct arrived *got = arrived_new(got_reply, a, x->order_id,
					  x->epoch);

	arrived_keep_reply(got, reply);
	free(x);
	a->in_flight--;
	engine_arrived(a->engine, got);
}

static void ask_order(struct engine *e, const struct effect *effect)
{
	struct authority *a = effect->authority;
	const struct order *o = &effect->order;
	struct order_context ctx = context_of(e, a, effect->host);
	struct order_question q = order_ask(o, &ctx);
	const char *url = q.url;
	struct exchange *x = xmalloc(sizeof(*x));

	if (q.where == ASK_NEW_ORDER && client_directory(a->client))
		url = client_directory(a->client)->new_order;
	*x = (struct exchange){ a, o->id, o->epoch };
	a->in_flight++;
	bucket_charge(&a->posts, a->settings.limits.of[LIMIT_POSTS],
		      ctx.now_ms, 1);
	client_post(a->client, &a->account.key, a->account.url, url, q.payload,
		    exchange_done, x);
	free(q.payload);
	free((char *)ctx.thumbprint);
}
