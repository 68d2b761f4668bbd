/*
 * A chain that a CA sent: checked, stored with all that is to be known about
 * it, and served from the next handshake on. Of a trial it is only kept.
 */
#include <stdlib.h>
#include <string.h>

#include "acme/ari.h"
#include "acme/chain.h"
#include "acme/engine_parts.h"
#include "acme/schedule.h"
#include "base/mem.h"
#include "base/when.h"
#include "store/trail.h"

/* Who issues for a day means it; some of that is past when it comes. */
#define LASTS (20 * WHEN_HOUR)

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

static struct cert cert_of(struct engine *e, const struct order *o,
			   const struct chain *chain)
{
	struct cert c = {
		.domain_id = o->domain_id,
		.ca_id = o->ca_id,
		.account_id = o->account_id,
		.key_id = o->key_id,
		.order_id = o->id,
		.state = CERT_ACTIVE,
		.not_before = chain->not_before,
		.not_after = chain->not_after,
		.created_at = engine_now(e),
	};

	memcpy(c.profile, o->profile, sizeof(c.profile));
	memcpy(c.serial, chain->serial, sizeof(c.serial));
	c.renew_at = schedule_renewal(c.not_before, c.not_after, c.created_at,
				      renewal_dice(&c));
	memcpy(c.issuer, chain->issuer, sizeof(c.issuer));
	if (ari_cert_id((const unsigned char *)chain->leaf.data,
			chain->leaf.len, c.ari_id))
		c.ari_poll_at = c.created_at;
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
static void keep_bad(const struct stepping *s, struct order *o,
		     const struct chain *chain, const struct err *problem)
{
	struct order_step end = order_give_up(o, SCOPE_DOMAIN, problem,
					      engine_now(s->engine));
	struct cert c = cert_of(s->engine, o, chain);

	c.state = CERT_BAD;
	c.ari_poll_at = 0;
	if (chain->leaf.len)
		put_cert(s->engine, s->domain, &c, chain);
	issuance_ended(s, o, &end);
}

static void keep_good(const struct stepping *s, const struct order *o,
		      const struct chain *chain)
{
	struct engine *e = s->engine;
	struct cert c = cert_of(e, o, chain);
	bool is_first = !s->domain->cert_id;
	struct cert former;

	s->authority->row.proven_at = c.created_at;
	s->authority->row.canary_failures = 0;
	if (o->is_trial) {
		c.state = CERT_TRIAL;
		c.ari_poll_at = 0;
		if (put_cert(e, s->domain, &c, chain))
			trial_passed(s, &c);
		return;
	}
	if (!is_first && cert_current(e->store, s->domain, &former, NULL))
		renewal_inherit(e, &c, &former);
	outcome_certified(e, s->domain, o, &c);
	if (put_cert(e, s->domain, &c, chain))
		tell_installed(e, s->domain, &c, is_first);
}

/*
 * Does it end before what is served does, and so soon that it would take away
 * more than it gives: less than a tenth of what that has left? Lives that get
 * shorter, by a new profile or at another CA, pass: a day always, and at the
 * usual moment, with a third or half left, whatever is more than a thirtieth or
 * twentieth of the life. What is revoked gives way to anything.
 */
static bool is_setback(const struct stepping *s, const struct chain *chain,
		       struct err *err)
{
	char until[INSTANT_TEXT], end[INSTANT_TEXT];
	time_t now = engine_now(s->engine);
	struct cert served;
	time_t least;

	if (!s->domain->cert_id || s->domain->revoked ||
	    !cert_current(s->engine->store, s->domain, &served, NULL))
		return false;
	least = (served.not_after - now) / 10;
	if (least > LASTS)
		least = LASTS;
	if (chain->not_after - now >= least)
		return false;
	err_set(err, ERR_REFUSED,
		"the certificate ends at %s, long before what is served (%s)",
		instant_format(chain->not_after, end),
		instant_format(served.not_after, until));
	err_hint(err, "ask the CA why it issues for so short a time; it is "
		      "taken when what is served has not much longer to go");
	return true;
}

static void lost_key(const struct stepping *s, struct order *o,
		     const struct err *problem)
{
	struct order_step end = order_give_up(o, SCOPE_ORDER, problem,
					      engine_now(s->engine));

	if (!s->engine->has_failed)
		issuance_ended(s, o, &end);
}

void install_chain(const struct stepping *s, struct order *o,
		   const struct ca_reply *reply)
{
	struct engine *e = s->engine;
	struct p256 key = { .scalar = { 0 } };
	struct chain_wanted wanted = { .host = s->host, .key = &key,
				       .now = engine_now(e) };
	struct err err = ERR_INIT;
	struct chain chain;

	if (!engine_ok(e, key_by_id(e->store, o->key_id, &key, &err), &err)) {
		lost_key(s, o, &err);
		return;
	}
	if (chain_read(&chain, reply->body, reply->len, &wanted, &err) &&
	    (o->is_trial || !is_setback(s, &chain, &err)))
		keep_good(s, o, &chain);
	else
		keep_bad(s, o, &chain, &err);
	chain_release(&chain);
	p256_release(&key);
}
