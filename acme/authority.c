/*
 * One CA: its directory, our account there, and whether it can be worked
 * with right now.
 *
 * Nothing is asked of a CA before there is work for it, so that a restart
 * serves without it. Trouble with it is kept here, never with a domain.
 */
#include "acme/engine_parts.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/breaker.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "store/trail.h"

/*
 * Some CAs meet an account that they have forgotten with no better word than
 * 500. After so many errors in a row we register again: a CA that knows the
 * key answers with the account there is.
 */
#define DOUBT_AFTER 5

/* It refused a profile that it had offered: so long we ask without. */
#define PROFILE_PAUSE_MS (WHEN_HOUR * 1000)

/* Part of a pause that those who were failed wait after it. */
#define YIELD_LEAST_MS 1000
#define YIELD_MOST_MS  60000

#define TELL_AGAIN_MS	(10 * WHEN_MINUTE * 1000)
#define CONFIG_PAUSE_MS 60000	/* a reload of the configuration wakes us */

/*
 * So often a CA that nobody needs is asked all the same: is it still down?
 * And, while our clock is in doubt, what time is it?
 */
#define STILL_DOWN_MS (5 * WHEN_MINUTE * 1000)
#define WHAT_TIME_MS  (WHEN_MINUTE * 1000)

/*
 * So long after an order failed there, nothing but an order ends its trouble:
 * a CA may answer everything else for days.
 */
#define PROOF_AFTER_MS (20 * WHEN_MINUTE * 1000)

static int64_t now_ms(const struct authority *a)
{
	return a->engine->world->now_ms(a->engine->world->ctx);
}

struct authority *authority_new(struct engine *e,
				const struct ca_settings *settings)
{
	struct authority *a = xcalloc(1, sizeof(*a));

	a->engine = e;
	a->settings = *settings;
	a->posts = a->ari_bucket = BUCKET_FULL;
	a->depth = DEPTH_ACCOUNT; /* of trouble in another life of ours */
	a->client = client_new(e->world, settings->directory_url,
			       settings->trust_file);
	return a;
}

void authority_free(struct authority *a)
{
	if (!a)
		return;
	client_free(a->client);
	account_release(&a->account);
	free(a);
}

struct authority *authority_by_id(struct engine *e, int64_t ca_id)
{
	for (size_t i = 0; i < e->ca_count; i++)
		if (e->ca[i]->row.id == ca_id)
			return e->ca[i];
	return NULL;
}

bool authority_is_current(const struct authority *a)
{
	return authority_by_id(a->engine, a->row.id) == a;
}

static bool is_refused(const struct authority *a)
{
	return a->profile_refused_ms &&
	       now_ms(a) - a->profile_refused_ms < PROFILE_PAUSE_MS;
}

static bool offers_profile(const struct authority *a)
{
	const struct wire_directory *d = client_directory(a->client);

	if (!d || is_refused(a))
		return false;
	for (size_t i = 0; i < d->profile_count; i++)
		if (streq(d->profiles[i], a->settings.profile))
			return true;
	return false;
}

bool authority_is_ready(const struct authority *a)
{
	return a->has_account && a->account.state == ACCOUNT_VALID &&
	       !a->account.roll_told && client_is_current(a->client) &&
	       (!a->settings.needs_profile || offers_profile(a)) &&
	       a->config_retry_ms <= now_ms(a) &&
	       breaker_allows(&a->row, now_ms(a));
}

bool authority_is_down(const struct authority *a, long patience)
{
	return a->row.down_since &&
	       engine_now(a->engine) - a->row.down_since >= patience;
}

static unsigned posts_left(const struct authority *a)
{
	struct limit limit = a->settings.limits.of[LIMIT_POSTS];
	int64_t level;

	if (!limit.burst)
		return UINT_MAX;
	level = bucket_level_at(&a->posts, limit, now_ms(a)) / 1000;
	return level > 0 ? (unsigned)level : 0;
}

static bool posts_come_back(const struct authority *a)
{
	struct limit limit = a->settings.limits.of[LIMIT_POSTS];

	return bucket_level_at(&a->posts, limit, now_ms(a)) <
	       limit.burst * 1000;
}

unsigned authority_used(const struct authority *a)
{
	return a->in_flight + issuance_noted(a->engine, a);
}

unsigned authority_room(const struct authority *a)
{
	unsigned limit = a->engine->settings.orders_in_flight;
	unsigned noted = issuance_noted(a->engine, a);
	unsigned used = a->in_flight + noted;
	unsigned room, posts;

	if (!authority_is_ready(a))
		return 0;
	room = breaker_room(&a->row, limit, now_ms(a));
	room = used < room ? room - used : 0;
	posts = posts_left(a);
	posts = noted < posts ? posts - noted : 0;
	if (posts < room && posts_come_back(a)) /* in a moment */
		a->engine->has_more = true;
	return room < posts ? room : posts;
}

int64_t authority_yield_ms(const struct authority *a)
{
	if (a->rest_ms < YIELD_LEAST_MS * 10)
		return YIELD_LEAST_MS;
	return a->rest_ms < YIELD_MOST_MS * 10 ? a->rest_ms / 10
					       : YIELD_MOST_MS;
}

int64_t authority_retry_ms(const struct authority *a)
{
	int64_t at = a->row.retry_ms > a->config_retry_ms ? a->row.retry_ms
							  : a->config_retry_ms;
	int64_t account = (int64_t)a->account.retry_at * 1000;

	return at > account ? at : account;
}

/* ---- trouble, told ---- */

static void tell(struct authority *a, enum trail_level level, const char *kind,
		 const char *text, const char *hint)
{
	char *line = xasprintf("CA %s: %s%s%s%s", a->settings.name, text,
			       *hint ? " (" : "", hint, *hint ? ")" : "");

	engine_event(a->engine, &(struct trail){ .level = level, .kind = kind,
						 .text = line });
	free(line);
}

static void tell_trouble(struct authority *a, const struct err *problem)
{
	a->told_ms = now_ms(a);
	str_copy(a->told, sizeof(a->told), problem->text);
	tell(a, TRAIL_WARNING, "ca.trouble", problem->text, problem->hint);
}

/*
 * Told when it begins, not each time. One outage has many words: while it
 * lasts, others are told only now and then.
 */
static bool is_news(const struct authority *a, const struct err *problem)
{
	int64_t since_ms = now_ms(a) - a->told_ms;

	if (!a->row.down_since)
		return true;
	if (!a->told_ms) /* in another life of ours, perhaps */
		return !streq(a->row.problem, problem->text);
	return since_ms >= TELL_AGAIN_MS && !streq(a->told, problem->text);
}

static void deepen(struct authority *a, int depth)
{
	if (depth > a->depth)
		a->depth = depth;
	if (depth >= DEPTH_LOOK)
		a->order_failed_ms = now_ms(a);
}

/* Nothing can be ordered here before somebody, or the CA, changes its mind. */
static void cannot_order(struct authority *a, const struct err *problem)
{
	deepen(a, DEPTH_ACCOUNT);
	if (!streq(a->row.problem, problem->text))
		tell_trouble(a, problem);
	if (!a->row.down_since)
		a->row.down_since = engine_now(a->engine);
	snprintf(a->row.problem, sizeof(a->row.problem), "%s", problem->text);
	snprintf(a->row.hint, sizeof(a->row.hint), "%s", problem->hint);
}

static void wait_for_config(struct authority *a, const char *text,
			    const char *hint)
{
	struct err problem = ERR_INIT;

	err_set(&problem, ERR_REFUSED, "%s", text);
	err_hint(&problem, "%s", hint);
	a->config_retry_ms = now_ms(a) + CONFIG_PAUSE_MS;
	cannot_order(a, &problem);
}

/* ---- the account's row ---- */

/*
 * A row that does not decode, and whose key may be lost, must not cost a
 * renewal: it is kept as it is, and another account is made. False if that is
 * not what is wrong.
 */
static bool set_account_aside(struct authority *a)
{
	struct engine *e = a->engine;
	bool done = false;

	if (!account_set_aside(e->store, a->row.id, engine_now(e), &done,
			       NULL) ||
	    !done)
		return false;
	tell(a, TRAIL_WARNING, "account.damaged",
	     "the row of our account does not decode: another one is made",
	     "mtastsd --restore brings a backup of it, if it is needed");
	return true;
}

static bool read_account(struct authority *a)
{
	struct err err = ERR_INIT;

	a->has_account = account_of_ca(a->engine->store, a->row.id,
				       &a->account, &err);
	if (a->has_account || err.kind == ERR_NOT_FOUND)
		return a->has_account;
	return !set_account_aside(a) && engine_ok(a->engine, false, &err);
}

static void make_account(struct authority *a)
{
	struct engine *e = a->engine;
	struct account account = { .ca_id = a->row.id,
				   .created_at = engine_now(e) };
	struct err err = ERR_INIT;

	if (engine_ok(e, e->world->key_make(e->world->ctx, &account.key, &err),
		      &err) &&
	    engine_ok(e, account_insert(e->store, &account, &err), &err))
		read_account(a);
	p256_release(&account.key);
}

static void write_account(struct authority *a)
{
	struct err err = ERR_INIT;

	engine_ok(a->engine, account_update(a->engine->store, &a->account,
					    &err), &err);
}

bool authority_hope(struct engine *e, int64_t ca_id, struct err *err)
{
	struct account account;
	bool ok = false;

	if (!account_of_ca(e->store, ca_id, &account, err)) {
		if (err->kind != ERR_NOT_FOUND &&
		    !(account_set_aside(e->store, ca_id, engine_now(e), &ok,
					NULL) && ok))
			return false;
		*err = (struct err)ERR_INIT;
		return true;
	}
	account.retry_at = 0;
	ok = !account_is_declined(&account) ||
	     account_update(e->store, &account, err);
	p256_release(&account.key);
	return ok;
}

static void lose_account(struct authority *a, const char *why)
{
	if (!read_account(a) || a->account.state != ACCOUNT_VALID)
		return;
	account_lose(&a->account);
	write_account(a);
	tell(a, TRAIL_WARNING, "account.lost", why,
	     "the same key registers again");
}

void authority_lost_account(struct authority *a)
{
	lose_account(a, "does not know our account any more");
}

/* ---- what it offers ---- */

void authority_plan_profile(struct authority *a, char out[static PROFILE_SIZE])
{
	bool is_there = *a->settings.profile && offers_profile(a);

	memset(out, 0, PROFILE_SIZE);
	if (is_there)
		memcpy(out, a->settings.profile, PROFILE_SIZE);
}

/* True if nothing is to be ordered without it. */
static bool lacks_profile(struct authority *a)
{
	if (!a->settings.needs_profile || offers_profile(a))
		return false;
	wait_for_config(a, "it does not offer the profile that is required",
			"change profile or profile_required in its ca section "
			"of mtastsd.conf");
	return true;
}

/* One that is preferred may be missing: told when that begins. */
static void look_at_profile(struct authority *a)
{
	bool is_missing = *a->settings.profile && !offers_profile(a);
	char *text;

	if (is_missing && !a->lacks_profile && !a->settings.needs_profile) {
		text = xasprintf("it does not offer the profile %s: its "
				 "default is asked for",
				 a->settings.profile);
		tell(a, TRAIL_WARNING, "ca.profile-missing", text,
		     "change profile in its ca section of mtastsd.conf");
		free(text);
	}
	a->lacks_profile = is_missing;
}

void authority_refused_profile(struct authority *a)
{
	a->profile_refused_ms = now_ms(a);
	client_doubt_directory(a->client);
	look_at_profile(a);
}

/* ---- exchanges with it, well and badly ---- */

static void show_refusal(struct authority *a)
{
	struct err problem = ERR_INIT;

	err_set(&problem, ERR_REFUSED, "no account: %s", a->account.problem);
	err_hint(&problem, "%s", a->account.hint);
	cannot_order(a, &problem);
}

void authority_refused_account(struct authority *a, const struct err *problem)
{
	if (!read_account(a) || a->account.state != ACCOUNT_VALID)
		return;
	account_refuse(&a->account, problem, engine_now(a->engine));
	write_account(a);
	show_refusal(a);
}

void authority_failed(struct authority *a, int depth, const struct err *problem,
		      long retry_after)
{
	deepen(a, depth);
	if (is_news(a, problem))
		tell_trouble(a, problem);
	breaker_failed(&a->row, problem, retry_after, now_ms(a),
		       engine_dice(a->engine));
	a->rest_ms = a->row.retry_ms - now_ms(a);
	if (problem->kind == ERR_REFUSED && a->row.failures > 0 &&
	    a->row.failures % DOUBT_AFTER == 0)
		lose_account(a, "answers every request with an error");
}

void authority_worked(struct authority *a, int depth)
{
	if (depth < a->depth)
		return;
	a->depth = DEPTH_DIRECTORY;
	if (breaker_worked(&a->row, now_ms(a)))
		tell(a, TRAIL_INFO, "ca.well", "answers again", "");
}

static effect_act ask_directory, ask_account, ask_proof;
static arrived_take got_directory, got_account, got_proof;

/* ---- staging ---- */

static void will_ask(struct authority *a)
{
	struct account_question q = { .payload = NULL };
	struct err err = ERR_INIT;
	struct effect *effect;

	if (!account_ask(&a->account, &a->settings,
			 a->engine->settings.contact,
			 client_directory(a->client), &q, &err)) {
		wait_for_config(a, err.text, err.hint);
		return;
	}
	effect = engine_will(a->engine, ask_account, a);
	memcpy(effect->url, q.url, sizeof(effect->url));
	effect->payload = q.payload;
	effect->by_key = q.by_key;
}

static bool is_configured(struct authority *a)
{
	const struct engine_settings *s = &a->engine->settings;

	if (!*s->contact)
		wait_for_config(a, "no certificate can be ordered: contact is "
				   "not set", "set contact in mtastsd.conf to "
				   "your mail address, then reload");
	else if (!s->agree_tos)
		wait_for_config(a, "no certificate can be ordered: the CA's "
				   "terms are not agreed to",
				"read them, set agree_tos = true in "
				"mtastsd.conf, then reload");
	return *s->contact && s->agree_tos;
}

/*
 * Its directory is there again, which a cache may answer for. If no order is
 * about to show whether the rest is, too, our account is asked for.
 */
static bool is_quiet(const struct authority *a)
{
	return now_ms(a) - a->order_failed_ms >= PROOF_AFTER_MS;
}

static bool may_prove(const struct authority *a)
{
	return a->has_directory && a->row.down_since && is_quiet(a);
}

static void stage_account(struct authority *a)
{
	const struct engine_settings *s = &a->engine->settings;
	time_t now = engine_now(a->engine);

	if (!a->has_account)
		make_account(a);
	if (!a->has_account)
		return;
	if (account_is_due(&a->account, s->contact, now))
		will_ask(a);
	else if (account_is_declined(&a->account))
		show_refusal(a);
	else if (may_prove(a) && !a->account.roll_told)
		engine_will(a->engine, ask_proof, a);
}

/* Rows are read anew in each tick, so that one rolled back leaves no trace. */
void authority_refresh(struct authority *a)
{
	struct err err = ERR_INIT;

	a->ending = (struct order_ends){ 0 };
	if (!engine_ok(a->engine, ca_by_id(a->engine->store, a->row.id, &a->row,
					   &err), &err))
		return;
	a->stored = a->row;
	a->is_wanted = a->has_directory = false;
	read_account(a);
}

void authority_write(struct authority *a)
{
	struct err err = ERR_INIT;

	if (memcmp(&a->row, &a->stored, sizeof(a->row)) != 0)
		engine_ok(a->engine, ca_update(a->engine->store, &a->row, &err),
			  &err);
}

/* So long after the last time it is asked though nobody needs it; 0: never. */
static int64_t curiosity_ms(const struct authority *a)
{
	const struct engine_settings *settings = &a->engine->settings;

	if (!*settings->contact || !settings->agree_tos)
		return 0;
	if (clock_is_doubtful(&a->engine->clock))
		return WHAT_TIME_MS;
	return a->row.down_since || a->engine->clock.disagrees == a->row.id
		       ? STILL_DOWN_MS
		       : 0;
}

static bool is_curious(const struct authority *a)
{
	int64_t after_ms = curiosity_ms(a);

	if (a->is_doubted)
		return true;
	return after_ms && now_ms(a) - a->asked_ms >= after_ms;
}

void authority_put_off(struct authority *a, int64_t until_ms)
{
	a->config_retry_ms = until_ms;
}

void authority_forget_waits(struct authority *a)
{
	a->config_retry_ms = a->new_orders_ms = a->asked_ms = 0;
	a->heard_at = 0;
	a->order_failed_ms = 0;
	memset(a->refused, 0, sizeof(a->refused));
}

/*
 * Where the directory led to the proof that is due, that goes at once: what
 * failed meanwhile, and may be broken alone, keeps no CA down.
 */
static bool must_wait(const struct authority *a)
{
	int64_t until_ms = may_prove(a) ? a->config_retry_ms
					: authority_retry_ms(a);

	return until_ms > now_ms(a);
}

void authority_stage(struct authority *a)
{
	if ((!a->is_wanted && !is_curious(a) && !may_prove(a)) || a->is_busy ||
	    must_wait(a) || !is_configured(a))
		return;
	if (!client_is_current(a->client) || is_curious(a))
		engine_will(a->engine, ask_directory, a);
	else if (!lacks_profile(a))
		stage_account(a);
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

int64_t authority_next_ms(const struct authority *a)
{
	int64_t at = authority_retry_ms(a);

	if (a->is_busy || !authority_is_current(a))
		return 0;
	if (!a->is_wanted && curiosity_ms(a))
		return later(at, a->asked_ms + curiosity_ms(a));
	if (!a->is_wanted || authority_is_ready(a))
		return 0;	/* who wants it knows when */
	return later(at, now_ms(a) + 100);
}

/* ---- acting ---- */

static void directory_done(const struct ca_reply *reply, void *arg)
{
	struct authority *a = arg;
	struct arrived *got = arrived_new(got_directory, a, 0, 0);

	arrived_keep_reply(got, reply);
	a->is_busy = false;
	engine_arrived(a->engine, got);
}

static void ask_directory(struct engine *e, const struct effect *effect)
{
	struct authority *a = effect->authority;

	(void)e;
	a->is_busy = true;
	a->asked_ms = now_ms(a);
	a->is_doubted = false;
	client_load_directory(a->client, directory_done, a);
}

static void account_done(const struct ca_reply *reply, void *arg)
{
	struct authority *a = arg;
	struct arrived *got = arrived_new(got_account, a, a->account.id,
					  a->account.epoch);

	arrived_keep_reply(got, reply);
	a->is_busy = false;
	engine_arrived(a->engine, got);
}

static void ask_account(struct engine *e, const struct effect *effect)
{
	struct authority *a = effect->authority;

	(void)e;
	a->is_busy = true;
	client_post(a->client, &a->account.key,
		    effect->by_key ? NULL : a->account.url, effect->url,
		    effect->payload, account_done, a);
}

/* Changes nothing at the CA, and does not come from a cache. */
static void ask_proof(struct engine *e, const struct effect *effect)
{
	struct authority *a = effect->authority;

	(void)e;
	errand_run(&(struct errand){ .authority = a,
				     .where = ERRAND_NEW_ACCOUNT,
				     .key = &a->account.key,
				     .payload = "{\"onlyReturnExisting\":true}",
				     .take = got_proof });
}

/* ---- what came back ---- */

static void got_directory(struct engine *e, const struct arrived *got)
{
	struct authority *a = got->authority;

	(void)e;
	if (got->reply.error.kind != ERR_NONE) {
		authority_failed(a, DEPTH_DIRECTORY, &got->reply.error,
				 got->reply.retry_after);
		return;
	}
	look_at_profile(a);
	a->has_directory = true;
	if (!account_is_declined(&a->account))
		authority_worked(a, DEPTH_DIRECTORY);
}

static void got_proof(struct engine *e, const struct arrived *got)
{
	struct authority *a = got->authority;
	struct err problem = ERR_INIT;
	enum fail_scope scope = scope_of(&got->reply, &problem);

	(void)e;
	if (scope == SCOPE_NONE && !*got->reply.location) {
		scope = SCOPE_CA;
		err_set(&problem, ERR_AGAIN, "the CA shows no account of ours");
	}
	if (scope == SCOPE_CA)
		authority_failed(a, DEPTH_ACCOUNT, &problem,
				 got->reply.retry_after);
	else if (scope == SCOPE_ACCOUNT)
		authority_lost_account(a);
	else
		authority_worked(a, is_quiet(a) ? DEPTH_WHOLE : DEPTH_ACCOUNT);
}

static void account_failed(struct authority *a, enum fail_scope scope,
			   const struct arrived *got)
{
	struct err problem = ERR_INIT;

	if (scope == SCOPE_CA) {
		scope_of(&got->reply, &problem);
		authority_failed(a, DEPTH_ACCOUNT, &problem,
				 got->reply.retry_after);
		return;
	}
	write_account(a);
	if (account_is_declined(&a->account))
		show_refusal(a);
}

static void got_account(struct engine *e, const struct arrived *got)
{
	struct authority *a = got->authority;
	enum account_state before;
	enum fail_scope scope;

	if (!read_account(a) || a->account.epoch != got->epoch)
		return;
	before = a->account.state;
	scope = account_reply(&a->account, e->settings.contact, &got->reply,
			      engine_now(e));
	if (scope != SCOPE_NONE) {
		account_failed(a, scope, got);
		return;
	}
	write_account(a);
	authority_worked(a, DEPTH_ACCOUNT);
	if (before == ACCOUNT_VALID)
		return;
	a->account_at = engine_now(e);
	tell(a, TRAIL_INFO, "account.valid", "account", a->account.url);
}

/* ---- for the admin ---- */

/* 0 if that is over. */
static time_t retry_at(const struct authority *a)
{
	int64_t at = authority_retry_ms(a);

	return at > now_ms(a) ? (time_t)((at + 999) / 1000) : 0;
}

size_t authority_identities(const struct authority *a,
			    const char *out[static ENGINE_CAA_NAMES])
{
	const struct wire_directory *d = client_directory(a->client);
	const struct ca_settings *s = &a->settings;
	size_t n = 0;

	for (; d && n < d->caa_count; n++)
		out[n] = d->caa_identities[n];
	if (n)
		return n;
	for (; n < s->caa_identity_count; n++)
		out[n] = s->caa_identity[n];
	return n;
}

static void add_identities(const struct authority *a,
			   struct engine_ca_status *out)
{
	const char *names[ENGINE_CAA_NAMES] = { NULL };

	out->caa_identity_count = authority_identities(a, names);
	for (size_t i = 0; i < out->caa_identity_count; i++)
		str_copy(out->caa_identity[i], DNS_CAA_VALUE, names[i]);
}

void engine_ca_status(struct engine *e, size_t i, struct engine_ca_status *out)
{
	static const struct domain some_new_one;
	const struct authority *a = e->ca[i];
	struct account account;
	struct ca row = a->row;

	ca_by_id(e->store, a->row.id, &row, NULL);
	*out = (struct engine_ca_status){
		.is_first = i == 0,
		.is_used = queue_choose(e, &some_new_one) == a,
		.in_flight = a->in_flight,
		.is_open = breaker_is_open(&row),
		.ended = a->ended,
		.down_since = row.down_since,
		.retry_at = retry_at(a),
		.proven_at = row.proven_at,
		.alike_since = alike_since(&a->alike, engine_now(e)),
		.alike_is_over = alike_is_over(&a->alike, engine_now(e)),
		.account = "none",
	};
	snprintf(out->name, sizeof(out->name), "%s", a->settings.name);
	snprintf(out->directory_url, sizeof(out->directory_url), "%s",
		 a->settings.directory_url);
	snprintf(out->problem, sizeof(out->problem), "%s", row.problem);
	snprintf(out->hint, sizeof(out->hint), "%s", row.hint);
	add_identities(a, out);
	if (!account_of_ca(e->store, a->row.id, &account, NULL))
		return;
	out->account = account_state_name(account.state);
	snprintf(out->account_url, sizeof(out->account_url), "%s", account.url);
	p256_release(&account.key);
}
