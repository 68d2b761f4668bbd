#include "acme/order_step.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/schedule.h"
#include "acme/search.h"
#include "base/b64.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"

#define SENT_MAX	  3	/* times the CA is told to look, or the CSR sent */
#define TOLD_MAX	  10	/* times it is told, if nobody heard an answer */
#define SEEK_MAX	  100	/* pages and orders looked at in one search */
#define SEEK_GARBAGE	  20	/* of these, for an answer that is no JSON */
#define SEEK_DOUBT	  10	/* and for one that could not be had */
#define SEEK_ERRORS	  3 /* of one order, while the CA answers all else */
#define ACCOUNT_TRIES_MAX 5	/* of an order, while the account is mended */
#define LOOKS_LEAST	  10	/* ten seconds of them, or more */
#define DOOR_LEAST	  5	/* times, before a list with a door is left */
#define GONE_FOR	  30 /* seconds that an order is said not to be there */

/*
 * A CA that asks for peace is left in peace by all, and its breaker sees to
 * that. The order itself must be there when its time with that CA is over.
 */
#define PEACE_MAX (2 * WHEN_MINUTE)

/* ---- what a step can come to ---- */

static struct order_step go_on(struct order *o, enum order_state state)
{
	o->state = state;
	o->tries = 0;
	o->wake_ms = 0;
	o->unsure = false;
	return (struct order_step){ .effect = ORDER_ASK, .retry_after = -1 };
}

static struct order_step wait_ms(struct order *o,
				 const struct order_context *ctx, int64_t ms)
{
	o->tries++;
	o->wake_ms = ctx->now_ms + ms;
	return (struct order_step){ .effect = ORDER_WAIT, .retry_after = -1 };
}

static bool is_overdue(const struct order *o, const struct order_context *ctx)
{
	return ctx->now - o->created_at >= ctx->patience;
}

/*
 * The state goes on; the CA works, and is asked again after a while. It may
 * have begun just now with an order that is old because the CA was down, or
 * the box was off: that it has no end takes a number of looks, one after the
 * other, unless it is older still.
 */
static struct order_step poll(struct order *o, enum order_state state,
			      const struct ca_reply *reply,
			      const struct order_context *ctx)
{
	bool is_expired = o->expires_at && o->expires_at < ctx->now;
	enum fail_scope scope = is_expired ? order_scope_of_expiry(o)
					   : SCOPE_ORDER;
	struct err late = ERR_INIT;
	struct order_step step;

	if (o->state != state)
		o->tries = 0;
	else if (o->unsure && o->tries > LOOKS_LEAST / 2 &&
		 ctx->now - o->created_at < 2 * ctx->patience)
		o->tries = LOOKS_LEAST / 2;
	o->state = state;
	o->unsure = false;
	if (!is_overdue(o, ctx) || o->tries < LOOKS_LEAST)
		return wait_ms(o, ctx,
			       schedule_poll_ms(o->tries, reply->retry_after));
	err_set(&late, ERR_AGAIN, "the CA has not come to an end with the "
				  "order (%s)", order_state_name(state));
	step = order_give_up(o, scope, &late, ctx->now);
	step.is_endless = scope == SCOPE_ORDER;
	return step;
}

/*
 * A CA that leaves a failed challenge pending has looked each time; one that
 * did not hear us, not at all. Once it has validated the name it looks no more.
 */
static long looks_of(const struct order *o)
{
	if (o->state < ORDER_PRESENTED)
		return 1;
	if (o->state > ORDER_CHALLENGED)
		return 0;
	return o->sent < SENT_MAX ? o->sent : SENT_MAX;
}

struct order_step order_give_up(struct order *o, enum fail_scope scope,
				const struct err *problem, time_t now)
{
	bool was_told = o->state >= ORDER_FINALIZING;
	long looks = looks_of(o);

	o->state = ORDER_DEAD;
	o->ended_at = now;
	o->wake_ms = 0;
	snprintf(o->problem, sizeof(o->problem), "%s", problem->text);
	return (struct order_step){ .effect = ORDER_END,
				    .scope = scope,
				    .retry_after = -1,
				    .problem = *problem,
				    .looks = looks,
				    .may_be_issued = was_told };
}

/*
 * The CA's own word on why an order or an authorization failed. It is one
 * name's trouble whatever the word: while the CA answers everything else, only
 * a pause of that name keeps us from order after order.
 */
static struct order_step refused(struct order *o, const struct wire_problem *p,
				 const char *what, time_t now)
{
	struct err problem = ERR_INIT;
	enum fail_scope scope = SCOPE_DOMAIN;
	struct order_step step;

	if (*p->type)
		scope = scope_of_problem(p, o->method, &problem);
	else
		err_set(&problem, ERR_REFUSED, "the CA made the %s invalid "
					       "without a reason", what);
	if (scope == SCOPE_CA || scope == SCOPE_ACCOUNT)
		scope = SCOPE_DOMAIN;
	step = order_give_up(o, scope, &problem, now);
	step.may_be_issued = false;
	memcpy(step.type, p->type, sizeof(step.type));
	return step;
}

/* A no in no words: it may mean what was asked, and as well the time of day. */
static bool is_turned_away(const struct ca_reply *reply)
{
	return scope_is_wordless(reply) && reply->status >= 400 &&
	       reply->status <= 499 && reply->status != 429;
}

/* It has been refused before anybody looked at what it asks (8555, 6.5). */
static bool is_bad_nonce(const struct ca_reply *reply)
{
	return streq(reply->problem.type, "badNonce");
}

/* To a CSR that is not the first: an earlier one may have moved it on. */
static bool is_not_ready(const struct ca_reply *reply)
{
	return streq(reply->problem.type, "orderNotReady");
}

/*
 * The CSR itself was declined, or turned away at the door for overload; and the
 * order was not being processed, else it would not have been sent. So nothing
 * can come of it any more.
 */
static bool is_csr_refused(const struct order *o, const struct ca_reply *reply)
{
	return o->state == ORDER_FINALIZING && !o->unsure &&
	       !is_not_ready(reply) &&
	       (reply->status == 503 ||
		(reply->status >= 400 && reply->status <= 499));
}

static struct order_step give_up(struct order *o, enum fail_scope scope,
				 const struct err *problem,
				 const struct ca_reply *reply,
				 const struct order_context *ctx)
{
	bool is_refused = is_csr_refused(o, reply);
	struct order_step step = order_give_up(o, scope, problem, ctx->now);

	step.may_be_issued = step.may_be_issued && !is_refused;
	return step;
}

/*
 * The CA could not be had, or is in trouble: that is nothing that it has made of
 * the CSR, and if it is ready for one later it may have it; but not for ever.
 */
static void uncount_csr(struct order *o, const struct order_context *ctx)
{
	if (o->state == ORDER_FINALIZING && !o->unsure && o->sent > 0 &&
	    !is_overdue(o, ctx))
		o->sent--;
}

/* It answers, and not this. What was told to issue is asked for still. */
static bool is_there(const struct order *o, const struct order_context *ctx)
{
	return o->state < ORDER_FINALIZING && ctx->heard_at &&
	       ctx->now - ctx->heard_at < WHEN_HOUR;
}

/*
 * An answer that is no answer: the same question again, but look first, unless
 * the CA is known to have done nothing. A CA that answers like this for too
 * long may do better with another order; one that cannot be reached is waited
 * for.
 */
static struct order_step ask_again(struct order *o, enum fail_scope scope,
				   const struct err *problem,
				   const struct ca_reply *reply,
				   const struct order_context *ctx)
{
	long most = scope == SCOPE_CA ? PEACE_MAX : WHEN_HOUR;
	bool is_asked_anew = o->state == ORDER_DOWNLOAD && !is_bad_nonce(reply);
	long wait = reply->retry_after;
	struct order_step step;

	if ((reply->error.kind == ERR_NONE || is_there(o, ctx)) &&
	    is_overdue(o, ctx) && o->tries >= LOOKS_LEAST && !is_asked_anew)
		return give_up(o, scope == SCOPE_NONE ? SCOPE_ORDER : scope,
			       problem, reply, ctx);
	if (scope == SCOPE_CA && !is_bad_nonce(reply))
		uncount_csr(o, ctx);
	if (is_asked_anew)
		o->state = ORDER_POLLING; /* the order says where it is now */
	o->unsure = o->unsure || !is_bad_nonce(reply);
	if (wait > most)
		wait = most;
	step = wait_ms(o, ctx,
		       schedule_ca_pause_ms(o->tries + 1, wait, ctx->dice));
	step.scope = scope;
	step.retry_after = reply->retry_after;
	step.problem = *problem;
	memcpy(step.type, reply->problem.type, sizeof(step.type));
	return step;
}

static struct order_step garbled(struct order *o, const struct err *problem,
				 const struct ca_reply *reply,
				 const struct order_context *ctx)
{
	return ask_again(o, SCOPE_CA, problem, reply, ctx);
}

/* ---- intent: search what a lost answer may have made, then order ---- */

static bool says_replaces(const struct order *o)
{
	return *o->replaces && !streq(o->replaces, ORDER_REPLACES_UNSAID);
}

static char *new_order_payload(const struct order *o, const char *host)
{
	json_t *root = json_pack("{s:[{s:s, s:s}]}", "identifiers", "type",
				 "dns", "value", host);
	char *text;

	if (*o->profile)
		json_object_set_new(root, "profile", json_string(o->profile));
	if (says_replaces(o))
		json_object_set_new(root, "replaces",
				    json_string(o->replaces));
	text = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	return text;
}

/* Unsure, and there is something to look through: else it is newOrder. */
static bool seek_next(const struct order *o, const struct order_context *ctx,
		      char out[static URL_SIZE])
{
	if (o->state != ORDER_INTENT || !o->unsure)
		return false;
	if (*o->seek)
		return search_first(o->seek, out);
	return search_takes(ctx->orders_url) &&
	       str_copy(out, URL_SIZE, ctx->orders_url);
}

static bool is_seeking(const struct order *o, const struct order_context *ctx)
{
	char url[URL_SIZE];

	return seek_next(o, ctx, url);
}

static struct order_question ask_intent(const struct order *o,
					const struct order_context *ctx)
{
	struct order_question q = { .where = ASK_URL };

	if (seek_next(o, ctx, q.url))
		return q;
	q.where = ASK_NEW_ORDER;
	q.payload = new_order_payload(o, ctx->host);
	return q;
}

static void learn_order(struct order *o, const char *url,
			const struct wire_order *w)
{
	snprintf(o->order_url, sizeof(o->order_url), "%s", url);
	memcpy(o->finalize_url, w->finalize_url, sizeof(o->finalize_url));
	memcpy(o->authz_url, w->authz_url, sizeof(o->authz_url));
	o->expires_at = w->expires_at > o->created_at ? w->expires_at : 0;
	o->seek[0] = '\0';
	o->sent = 0;
}

/* Nothing more to look at: now the order is made, as if for the first time. */
static struct order_step seek_on(struct order *o)
{
	if (++o->sent >= SEEK_MAX)
		o->seek[0] = '\0';
	o->unsure = *o->seek != '\0';
	if (!o->unsure)
		o->sent = 0; /* another search has as many */
	search_note_good(o->seek);
	o->wake_ms = 0;
	return (struct order_step){ .effect = ORDER_ASK, .retry_after = -1 };
}

static struct order_step list_seen(struct order *o,
				   const struct ca_reply *reply,
				   const struct order_context *ctx)
{
	struct wire_orders page;
	char next[URL_SIZE];

	search_pop(o->seek);
	if (wire_orders_parse(&page, reply->body, reply->len, NULL))
		for (size_t i = 0; i < page.count; i++)
			if (!search_has(o->seek, page.url[i]) &&
			    !ctx->is_known(page.url[i], ctx->arg))
				search_push(o->seek, "", page.url[i]);
	if (wire_link(reply->links, "next", next) && !search_has(o->seek, next))
		search_push(o->seek, "+", next);
	return seek_on(o);
}

static struct order_step candidate_seen(struct order *o,
					const struct ca_reply *reply,
					const struct order_context *ctx)
{
	char url[URL_SIZE] = "";
	struct wire_order w;

	search_first(o->seek, url);
	search_pop(o->seek);
	if (!wire_order_parse(&w, reply->body, reply->len, NULL) ||
	    !streq_case(w.name, ctx->host) ||
	    (w.status != WIRE_PENDING && w.status != WIRE_READY) ||
	    (*o->profile && !streq(w.profile, o->profile)))
		return seek_on(o);
	learn_order(o, url, &w);
	return go_on(o, ORDER_ORDERED);
}

static struct order_step order_made(struct order *o,
				    const struct ca_reply *reply,
				    const struct order_context *ctx)
{
	struct err problem = ERR_INIT;
	struct wire_order w;

	if (!wire_order_parse(&w, reply->body, reply->len, &problem))
		return garbled(o, &problem, reply, ctx);
	if (!*reply->location || strlen(reply->location) >= URL_SIZE) {
		err_set(&problem, ERR_AGAIN, "the CA's order has no usable URL");
		return garbled(o, &problem, reply, ctx);
	}
	learn_order(o, reply->location, &w);
	if (w.status == WIRE_INVALID)
		return refused(o, &w.problem, "order", ctx->now);
	return go_on(o, w.status == WIRE_PENDING ? ORDER_ORDERED : ORDER_READY);
}

static bool is_at_candidate(const struct order *o,
			    const struct order_context *ctx)
{
	return is_seeking(o, ctx) && *o->seek && !search_has_mark(o->seek, '+');
}

/*
 * Somebody else's order, perhaps, and the CA fails that one alone: where the
 * look before it went well it counts, and the third time it is left out. The
 * others go first, and the list once more, which shows whether the CA is there.
 */
static void seek_doubt(struct order *o, const struct order_context *ctx)
{
	static const char *const marks[SEEK_ERRORS] = { "", "!", "!!" };
	bool is_its_own = search_has_mark(o->seek, '~');
	size_t errors = search_errors(o->seek) + is_its_own;
	char url[URL_SIZE] = "";

	search_first(o->seek, url);
	search_pop(o->seek);
	o->sent += is_its_own ? SEEK_DOUBT : 0;
	if (o->sent >= SEEK_MAX)
		o->seek[0] = '\0';
	if (o->sent >= SEEK_MAX || errors >= SEEK_ERRORS)
		return;
	if (!search_has(o->seek, ctx->orders_url))
		search_push(o->seek, "+", ctx->orders_url);
	search_push(o->seek, marks[errors], url);
}

/* But what is too busy, or sent us away, says when it is there again. */
static bool is_no_answer(const struct ca_reply *reply)
{
	return reply->error.kind != ERR_NONE ||
	       (reply->status >= 500 && reply->status != 503) ||
	       is_turned_away(reply);
}

/* What was said of that order is not for this one to wait for. */
static struct order_step candidate_failed(struct order *o,
					  const struct err *problem,
					  const struct ca_reply *reply,
					  const struct order_context *ctx)
{
	struct ca_reply mild = *reply;
	struct order_step step;

	mild.retry_after = -1;
	seek_doubt(o, ctx);
	step = ask_again(o, SCOPE_CA, problem, &mild, ctx);
	step.is_others = true;
	o->unsure = *o->seek != '\0';
	if (!o->unsure)
		o->sent = 0;
	return step;
}

/* Nor is a list that cannot be had, or has a door: it is a help, and no need. */
static bool is_seeking_in_vain(const struct order *o,
			       const struct ca_reply *reply,
			       const struct order_context *ctx)
{
	if (!is_seeking(o, ctx))
		return false;
	if (reply->status == 429 ||
	    (reply->status < 500 && scope_is_wordless(reply)))
		return o->tries >= DOOR_LEAST;
	return reply->error.kind != ERR_NONE && is_overdue(o, ctx) &&
	       o->tries >= LOOKS_LEAST;
}

static struct order_step seek_no_more(struct order *o,
				      const struct err *problem,
				      const struct ca_reply *reply,
				      const struct order_context *ctx)
{
	struct order_step step = ask_again(o, SCOPE_CA, problem, reply, ctx);

	o->seek[0] = '\0';
	o->unsure = false;
	o->sent = 0;
	return step;
}

/* Garbage says nothing about orders: asked again, but not for ever. */
static struct order_step seek_seen(struct order *o,
				   const struct ca_reply *reply,
				   const struct order_context *ctx)
{
	struct err problem = ERR_INIT;

	if (!wire_is_object(reply->body, reply->len, &problem)) {
		o->sent += SEEK_GARBAGE;
		if (o->sent < SEEK_MAX)
			return garbled(o, &problem, reply, ctx);
	}
	return is_at_candidate(o, ctx) ? candidate_seen(o, reply, ctx)
				       : list_seen(o, reply, ctx);
}

static struct order_step reply_intent(struct order *o,
				      const struct ca_reply *reply,
				      const struct order_context *ctx)
{
	return is_seeking(o, ctx) ? seek_seen(o, reply, ctx)
				  : order_made(o, reply, ctx);
}

/* ---- ordered, presented, challenged: the authorization ---- */

static struct order_question ask_url(const char *url, const char *payload)
{
	struct order_question q = { .where = ASK_URL };

	snprintf(q.url, sizeof(q.url), "%s", url);
	q.payload = xstrdup(payload);
	return q;
}

static struct order_question ask_authz(const struct order *o,
				       const struct order_context *ctx)
{
	(void)ctx;
	return ask_url(o->authz_url, NULL);
}

static struct order_question ask_presented(const struct order *o,
					   const struct order_context *ctx)
{
	if (o->unsure)
		return ask_authz(o, ctx);
	return ask_url(o->chall_url, "{}");
}

/* The method that was chosen if the CA offers it, else the one it does. */
static const struct wire_challenge *choose(struct order *o,
					   const struct wire_authz *a)
{
	for (size_t i = 0; i < METHOD_COUNT; i++) {
		if (a->challenge[o->method].is_offered)
			return &a->challenge[o->method];
		o->method = (enum challenge_method)((o->method + 1) %
						    METHOD_COUNT);
	}
	return NULL;
}

static struct order_step present(struct order *o, const struct wire_authz *a,
				 const struct order_context *ctx)
{
	const struct wire_challenge *c = choose(o, a);
	struct err problem = ERR_INIT;

	if (!c) {
		err_set(&problem, ERR_REFUSED, "the CA offers neither http-01 "
					       "nor tls-alpn-01 for %s",
			ctx->host);
		return order_give_up(o, SCOPE_DOMAIN, &problem, ctx->now);
	}
	memcpy(o->chall_url, c->url, sizeof(o->chall_url));
	memcpy(o->token, c->token, sizeof(o->token));
	snprintf(o->key_auth, sizeof(o->key_auth), "%s.%s", c->token,
		 ctx->thumbprint);
	o->sent = 1;
	return go_on(o, ORDER_PRESENTED);
}

/* Back to telling the CA to look, which it may not have heard. */
static struct order_step present_again(struct order *o)
{
	long tries = o->tries;
	struct order_step step = go_on(o, ORDER_PRESENTED);

	o->tries = tries;
	o->sent++;
	return step;
}

/* Some CAs leave a failed challenge pending, with the error in it. */
static struct order_step failed_but_pending(struct order *o,
					    const struct wire_authz *a,
					    const struct order_context *ctx)
{
	if (o->sent >= SENT_MAX)
		return refused(o, &a->challenge[o->method].problem, "challenge",
			       ctx->now);
	o->state = ORDER_PRESENTED;
	o->unsure = false;
	return wait_ms(o, ctx, 1000L << o->sent++);
}

static struct order_step still_pending(struct order *o,
				       const struct wire_authz *a,
				       const struct ca_reply *reply,
				       const struct order_context *ctx)
{
	const struct wire_challenge *c = &a->challenge[o->method];

	if (o->state == ORDER_ORDERED)
		return present(o, a, ctx);
	if (c->status == WIRE_PROCESSING)
		return poll(o, ORDER_CHALLENGED, reply, ctx);
	if (o->state == ORDER_PRESENTED)
		return present_again(o);
	if (*c->problem.type)
		return failed_but_pending(o, a, ctx);
	return poll(o, ORDER_CHALLENGED, reply, ctx);
}

/*
 * If we were not here while the CA looked (a crash, a restart), its finding
 * says nothing about the domain: the order is void, and is made anew at once.
 */
static struct order_step not_validated(struct order *o,
				       const struct wire_problem *p,
				       const struct order_context *ctx)
{
	bool was_away = o->unsure;
	struct order_step step = refused(o, p, "authorization", ctx->now);

	if (was_away)
		step.scope = SCOPE_ORDER;
	return step;
}

static struct order_step authz_seen(struct order *o,
				    const struct ca_reply *reply,
				    const struct order_context *ctx)
{
	struct err problem = ERR_INIT;
	struct wire_authz a;

	if (!wire_authz_parse(&a, reply->body, reply->len, &problem))
		return garbled(o, &problem, reply, ctx);
	switch (a.status) {
	case WIRE_VALID:
		o->sent = 0;
		return go_on(o, ORDER_READY);
	case WIRE_PENDING:
	case WIRE_PROCESSING:
	case WIRE_READY:
		return still_pending(o, &a, reply, ctx);
	case WIRE_INVALID:
		break;
	}
	return not_validated(o, &a.challenge[o->method].problem, ctx);
}

/* A page that says that all is well is no CA's, and it may not have heard. */
static struct order_step challenge_posted(struct order *o,
					  const struct ca_reply *reply,
					  const struct order_context *ctx)
{
	struct err problem = ERR_INIT;

	if (o->unsure)
		return authz_seen(o, reply, ctx);
	if (reply->len && !wire_is_object(reply->body, reply->len, &problem))
		return garbled(o, &problem, reply, ctx);
	o->state = ORDER_CHALLENGED;
	return wait_ms(o, ctx, schedule_poll_ms(0, reply->retry_after));
}

/* ---- ready, finalizing, polling: the order ---- */

static struct order_question ask_order(const struct order *o,
				       const struct order_context *ctx)
{
	(void)ctx;
	return ask_url(o->order_url, NULL);
}

static struct order_question ask_finalizing(const struct order *o,
					    const struct order_context *ctx)
{
	struct order_question q;
	char *csr, *payload;

	if (o->unsure)
		return ask_order(o, ctx);
	csr = b64url_encode(o->csr, o->csr_len);
	payload = xasprintf("{\"csr\":\"%s\"}", csr);
	q = ask_url(o->finalize_url, payload);
	free(payload);
	free(csr);
	return q;
}

/* Valid authorization, pending order: the CA is about to notice. */
static struct order_step not_ready_yet(struct order *o,
				       const struct ca_reply *reply,
				       const struct order_context *ctx)
{
	return poll(o, ORDER_READY, reply, ctx);
}

/*
 * Once more what failed before comes after a longer pause each time. In the
 * end the CA's last word is that it waits for a CSR: so it has made nothing of
 * those that it had. After so long it may just not have heard of any.
 */
static struct order_step finalize(struct order *o, const struct order_context *ctx)
{
	long tries = o->state == ORDER_FINALIZING ? o->tries : 0;
	struct err problem = ERR_INIT;
	struct order_step step;

	if (o->sent >= SENT_MAX) {
		err_set(&problem, ERR_AGAIN,
			"the CA leaves the order unfinished after %d tries",
			SENT_MAX);
		step = order_give_up(
			o, is_overdue(o, ctx) ? SCOPE_CA : SCOPE_DOMAIN,
			&problem, ctx->now);
		step.may_be_issued = false;
		return step;
	}
	o->sent++;
	step = go_on(o, ORDER_FINALIZING);
	o->tries = tries;
	return step;
}

enum fail_scope order_scope_of_expiry(const struct order *o)
{
	bool was_kept = o->unsure ||
			(o->wake_ms && o->wake_ms / 1000 < o->expires_at);

	return was_kept && o->created_at < o->expires_at ? SCOPE_NONE
							 : SCOPE_ORDER;
}

static struct order_step is_invalid(struct order *o,
				    const struct wire_problem *p,
				    const struct order_context *ctx)
{
	bool is_expired = o->expires_at && o->expires_at < ctx->now;
	struct order_step step = refused(o, p, "order", ctx->now);

	if (is_expired)
		step.scope = order_scope_of_expiry(o);
	step.is_endless = is_expired && step.scope == SCOPE_ORDER;
	return step;
}

/*
 * It has told of the certificate before, which could not be had: the order says
 * anew where it is. After a long time that does not help any more.
 */
static struct order_step certified(struct order *o, const struct wire_order *w,
				   const struct order_context *ctx)
{
	bool is_again = *o->cert_url != '\0';
	long tries = is_again ? o->tries : 0;
	struct err problem = ERR_INIT;
	struct order_step step;

	o->sent = is_again ? o->sent + 1 : 0;
	if (o->sent > LOOKS_LEAST && is_overdue(o, ctx)) {
		err_set(&problem, ERR_AGAIN,
			"the CA's certificate cannot be had");
		step = order_give_up(o, SCOPE_ORDER, &problem, ctx->now);
		step.is_endless = true;
		return step;
	}
	memcpy(o->cert_url, w->cert_url, sizeof(o->cert_url));
	step = go_on(o, ORDER_DOWNLOAD);
	o->tries = tries;
	return step;
}

static struct order_step order_seen(struct order *o,
				    const struct ca_reply *reply,
				    const struct order_context *ctx)
{
	struct err problem = ERR_INIT;
	struct wire_order w;

	if (!wire_order_parse(&w, reply->body, reply->len, &problem))
		return garbled(o, &problem, reply, ctx);
	switch (w.status) {
	case WIRE_PENDING:
		return not_ready_yet(o, reply, ctx);
	case WIRE_READY:
		return finalize(o, ctx);
	case WIRE_PROCESSING:
		return poll(o, ORDER_POLLING, reply, ctx);
	case WIRE_VALID:
		if (!*w.cert_url) {
			err_set(&problem, ERR_AGAIN,
				"the CA's valid order has no certificate URL");
			return garbled(o, &problem, reply, ctx);
		}
		return certified(o, &w, ctx);
	case WIRE_INVALID:
		break;
	}
	return is_invalid(o, &w.problem, ctx);
}

/* ---- download ---- */

static struct order_question ask_download(const struct order *o,
					  const struct order_context *ctx)
{
	(void)ctx;
	return ask_url(o->cert_url, NULL);
}

static size_t count_of(const char *text, const char *what)
{
	size_t n = 0;

	while ((text = strstr(text, what))) {
		text += strlen(what);
		n++;
	}
	return n;
}

/* Each certificate begun is ended: else something is missing at the end. */
static bool is_whole_pem(const char *text)
{
	size_t begun = count_of(text, "-----BEGIN CERTIFICATE-----");

	return begun && begun == count_of(text, "-----END CERTIFICATE-----");
}

static struct order_step downloaded(struct order *o,
				    const struct ca_reply *reply,
				    const struct order_context *ctx)
{
	struct err problem = ERR_INIT;

	if (!is_whole_pem(reply->body)) {
		err_set(&problem, ERR_AGAIN,
			"the CA's certificate is not PEM, or not whole");
		return garbled(o, &problem, reply, ctx);
	}
	o->state = ORDER_DONE;
	o->ended_at = ctx->now;
	o->wake_ms = 0;
	o->unsure = false;
	o->token[0] = o->key_auth[0] = '\0';
	return (struct order_step){ .effect = ORDER_INSTALL,
				    .retry_after = -1 };
}

/* ---- the machine ---- */

static const struct {
	struct order_question (*ask)(const struct order *o,
				     const struct order_context *ctx);
	struct order_step (*reply)(struct order *o,
				   const struct ca_reply *reply,
				   const struct order_context *ctx);
} states[] = {
	[ORDER_INTENT]	   = { ask_intent,     reply_intent },
	[ORDER_ORDERED]	   = { ask_authz,      authz_seen },
	[ORDER_PRESENTED]  = { ask_presented,  challenge_posted },
	[ORDER_CHALLENGED] = { ask_authz,      authz_seen },
	[ORDER_READY]	   = { ask_order,      order_seen },
	[ORDER_FINALIZING] = { ask_finalizing, order_seen },
	[ORDER_POLLING]	   = { ask_order,      order_seen },
	[ORDER_DOWNLOAD]   = { ask_download,   downloaded },
};

struct order_question order_ask(const struct order *o,
				const struct order_context *ctx)
{
	return states[o->state].ask(o, ctx);
}

/* The order list is a help, not a need: without it, order anew. */
static struct order_step search_failed(struct order *o)
{
	if (*o->seek)
		search_pop(o->seek);
	return seek_on(o);
}

/*
 * May it be the word "replaces" that the CA does not like (RFC 9773, 5)? CAs
 * differ in what they call it: alreadyReplaced after a crash, malformed or
 * unauthorized where they do not know the certificate. These it is not.
 */
static bool is_about_replaces(const struct order *o,
			      const struct ca_reply *reply,
			      const struct order_context *ctx)
{
	static const char *const others[] = {
		"badNonce", "caa", "invalidProfile", "rateLimited",
		"rejectedIdentifier", "unsupportedIdentifier",
		"userActionRequired", "accountDoesNotExist",
	};

	if (o->state != ORDER_INTENT || is_seeking(o, ctx) || !says_replaces(o))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (streq(reply->problem.type, others[i]))
			return false;
	return true;
}

/* The same order without it, once. */
static struct order_step order_plainly(struct order *o)
{
	str_copy(o->replaces, sizeof(o->replaces), ORDER_REPLACES_UNSAID);
	return go_on(o, ORDER_INTENT);
}

/*
 * Was it heard before, and only the answer lost? Then the CA is past the
 * state in which it may be told so.
 */
static bool may_have_moved_on(const struct order *o,
			      const struct ca_reply *reply)
{
	if (o->state == ORDER_PRESENTED)
		return reply->status == 400;
	return is_not_ready(reply) && o->sent < SENT_MAX;
}

/*
 * What the authorization says then decides. If it says again and again that
 * the CA waits to be told, it is not the name that is to blame.
 */
static struct order_step moved_on(struct order *o, const struct err *problem,
				  const struct ca_reply *reply,
				  const struct order_context *ctx)
{
	if (o->state == ORDER_PRESENTED && o->sent >= TOLD_MAX)
		return order_give_up(o, SCOPE_ORDER, problem, ctx->now);
	return ask_again(o, SCOPE_NONE, problem, reply, ctx);
}

static bool is_just_now(time_t at, const struct order_context *ctx)
{
	return at <= ctx->now && ctx->now - at < GONE_FOR;
}

/*
 * A CA is many machines, and one of them may not have heard yet of what another
 * has made. Of an order that was told to issue that is believed only when it
 * has been said for a while, and of any other when it is no longer new.
 */
static bool may_be_late(const struct order *o, const struct ca_reply *reply,
			const struct order_context *ctx)
{
	if (!wire_is_gone(reply->status) || o->state == ORDER_INTENT)
		return false;
	return is_just_now(o->state >= ORDER_FINALIZING ? o->gone_since
							: o->created_at,
			   ctx);
}

/* Silence and trouble do not say that it is there after all. */
static void note_gone(struct order *o, const struct ca_reply *reply,
		      enum fail_scope scope, const struct order_context *ctx)
{
	bool is_gone = reply->error.kind == ERR_NONE &&
		       wire_is_gone(reply->status);

	if (o->state == ORDER_INTENT || o->state == ORDER_DOWNLOAD)
		return; /* it is asked for something else */
	if (is_gone && !o->gone_since)
		o->gone_since = ctx->now;
	else if (!is_gone && scope != SCOPE_CA)
		o->gone_since = 0;
}

/* The CA declined this question of this state. */
static struct order_step declined(struct order *o, enum fail_scope scope,
				  const struct err *problem,
				  const struct ca_reply *reply,
				  const struct order_context *ctx)
{
	struct order_step step;

	if (is_seeking(o, ctx))
		return search_failed(o);
	if (is_about_replaces(o, reply, ctx))
		return order_plainly(o);
	if (may_have_moved_on(o, reply) && !o->unsure)
		return moved_on(o, problem, reply, ctx);
	if (may_be_late(o, reply, ctx))
		return ask_again(o, SCOPE_NONE, problem, reply, ctx);
	step = give_up(o, scope, problem, reply, ctx);
	step.retry_after = reply->retry_after;
	memcpy(step.type, reply->problem.type, sizeof(step.type));
	return step;
}

/* Can registering again help, or does the CA want something of people? */
static bool is_mendable(const struct ca_reply *reply)
{
	return streq(reply->problem.type, "accountDoesNotExist") ||
	       streq(reply->problem.type, "unauthorized");
}

/*
 * The account has been registered again since, and that did not help. Looks
 * alone say nothing: the order may have waited for a CA that was down.
 */
static bool is_mending_vain(const struct order *o,
			    const struct order_context *ctx)
{
	return o->tries >= ACCOUNT_TRIES_MAX &&
	       ctx->account_at >= o->created_at;
}

/* Orders are what the CA counts: any other request is one too many. */
static bool is_limit_of_orders(const struct order *o,
			       const struct ca_reply *reply,
			       const struct order_context *ctx)
{
	return o->state == ORDER_INTENT && !is_seeking(o, ctx) &&
	       reply->status == 429 &&
	       streq(reply->problem.type, "rateLimited");
}

/*
 * Of the certificate the order says that it is there; and that there is no
 * newOrder is no word of ACME about the name.
 */
static bool is_hardly_gone(const struct order *o, const struct ca_reply *reply,
			   const struct order_context *ctx)
{
	if (!wire_is_gone(reply->status))
		return false;
	return o->state == ORDER_DOWNLOAD ||
	       (o->state == ORDER_INTENT && !is_seeking(o, ctx) &&
		scope_is_wordless(reply));
}

static struct order_step ca_failed(struct order *o, const struct err *problem,
				   const struct ca_reply *reply,
				   const struct order_context *ctx)
{
	if (is_at_candidate(o, ctx) && is_no_answer(reply))
		return candidate_failed(o, problem, reply, ctx);
	if (is_seeking_in_vain(o, reply, ctx))
		return seek_no_more(o, problem, reply, ctx);
	return ask_again(o, SCOPE_CA, problem, reply, ctx);
}

/* What a CA itself may mean by a no, it may mean without words, too. */
static struct order_step turned_away(struct order *o, const struct err *problem,
				     const struct ca_reply *reply,
				     const struct order_context *ctx)
{
	if (is_seeking(o, ctx) && !is_at_candidate(o, ctx))
		return search_failed(o);
	if (is_about_replaces(o, reply, ctx))
		return order_plainly(o);
	if (may_have_moved_on(o, reply) && !o->unsure && o->sent < SENT_MAX)
		return moved_on(o, problem, reply, ctx);
	return ca_failed(o, problem, reply, ctx);
}

struct order_step order_reply(struct order *o, const struct ca_reply *reply,
			      const struct order_context *ctx)
{
	struct err problem = ERR_INIT;
	enum fail_scope scope = scope_of(reply, &problem);

	note_gone(o, reply, scope, ctx);
	if (is_limit_of_orders(o, reply, ctx))
		scope = SCOPE_DOMAIN;
	if (is_hardly_gone(o, reply, ctx)) {
		problem.kind = ERR_AGAIN;
		scope = SCOPE_CA;
	}
	switch (scope) {
	case SCOPE_NONE:
		return states[o->state].reply(o, reply, ctx);
	case SCOPE_CA:
		return is_turned_away(reply)
			       ? turned_away(o, &problem, reply, ctx)
			       : ca_failed(o, &problem, reply, ctx);
	case SCOPE_ACCOUNT:
		if (is_about_replaces(o, reply, ctx))
			return order_plainly(o);
		if (!is_mendable(reply))
			return ask_again(o, SCOPE_CA, &problem, reply, ctx);
		if (!is_mending_vain(o, ctx))
			return ask_again(o, scope, &problem, reply, ctx);
		scope = SCOPE_ORDER;
		break;
	case SCOPE_DOMAIN:
	case SCOPE_ORDER:
	case SCOPE_LOCAL:
		break;
	}
	return declined(o, scope, &problem, reply, ctx);
}
