#include "acme/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/engine_parts.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "policy/domain_field.h"
#include "store/box.h"
#include "store/clock.h"
#include "store/health.h"
#include "store/trail.h"

#define TICK_MAX_MS	(WHEN_MINUTE * 1000)	/* clocks step, boxes sleep */
#define TICK_MIN_MS	20	/* no row can make us spin */
#define AFTER_FAILURE_MS 1000	/* doubles, up to ... */
#define STUCK_AFTER	  3	 /* ticks that fail in a row */
#define FAILURES_APART_MS 8000
#define SILENT_MS	 (10 * WHEN_MINUTE * 1000) /* about the same failure */
#define STAGE_MAX_MS	 10 /* others wait for the thread as well */
#define SLOW_TICK_MS	 15
#define REST_MAX_MS	 150

time_t engine_now(const struct engine *e)
{
	return e->world->now_ms(e->world->ctx) / 1000;
}

uint32_t engine_dice(const struct engine *e)
{
	uint32_t dice;

	e->world->random(e->world->ctx, &dice, sizeof(dice));
	return dice;
}

/* ---- what comes in ---- */

static int64_t now_ms(const struct engine *e)
{
	return e->world->now_ms(e->world->ctx);
}

/*
 * After a tick the thread is left to others for as long as the tick took, and
 * longer on a slow disk: what comes meanwhile is one commit.
 * A clock that was set back must not make a long rest of it.
 */
static int64_t rested(const struct engine *e, int64_t at_ms)
{
	bool is_long = e->rest_until_ms - now_ms(e) > REST_MAX_MS;

	return is_long || e->rest_until_ms < at_ms ? at_ms : e->rest_until_ms;
}

/* One under way has staged already: another one must follow it at once. */
void engine_poke(struct engine *e)
{
	e->has_more |= e->stage != TICK_NONE;
	e->world->wake_at(e->world->ctx, rested(e, now_ms(e)));
}

bool engine_has_time(const struct engine *e)
{
	int64_t spent = now_ms(e) - e->staging_since_ms;

	return spent >= 0 && spent < STAGE_MAX_MS;
}

struct arrived *arrived_new(arrived_take *take, struct authority *a, int64_t id,
			    long epoch)
{
	struct arrived *got = xcalloc(1, sizeof(*got));

	got->take = take;
	got->authority = a;
	got->id = id;
	got->epoch = epoch;
	return got;
}

void arrived_keep_reply(struct arrived *a, const struct ca_reply *reply)
{
	a->reply = *reply;
	a->texts[0] = xmalloc(reply->len + 1);
	memcpy(a->texts[0], reply->body, reply->len);
	a->texts[0][reply->len] = '\0';
	a->texts[1] = xstrdup(reply->location);
	a->texts[2] = xstrdup(reply->links);
	a->reply.body = a->texts[0];
	a->reply.location = a->texts[1];
	a->reply.links = a->texts[2];
}

static void arrived_free(struct arrived *a)
{
	for (size_t i = 0; i < ARRAY_LEN(a->texts); i++)
		free(a->texts[i]);
	free(a);
}

void engine_arrived(struct engine *e, struct arrived *a)
{
	timekeeping_hear(e, a->authority, &a->reply);
	*e->inbox_tail = a;
	e->inbox_tail = &a->next;
	engine_poke(e);
}

/* The first so many. */
static void empty_inbox(struct engine *e, size_t count)
{
	struct arrived *a;

	for (; e->inbox && count; count--) {
		a = e->inbox;
		e->inbox = a->next;
		arrived_free(a);
	}
	if (!e->inbox)
		e->inbox_tail = &e->inbox;
}

/* ---- staging ---- */

struct effect *engine_will(struct engine *e, effect_act *act,
			   struct authority *a)
{
	struct effect *effect = xcalloc(1, sizeof(*effect));

	effect->act = act;
	effect->authority = a;
	e->effects = xrealloc_array(e->effects, e->effect_count + 1,
				    sizeof(struct effect *));
	e->effects[e->effect_count++] = effect;
	return effect;
}

void engine_passes(struct engine *e, const char *state)
{
	e->passed = xrealloc_array(e->passed, e->passed_count + 1,
				   sizeof(*e->passed));
	e->passed[e->passed_count++] = state;
}

void engine_at(struct engine *e, enum row_kind kind, int64_t id)
{
	e->at = (struct row_at){ kind, id };
}

bool engine_ok(struct engine *e, bool ok, const struct err *err)
{
	if (ok || err->kind == ERR_AGAIN || err->kind == ERR_NOT_FOUND)
		return ok;
	if (!e->has_failed) {
		e->failure = *err;
		e->culprit = e->at;
	}
	e->has_failed = true;
	return false;
}

bool engine_domain(struct engine *e, int64_t id, struct domain *d)
{
	struct err err = ERR_INIT;

	if (engine_ok(e, domain_by_id(e->store, id, d, &err), &err))
		return true;
	if (!e->has_failed)
		engine_ok(e,
			  domain_set_aside(e->store, id,
					   engine_now(e) + WHEN_DAY, &err),
			  &err);
	return false;
}

bool engine_cert(struct engine *e, int64_t id, struct cert *c)
{
	struct err err = ERR_INIT;

	if (engine_ok(e, cert_by_id(e->store, id, c, &err), &err))
		return true;
	if (!e->has_failed)
		engine_ok(e,
			  cert_put_off(e->store, id, engine_now(e) + WHEN_DAY,
				       &err),
			  &err);
	return false;
}

void engine_event(struct engine *e, const struct trail *event)
{
	struct trail whole = *event;
	struct err err = ERR_INIT;

	whole.at = engine_now(e);
	whole.actor = "mtastsd";
	engine_ok(e, trail_add(e->store, &whole, &err), &err);
	e->lines = xrealloc_array(e->lines, e->line_count + 1,
				  sizeof(*e->lines));
	e->lines[e->line_count++] = (struct line){
		.is_warning = event->level != TRAIL_INFO,
		.domain = event->domain ? xstrdup(event->domain) : NULL,
		.text = xstrdup(event->text),
	};
}

static void log_line(const struct line *l)
{
	enum log_level level = l->is_warning ? LOG_LEVEL_WARN : LOG_LEVEL_INFO;

	if (l->domain)
		log_about(level, domain_field(l->domain), "%s: %s", l->domain,
			  l->text);
	else if (l->is_warning)
		log_warn("mtastsd: %s", l->text);
	else
		log_info("mtastsd: %s", l->text);
}

/* Not before: on a full disk the same may be staged again and again. */
static void log_lines(struct engine *e)
{
	for (size_t i = 0; i < e->line_count; i++)
		log_line(&e->lines[i]);
}

static void forget_lines(struct engine *e)
{
	for (size_t i = 0; i < e->line_count; i++) {
		free(e->lines[i].domain);
		free(e->lines[i].text);
	}
	e->line_count = 0;
}

/*
 * May orders be begun? Not on a box that is frozen, and not on a disk that
 * may have no room for their end. What is under way goes on.
 */
static bool may_begin(struct engine *e)
{
	struct err why = ERR_INIT;

	if (box_is_frozen(e->store))
		return false;
	if (!store_may_start(e->store, &why) && !e->held.kind)
		log_error("mtastsd: no order is begun: %s: %s", why.text,
			  why.hint);
	else if (!why.kind && e->held.kind)
		log_info("mtastsd: orders are begun again");
	e->held = why;
	return !why.kind;
}

/* What the engine does: each by itself, in this order. */
static const struct part {
	void (*stage)(struct engine *e);
	int64_t (*next_ms)(struct engine *e);	/* the earliest; 0: none */
} parts[] = {
	{ issuance_stage, issuance_next_ms },	/* what has begun goes first */
	{ queue_stage, queue_next_ms },
	{ trials_stage, trials_next_ms },
	{ renewal_info_stage, renewal_info_next_ms },
	{ arrivals_stage, arrivals_next_ms },
	{ revocations_stage, revocations_next_ms },
	{ rollover_stage, rollover_next_ms },	/* last: it sees who asks */
};

static void at_authority(struct engine *e, const struct authority *a)
{
	engine_at(e, a ? ROW_CA : ROW_NONE, a ? a->row.id : 0);
}

/* What there is no time for stays for the next tick. */
static void take_inbox(struct engine *e)
{
	e->taken = 0;
	for (struct arrived *a = e->inbox;
	     a && !e->has_failed && (!e->taken || engine_has_time(e));
	     a = a->next) {
		e->taking = a;
		at_authority(e, a->authority);
		if (!a->is_spoilt)
			a->take(e, a);
		e->taken++;
	}
	if (!e->has_failed)
		e->taking = NULL;
}

static void stage_authority(struct engine *e, struct authority *a)
{
	if (!authority_is_current(a))
		return;
	at_authority(e, a);
	authority_stage(a);
	authority_write(a);
}

/* Inbox first: what came in makes room. CAs last: now it is known who waits. */
static void stage(struct engine *e)
{
	e->has_more = false;
	e->taking = NULL;
	engine_at(e, ROW_NONE, 0);
	e->staging_since_ms = now_ms(e);
	timekeeping_stage(e);
	e->may_begin = may_begin(e);
	for (size_t i = 0; i < e->ca_count; i++)
		authority_refresh(e->ca[i]);
	blame_stage(e);
	take_inbox(e);
	for (size_t i = 0; i < ARRAY_LEN(parts) && !e->has_failed; i++) {
		engine_at(e, ROW_NONE, 0);
		parts[i].stage(e);
	}
	for (size_t i = 0; i < e->ca_count && !e->has_failed; i++)
		stage_authority(e, e->ca[i]);
}

/* ---- commit, project, act ---- */

static void at_point(struct engine *e, const char *where)
{
	const struct world *w = e->world;

	for (size_t i = 0; w->point && i < e->passed_count; i++)
		w->point(w->ctx, where, e->passed[i]);
}

static void forget_effects(struct engine *e)
{
	for (size_t i = 0; i < e->effect_count; i++) {
		free(e->effects[i]->payload);
		free(e->effects[i]);
	}
	e->effect_count = 0;
	e->passed_count = 0;
	forget_lines(e);
}

/*
 * On failure nothing happened: rows are as they were, what came in is still
 * in the inbox, and the next tick does all of it again; but for the row that
 * failed it, if it was a row.
 */
static bool stage_and_commit(struct engine *e, struct err *err)
{
	if (!store_begin_async(e->store, err))
		return false;
	e->has_failed = false;
	stage(e);
	if (e->has_failed) {
		blame_failed(e);
		store_rollback(e->store);
		*err = e->failure;
		forget_effects(e);
		return false;
	}
	at_point(e, "before-commit");
	if (!store_commit(e->store, err)) {
		forget_effects(e);
		return false;
	}
	at_point(e, "after-commit");
	timekeeping_committed(e);
	blame_committed(e);
	issuance_committed(e);
	log_lines(e);
	e->is_swept = true;
	empty_inbox(e, e->taken);
	return true;
}

static void act_all(struct engine *e)
{
	at_point(e, "before-act");
	for (size_t i = 0; i < e->effect_count; i++)
		e->effects[i]->act(e, e->effects[i]);
	at_point(e, "after-act");
	forget_effects(e);
}

static void synced(const struct err *problem, void *arg);

/* False without an error: it will be, and synced() goes on. */
static bool make_durable(struct engine *e, struct err *err)
{
	if (!store_settle(e->store, err))
		return false;
	if (store_is_durable(e->store))
		return true;
	e->is_syncing = true;
	e->sync_to = store_written(e->store);
	e->world->sync(e->world->ctx, synced, e);
	return false;
}

/* The next thing that the tick has before it. */
static bool advance(struct engine *e, struct err *err)
{
	switch (e->stage) {
	case TICK_NONE:
		if (!stage_and_commit(e, err))
			return false;
		e->stage = TICK_COMMITTED;
		return true;
	case TICK_COMMITTED:
		if (!make_durable(e, err))
			return false;
		e->stage = TICK_DURABLE;
		return true;
	case TICK_DURABLE:
		break;
	}
	at_point(e, "before-project");
	if (!store_project(e->store, err))
		return false;
	at_point(e, "after-project");
	e->stage = TICK_NONE;
	act_all(e);
	return true;
}

/* False without an error: it waits for the disk. */
static bool run_tick(struct engine *e, struct err *err)
{
	do {
		if (!advance(e, err))
			return false;
	} while (e->stage != TICK_NONE);
	return true;
}

/* ---- when to tick next ---- */

static void earlier(int64_t *best, int64_t at_ms)
{
	if (at_ms > 0 && at_ms < *best)
		*best = at_ms;
}

static void earliest_of_all(struct engine *e, int64_t *best)
{
	store_begin_reading(e->store);
	for (size_t i = 0; i < e->ca_count; i++)
		earlier(best, authority_next_ms(e->ca[i]));
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		earlier(best, parts[i].next_ms(e));
	store_end_reading(e->store);
}

static int64_t next_tick(struct engine *e)
{
	int64_t now = e->world->now_ms(e->world->ctx);
	int64_t best = now + TICK_MAX_MS;

	if (e->has_more || e->inbox)	/* it came while a projection was due */
		return now + TICK_MIN_MS;
	earliest_of_all(e, &best);
	return best < now + TICK_MIN_MS ? now + TICK_MIN_MS : best;
}

/* A disk may be full for days. */
static int64_t after_failure(struct engine *e)
{
	int64_t pause = AFTER_FAILURE_MS;

	for (unsigned n = e->failures++; n && pause < FAILURES_APART_MS; n--)
		pause *= 2;
	if (pause > FAILURES_APART_MS)
		pause = FAILURES_APART_MS;
	return e->world->now_ms(e->world->ctx) + pause;
}

static void tell_failure(struct engine *e, const struct err *err)
{
	int64_t now_ms = e->world->now_ms(e->world->ctx);

	if (streq(err->text, e->told.text) && now_ms < e->silent_until_ms)
		return;
	log_error("mtastsd: %s%s%s; trying again", err->text,
		  *err->hint ? ": " : "", err->hint);
	e->told = *err;
	e->silent_until_ms = now_ms + SILENT_MS;
}

static void rest(struct engine *e, int64_t took_ms)
{
	int64_t ms = took_ms < SLOW_TICK_MS ? took_ms : 3 * took_ms;

	e->rest_until_ms = now_ms(e) + (ms < REST_MAX_MS ? ms : REST_MAX_MS);
}

static void end_tick(struct engine *e)
{
	e->failures = 0;
	e->told = (struct err)ERR_INIT;
	spending_tidy(e);
	e->world->wake_at(e->world->ctx, rested(e, next_tick(e)));
}

static void fail_tick(struct engine *e, const struct err *err)
{
	tell_failure(e, err);
	e->world->wake_at(e->world->ctx, after_failure(e));
}

void engine_tick(struct engine *e)
{
	int64_t since = now_ms(e);
	struct err err = ERR_INIT;
	bool ok;

	if (e->is_syncing)
		return;
	ok = run_tick(e, &err);
	e->spent_ms += now_ms(e) - since;
	if (e->is_syncing)
		return;
	rest(e, e->spent_ms);
	e->spent_ms = 0;
	if (ok)
		end_tick(e);
	else
		fail_tick(e, &err);
}

static void go_on(struct engine *e, const struct err *problem)
{
	if (problem->kind != ERR_NONE) {
		store_sync_failed(e->store);
		fail_tick(e, problem);
		return;
	}
	store_synced(e->store, e->sync_to);
	e->stage = TICK_DURABLE;
	engine_tick(e);
}

static void synced(const struct err *problem, void *arg)
{
	struct engine *e = arg;
	engine_settled *settled = e->settled;

	e->is_syncing = false;
	e->settled = NULL;
	go_on(e, problem);
	if (settled)
		settled(e->settled_arg);
}

bool engine_when_settled(struct engine *e, engine_settled *done, void *arg)
{
	e->settled = e->is_syncing ? done : NULL;
	e->settled_arg = arg;
	return e->settled != NULL;
}

/* ---- life ---- */

static bool resume(struct engine *e, struct err *err)
{
	if (!store_begin(e->store, err))
		return false;
	if (order_resume_all(e->store, e->world->now_ms(e->world->ctx), err))
		return store_commit(e->store, err);
	store_rollback(e->store);
	return false;
}

struct engine *engine_new(const struct world *world, struct store *store,
			  const struct engine_settings *settings,
			  struct err *err)
{
	struct engine *e = xcalloc(1, sizeof(*e));

	clock_init(&e->clock, world, store_clock_mark(store));
	clock_resume(&e->clock, store_clock_unsure(store));
	e->world = clock_world(&e->clock);
	e->store = store;
	e->inbox_tail = &e->inbox;
	e->prechecks = prechecks_new();
	if (resume(e, err) && engine_configure(e, settings, err))
		return e;
	engine_free(e);
	return NULL;
}

void engine_free(struct engine *e)
{
	if (!e)
		return;
	empty_inbox(e, SIZE_MAX);
	forget_effects(e);
	for (size_t i = 0; i < e->ca_count; i++)
		authority_free(e->ca[i]);
	prechecks_free(e->prechecks);
	free(e->effects);
	free(e->passed);
	free(e->lines);
	free(e);
}

static bool is_same(const struct ca_settings *a, const struct ca_settings *b)
{
	return streq(a->name, b->name) &&
	       streq(a->directory_url, b->directory_url) &&
	       streq(a->trust_file, b->trust_file) &&
	       streq(a->eab_kid, b->eab_kid) &&
	       a->eab_key_len == b->eab_key_len &&
	       memcmp(a->eab_key, b->eab_key, a->eab_key_len) == 0 &&
	       streq(a->profile, b->profile) &&
	       a->needs_profile == b->needs_profile &&
	       memcmp(&a->limits, &b->limits, sizeof(a->limits)) == 0;
}

/*
 * A CA that is under way is never freed before the end: requests point to it.
 * One whose settings are the same is kept with all it knows; others follow
 * behind, so that their orders can end.
 */
static struct authority *take_kept(struct engine *e, struct authority **old,
				   size_t count, const struct ca_settings *s)
{
	for (size_t i = 0; i < count; i++) {
		struct authority *a = old[i];

		if (!a || !is_same(&a->settings, s))
			continue;
		old[i] = NULL;
		a->settings = *s;	/* its names in CAA records */
		return a;
	}
	return authority_new(e, s);
}

static bool read_row(struct engine *e, const struct ca_settings *s,
		     bool is_reload, struct ca *row, struct err *err)
{
	return ca_ensure(e->store, s->name, s->directory_url, row, err) &&
	       (!is_reload || authority_hope(e, row->id, err));
}

static bool read_rows(struct engine *e, const struct engine_settings *settings,
		      bool is_reload, struct ca *rows, struct err *err)
{
	bool ok = store_begin(e->store, err);

	if (!ok)
		return false;
	for (size_t i = 0; ok && i < settings->ca_count; i++)
		ok = read_row(e, &settings->ca[i], is_reload, &rows[i], err);
	if (ok)
		return store_commit(e->store, err);
	store_rollback(e->store);
	return false;
}

/* Nothing of this fails. */
static void line_up(struct engine *e, const struct engine_settings *settings,
		    const struct ca *rows)
{
	struct authority *old[ENGINE_CA_LIMIT];
	size_t old_count = e->ca_count;

	memcpy(old, e->ca, sizeof(old));
	e->settings = *settings;
	e->ca_count = 0;
	for (size_t i = 0; i < settings->ca_count; i++) {
		struct authority *a = take_kept(e, old, old_count,
						&settings->ca[i]);

		a->row = rows[i];
		a->config_retry_ms = 0;
		e->ca[e->ca_count++] = a;
	}
	for (size_t i = 0; i < old_count; i++)
		if (old[i] && e->ca_count < ENGINE_CA_LIMIT)
			e->ca[e->ca_count++] = old[i];
}

static bool is_configured(const struct engine *e, int64_t ca)
{
	for (size_t i = 0; i < e->settings.ca_count; i++)
		if (e->ca[i]->row.id == ca)
			return true;
	return false;
}

bool engine_configure(struct engine *e, const struct engine_settings *settings,
		      struct err *err)
{
	struct ca rows[ENGINE_CA_LIMIT];

	if (!read_rows(e, settings, e->ca_count > 0, rows, err))
		return false;
	line_up(e, settings, rows);
	if (!is_configured(e, e->clock.disagrees))
		clock_forget_disagreement(&e->clock);
	engine_poke(e);
	return true;
}

static bool make_due(struct engine *e, struct domain *d, struct err *err)
{
	if (!store_begin(e->store, err))
		return false;
	d->due_at = engine_now(e);
	if (domain_update(e->store, d, err))
		return store_commit(e->store, err);
	store_rollback(e->store);
	return false;
}

void engine_wanted(struct engine *e, const char *host)
{
	struct err err = ERR_INIT;
	struct domain d;

	if (!str_starts(host, "mta-sts.") ||
	    !domain_by_name(e->store, host + strlen("mta-sts."), &d, &err) ||
	    d.state != DOMAIN_WAITING_FOR_DNS || d.failures ||
	    d.due_at <= engine_now(e) + 1)
		return;
	if (make_due(e, &d, &err))
		engine_poke(e);
	else
		log_about(LOG_LEVEL_WARN, domain_field(d.name), "%s: %s",
			  d.name, err.text);
}

bool engine_is_stuck(const struct engine *e, struct err *why)
{
	if (e->failures < STUCK_AFTER)
		return false;
	*why = e->told;
	return true;
}

size_t engine_ca_count(const struct engine *e)
{
	return e->settings.ca_count;
}
