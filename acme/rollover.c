/*
 * The machine of an account that changes its key.
 *
 *	wanted → told → done, or wanted again, or given up
 *
 * *Wanted*: the next key is durable, the CA knows nothing. The answers to
 * challenges carry the thumbprint of the account's key, so the change is made
 * in a quiet moment: new orders are held back, those under way go on, and
 * when none is being validated and no request is under way, the CA is told.
 * Should that take longer than GRACE, the answers that are open are made anew
 * with the next key instead; such an order may fail once.
 *
 * *Told*: the CA has the one key or the other, and until it is known which,
 * nothing is signed for the account. A lost answer, an error, a crash are all
 * met in the same way: newAccount that may only find (7.3.1), with the next
 * key, then with the present one. Whichever the CA knows tells what happened.
 */
#include "acme/rollover.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/engine_parts.h"
#include "acme/jws.h"
#include "acme/scope.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "store/trail.h"

#define GRACE_MS   (2 * WHEN_MINUTE * 1000)
#define ORDERS_MAX 1024	/* live ones of an account: far more than there are */

static const char only_existing[] = "{\"onlyReturnExisting\":true}";

static effect_act tell_ca, probe_next, probe_present;
static arrived_take got_change, got_next, got_present;

static int64_t now_ms(const struct engine *e)
{
	return e->world->now_ms(e->world->ctx);
}

bool rollover_holds(const struct authority *a)
{
	return a->account.is_rolling &&
	       (a->account.roll_told || a->roll_hold_ms);
}

static void tell(struct authority *a, enum trail_level level, const char *kind,
		 const char *what, const char *why)
{
	char *text = xasprintf("CA %s: %s%s%s", a->settings.name, what,
			       *why ? ": " : "", why);

	engine_event(a->engine, &(struct trail){ .level = level, .kind = kind,
						 .text = text });
	free(text);
}

static bool write_account(struct authority *a)
{
	struct err err = ERR_INIT;

	return engine_ok(a->engine, account_update(a->engine->store,
						   &a->account, &err), &err);
}

/* ---- how it ends ---- */

static void forget_next(struct account *account)
{
	p256_release(&account->next_key);
	account->is_rolling = account->roll_told = false;
	account->roll_at = 0;
	account->roll_failures = 0;
}

/* What was signed with it may have to be revoked with it one day. */
static bool archive_key(struct authority *a)
{
	struct account old = a->account;
	struct err err = ERR_INIT;
	bool ok;

	forget_next(&old);
	old.superseded_at = engine_now(a->engine);
	ok = engine_ok(a->engine, account_insert(a->engine->store, &old, &err),
		       &err);
	account_release(&old);
	return ok;
}

static void succeed(struct authority *a)
{
	struct err err = ERR_INIT;
	char *thumbprint;

	if (!archive_key(a))
		return;
	a->account.key = a->account.next_key;
	forget_next(&a->account);
	thumbprint = jws_thumbprint(&a->account.key);
	if (write_account(a) &&
	    engine_ok(a->engine, order_rekey(a->engine->store, a->account.id,
					     thumbprint, &err), &err)) {
		engine_passes(a->engine, "key-changed");
		tell(a, TRAIL_INFO, "account.key-changed",
		     "our account has another key", "");
	}
	free(thumbprint);
}

static void give_up(struct authority *a, const char *why)
{
	forget_next(&a->account);
	if (write_account(a))
		tell(a, TRAIL_WARNING, "account.rollover-refused",
		     "our account keeps its key", why);
}

/* The CA has the present key, as is known: it can be used meanwhile. */
static void try_later(struct authority *a, const char *why)
{
	struct account *account = &a->account;
	const struct schedule_life none = { 0, 0 };

	account->roll_told = false;
	account->roll_at = engine_now(a->engine) +
			   schedule_domain_pause(++account->roll_failures, none,
						 -1, engine_dice(a->engine));
	if (write_account(a))
		tell(a, TRAIL_WARNING, "account.rollover-failed",
		     "our account has no other key yet", why);
}

/* ---- staging ---- */

static bool has_effect(const struct engine *e, const struct authority *a)
{
	for (size_t i = 0; i < e->effect_count; i++)
		if (e->effects[i]->authority == a)
			return true;
	return false;
}

static bool is_under_way(const struct authority *a)
{
	return a->in_flight || a->errands || a->is_busy ||
	       has_effect(a->engine, a);
}

static bool is_validating(const struct authority *a)
{
	return now_ms(a->engine) - a->roll_hold_ms < GRACE_MS &&
	       order_count_validating(a->engine->store, a->account.id) > 0;
}

static bool lacks_key_change(const struct authority *a)
{
	const struct wire_directory *d = client_directory(a->client);

	return d && !*d->key_change;
}

static bool may_roll(const struct authority *a)
{
	const struct engine *e = a->engine;

	return a->account.state == ACCOUNT_VALID &&
	       a->account.roll_at <= engine_now(e) &&
	       authority_retry_ms(a) <= now_ms(e) && e->may_begin;
}

static void begin(struct authority *a)
{
	a->account.roll_told = true;
	a->account.roll_at = 0;
	a->roll_hold_ms = 0;
	if (!write_account(a))
		return;
	engine_will(a->engine, tell_ca, a);
	engine_passes(a->engine, "key-change");
}

static void stage_wanted(struct authority *a)
{
	if (lacks_key_change(a)) {
		a->roll_hold_ms = 0;
		give_up(a, "the CA does not offer to change a key");
		return;
	}
	if (!may_roll(a)) {
		a->roll_hold_ms = 0;
		return;
	}
	if (!a->roll_hold_ms)
		a->roll_hold_ms = now_ms(a->engine);
	if (!is_under_way(a) && !is_validating(a))
		begin(a);
}

static void stage_told(struct authority *a)
{
	if (is_under_way(a) || authority_retry_ms(a) > now_ms(a->engine))
		return;
	engine_will(a->engine, probe_next, a);
	engine_passes(a->engine, "key-unknown");
}

void rollover_stage(struct engine *e)
{
	for (size_t i = 0; i < e->ca_count && !e->has_failed; i++) {
		struct authority *a = e->ca[i];

		engine_at(e, ROW_CA, a->row.id);
		if (!authority_is_current(a) || !a->has_account ||
		    !a->account.is_rolling)
			a->roll_hold_ms = 0;
		else if (a->account.roll_told)
			stage_told(a);
		else
			stage_wanted(a);
	}
}

static int64_t next_of(const struct authority *a)
{
	int64_t at = (int64_t)a->account.roll_at * 1000;
	int64_t retry = authority_retry_ms(a), grace;

	if (!a->has_account || !a->account.is_rolling || is_under_way(a) ||
	    (!a->account.roll_told && a->account.state != ACCOUNT_VALID))
		return 0;
	grace = a->roll_hold_ms ? a->roll_hold_ms + GRACE_MS : 0;
	at = at > retry ? at : retry;
	return at > grace ? at : grace;
}

int64_t rollover_next_ms(struct engine *e)
{
	int64_t best = 0;

	if (!e->may_begin)
		return 0;
	for (size_t i = 0; i < e->ca_count; i++) {
		int64_t at = next_of(e->ca[i]);

		if (at && (!best || at < best))
			best = at;
	}
	return best;
}

/* ---- acting ---- */

static void tell_ca(struct engine *e, const struct effect *effect)
{
	struct authority *a = effect->authority;

	(void)e;
	errand_run(&(struct errand){ .authority = a,
				     .where = ERRAND_KEY_CHANGE,
				     .key = &a->account.key,
				     .kid = a->account.url,
				     .next_key = &a->account.next_key,
				     .take = got_change,
				     .id = a->account.id,
				     .epoch = a->account.epoch });
}

static void probe(const struct effect *effect, const struct p256 *key,
		  arrived_take *take)
{
	struct authority *a = effect->authority;

	errand_run(&(struct errand){ .authority = a,
				     .where = ERRAND_NEW_ACCOUNT,
				     .key = key,
				     .payload = only_existing,
				     .take = take,
				     .id = a->account.id,
				     .epoch = a->account.epoch,
				     .is_good = effect->by_key,
				     .verdict = effect->verdict });
}

static void probe_next(struct engine *e, const struct effect *effect)
{
	(void)e;
	probe(effect, &effect->authority->account.next_key, got_next);
}

static void probe_present(struct engine *e, const struct effect *effect)
{
	(void)e;
	probe(effect, &effect->authority->account.key, got_present);
}

/* ---- what came back ---- */

/* The account as it was when the CA was asked? */
static bool is_fresh(const struct authority *a, const struct arrived *got)
{
	return a->has_account && a->account.id == got->id &&
	       a->account.epoch == got->epoch && a->account.roll_told;
}

/* True if there is no answer at all: then nothing has been learnt. */
static bool heard_nothing(struct authority *a, const struct arrived *got)
{
	if (got->reply.error.kind != ERR_AGAIN)
		return false;
	authority_failed(a, DEPTH_ACCOUNT, &got->reply.error,
			 got->reply.retry_after);
	return true;
}

/* It will not, as far as it says; or it only cannot now? */
static bool is_refusal(const struct arrived *got, enum fail_scope scope)
{
	if (got->reply.error.kind != ERR_NONE)
		return got->reply.error.kind == ERR_REFUSED;
	return (scope != SCOPE_CA || scope_is_wordless(&got->reply)) &&
	       got->reply.status < 500 && got->reply.status != 429;
}

static void got_change(struct engine *e, const struct arrived *got)
{
	struct authority *a = got->authority;
	struct err problem = ERR_INIT;
	enum fail_scope scope = scope_of(&got->reply, &problem);
	struct effect *effect;

	if (!is_fresh(a, got) || heard_nothing(a, got))
		return;
	if (scope == SCOPE_NONE) {
		succeed(a);
		return;
	}
	effect = engine_will(e, probe_next, a);
	effect->verdict = problem;
	effect->verdict.kind = is_refusal(got, scope) ? ERR_REFUSED : ERR_AGAIN;
}

static bool is_unknown(const struct arrived *got)
{
	return streq(got->reply.problem.type, "accountDoesNotExist");
}

static void got_next(struct engine *e, const struct arrived *got)
{
	struct authority *a = got->authority;
	struct err problem = ERR_INIT;
	struct effect *effect;

	if (!is_fresh(a, got) || heard_nothing(a, got))
		return;
	if (scope_of(&got->reply, &problem) == SCOPE_NONE) {
		succeed(a);
		return;
	}
	effect = engine_will(e, probe_present, a);
	effect->verdict = got->verdict;
	effect->by_key = is_unknown(got);
}

/* It knows neither: the account is gone, and registers with the same key. */
static void lose(struct authority *a)
{
	a->account.roll_told = false;
	account_lose(&a->account);
	if (write_account(a))
		tell(a, TRAIL_WARNING, "account.lost",
		     "does not know our account any more", "");
}

static void keep(struct authority *a, const struct err *why)
{
	if (why->kind == ERR_REFUSED)
		give_up(a, why->text);
	else
		try_later(a, why->kind == ERR_NONE ? "no answer came"
						   : why->text);
}

static void got_present(struct engine *e, const struct arrived *got)
{
	struct authority *a = got->authority;
	struct err problem = ERR_INIT;
	enum fail_scope scope = scope_of(&got->reply, &problem);

	(void)e;
	if (!is_fresh(a, got) || heard_nothing(a, got))
		return;
	if (scope == SCOPE_NONE || streq(got->reply.problem.type,
					 "unauthorized"))
		keep(a, &got->verdict);	/* it knows this key, liked or not */
	else if (is_unknown(got) && got->is_good)
		lose(a);
	else
		authority_failed(a, DEPTH_ACCOUNT, &problem,
				 got->reply.retry_after);
}

/* ---- for the admin ---- */

static struct authority *by_name(struct engine *e, const char *name,
				 struct err *err)
{
	for (size_t i = 0; i < e->settings.ca_count; i++)
		if (streq(e->ca[i]->settings.name, name))
			return e->ca[i];
	err_set(err, ERR_NOT_FOUND, "there is no CA \"%s\" in the "
				    "configuration", name);
	err_hint(err, "mtastsctl ca list shows them");
	return NULL;
}

static bool find(struct engine *e, const char *name, struct authority **a,
		 struct account *account, struct err *err)
{
	*a = by_name(e, name, err);
	if (!*a)
		return false;
	if (account_of_ca(e->store, (*a)->row.id, account, err))
		return true;
	if (err->kind != ERR_NOT_FOUND)
		return false;
	err_set(err, ERR_REFUSED, "there is no account with %s yet", name);
	return err_hint(err, "it is made with a fresh key when the first "
			     "certificate is ordered there");
}

static bool check_state(const struct authority *a, const struct account *account,
			struct err *err)
{
	const char *name = a->settings.name;

	if (account->state != ACCOUNT_VALID) {
		err_set(err, ERR_REFUSED, "our account with %s is %s: only a "
					  "valid one can change its key", name,
			account_state_name(account->state));
		return err_hint(err, "mtastsctl ca show %s says why", name);
	}
	if (lacks_key_change(a)) {
		err_set(err, ERR_REFUSED, "%s does not offer to change an "
					  "account's key", name);
		return err_hint(err, "a new account would have a new key: "
				     "mtastsctl ca rollover %s --new-account",
				name);
	}
	return true;
}

bool rollover_ask(struct engine *e, const char *ca, bool *is_news,
		  struct err *err)
{
	struct account account = { .id = 0 };
	struct authority *a;
	bool ok;

	if (!find(e, ca, &a, &account, err))
		return false;
	*is_news = !account.is_rolling;
	ok = account.is_rolling || check_state(a, &account, err);
	if (ok && *is_news) {
		account.is_rolling = true;
		ok = e->world->key_make(e->world->ctx, &account.next_key,
					err) &&
		     account_update(e->store, &account, err);
	}
	account_release(&account);
	return ok;
}

/* What it has cost comes back, unless the CA may have issued already. */
static void refund(struct engine *e, struct authority *a, int64_t order_id)
{
	const struct order_step over = { .scope = SCOPE_ORDER };
	char host[DOMAIN_NAME_SIZE];
	struct err err = ERR_INIT;
	struct domain d;
	struct order o;
	struct stepping s = { e, a, &d, host };

	if (!engine_ok(e, order_by_id(e->store, order_id, &o, &err), &err) ||
	    !engine_ok(e, domain_by_id(e->store, o.domain_id, &d, &err), &err) ||
	    o.state >= ORDER_FINALIZING)
		return;
	domain_name_policy_host(d.name, host);
	spending_ended(&s, &o, &over);
}

static bool end_orders(struct engine *e, struct authority *a,
		       const struct account *old, time_t now, struct err *err)
{
	int64_t ids[ORDERS_MAX];
	size_t n = order_live(e->store, old->id, ids, ARRAY_LEN(ids), err);

	e->has_failed = false;
	for (size_t i = 0; i < n && !e->has_failed; i++)
		refund(e, a, ids[i]);
	if (e->has_failed)
		*err = e->failure;
	return !e->has_failed && err->kind == ERR_NONE &&
	       order_end_all(e->store, old->id, "its account was superseded",
			     now, err);
}

static bool replace(struct engine *e, struct authority *a,
		    struct account *old, struct err *err)
{
	struct account fresh = { .ca_id = old->ca_id,
				 .created_at = engine_now(e) };
	bool ok = e->world->key_make(e->world->ctx, &fresh.key, err) &&
		  account_supersede(e->store, old, fresh.created_at, err) &&
		  end_orders(e, a, old, fresh.created_at, err) &&
		  account_insert(e->store, &fresh, err);

	account_release(&fresh);
	return ok;
}

bool rollover_new_account(struct engine *e, const char *ca,
			  char was[static URL_SIZE], struct err *err)
{
	struct account old = { .id = 0 };
	struct authority *a;
	bool ok;

	if (!find(e, ca, &a, &old, err))
		return false;
	memcpy(was, old.url, URL_SIZE);
	ok = replace(e, a, &old, err);
	account_release(&old);
	return ok;
}
