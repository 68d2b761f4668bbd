/*
 * Revocations: telling the CA that issued a certificate not to trust it any
 * more (RFC 8555, 7.6).
 *
 * A row whose time has come is asked for; before that it is put off by a
 * lease, so that a crash costs no more than the lease: to ask twice does no
 * harm, for a CA that has revoked it already says so. Signed by the account
 * that ordered it; if that account is gone, or the CA will not hear it, by
 * the certificate's own key. A box that is frozen goes on with revocations:
 * they were asked for, and they are no orders.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "acme/breaker.h"
#include "acme/engine_parts.h"
#include "acme/revoke_reason.h"
#include "acme/scope.h"
#include "base/b64.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "store/trail.h"

#define AT_ONCE	 8	/* requests under way, at one CA */
#define LEASE	 (5 * WHEN_MINUTE)
#define ABSENT	 WHEN_HOUR	/* its CA is not configured: look again */
#define DER_MAX	 65536
#define PACE_MS	 1000	/* what cannot go on yet is looked at so often */

static effect_act ask_revocation;
static arrived_take got_revocation;

/* ---- the trail ---- */

static void tell(struct engine *e, const struct cert *c,
		 enum trail_level level, const char *kind, const char *what,
		 const char *why)
{
	struct err err = ERR_INIT;
	struct domain d;
	char *text;

	if (!engine_ok(e, domain_by_id(e->store, c->domain_id, &d, &err), &err))
		return;
	text = xasprintf("certificate %s %s%s%s", c->serial, what,
			 *why ? ": " : "", why);
	engine_event(e, &(struct trail){ .level = level, .kind = kind,
					 .domain = d.name, .text = text });
	free(text);
}

/* ---- what becomes of a row ---- */

static void write_cert(struct engine *e, const struct cert *c)
{
	struct err err = ERR_INIT;

	engine_ok(e, cert_update(e->store, c, &err), &err);
}

static void finish(struct engine *e, struct cert *c)
{
	c->revoked_at = engine_now(e);
	c->revoke_due_at = 0;
	c->revoke_failures = 0;
	write_cert(e, c);
	tell(e, c, TRAIL_INFO, "cert.revoked", "revoked, for the reason",
	     revoke_reason_name(c->revoke_reason));
}

static void give_up(struct engine *e, struct cert *c)
{
	c->revoke_due_at = 0;
	write_cert(e, c);
	tell(e, c, TRAIL_WARNING, "cert.revocation-over",
	     "has expired before it could be revoked", "");
}

static void try_later(struct engine *e, struct cert *c, long pause,
		      const char *why)
{
	char text[DURATION_TEXT];
	char *what;

	c->revoke_failures++;
	c->revoke_due_at = engine_now(e) + pause;
	write_cert(e, c);
	what = xasprintf("is not revoked yet (next try in %s)",
			 duration_rough(pause, text));
	tell(e, c, TRAIL_WARNING, "cert.revocation-failed", what, why);
	free(what);
}

/* ---- staging ---- */

static void will_ask(struct engine *e, struct authority *a, struct cert *c,
		     bool by_key)
{
	struct effect *effect;

	c->revoke_due_at = engine_now(e) + LEASE;
	write_cert(e, c);
	effect = engine_will(e, ask_revocation, a);
	effect->id = c->id;
	effect->by_key = by_key;
	engine_passes(e, "revoking");
}

/*
 * How many at a time: while it is in trouble, or may be, one shows whether it
 * still is.
 */
static unsigned room(const struct engine *e, const struct authority *a)
{
	if (a->is_doubted || a->row.failures > 0)
		return 1;
	return breaker_room(&a->row, AT_ONCE, e->world->now_ms(e->world->ctx));
}

static unsigned under_way(const struct engine *e, const struct authority *a)
{
	unsigned n = a->errands;

	for (size_t i = 0; i < e->effect_count; i++)
		n += e->effects[i]->act == ask_revocation &&
		     e->effects[i]->authority == a;
	return n;
}

/* No change of our key is in between. */
static bool may_ask(const struct engine *e, const struct authority *a)
{
	return under_way(e, a) < room(e, a) && !rollover_holds(a);
}

static bool is_waited_out(const struct engine *e, const struct authority *a)
{
	return !breaker_allows(&a->row, e->world->now_ms(e->world->ctx));
}

/* Trouble of its CA's is not this row's, nor is it news. */
static void wait_for_ca(struct engine *e, const struct authority *a,
			struct cert *c)
{
	c->revoke_due_at = (time_t)((a->row.retry_ms + 999) / 1000);
	write_cert(e, c);
}

static void stage_one(struct engine *e, int64_t id)
{
	struct authority *a;
	struct cert c;

	engine_at(e, ROW_CERT, id);
	if (!engine_cert(e, id, &c))
		return;
	a = authority_by_id(e, c.ca_id);
	if (c.not_after <= engine_now(e) && clock_is_known(&e->clock))
		give_up(e, &c);
	else if (!a)
		try_later(e, &c, ABSENT, "its CA is not configured any more");
	else if (is_waited_out(e, a))
		wait_for_ca(e, a, &c);
	else if (may_ask(e, a))
		will_ask(e, a, &c, false);
}

void revocations_stage(struct engine *e)
{
	int64_t ids[64];
	struct err err = ERR_INIT;
	size_t n = cert_revoke_due(e->store, engine_now(e), ids,
				   ARRAY_LEN(ids), &err);

	engine_ok(e, err.kind == ERR_NONE, &err);
	for (size_t i = 0; i < n && !e->has_failed; i++)
		stage_one(e, ids[i]);
}

int64_t revocations_next_ms(struct engine *e)
{
	int64_t now = e->world->now_ms(e->world->ctx);
	time_t due = cert_next_revoke(e->store);

	if (!due || due == CERT_REVOKE_ONCE_REPLACED)
		return 0;
	return (int64_t)due * 1000 > now ? (int64_t)due * 1000 : now + PACE_MS;
}

/* ---- acting ---- */

static char *make_payload(struct engine *e, const struct cert *c,
			  struct err *err)
{
	char *text = NULL, *leaf;
	struct buf der;
	json_t *root;

	buf_init(&der, DER_MAX);
	if (cert_leaf(e->store, c->id, &der, err)) {
		leaf = b64url_encode(der.data, der.len);
		root = json_pack("{s:s}", "certificate", leaf);
		if (c->revoke_reason)	/* 0 is better not said: RFC 5280 */
			json_object_set_new(root, "reason",
					    json_integer(c->revoke_reason));
		text = json_dumps(root, JSON_COMPACT);
		json_decref(root);
		free(leaf);
	}
	buf_release(&der);
	return text;
}

/* False: it was never ours, or the CA does not know it. */
static bool find_account(struct engine *e, const struct cert *c,
			 struct account *account)
{
	return c->account_id &&
	       account_by_id(e->store, c->account_id, account, NULL) &&
	       account->state == ACCOUNT_VALID && *account->url;
}

static void sign_and_send(struct engine *e, const struct effect *effect,
			  const struct cert *c, const char *payload,
			  struct err *err)
{
	struct errand errand = { .authority = effect->authority,
				 .where = ERRAND_REVOKE_CERT,
				 .payload = payload,
				 .take = got_revocation,
				 .id = c->id };
	struct account account = { .id = 0 };
	struct p256 key = { .scalar = { 0 } };

	if (!effect->by_key && find_account(e, c, &account)) {
		errand.key = &account.key;
		errand.kid = account.url;
		errand_run(&errand);
	} else if (key_by_id(e->store, c->key_id, &key, err)) {
		errand.key = &key;
		errand.is_good = true;
		errand_run(&errand);
	}
	account_release(&account);
	p256_release(&key);
}

/* What fails here is found again when the lease is over. */
static void ask_revocation(struct engine *e, const struct effect *effect)
{
	struct err err = ERR_INIT;
	char *payload;
	struct cert c;

	if (!cert_by_id(e->store, effect->id, &c, &err))
		return;
	payload = make_payload(e, &c, &err);
	if (payload)
		sign_and_send(e, effect, &c, payload, &err);
	if (err.kind != ERR_NONE)
		log_error("certificate %s: revocation: %s", c.serial, err.text);
	free(payload);
}

/* ---- what came back ---- */

static void refused(struct engine *e, struct authority *a, struct cert *c,
		    const struct arrived *got, const struct err *problem)
{
	const char *type = got->reply.problem.type;
	struct schedule_life life = { c->not_after - engine_now(e),
				      c->not_after - c->not_before };
	bool was_by_key = got->is_good;

	if (streq(type, "badRevocationReason") && c->revoke_reason) {
		c->revoke_reason = 0;
		will_ask(e, a, c, was_by_key);
		return;
	}
	if (!was_by_key && (streq(type, "unauthorized") ||
			    streq(type, "accountDoesNotExist"))) {
		will_ask(e, a, c, true);
		return;
	}
	try_later(e, c, schedule_domain_pause(c->revoke_failures + 1, life,
					      got->reply.retry_after,
					      engine_dice(e)), problem->text);
}

/* It is not there, or is in trouble anyway, and says so here as well. */
static bool is_outage(const struct arrived *got, enum fail_scope scope)
{
	return got->reply.error.kind == ERR_AGAIN ||
	       (scope == SCOPE_CA && got->authority->row.down_since);
}

static void got_revocation(struct engine *e, const struct arrived *got)
{
	struct err err = ERR_INIT, problem = ERR_INIT;
	enum fail_scope scope = scope_of(&got->reply, &problem);
	struct cert c;

	engine_at(e, ROW_CERT, got->id);
	if (!engine_ok(e, cert_by_id(e->store, got->id, &c, &err), &err) ||
	    !c.revoke_due_at)
		return;
	if (scope == SCOPE_NONE || streq(got->reply.problem.type,
					 "alreadyRevoked")) {
		authority_worked(got->authority, DEPTH_ACCOUNT);
		finish(e, &c);
		return;
	}
	if (is_outage(got, scope)) {
		problem.kind = ERR_AGAIN; /* our account is not in doubt */
		authority_failed(got->authority, DEPTH_ACCOUNT, &problem,
				 got->reply.retry_after);
		wait_for_ca(e, got->authority, &c);
	} else {
		/* This alone may be broken there, or all of it: look. */
		got->authority->is_doubted |= scope == SCOPE_CA;
		refused(e, got->authority, &c, got, &problem);
	}
}
