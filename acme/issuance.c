/*
 * Orders: which to start, what their replies change, and what that means for
 * their domains. The machine itself is acme/order_step.c.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/chain.h"
#include "acme/csr.h"
#include "acme/engine_parts.h"
#include "acme/jws.h"
#include "acme/schedule.h"
#include "base/mem.h"
#include "base/when.h"
#include "store/trail.h"

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
		[ORDER_PRESENTED] = "token published on port 80 for",
		[ORDER_CHALLENGED] = "validation under way at",
		[ORDER_READY] = "name validated by",
		[ORDER_FINALIZING] = "certificate requested from",
		[ORDER_DOWNLOAD] = "certificate issued by",
	};
	char *kind, *text;

	if (!is_watched(d) || !words[o->state])
		return;
	kind = xasprintf("order.%s", order_state_name(o->state));
	text = xasprintf("%s %s (order %lld)", words[o->state],
			 a->settings.name, (long long)o->id);
	engine_event(e, &(struct trail){ .kind = kind, .domain = d->name,
					 .text = text });
	free(kind);
	free(text);
}

static void tell_installed(struct engine *e, const struct domain *d,
			   const struct cert *c, bool is_first)
{
	char until[INSTANT_TEXT], next[INSTANT_TEXT];
	char *text = xasprintf("certificate %s %s, valid until %s, next "
			       "renewal %s", c->serial,
			       is_first ? "installed" : "renewed",
			       instant_format(c->not_after, until),
			       instant_format(c->renew_at, next));

	engine_event(e, &(struct trail){ .kind = is_first ? "cert.installed"
							  : "cert.renewed",
					 .domain = d->name, .text = text });
	free(text);
	if (is_first)
		engine_event(e, &(struct trail){ .kind = "domain.live",
						 .domain = d->name,
						 .text = "live" });
}

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

/* ---- what an order's end means for its domain ---- */

static struct schedule_life life_of(struct engine *e, const struct domain *d)
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
static long patience_of(struct engine *e, const struct domain *d)
{
	long part = life_of(e, d).whole / 8;

	if (part <= 0 || part > WHEN_DAY / 2)
		return WHEN_DAY / 2;
	return part < WHEN_MINUTE ? WHEN_MINUTE : part;
}

/* Is the failure this name's? Then it must pause; else its CA does. */
static bool is_charged(const struct order_step *step)
{
	return step->scope != SCOPE_CA && step->scope != SCOPE_ACCOUNT;
}

static long pause_after(struct engine *e, const struct domain *d,
			const struct order_step *step)
{
	long n = d->failures;

	if (!is_charged(step))
		return 1;

	/* A void order is nobody's fault: at once, but only once. */
	if (step->scope == SCOPE_ORDER && n-- == 1)
		return 1;
	return schedule_domain_pause(n, life_of(e, d), step->retry_after,
				     engine_dice(e));
}

static void domain_failed(struct engine *e, struct domain *d,
			  const struct order_step *step)
{
	time_t now = engine_now(e);
	struct err err = ERR_INIT;

	d->failures += is_charged(step);
	d->due_at = now + pause_after(e, d, step);
	d->problem_at = now;
	snprintf(d->problem, sizeof(d->problem), "%s", step->problem.text);
	snprintf(d->hint, sizeof(d->hint), "%s", step->problem.hint);
	if (engine_ok(e, domain_update(e->store, d, &err), &err))
		tell_failed(e, d, &step->problem);
}

static void domain_is_certified(struct engine *e, struct domain *d,
				const struct cert *c)
{
	if (d->state != DOMAIN_LIVE)
		d->state_at = engine_now(e);
	d->state = DOMAIN_LIVE;
	d->due_at = c->renew_at;
	d->failures = 0;
	d->renew_forced = false;
	d->problem[0] = d->hint[0] = '\0';
}

/* ---- installing ---- */

static struct cert cert_of(struct engine *e, const struct order *o,
			   const struct chain *chain)
{
	struct cert c = {
		.domain_id = o->domain_id,
		.ca_id = o->ca_id,
		.key_id = o->key_id,
		.order_id = o->id,
		.state = CERT_ACTIVE,
		.not_before = chain->not_before,
		.not_after = chain->not_after,
		.created_at = engine_now(e),
	};

	c.renew_at = schedule_renewal(c.not_before, c.not_after, c.created_at,
				      engine_dice(e));
	memcpy(c.serial, chain->serial, sizeof(c.serial));
	memcpy(c.issuer, chain->issuer, sizeof(c.issuer));
	return c;
}

static bool put_cert(struct engine *e, struct domain *d, struct cert *c,
		     const struct chain *chain)
{
	struct cert_chain bytes = {
		.leaf = (const unsigned char *)chain->leaf.data,
		.leaf_len = chain->leaf.len,
		.issuers = (const unsigned char *)chain->issuers.data,
		.issuers_len = chain->issuers.len,
	};
	struct err err = ERR_INIT;

	return engine_ok(e, cert_install(e->store, d, c, &bytes, &err), &err);
}

/* Kept for whoever asks what the CA sent, and never served. */
static void keep_bad(struct engine *e, struct domain *d, struct order *o,
		     const struct chain *chain, const struct err *problem)
{
	struct order_step end = order_give_up(o, SCOPE_DOMAIN, problem,
					      engine_now(e));
	struct cert c = cert_of(e, o, chain);

	c.state = CERT_BAD;
	if (chain->leaf.len)
		put_cert(e, d, &c, chain);
	domain_failed(e, d, &end);
}

static void lost_key(struct engine *e, struct domain *d, struct order *o,
		     const struct err *problem)
{
	struct order_step end = order_give_up(o, SCOPE_ORDER, problem,
					      engine_now(e));

	if (!e->has_failed)
		domain_failed(e, d, &end);
}

static void install(struct engine *e, struct domain *d, struct order *o,
		    const struct ca_reply *reply, const char *host)
{
	struct p256 key = { .scalar = { 0 } };
	struct chain_wanted wanted = { .host = host, .key = &key,
				       .now = engine_now(e) };
	struct err err = ERR_INIT;
	struct chain chain;
	bool is_first = !d->cert_id;

	if (!engine_ok(e, key_by_id(e->store, o->key_id, &key, &err), &err)) {
		lost_key(e, d, o, &err);
		return;
	}
	if (chain_read(&chain, reply->body, reply->len, &wanted, &err)) {
		struct cert c = cert_of(e, o, &chain);

		domain_is_certified(e, d, &c);
		if (put_cert(e, d, &c, &chain))
			tell_installed(e, d, &c, is_first);
	} else {
		keep_bad(e, d, o, &chain, &err);
	}
	chain_release(&chain);
	p256_release(&key);
}

static effect_act ask_order;
static arrived_take got_reply;

/* ---- one step ---- */

static void will_ask(struct engine *e, struct authority *a,
		     const struct order *o, const char *host)
{
	struct effect *effect = engine_will(e, ask_order, a);

	effect->order = *o;
	snprintf(effect->host, sizeof(effect->host), "%s", host);
}

static void charge(struct authority *a, const struct order_step *step)
{
	switch (step->scope) {
	case SCOPE_CA:
		authority_failed(a, &step->problem, step->retry_after);
		break;
	case SCOPE_ACCOUNT:
		authority_lost_account(a);
		break;
	case SCOPE_NONE:
	case SCOPE_DOMAIN:
	case SCOPE_ORDER:
	case SCOPE_LOCAL:
		authority_worked(a);
		break;
	}
}

static bool write_order(struct engine *e, struct order *o)
{
	struct err err = ERR_INIT;

	if (!engine_ok(e, order_update(e->store, o, &err), &err))
		return false;
	engine_passes(e, order_state_name(o->state));
	return true;
}

struct stepping {
	struct engine *engine;
	struct authority *authority;
	struct domain *domain;
	const char *host;
};

static void take_step(const struct stepping *s, struct order *o,
		      enum order_state before, const struct order_step *step,
		      const struct ca_reply *reply)
{
	struct engine *e = s->engine;

	if (s->authority)
		charge(s->authority, step);
	switch (step->effect) {
	case ORDER_ASK:
		if (write_order(e, o))
			will_ask(e, s->authority, o, s->host);
		break;
	case ORDER_WAIT:
		write_order(e, o);
		break;
	case ORDER_INSTALL:
		assert(reply);	/* a download is never abandoned into this */
		install(e, s->domain, o, reply, s->host);
		write_order(e, o);
		return;
	case ORDER_END:
		if (write_order(e, o))
			domain_failed(e, s->domain, step);
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
	struct domain d;
	struct order o;

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
	ctx.patience = patience_of(e, &d);
	step = order_reply(&o, &got->reply, &ctx);
	take_step(&s, &o, before, &step, &got->reply);
	free((char *)ctx.thumbprint);
}

/* ---- waking what waited ---- */

static unsigned room_of(struct engine *e, const struct authority *a)
{
	unsigned used = a->in_flight;

	for (size_t i = 0; i < e->effect_count; i++)
		used += e->effects[i]->act == ask_order &&
			e->effects[i]->authority == a;
	return used < e->settings.orders_in_flight
		       ? e->settings.orders_in_flight - used
		       : 0;
}

static void abandon(struct engine *e, struct order *o, struct domain *d,
		    const char *why)
{
	struct stepping s = { e, NULL, d, "" };
	enum order_state before = o->state;
	struct err problem = ERR_INIT;
	struct order_step step;

	err_set(&problem, ERR_AGAIN, "%s", why);
	step = order_give_up(o, SCOPE_ORDER, &problem, engine_now(e));
	take_step(&s, o, before, &step, NULL);
}

static void abandon_stray(struct engine *e, int64_t id)
{
	struct domain d;
	struct order o;

	if (read_pair(e, id, &o, &d))
		abandon(e, &o, &d, "its CA is not configured any more");
	else
		set_aside(e, id);
}

static void wake_order(struct engine *e, struct authority *a, int64_t id)
{
	char host[DOMAIN_NAME_SIZE];
	struct err err = ERR_INIT;
	struct domain d;
	struct order o;

	if (!read_pair(e, id, &o, &d)) {
		set_aside(e, id);
		return;
	}
	if (o.expires_at && o.expires_at < engine_now(e)) {
		abandon(e, &o, &d, "the order has expired at the CA");
		return;
	}
	if (!authority_is_ready(a) || !room_of(e, a))
		return;
	o.wake_ms = 0;
	if (!engine_ok(e, order_update(e->store, &o, &err), &err))
		return;
	domain_name_policy_host(d.name, host);
	will_ask(e, a, &o, host);
}

void issuance_wake_orders(struct engine *e, struct authority *a)
{
	int64_t ids[64];
	struct err err = ERR_INIT;
	size_t n = order_due(e->store, a->row.id,
			     e->world->now_ms(e->world->ctx), ids,
			     ARRAY_LEN(ids), &err);

	engine_ok(e, err.kind == ERR_NONE, &err);
	for (size_t i = 0; i < n && !e->has_failed; i++)
		wake_order(e, a, ids[i]);
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
void issuance_abandon_strays(struct engine *e)
{
	int64_t ca_ids[64];
	struct err err = ERR_INIT;
	size_t n = order_cas(e->store, ca_ids, ARRAY_LEN(ca_ids), &err);

	engine_ok(e, err.kind == ERR_NONE, &err);
	for (size_t i = 0; i < n && !e->has_failed; i++)
		if (!authority_by_id(e, ca_ids[i]))
			abandon_all(e, ca_ids[i]);
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

static bool make_order(struct engine *e, struct authority *a,
		       struct domain *d, struct order *o, const char *host,
		       struct err *err)
{
	*o = (struct order){
		.domain_id = d->id,
		.ca_id = a->row.id,
		.account_id = a->account.id,
		.state = ORDER_INTENT,
		.created_at = engine_now(e),
	};
	d->due_at = 0;
	return make_key(e, o, host, err) && order_insert(e->store, o, err) &&
	       domain_update(e->store, d, err);
}

/* What is under way already will say itself when it is due again. */
static bool is_under_way(struct engine *e, struct domain *d)
{
	struct err err = ERR_INIT;
	struct order o;

	if (!engine_ok(e, order_of_domain(e->store, d->id, &o, &err), &err))
		return e->has_failed;
	d->due_at = 0;
	engine_ok(e, domain_update(e->store, d, &err), &err);
	return true;
}

static void start_order(struct engine *e, struct authority *a, int64_t id)
{
	char host[DOMAIN_NAME_SIZE];
	struct err err = ERR_INIT;
	struct domain d;
	struct order o;

	if (!engine_domain(e, id, &d) || is_under_way(e, &d))
		return;
	domain_name_policy_host(d.name, host);
	if (!engine_ok(e, make_order(e, a, &d, &o, host, &err), &err))
		return;
	engine_passes(e, order_state_name(o.state));
	will_ask(e, a, &o, host);
}

static void start_class(struct engine *e, struct authority *a,
			enum domain_state state)
{
	int64_t ids[64];
	struct err err = ERR_INIT;
	size_t room = room_of(e, a);
	size_t n = domain_due(e->store, state, engine_now(e), ids,
			      room < ARRAY_LEN(ids) ? room : ARRAY_LEN(ids),
			      &err);

	engine_ok(e, err.kind == ERR_NONE, &err);
	for (size_t i = 0; i < n && !e->has_failed; i++)
		start_order(e, a, ids[i]);
}

/* Renewals before first certificates: who has senders goes first. */
void issuance_start_orders(struct engine *e)
{
	struct authority *a = engine_authority(e);

	if (!a || !authority_is_ready(a))
		return;
	start_class(e, a, DOMAIN_LIVE);
	start_class(e, a, DOMAIN_ISSUING);
}

bool issuance_has_work(struct engine *e, const struct authority *a)
{
	time_t now = engine_now(e);
	int64_t id;

	if (order_due(e->store, a->row.id, now * 1000 + 999, &id, 1, NULL))
		return true;
	return a == engine_authority(e) &&
	       (domain_due(e->store, DOMAIN_LIVE, now, &id, 1, NULL) ||
		domain_due(e->store, DOMAIN_ISSUING, now, &id, 1, NULL));
}

static void earlier(int64_t *best, int64_t at_ms)
{
	if (at_ms && (!*best || at_ms < *best))
		*best = at_ms;
}

int64_t issuance_next_due(struct engine *e, const struct authority *a)
{
	int64_t due = order_next_wake(e->store, a->row.id);

	if (a != engine_authority(e))
		return due;
	earlier(&due, domain_next_due(e->store, DOMAIN_ISSUING, 0) * 1000);
	earlier(&due, domain_next_due(e->store, DOMAIN_LIVE, 0) * 1000);
	return due;
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
	client_post(a->client, &a->account.key, a->account.url, url, q.payload,
		    exchange_done, x);
	free(q.payload);
	free((char *)ctx.thumbprint);
}
