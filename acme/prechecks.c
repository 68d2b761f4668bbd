/*
 * Looks at a name before its order: who is looked at, and what follows. What
 * they mean is judged by acme/precheck.h.
 *
 * A domain that is next, and for which there is room, is looked at while it
 * stays in the queue. Looks live in memory only: a crash costs a look. What
 * must survive is in the row: how often the order was put off.
 *
 * Nobody is looked at whose order would be made anyway: the urgent, those an
 * admin waits for, and trials. Names whose certificates ended days ago get few
 * places, and say nothing about how looks go of late: a thousand of them must
 * not make it look as if it were this box.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/engine_parts.h"
#include "acme/precheck.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "store/trail.h"

#define AT_ONCE 64
#define GONE_AT_ONCE 8			     /* of them, gone */
#define FRESH	(2 * WHEN_MINUTE)	/* so long a look is good for an order */
#define RECENT	16			/* names that make the mood ... */
#define OF_LATE WHEN_HOUR		/* ... if looked at no longer ago */

struct look {
	struct engine *engine;
	int64_t domain_id;
	char host[DOMAIN_NAME_SIZE];
	enum challenge_method method;
	struct precheck seen;
	int64_t ca_id[ENGINE_CA_LIMIT];	/* those of seen.caa */
	unsigned awaited;		/* answers under way */
	time_t done_at;			/* 0: not yet */
	bool is_told, is_gone;
};

struct prechecks {
	struct look *look[AT_ONCE];	/* NULL: free */
	struct {
		time_t at;
		int64_t domain_id;
		bool failed[PRECHECK_LOOKS];
	} recent[RECENT];
	size_t next;
};

struct prechecks *prechecks_new(void)
{
	return xcalloc(1, sizeof(struct prechecks));
}

void prechecks_free(struct prechecks *p)
{
	for (size_t i = 0; p && i < AT_ONCE; i++)
		free(p->look[i]);
	free(p);
}

/* ---- how looks went of late ---- */

static struct precheck_mood mood_of(const struct engine *e,
				    enum precheck_look look)
{
	const struct prechecks *p = e->prechecks;
	struct precheck_mood mood = { 0, 0 };

	for (size_t i = 0; i < RECENT; i++) {
		if (!p->recent[i].at ||
		    p->recent[i].at < engine_now(e) - OF_LATE)
			continue;
		mood.asked++;
		mood.failed += p->recent[i].failed[look];
	}
	return mood;
}

/* A name that is looked at again and again counts once. */
static size_t place_of(struct prechecks *p, int64_t domain_id)
{
	for (size_t i = 0; i < RECENT; i++)
		if (p->recent[i].domain_id == domain_id)
			return i;
	return p->next++ % RECENT;
}

static void remember(struct engine *e, const struct look *look)
{
	struct prechecks *p = e->prechecks;
	size_t at = place_of(p, look->domain_id);

	p->recent[at].at = engine_now(e);
	p->recent[at].domain_id = look->domain_id;
	for (enum precheck_look i = 0; i < PRECHECK_LOOKS; i++)
		p->recent[at].failed[i] = look->seen.look[i].finding !=
					  PRECHECK_FINE;
}

/* ---- looks under way ---- */

static struct look **slot_of(const struct engine *e, int64_t domain_id)
{
	struct prechecks *p = e->prechecks;

	for (size_t i = 0; i < AT_ONCE; i++)
		if (p->look[i] && p->look[i]->domain_id == domain_id)
			return &p->look[i];
	return NULL;
}

static struct look *look_of(const struct engine *e, int64_t domain_id)
{
	struct look **slot = slot_of(e, domain_id);

	return slot ? *slot : NULL;
}

void prechecks_forget(struct engine *e, int64_t domain_id)
{
	struct look **slot = slot_of(e, domain_id);

	if (!slot || !(*slot)->done_at)
		return;
	free(*slot);
	*slot = NULL;
}

static bool is_stale(const struct engine *e, const struct look *look)
{
	return look->done_at && (look->done_at < engine_now(e) - FRESH ||
				 look->done_at > engine_now(e));
}

static unsigned count_free(struct engine *e)
{
	struct prechecks *p = e->prechecks;
	unsigned n = 0;

	for (size_t i = 0; i < AT_ONCE; i++) {
		if (p->look[i] && is_stale(e, p->look[i])) {
			free(p->look[i]);
			p->look[i] = NULL;
		}
		n += !p->look[i];
	}
	return n;
}

static unsigned count_under_way(const struct engine *e)
{
	unsigned n = 0;

	for (size_t i = 0; i < AT_ONCE; i++)
		n += e->prechecks->look[i] && !e->prechecks->look[i]->done_at;
	return n;
}

/* ---- looking: addresses and CAA side by side, then the probes ---- */

static void answered(struct look *look)
{
	struct engine *e = look->engine;

	if (--look->awaited)
		return;
	look->done_at = engine_now(e);
	if (!look->is_gone)
		remember(e, look);
	engine_poke(e);
}

static void got_probe(const struct err *problem, void *arg)
{
	struct look *look = arg;

	precheck_take_probe(&look->seen, problem);
	answered(look);
}

/* What CAs see on port 80 says nothing of those that come to 443. */
static void send_probes(struct look *look)
{
	const struct world *w = look->engine->world;
	size_t n = look->method == METHOD_HTTP_01 ? look->seen.target_count : 0;

	look->awaited += (unsigned)n;
	for (size_t i = 0; i < n; i++)
		w->probe(w->ctx, look->host, look->seen.target[i], got_probe,
			 look);
}

static void got_addresses(const struct dns_answer *answer, void *arg)
{
	struct look *look = arg;

	precheck_take_addresses(&look->seen, look->host, answer,
				&look->engine->settings);
	send_probes(look);
	answered(look);
}

static void take_caa(struct look *look, const struct authority *a,
		     const struct dns_caa_answer *answer)
{
	const char *names[ENGINE_CAA_NAMES];
	struct caa_asker asker = {
		.identities = names,
		.identity_count = authority_identities(a, names),
		.method = wire_method(look->method),
	};

	if (a->has_account && *a->account.url)
		asker.account_url = a->account.url;
	look->ca_id[look->seen.ca_count] = a->row.id;
	precheck_take_caa(&look->seen, answer, &asker);
}

static void got_caa(const struct dns_caa_answer *answer, void *arg)
{
	struct look *look = arg;
	const struct engine *e = look->engine;

	for (size_t i = 0; i < e->settings.ca_count; i++)
		take_caa(look, e->ca[i], answer);
	answered(look);
}

static effect_act start;

static void start(struct engine *e, const struct effect *effect)
{
	struct look *look = xcalloc(1, sizeof(*look));
	size_t i = 0;

	while (e->prechecks->look[i])
		i++;
	e->prechecks->look[i] = look;
	look->engine = e;
	look->domain_id = effect->id;
	look->is_gone = effect->is_gone;
	look->method = effect->order.method;
	memcpy(look->host, effect->host, sizeof(look->host));
	look->awaited = 2;
	e->world->addresses(e->world->ctx, look->host, got_addresses, look);
	e->world->caa(e->world->ctx, look->host, got_caa, look);
}

static unsigned count_noted(const struct engine *e)
{
	unsigned n = 0;

	for (size_t i = 0; i < e->effect_count; i++)
		n += e->effects[i]->act == start;
	return n;
}

/* Under way, and noted in this tick. */
static unsigned count_gone(const struct engine *e)
{
	unsigned n = 0;

	for (size_t i = 0; i < AT_ONCE; i++)
		n += e->prechecks->look[i] && e->prechecks->look[i]->is_gone &&
		     !e->prechecks->look[i]->done_at;
	for (size_t i = 0; i < e->effect_count; i++)
		n += e->effects[i]->act == start && e->effects[i]->is_gone;
	return n;
}

static bool is_gone(struct engine *e, const struct domain *d)
{
	return !d->renew_forced && schedule_is_gone(engine_life(e, d));
}

static void will_look(struct engine *e, const struct domain *d)
{
	bool gone = is_gone(e, d);
	struct effect *effect;

	if (count_noted(e) >= count_free(e) ||
	    (gone && count_gone(e) >= GONE_AT_ONCE))
		return;
	effect = engine_will(e, start, NULL);
	effect->id = d->id;
	effect->is_gone = gone;
	effect->order.method = d->method;
	domain_name_policy_host(d->name, effect->host);
}

/* ---- what follows ---- */

static void tell(struct engine *e, const struct domain *d, const char *kind,
		 const char *what, const char *why)
{
	char *text = xasprintf("%s: %s", what, why);

	engine_event(e, &(struct trail){ .kind = kind, .domain = d->name,
					 .text = text });
	free(text);
}

/* What is planned is what `cert show` says; never after the last quarter. */
static void move_renewal(struct engine *e, const struct domain *d)
{
	struct err err = ERR_INIT;
	struct cert c;

	if (!cert_current(e->store, d, &c, NULL) || c.renew_at >= d->due_at)
		return;
	c.renew_at = d->due_at;
	engine_ok(e, cert_update(e->store, &c, &err), &err);
}

static void note_problem(struct engine *e, struct domain *d,
			 const struct err *problem)
{
	d->problem_at = engine_now(e);
	snprintf(d->problem, sizeof(d->problem), "%s", problem->text);
	snprintf(d->hint, sizeof(d->hint), "%s", problem->hint);
}

/* A doubt is waited out by the clock, what is wrong for as long as it is. */
static long pause_of(struct domain *d, const struct precheck_result *r)
{
	if (!r->again_in)
		return schedule_dns_pause(d->dns_looks++);
	d->skips = d->skips > 0 ? d->skips + 1 : 1;
	return r->again_in;
}

static void put_off(struct engine *e, struct domain *d,
		    const struct precheck_result *r)
{
	bool is_news = !streq(d->problem, r->problem.text);
	bool is_waiting = r->verdict == PRECHECK_WAIT;
	struct err err = ERR_INIT;

	d->due_at = engine_now(e) + pause_of(d, r);
	d->ready_at = 0;
	note_problem(e, d, &r->problem);
	if (!is_waiting)
		move_renewal(e, d);
	if (engine_ok(e, domain_update(e->store, d, &err), &err) && is_news)
		tell(e, d, is_waiting ? "precheck.waiting" : "precheck.delayed",
		     is_waiting ? "no order yet" : "renewal put off",
		     r->problem.text);
}

/* Why it is ordered all the same, once. */
static void go_despite(struct engine *e, const struct domain *d,
		       struct look *look, const struct precheck_result *r)
{
	char *why;

	if (look->is_told || r->problem.kind == ERR_NONE)
		return;
	look->is_told = true;
	why = xasprintf("%s (%s)", r->problem.text, r->despite);
	tell(e, d, "precheck.ignored", "ordered all the same", why);
	free(why);
}

static long waited(const struct domain *d, struct schedule_life life)
{
	if (schedule_is_gone(life))
		return d->skips * PRECHECK_GONE;
	return precheck_waited(!d->cert_id, d->skips);
}

/*
 * What is ordered against what was seen is looked at again in an hour, if
 * that fails: see pause_after() in acme/outcome.c.
 */
static void note_order(struct engine *e, struct domain *d,
		       const struct precheck_result *r)
{
	if (is_gone(e, d))
		d->skips = r->problem.kind != ERR_NONE;
}

static struct precheck_case case_of(struct engine *e, const struct domain *d)
{
	struct schedule_life life = engine_life(e, d);
	struct precheck_case c = {
		.is_first = !d->cert_id,
		.left = life.left,
		.life = life.whole,
		.since = waited(d, life),
		.was_delayed = d->skips < 0,
	};

	for (enum precheck_look i = 0; i < PRECHECK_LOOKS; i++)
		c.mood[i] = mood_of(e, i);
	return c;
}

static enum look_answer judge(struct engine *e, struct domain *d,
			      struct look *look)
{
	struct precheck_case c = case_of(e, d);
	struct precheck_result r;

	precheck_judge(&look->seen, &c, &r);
	if (r.verdict == PRECHECK_GO) {
		go_despite(e, d, look, &r);
		note_order(e, d, &r);
		return LOOK_GO;
	}
	put_off(e, d, &r);
	prechecks_forget(e, d->id);
	return LOOK_PUT_OFF;
}

static bool is_urgent(struct engine *e, const struct domain *d)
{
	struct schedule_life life = engine_life(e, d);

	if (is_gone(e, d))
		return false;
	return d->rank < RANK_RENEWAL || d->revoked ||
	       (d->renew_forced && d->cert_id) ||
	       (life.whole && life.left <= life.whole / 4);
}

/*
 * Where looks fail for everybody, most of all where no resolver answers, no
 * renewal waits for one: a single look at a time tells when that is over.
 */
static bool is_vain(const struct engine *e, const struct domain *d)
{
	bool is_bad = false;

	if (!d->cert_id || count_under_way(e) + count_noted(e) == 0)
		return false;
	for (enum precheck_look i = 0; i < PRECHECK_LOOKS; i++) {
		struct precheck_mood mood = mood_of(e, i);

		is_bad = is_bad || precheck_is_many(&mood);
	}
	return is_bad;
}

enum look_answer prechecks_ask(struct engine *e, struct domain *d)
{
	struct look *look = look_of(e, d->id);

	if (is_urgent(e, d))
		return LOOK_GO;
	if (look && look->done_at && !is_stale(e, look))
		return judge(e, d, look);
	if (!is_gone(e, d) && is_vain(e, d))
		return LOOK_GO;
	if (!look || look->done_at)
		will_look(e, d);
	return LOOK_UNDER_WAY;
}

/* Only as long as another one may: else the CA's own look decides. */
bool prechecks_forbid(const struct authority *a, const struct domain *d)
{
	const struct look *look = look_of(a->engine, d->id);
	bool is_forbidden = false, has_another = false;

	if (!look || !look->done_at || is_stale(a->engine, look))
		return false;
	for (size_t i = 0; i < look->seen.ca_count; i++) {
		if (look->seen.caa[i] == CAA_ALLOWS)
			has_another = true;
		else if (look->ca_id[i] == a->row.id)
			is_forbidden = look->seen.caa[i] == CAA_FORBIDS;
	}
	return is_forbidden && has_another;
}
