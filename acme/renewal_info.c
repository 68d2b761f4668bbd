/*
 * Renewal information (RFC 9773): asked for once a certificate is there, then
 * as often as the CA says, and what it means for the renewal. The judgement is
 * acme/ari.c's.
 *
 * It is advice. No answer, or a bad one, leaves the renewal where it was
 * planned by the certificate's life; and it never overrides the pauses of a
 * domain whose orders fail.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/ari.h"
#include "acme/engine_parts.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "store/trail.h"

#define POLLS_IN_FLIGHT 16
#define UNANSWERED	(15 * WHEN_MINUTE)	/* a crash in between costs that */
#define LASTING		(6 * WHEN_HOUR)
#define AWAY		WHEN_HOUR	/* its CA is down: perhaps by then */
#define DOWN		(10 * WHEN_MINUTE) /* for so long: not for a moment */

/* The same for the same certificate, whenever it is asked. */
uint32_t renewal_dice(const struct cert *c)
{
	uint32_t h = 2166136261u;

	for (const char *p = c->serial; *p; p++)
		h = (h ^ (unsigned char)*p) * 16777619u;
	h ^= h >> 16;
	return h * 2246822519u;
}

/* ---- asking ---- */

static effect_act poll;
static arrived_take got_window;

/* For good only by a clock that is known: it may look expired by another. */
static bool put_off(struct engine *e, struct cert *c, time_t until)
{
	bool is_over = until >= c->not_after && clock_is_known(&e->clock);
	struct err err = ERR_INIT;

	c->ari_poll_at = is_over ? 0 : until;
	return engine_ok(e, cert_update(e->store, c, &err), &err);
}

static void will_poll(struct engine *e, struct authority *a, struct cert *c)
{
	struct effect *effect;

	if (!put_off(e, c, engine_now(e) + UNANSWERED))
		return;
	effect = engine_will(e, poll, a);
	effect->id = c->id;
	effect->payload = xasprintf("%s/%s",
				    client_directory(a->client)->renewal_info,
				    c->ari_id);
}

/* Polls noted in this tick count as under way. */
static unsigned polls_noted(const struct engine *e, const struct authority *a)
{
	unsigned n = 0;

	for (size_t i = 0; i < e->effect_count; i++)
		n += e->effects[i]->act == poll && e->effects[i]->authority == a;
	return n;
}

static bool may_poll(struct authority *a, int64_t now_ms)
{
	struct limit limit = a->settings.limits.of[LIMIT_ARI];

	unsigned most = a->ari_failures ? 1 : POLLS_IN_FLIGHT;

	return a->polls + polls_noted(a->engine, a) < most &&
	       bucket_take(&a->ari_bucket, limit, now_ms, 1);
}

static time_t spread(struct engine *e, long most)
{
	return (time_t)((uint64_t)engine_dice(e) * (uint64_t)most >> 32);
}

/* A pause of seconds, as after a single failure, is not an outage. */
static bool is_gone_for_long(const struct authority *a, int64_t now_ms)
{
	return authority_retry_ms(a) > now_ms + WHEN_MINUTE * 1000 ||
	       authority_is_down(a, DOWN);
}

/*
 * It is not waited for, nor kept from its rest, for the sake of advice; and
 * what is due at another CA must not stand behind it.
 */
static bool is_away(struct engine *e, const struct authority *a, struct cert *c)
{
	int64_t now_ms = e->world->now_ms(e->world->ctx);
	int64_t retry_ms = authority_retry_ms(a);

	if (retry_ms > now_ms && is_gone_for_long(a, now_ms)) {
		put_off(e, c, now_ms / 1000 + AWAY + spread(e, AWAY));
		return true;
	}
	if (a->ari_retry_ms > retry_ms)
		retry_ms = a->ari_retry_ms;
	if (retry_ms <= now_ms)
		return false;
	put_off(e, c, retry_ms / 1000 + 1 + spread(e, WHEN_MINUTE));
	return true;
}

/* As its directory said last: for this alone it is not asked for anew. */
static bool has_none(const struct authority *a)
{
	const struct wire_directory *d = client_directory(a->client);

	return d && !*d->renewal_info;
}

/* False if it must wait for a moment. */
static bool poll_or_put_off(struct engine *e, struct authority *a,
			    struct cert *c)
{
	int64_t now_ms = e->world->now_ms(e->world->ctx);

	if (is_away(e, a, c))
		return true;
	if (has_none(a)) {
		put_off(e, c, engine_now(e) + WHEN_DAY);
		return true;
	}
	a->is_wanted = true;
	if (!client_is_current(a->client))
		return false;
	if (may_poll(a, now_ms))
		will_poll(e, a, c);
	else
		return false;
	return true;
}

static bool stage_one(struct engine *e, int64_t id)
{
	struct authority *a;
	struct cert c;

	engine_at(e, ROW_CERT, id);
	if (!engine_cert(e, id, &c))
		return true;
	a = authority_by_id(e, c.ca_id);
	if (a && c.not_after > engine_now(e))
		return poll_or_put_off(e, a, &c);
	put_off(e, &c, engine_now(e) + LASTING);
	return true;
}

void renewal_info_stage(struct engine *e)
{
	int64_t ids[POLLS_IN_FLIGHT];
	struct err err = ERR_INIT;
	size_t n = cert_ari_due(e->store, engine_now(e), ids, ARRAY_LEN(ids),
				&err);
	size_t done = 0;

	engine_ok(e, err.kind == ERR_NONE, &err);
	for (size_t i = 0; i < n && !e->has_failed; i++)
		done += stage_one(e, ids[i]);
	e->has_more = e->has_more || (done && n == ARRAY_LEN(ids));
	e->ari_left = done < n;
}

int64_t renewal_info_next_ms(struct engine *e)
{
	int64_t now_ms = e->world->now_ms(e->world->ctx);

	if (e->ari_left)	/* its directory, or a moment, is waited for */
		return now_ms + 1000;
	return (int64_t)cert_next_ari(e->store) * 1000;
}

struct asked {
	struct authority *authority;
	int64_t cert_id;
};

static void poll_done(const struct ca_reply *reply, void *arg)
{
	struct asked *asked = arg;
	struct authority *a = asked->authority;
	struct arrived *got = arrived_new(got_window, a, asked->cert_id, 0);

	arrived_keep_reply(got, reply);
	free(asked);
	a->polls--;
	engine_arrived(a->engine, got);
}

static void poll(struct engine *e, const struct effect *effect)
{
	struct asked *asked = xmalloc(sizeof(*asked));

	(void)e;
	effect->authority->polls++;
	*asked = (struct asked){ effect->authority, effect->id };
	client_get(effect->authority->client, effect->payload, poll_done,
		   asked);
}

/* ---- what came back ---- */

static void tell(struct engine *e, const struct domain *d,
		 const struct cert *c)
{
	char at[INSTANT_TEXT];
	char *text = xasprintf("the CA asks for a renewal at %s%s%s",
			       instant_format(c->renew_at, at),
			       *c->ari_url ? "; it explains: " : "",
			       c->ari_url);

	engine_event(e, &(struct trail){ .level = *c->ari_url ? TRAIL_WARNING
							      : TRAIL_INFO,
					 .kind = "cert.renewal-advised",
					 .domain = d->name, .text = text });
	free(text);
}

static time_t planned(const struct cert *c)
{
	return schedule_renewal(c->not_before, c->not_after, c->created_at,
				renewal_dice(c));
}

/* A window that is over before the renewal was planned: the CA is in haste. */
static bool is_haste(const struct cert *c, time_t end, time_t now)
{
	return end <= now && now < planned(c);
}

/* One that has lived for half its time begins a new row. */
void renewal_inherit(struct engine *e, struct cert *c,
		     const struct cert *former)
{
	time_t now = engine_now(e);
	time_t half = (planned(former) - former->created_at) / 2;

	if (!former->ari_start || !is_haste(former, former->ari_end, now))
		return;
	if (now - former->created_at < half)
		c->ari_hastened = former->ari_hastened;
	c->ari_hastened++;
	c->ari_is_stale = true;
	memcpy(c->ari_url, former->ari_url, sizeof(c->ari_url));
}

static void move_renewal(struct engine *e, struct cert *c,
			 const struct ari_case *facts, bool is_news)
{
	time_t now = engine_now(e);
	bool is_hasty = is_haste(c, c->ari_end, now);
	bool is_urgent = is_hasty && !ari_is_repeated(facts) &&
			 c->renew_at <= now;
	struct err err = ERR_INIT;
	struct domain d;

	if (!engine_domain(e, c->domain_id, &d) || d.cert_id != c->id)
		return;
	if (is_news && (is_hasty || *c->ari_url))
		tell(e, &d, c);
	if (d.due_at && !d.failures)
		d.due_at = c->renew_at;
	else if (!is_urgent || d.revoked)
		return;		/* under way, in the queue, or paused */
	d.revoked = d.revoked || is_urgent;
	engine_ok(e, domain_update(e->store, &d, &err), &err);
}

static void take_window(struct engine *e, struct cert *c,
			const struct ari_window *got)
{
	struct ari_window had = { .start = c->ari_start, .end = c->ari_end };
	time_t now = engine_now(e);
	struct ari_case facts = {
		.not_before = c->not_before,
		.not_after = c->not_after,
		.first_seen = c->created_at,
		.planned = planned(c),
		.window = got,
		.hastened = c->ari_hastened,
	};
	bool is_news = ari_window_is_new(c->ari_start ? &had : NULL, got, now);

	if (is_news)
		c->ari_pick = ari_pick(got, renewal_dice(c));
	is_news = is_news || !streq(c->ari_url, got->url);
	c->ari_is_stale = c->ari_is_stale && is_haste(c, got->end, now) &&
			  streq(c->ari_url, got->url);
	c->ari_start = got->start;
	c->ari_end = got->end;
	memcpy(c->ari_url, got->url, sizeof(c->ari_url));
	facts.pick = c->ari_pick;
	facts.is_stale = c->ari_is_stale;
	c->renew_at = ari_renew_at(&facts);
	move_renewal(e, c, &facts, is_news);
}

/*
 * Who does not answer these questions is left alone with these, and not with
 * orders: advice that fails must not keep us from renewing. Then one question
 * shows whether it is over.
 */
static time_t hold_polls(struct engine *e, struct authority *a,
			 long retry_after)
{
	int64_t now_ms = e->world->now_ms(e->world->ctx), until_ms;

	if (a->ari_retry_ms <= now_ms) /* else it was asked with the others */
		a->ari_failures++;
	until_ms = now_ms + ari_hold(a->ari_failures, retry_after) * 1000;
	if (until_ms > a->ari_retry_ms)
		a->ari_retry_ms = until_ms;
	return a->ari_retry_ms / 1000 + 1 + spread(e, WHEN_MINUTE);
}

static void no_window(struct engine *e, struct authority *a, struct cert *c,
		      const struct ca_reply *reply)
{
	bool is_temporary = reply->error.kind == ERR_AGAIN ||
			    reply->status >= 500 || reply->status == 429;
	time_t again, held = 0;

	c->ari_failures++;
	again = engine_now(e) + ari_retry(c->ari_failures, is_temporary,
					  engine_dice(e));
	if (is_temporary)
		held = hold_polls(e, a, reply->retry_after);
	put_off(e, c, again > held ? again : held);
}

static void got_window(struct engine *e, const struct arrived *got)
{
	const struct ca_reply *reply = &got->reply;
	struct err err = ERR_INIT;
	struct ari_window w;
	struct cert c;

	engine_at(e, ROW_CERT, got->id);
	if (!engine_ok(e, cert_by_id(e->store, got->id, &c, &err), &err) ||
	    c.state != CERT_ACTIVE || !c.ari_poll_at)
		return;
	if (reply->error.kind != ERR_NONE || reply->status != 200 ||
	    !ari_parse(&w, reply->body, reply->len, &err)) {
		no_window(e, got->authority, &c, reply);
		return;
	}
	c.ari_failures = got->authority->ari_failures = 0;
	take_window(e, &c, &w);
	put_off(e, &c, ari_next_poll(engine_now(e), reply->retry_after,
				     engine_dice(e)));
}
