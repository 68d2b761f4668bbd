/*
 * One CA: its directory, our account there, and whether it can be worked
 * with right now.
 *
 * Nothing is asked of a CA before there is work for it, so that a restart
 * serves without it. Trouble with it is kept here, never with a domain.
 */
#include "acme/engine_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/schedule.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/trail.h"

/*
 * Some CAs meet an account that they have forgotten with no better word than
 * 500. After so many errors in a row we register again: a CA that knows the
 * key answers with the account there is.
 */
#define DOUBT_AFTER 5

#define CONFIG_PAUSE_MS 60000	/* a reload of the configuration wakes us */

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
	a->client = client_new(e->world, settings->directory_url,
			       settings->trust_file);
	return a;
}

void authority_free(struct authority *a)
{
	if (!a)
		return;
	client_free(a->client);
	p256_release(&a->account.key);
	free(a);
}

struct authority *engine_authority(struct engine *e)
{
	return e->settings.ca_count ? e->ca[0] : NULL;
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

bool authority_is_ready(const struct authority *a)
{
	return a->has_account && a->account.state == ACCOUNT_VALID &&
	       client_is_current(a->client) && a->retry_at_ms <= now_ms(a);
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

/* Told when it begins or changes, not each time. */
static void in_trouble(struct authority *a, const struct err *problem)
{
	bool is_news = !streq(a->problem.text, problem->text);

	a->problem = *problem;
	if (is_news)
		tell(a, TRAIL_WARNING, "ca.trouble", problem->text,
		     problem->hint);
}

static void wait_for_config(struct authority *a, const char *text,
			    const char *hint)
{
	struct err problem = ERR_INIT;

	err_set(&problem, ERR_REFUSED, "%s", text);
	err_hint(&problem, "%s", hint);
	a->retry_at_ms = now_ms(a) + CONFIG_PAUSE_MS;
	in_trouble(a, &problem);
}

/* ---- the account's row ---- */

static bool read_account(struct authority *a)
{
	struct err err = ERR_INIT;

	a->has_account = account_of_ca(a->engine->store, a->row.id,
				       &a->account, &err);
	return engine_ok(a->engine, a->has_account, &err);
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

bool authority_hope(struct authority *a, struct err *err)
{
	struct account account;
	bool ok;

	if (!account_of_ca(a->engine->store, a->row.id, &account, err)) {
		if (err->kind != ERR_NOT_FOUND)
			return false;
		*err = (struct err)ERR_INIT;
		return true;
	}
	account.retry_at = 0;
	ok = account.state != ACCOUNT_REFUSED ||
	     account_update(a->engine->store, &account, err);
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

/* ---- exchanges with it, well and badly ---- */

void authority_failed(struct authority *a, const struct err *problem,
		      long retry_after)
{
	a->failures++;
	a->retry_at_ms = now_ms(a) +
			 schedule_ca_pause_ms(a->failures, retry_after,
					      engine_dice(a->engine));
	in_trouble(a, problem);
	if (problem->kind == ERR_REFUSED && a->failures % DOUBT_AFTER == 0)
		lose_account(a, "answers every request with an error");
}

void authority_worked(struct authority *a)
{
	if (a->problem.kind != ERR_NONE)
		tell(a, TRAIL_INFO, "ca.well", "answers again", "");
	a->problem = (struct err)ERR_INIT;
	a->failures = 0;
	a->retry_at_ms = 0;
}

static effect_act ask_directory, ask_account;
static arrived_take got_directory, got_account;

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

static void show_refusal(struct authority *a)
{
	struct err problem = ERR_INIT;

	err_set(&problem, ERR_REFUSED, "no account: %s", a->account.problem);
	err_hint(&problem, "%s", a->account.hint);
	a->retry_at_ms = (int64_t)a->account.retry_at * 1000;
	in_trouble(a, &problem);
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
	else if (a->account.state == ACCOUNT_REFUSED)
		show_refusal(a);
}

void authority_stage(struct authority *a, bool has_work)
{
	read_account(a);
	if (!has_work || a->is_busy || a->retry_at_ms > now_ms(a) ||
	    !is_configured(a))
		return;
	if (!client_is_current(a->client))
		engine_will(a->engine, ask_directory, a);
	else
		stage_account(a);
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

/* ---- what came back ---- */

static void got_directory(struct engine *e, const struct arrived *got)
{
	struct authority *a = got->authority;

	(void)e;
	if (got->reply.error.kind != ERR_NONE)
		authority_failed(a, &got->reply.error, got->reply.retry_after);
	else
		authority_worked(a);
}

static void account_failed(struct authority *a, enum fail_scope scope,
			   const struct arrived *got)
{
	struct err problem = ERR_INIT;

	if (scope == SCOPE_CA) {
		scope_of(&got->reply, &problem);
		authority_failed(a, &problem, got->reply.retry_after);
		return;
	}
	write_account(a);
	if (a->account.state == ACCOUNT_REFUSED)
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
	authority_worked(a);
	if (before != ACCOUNT_VALID)
		tell(a, TRAIL_INFO, "account.valid", "account", a->account.url);
}

/* ---- for the admin ---- */

void engine_ca_status(struct engine *e, size_t i, struct engine_ca_status *out)
{
	struct authority *a = e->ca[i];
	struct account account;

	*out = (struct engine_ca_status){ .is_used = i == 0,
					  .in_flight = a->in_flight,
					  .account = "none" };
	snprintf(out->name, sizeof(out->name), "%s", a->settings.name);
	snprintf(out->directory_url, sizeof(out->directory_url), "%s",
		 a->settings.directory_url);
	snprintf(out->problem, sizeof(out->problem), "%s", a->problem.text);
	snprintf(out->hint, sizeof(out->hint), "%s", a->problem.hint);
	if (!account_of_ca(e->store, a->row.id, &account, NULL))
		return;
	out->account = account_state_name(account.state);
	snprintf(out->account_url, sizeof(out->account_url), "%s", account.url);
	p256_release(&account.key);
}
