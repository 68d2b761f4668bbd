#include "tests/sim/judge.h"

#include <openssl/x509.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "store/cert.h"
#include "store/order.h"
#include "tests/sim/books.h"
#include "tests/sim/bulk_signer.h"
#include "tests/sim/dice.h"
#include "tests/sim/scratch.h"
#include "tests/sim/weather.h"

#define MS	     1000LL
#define NEEDED_MS    (10 * WHEN_MINUTE * MS)
#define RATE	     4			/* orders a second: the stated rate */
#define SLOW_START   (15 * MS)		/* of a CA that was down */
#define LOOKS_OFTEN  64			/* at what must be served one day */
#define CRASH_MS     (60 * MS)		/* a restart takes no longer */
#define OWN_GUARD_MS (60 * WHEN_MINUTE * MS)
#define BETWEEN_MS   (5 * WHEN_MINUTE * MS)	/* two crashes */
#define STORED_MS    (60 * MS)		/* a certificate is stored ... */
#define STORED_LOOKS 4			/* ... and not served: at most */
#define AT_ONCE	     2			/* seconds */
#define KNOCKS_MAX   60			/* at a dead CA's door in 10 min */
#define DATE_OLD     (WHEN_HOUR + 1)	/* s: by a cache (acme/clock.c) */
#define LIMIT_LONG   (7 * WHEN_DAY * MS) /* what a limit looks back */

/* While a lapse lasts: how often it is looked at, and what may pass until a
   name is tried again, in the first three days and after them. */
#define LAPSE_LOOK  (6 * WHEN_HOUR * MS)
#define LAPSE_LONG  (3 * WHEN_DAY * MS)
#define LAPSE_OFTEN (3 * WHEN_HOUR * MS)
#define LAPSE_RARE  (30 * WHEN_HOUR * MS)	/* once a day, and its spread */

/* ---- stretches of time ---- */

static void stretch_begin(struct stretches *s, int64_t at_ms)
{
	if (s->list && s->count && !s->list[s->count - 1].to_ms)
		return;
	if (!s->list || s->count == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 8;
		s->list = xrealloc_array(s->list, s->cap, sizeof(*s->list));
	}
	s->list[s->count++] = (struct stretch){ .from_ms = at_ms };
}

static void stretch_end(struct stretches *s, int64_t at_ms)
{
	if (s->count && !s->list[s->count - 1].to_ms)
		s->list[s->count - 1].to_ms = at_ms;
}

static void stretch_set(struct stretches *s, bool holds, int64_t at_ms)
{
	if (holds)
		stretch_begin(s, at_ms);
	else
		stretch_end(s, at_ms);
}

/* Does it hold at that moment, and until when is that so? */
static bool holds_at(const struct stretches *s, int64_t at_ms, int64_t *change)
{
	for (size_t i = s->count; i-- > 0;) {
		const struct stretch *one = &s->list[i];

		if (one->from_ms > at_ms) {
			if (one->from_ms < *change)
				*change = one->from_ms;
			continue;
		}
		if (one->to_ms && one->to_ms <= at_ms)
			return false;
		if (one->to_ms && one->to_ms < *change)
			*change = one->to_ms;
		return true;
	}
	return false;
}

/* ---- the weather, as far as it counts ---- */

static bool box_is_well(const struct rig *r)
{
	return r->is_up && !r->is_dying && !r->is_asleep && !r->skew_ms &&
	       !r->weather->is_offline && !r->weather->is_disk_bad &&
	       !r->weather->wall;
}

static bool ca_is_well(const struct rig *r, size_t ca)
{
	return r->ca_mode[ca] == CA_WELL || r->ca_mode[ca] == CA_FLAKY ||
	       (r->ca_mode[ca] == CA_SLOW &&
		r->ca[ca].issuance_time <= WHEN_MINUTE);
}

/*
 * A crash with a quick restart interrupts nothing, unless the last one was
 * minutes ago.
 */
static void box_is_back(struct rig *r)
{
	struct stretches *box = &r->judge->box;
	struct stretch *last = box->count ? &box->list[box->count - 1] : NULL;

	if (last && last->to_ms && r->now_ms - last->to_ms < CRASH_MS &&
	    last->to_ms - last->from_ms > BETWEEN_MS)
		last->to_ms = 0;
	else
		stretch_begin(box, r->now_ms);
}

void judge_weather(struct rig *r)
{
	struct judge *j = r->judge;

	if (!box_is_well(r))
		stretch_end(&j->box, r->now_ms);
	else
		box_is_back(r);
	for (size_t i = 0; i < r->ca_count; i++) {
		stretch_set(&j->reach[i], ca_is_well(r, i), r->now_ms);
		j->count_from_ms[i] = r->now_ms + BETWEEN_MS;
		j->knocks[i] = 0;
	}
}

void judge_name_weather(struct rig *r, unsigned name)
{
	struct judge_name *n = &r->judge->name[name];
	const struct rig_name *w = &r->name[name];

	stretch_set(&n->bad, w->mode != NAME_WELL, r->now_ms);
	for (size_t i = 0; i < r->ca_count; i++)
		stretch_set(&n->forbidden[i],
			    (w->forbidden | w->unwelcome) >> i & 1, r->now_ms);
}

/*
 * Its clock is wrong, or it goes by one of its own since it was: then what it
 * wrote down of moments is not what a next life makes of them.
 */
static bool is_clock_off(const struct rig *r)
{
	return r->skew_ms || !r->engine ||
	       llabs((long long)(engine_clock(r->engine) - rig_now(r))) > 5;
}

/* ---- was it promised? ---- */

/*
 * What a failure that was the name's own may add, or the second order in a row
 * that is void: its back-off, which is at
 * most a tenth of what is left, and at least a quarter of an hour or a
 * twentieth of the life; an hour, for our own limit of failed validations
 * gives three back in that, as many as an order may cost; and twice that if a CA was passed over for it.
 */
static int64_t pause_of(const struct rig *r, const struct judge_name *n,
			int64_t at_ms)
{
	int64_t life = (n->served_until - n->served_from) * MS;
	int64_t left = n->served_until * MS - at_ms;
	int64_t floor = life / 20 < 15 * WHEN_MINUTE * MS
				? life / 20 : 15 * WHEN_MINUTE * MS;
	int64_t pause = left / 10 > floor ? left / 10 : floor;

	if (!n->may_be_charged && n->voids < 2)
		return 0;
	if (pause > WHEN_DAY * MS)
		pause = WHEN_DAY * MS;
	if (pause < OWN_GUARD_MS)
		pause = OWN_GUARD_MS;
	pause += pause / 5;
	return r->ca_count > 1 ? 2 * pause : pause;
}

static bool could_order(const struct rig *r, const struct judge_name *n,
			size_t ca, int64_t at_ms, int64_t *change)
{
	const struct judge *j = r->judge;
	bool box = holds_at(&j->box, at_ms, change);
	bool reach = holds_at(&j->reach[ca], at_ms, change);
	bool bad = holds_at(&n->bad, at_ms, change);
	bool forbidden = holds_at(&n->forbidden[ca], at_ms, change);

	return box && reach && !bad && !forbidden;
}

/* Ten minutes, and what may go before it. */
static int64_t needed_ms(const struct rig *r)
{
	return NEEDED_MS + (int64_t)r->names * MS / RATE + SLOW_START;
}

static bool has_budget(struct rig *r, unsigned name, size_t ca)
{
	r->ca[ca].now = rig_now(r);
	return bulk_ca_has_budget(&r->ca[ca], name, (long)(needed_ms(r) / MS));
}

/* One stretch, without a gap, that is long enough, and `more` beside? */
static bool could_renew(const struct rig *r, const struct judge_name *n,
			size_t ca, int64_t from_ms, int64_t end, int64_t more)
{
	int64_t run_from = from_ms, change;
	bool is_running = false;

	more += needed_ms(r);

	for (int64_t at = from_ms; at < end; at = change) {
		change = end;
		if (!could_order(r, n, ca, at, &change)) {
			is_running = false;
			continue;
		}
		if (!is_running)
			run_from = at;
		is_running = true;
		if (change - run_from >= more + pause_of(r, n, run_from))
			return true;
	}
	return false;
}

/* The planned moment, as it stands in the row; never after the last quarter. */
static int64_t planned_ms(struct rig *r, unsigned name)
{
	const struct judge_name *n = &r->judge->name[name];
	time_t latest = n->served_until - (n->served_until - n->served_from) / 4;
	struct err err = ERR_INIT;
	struct domain d;
	struct cert c;

	if (r->store && domain_by_name(r->store, r->name[name].host + 8, &d,
				       &err) &&
	    cert_current(r->store, &d, &c, &err) &&
	    c.not_after == n->served_until && c.renew_at < latest)
		latest = c.renew_at;
	return latest * MS;
}

static bool was_promised(struct rig *r, unsigned name)
{
	const struct judge_name *n = &r->judge->name[name];
	int64_t from = planned_ms(r, name), unused = INT64_MAX;

	if (holds_at(&n->bad, r->now_ms, &unused))
		return false;
	for (size_t i = 0; i < r->ca_count; i++)
		if (could_renew(r, n, i, from, n->served_until * MS, 0) &&
		    has_budget(r, name, i))
			return true;
	return false;
}

/* ---- what is served ---- */

/* For who looks into a lapse. */
static void say_row(struct rig *r, unsigned name)
{
	struct err err = ERR_INIT;
	struct domain d;
	struct order o = { .id = 0 };

	if (!r->store || !domain_by_name(r->store, r->name[name].host + 8, &d,
					 &err))
		return;
	order_of_domain(r->store, d.id, &o, &err);
	rig_say(r, "%s: due in %lld s, in the queue since %lld s, rank %d, "
		   "failures %ld, skips %ld, order %lld in state %d due in "
		   "%lld s; %s", d.name,
		(long long)d.due_at - rig_clock_ms(r) / 1000,
		d.ready_at ? rig_clock_ms(r) / 1000 - (long long)d.ready_at : 0,
		(int)d.rank, d.failures, d.skips, (long long)o.id,
		(int)o.state,
		(long long)(o.wake_ms - rig_clock_ms(r)) / 1000, d.problem);
}

static rig_run on_lapse;

static void lapse_begins(struct rig *r, unsigned name)
{
	struct judge_name *n = &r->judge->name[name];
	char until[INSTANT_TEXT];

	n->lapsed_ms = r->now_ms;
	n->is_promised = was_promised(r, name);
	r->judge->broken += n->is_promised;
	r->judge->lapses++;
	rig_after(r, LAPSE_LOOK, on_lapse, name)->detail = n->lapsed_ms;
	rig_say(r, "%s: expired at %s, %s", r->name[name].host,
		instant_format(n->served_until, until),
		n->is_promised ? "though it was promised" : "outside the promise");
	say_row(r, name);
	if (n->is_promised)
		rig_condemn(r, "%s: its certificate expired at %s, though a CA "
			       "could be had for long enough",
			    r->name[name].host,
			    instant_format(n->served_until, until));
}

static void lapse_ends(struct rig *r, unsigned name)
{
	struct judge_name *n = &r->judge->name[name];

	if (!n->lapsed_ms)
		return;
	if (n->is_promised)
		r->judge->promised_ms += r->now_ms - n->lapsed_ms;
	else
		r->judge->unpromised_ms += r->now_ms - n->lapsed_ms;
	r->judge->broken -= n->is_promised;
	n->lapsed_ms = 0;
}

static time_t instant_of(const ASN1_TIME *at)
{
	struct tm tm;

	must(ASN1_TIME_to_tm(at, &tm) == 1, NULL);
	return timegm(&tm);
}

static struct bulk_cert *cert_behind(struct rig *r, X509 *leaf, size_t *ca)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(leaf);
	const unsigned char *bytes = ASN1_STRING_get0_data(serial);
	uint32_t n;

	if (ASN1_STRING_length(serial) != BULK_SERIAL ||
	    bytes[1] >= r->ca_count)
		return NULL;
	*ca = bytes[1];
	n = bulk_serial_number(bytes);
	return n < r->ca[*ca].certs ? &r->ca[*ca].cert[n] : NULL;
}

/* A new certificate is seen: is it planned as the promise says? */
static void check_plan(struct rig *r, unsigned name, const X509 *leaf)
{
	time_t until = instant_of(X509_get0_notAfter(leaf));
	time_t from = instant_of(X509_get0_notBefore(leaf));
	struct err err = ERR_INIT;
	struct domain d;
	struct cert c;

	if (!domain_by_name(r->store, r->name[name].host + 8, &d, &err) ||
	    !cert_current(r->store, &d, &c, &err))
		rig_condemn(r, "%s: its row cannot be read: %s",
			    r->name[name].host, err.text);
	else if (c.renew_at > until - (until - from) / 4 && !r->skew_ms)
		rig_condemn(r, "%s: renewal is planned for its last quarter",
			    r->name[name].host);
}

static rig_run on_expiry;

/*
 * A CA that went away after it was told to issue is not waited for in the last
 * quarter, or where nothing is served: what it issued may be ordered again by
 * a later decision.
 */
static void pass_over(struct rig *r, unsigned name, size_t ca,
		      const struct bulk_cert *c)
{
	const struct judge_name *n = &r->judge->name[name];
	time_t quarter = (n->served_until - n->served_from) / 4;

	if (n->served_until > c->issued_at + quarter)
		return;
	for (size_t i = 0; i < r->ca_count; i++) {
		uint32_t last = r->ca[i].name[name].newest;

		if (i != ca && last != BULK_NONE &&
		    !r->ca[i].cert[last].is_served &&
		    r->ca[i].cert[last].issued_at <= c->issued_at)
			bulk_ca_lose(&r->ca[i], last);
	}
}

static void seen(struct rig *r, unsigned name, X509 *leaf)
{
	struct judge_name *n = &r->judge->name[name];
	time_t until = instant_of(X509_get0_notAfter(leaf));
	size_t ca = 0;
	struct bulk_cert *c = cert_behind(r, leaf, &ca);

	if (!c || c->name != name) {
		rig_condemn(r, "%s: another's certificate is served",
			    r->name[name].host);
		return;
	}
	if (!c->is_served) {
		c->is_served = true;
		pass_over(r, name, ca, c);
		r->judge->installed++;
		check_plan(r, name, leaf);
		n->may_be_charged = r->name[name].mode != NAME_WELL ||
				    r->name[name].forbidden;
		n->voids = 0;
	}
	if (until == n->served_until)
		return;
	n->served_until = until;
	n->served_from = instant_of(X509_get0_notBefore(leaf));
	if (until > rig_now(r))
		lapse_ends(r, name);
	rig_after(r, until * MS - r->now_ms, on_expiry, name)->detail = until;
}

/* Through httpd's own look-up. */
static void look(struct rig *r, unsigned name)
{
	const struct cert_pair *pair;
	struct err err = ERR_INIT;

	r->judge->looks++;
	if (site_cache_cert(r->cache, r->name[name].host, &pair, &err) ==
	    SERVE_FOUND)
		seen(r, name, pair->leaf);
	else if (r->judge->name[name].served_until && !disk_is_dead(r->disk))
		rig_condemn(r, "%s: nothing is served any more: %s",
			    r->name[name].host, err.text);
}

/* What was put in its place may not have been looked at yet. */
static void check_expiry(struct rig *r, unsigned name)
{
	struct judge_name *n = &r->judge->name[name];

	if (!r->is_up || r->is_dying || !n->served_until || n->lapsed_ms ||
	    n->served_until > rig_now(r))
		return;
	look(r, name);
	if (n->served_until <= rig_now(r))
		lapse_begins(r, name);
}

static void on_expiry(struct rig *r, struct rig_event *e)
{
	if (r->judge->name[e->number].served_until == e->detail)
		check_expiry(r, e->number);
}

/*
 * What expired outside the promise is not forgotten either: it is certified
 * soon after a CA can be had again.
 */
static void check_lapse(struct rig *r, unsigned name)
{
	struct judge_name *n = &r->judge->name[name];
	int64_t expired_for = r->now_ms - n->served_until * MS;
	int64_t more = expired_for > LAPSE_LONG ? LAPSE_RARE : LAPSE_OFTEN;

	for (size_t i = 0; i < r->ca_count && n->lapsed_ms; i++) {
		if (!could_renew(r, n, i, n->lapsed_ms, r->now_ms, more) ||
		    !has_budget(r, name, i))
			continue;
		look(r, name);
		if (!n->lapsed_ms)
			return;
		say_row(r, name);
		rig_condemn(r, "%s: expired long ago, and not certified, "
			       "though CA %zu could be had for long enough",
			    r->name[name].host, i);
	}
}

static void on_lapse(struct rig *r, struct rig_event *e)
{
	if (r->judge->name[e->number].lapsed_ms != e->detail)
		return;
	rig_after(r, LAPSE_LOOK, on_lapse, e->number)->detail = e->detail;
	if (r->is_up && !r->is_dying)
		check_lapse(r, e->number);
}

/* ---- certificates that must show ---- */

static void note_trial(struct rig *r, size_t ca, uint32_t cert)
{
	struct judge_name *n = &r->judge->name[r->ca[ca].cert[cert].name];

	n->has_trial = true;
	n->trial_ca = ca;
	n->trial_cert = cert;
}

void judge_expect(struct rig *r, size_t ca, uint32_t cert)
{
	struct judge *j = r->judge;

	if (r->ca[ca].cert[cert].is_trial) {
		note_trial(r, ca, cert);
		return;
	}
	if (j->awaited_count == j->awaited_cap) {
		j->awaited_cap = j->awaited_cap ? 2 * j->awaited_cap : 64;
		j->awaited = xrealloc_array(j->awaited, j->awaited_cap,
					    sizeof(*j->awaited));
	}
	j->awaited[j->awaited_count++] = (struct awaited){
		.name = r->ca[ca].cert[cert].name, .ca = ca, .cert = cert };
}

/* It is served once that is durable, or there is room for it again. */
static bool is_stored(struct rig *r, const struct awaited *a)
{
	struct err err = ERR_INIT;
	struct domain d;
	struct cert c;

	return !r->weather->is_disk_bad && !disk_is_dead(r->disk) &&
	       domain_by_name(r->store, r->name[a->name].host + 8, &d, &err) &&
	       cert_current(r->store, &d, &c, &err) &&
	       bulk_ca_find(&r->ca[a->ca], c.serial) ==
		       &r->ca[a->ca].cert[a->cert];
}

static bool is_time_to_look(unsigned looks)
{
	return looks < LOOKS_OFTEN || looks % 32 == 0;
}

static void check_stored(struct rig *r, struct awaited *a)
{
	if (!is_stored(r, a))
		a->stored_looks = 0;
	else if (!a->stored_looks++)
		a->stored_ms = r->now_ms;
	else if (a->stored_looks > STORED_LOOKS &&
		 r->now_ms - a->stored_ms > STORED_MS)
		rig_condemn(r,
			    "%s: its certificate is stored, and is not "
			    "served",
			    r->name[a->name].host);
}

static bool is_seen(struct rig *r, struct awaited *a)
{
	const struct bulk_cert *c = &r->ca[a->ca].cert[a->cert];

	if (!c->is_served && is_time_to_look(++a->looks)) {
		look(r, a->name);
		if (!c->is_served)
			check_stored(r, a);
	}
	return c->is_served || c->is_lost;
}

/* ---- failures that are the CA's ---- */

static bool row_of(struct rig *r, unsigned name, struct domain *d)
{
	struct err err = ERR_INIT;

	return domain_by_name(r->store, r->name[name].host + 8, d, &err);
}

void judge_wronged(struct rig *r, unsigned name)
{
	struct judge *j = r->judge;
	struct domain d;

	if (!row_of(r, name, &d))
		return;
	if (j->wronged_count == j->wronged_cap) {
		j->wronged_cap = j->wronged_cap ? 2 * j->wronged_cap : 64;
		j->wronged = xrealloc_array(j->wronged, j->wronged_cap,
					    sizeof(*j->wronged));
	}
	j->wronged[j->wronged_count++] = (struct wronged){
		.name = name, .failures = d.failures };
}

/*
 * A CA that answers three times, and never brings the order to an end, may
 * mean this one name: that is the name's to wait for.
 */
static bool is_unfinished(const struct domain *d)
{
	return strstr(d->problem, "leaves the order unfinished");
}

static void check_wronged(struct rig *r)
{
	struct judge *j = r->judge;
	struct domain d;

	for (size_t i = 0; i < j->wronged_count; i++)
		if (row_of(r, j->wronged[i].name, &d) &&
		    d.failures > j->wronged[i].failures && !is_unfinished(&d))
			rig_condemn(r, "%s is charged with what was the CA's "
				       "fault: %s", d.name, d.problem);
	j->wronged_count = 0;
}

/* ---- orders that are void: at once, but only once ---- */

void judge_voided(struct rig *r, unsigned name)
{
	struct judge *j = r->judge;
	struct domain d = { .failures = -1 };

	j->name[name].voids++;
	if (r->is_up && !r->is_dying)
		row_of(r, name, &d);
	if (j->voided_count == j->voided_cap) {
		j->voided_cap = j->voided_cap ? 2 * j->voided_cap : 64;
		j->voided = xrealloc_array(j->voided, j->voided_cap,
					   sizeof(*j->voided));
	}
	j->voided[j->voided_count++] = (struct voided){
		.name = name, .failures = d.failures
	};
}

static bool is_open(const struct bulk_ca *ca, uint32_t order)
{
	const struct bulk_order *o = &ca->order[order];

	return o->is_known && o->status != SIM_INVALID &&
	       (o->status != SIM_VALID || !ca->cert[o->cert].is_served);
}

void judge_wiped(struct rig *r, size_t ca)
{
	for (unsigned i = 0; i < r->names; i++) {
		uint32_t order = r->ca[ca].name[i].open_order;

		if (order != BULK_NONE && is_open(&r->ca[ca], order))
			judge_voided(r, i);
	}
}

/* It is counted now, or it never will be. */
static bool is_settled(struct rig *r, struct voided *v)
{
	const struct judge_name *n = &r->judge->name[v->name];
	struct domain d;

	if (!n->voids || n->may_be_charged || v->failures > 0)
		return true;
	if (!row_of(r, v->name, &d))
		return false;
	if (v->failures < 0)
		v->failures = d.failures;
	if (d.failures == v->failures)
		return false;
	if (d.failures == 1 && !is_unfinished(&d) && !is_clock_off(r) &&
	    d.due_at > engine_clock(r->engine) + AT_ONCE)
		rig_condemn(r,
			    "%s: its order is void, and is not made anew at "
			    "once: in %lld s, %s",
			    d.name,
			    (long long)(d.due_at - engine_clock(r->engine)),
			    d.problem);
	return true;
}

static void check_voided(struct rig *r)
{
	struct judge *j = r->judge;

	for (size_t i = 0; i < j->voided_count;)
		if (is_settled(r, &j->voided[i]))
			j->voided[i] = j->voided[--j->voided_count];
		else
			i++;
}

void judge_after_tick(struct rig *r)
{
	struct judge *j = r->judge;

	check_wronged(r);
	check_voided(r);

	for (size_t i = 0; i < j->awaited_count;)
		if (is_seen(r, &j->awaited[i]))
			j->awaited[i] = j->awaited[--j->awaited_count];
		else
			i++;
}

void judge_after_start(struct rig *r)
{
	books_after_start(r);
	judge_after_tick(r);
	for (unsigned i = 0; i < 2; i++)
		look(r, dice_below(&r->dice, r->names));
	for (unsigned i = 0; i < r->names; i++)
		check_expiry(r, i);
}

/* What is down serves nothing: nobody can be shown what has expired. */
void judge_after_death(struct rig *r)
{
	r->judge->wronged_count = 0;
	for (unsigned i = 0; i < r->names; i++)
		lapse_ends(r, i);
	for (size_t i = 0; i < r->ca_count; i++) {
		if (r->now_ms - r->judge->orders[i].asked_ms < 5 * MS)
			r->judge->orders[i].until_ms = 0;
		r->judge->advice[i].until_ms = 0; /* not durable */
	}
}

/* ---- manners towards a CA ---- */

void judge_retry_after(struct rig *r, size_t ca, bool is_advice, long seconds)
{
	struct peace *p = is_advice ? &r->judge->advice[ca]
				    : &r->judge->orders[ca];

	if (p->until_ms > r->now_ms || is_clock_off(r))
		return;
	p->asked_ms = r->now_ms;
	p->until_ms = r->now_ms + seconds * 950LL;
}

void judge_request(struct rig *r, size_t ca, bool is_advice)
{
	struct judge *j = r->judge;
	const struct peace *p = is_advice ? &j->advice[ca] : &j->orders[ca];

	if (p->until_ms > r->now_ms && !r->skew_ms &&
	    r->now_ms > p->asked_ms + 2 * MS)
		rig_condemn(r,
			    "CA %zu asked for peace until %lld s from now, "
			    "and is asked",
			    ca, (long long)(p->until_ms - r->now_ms) / 1000);
	if (!weather_is_down(r->ca_mode[ca]) ||
	    r->now_ms < j->count_from_ms[ca])
		return;
	if (r->now_ms > j->count_from_ms[ca] + NEEDED_MS) {
		j->count_from_ms[ca] = r->now_ms;
		j->knocks[ca] = 0;
	}
	if (++j->knocks[ca] > KNOCKS_MAX)
		rig_condemn(r, "CA %zu is down, and is asked %u times in ten "
			       "minutes", ca, j->knocks[ca]);
}

/*
 * A machine that is ahead by no more than a Date may have lain in a cache is
 * believed, and what comes back of a limit comes back so much too early.
 */
static void note_ahead(struct rig *r)
{
	struct judge *j = r->judge;
	long ahead = r->engine ? (long)(engine_clock(r->engine) - rig_now(r))
			       : 0;

	if (ahead < 0 || ahead > DATE_OLD)
		ahead = 0;
	if (ahead >= j->ahead || r->now_ms > j->ahead_until_ms) {
		j->ahead = ahead;
		j->ahead_until_ms = r->now_ms + LIMIT_LONG;
	}
	for (size_t i = 0; i < r->ca_count; i++)
		r->ca[i].client_ahead = j->ahead;
}

/* ---- after every event ---- */

static void check_ca(struct rig *r, struct bulk_ca *ca)
{
	if (ca->came_early != BULK_NONE)
		r->judge->name[ca->came_early].may_be_charged = true;
	ca->came_early = BULK_NONE;
	if (*ca->complaint)
		rig_condemn(r, "CA %u complains: %s", ca->number,
			    ca->complaint);
	if (*ca->duplicate)
		rig_condemn(r, "a duplicate: %s", ca->duplicate);
	if (*ca->breach)
		rig_condemn(r, "CA %u: over the limit: %s", ca->number,
			    ca->breach);
}

/* Of the failures that stand, those that are the name's to wait for as well. */
static long unfinished_of(struct rig *r, const struct domain *d)
{
	char *sql = sqlite3_mprintf(
		"SELECT COUNT(*) FROM (SELECT text FROM trail WHERE domain = %Q"
		" AND kind = 'order.failed' ORDER BY id DESC LIMIT %ld)"
		" WHERE text LIKE '%%leaves the order unfinished%%'",
		d->name, d->failures);
	long n = (long)books_number(r, sql);

	sqlite3_free(sql);
	return n;
}

/* Failures that stand in a row must be the name's own. */
static void check_charge_of(struct rig *r, unsigned name)
{
	const struct judge_name *n = &r->judge->name[name];
	struct domain d;

	if (n->may_be_charged || !r->is_up || r->is_dying)
		return;
	if (row_of(r, name, &d) && d.failures > n->voids &&
	    !is_unfinished(&d) && d.failures - unfinished_of(r, &d) > n->voids)
		rig_condemn(r, "%s is charged with what was not its fault: %s",
			    r->name[name].host, d.problem);
}

static void check_charge(struct rig *r)
{
	check_charge_of(r, dice_below(&r->dice, r->names));
}

/*
 * A trial that gives way to a renewal may have been issued by then: it can be
 * made again, and what the CA gave for it is not in the store.
 */
static void settle_trial(struct rig *r, unsigned name)
{
	struct judge_name *n = &r->judge->name[name];
	const struct bulk_ca *ca = &r->ca[n->trial_ca];
	char *sql;

	if (!n->has_trial)
		return;
	sql = sqlite3_mprintf("SELECT CASE WHEN ended_at = 0 THEN 1"
			      " WHEN state = %d AND problem = %Q THEN 2"
			      " ELSE 0 END FROM ord"
			      " WHERE order_url = '%s/order/%u'",
			      ORDER_DEAD, "a renewal of the name goes first",
			      ca->origin, ca->cert[n->trial_cert].order);
	switch (books_number(r, sql)) {
	case 1:
		break;
	case 2:
		bulk_ca_lose(&r->ca[n->trial_ca], n->trial_cert);
		/* fall through */
	default:
		n->has_trial = false;
	}
	sqlite3_free(sql);
}

void judge_ordered(struct rig *r, unsigned name)
{
	check_charge_of(r, name);
	settle_trial(r, name);
	books_ordered(r);
}

void judge_after_event(struct rig *r)
{
	note_ahead(r);
	for (size_t i = 0; i < r->ca_count; i++)
		check_ca(r, &r->ca[i]);
	if (++r->judge->checks % 64 == 0)
		check_charge(r);
}

/* ---- the end ---- */

bool judge_gave_way(struct rig *r, const char *token)
{
	char *sql = sqlite3_mprintf("SELECT COUNT(*) FROM ord WHERE token = %Q"
				    " AND trial = 1 AND ended_at > 0", token);
	bool did = books_number(r, sql) > 0;

	sqlite3_free(sql);
	return did;
}

bool judge_is_of_trial(struct rig *r, const char *order_url)
{
	char *sql = sqlite3_mprintf("SELECT COUNT(*) FROM ord WHERE order_url ="
				    " %Q AND trial = 1",
				    order_url);
	bool is = books_number(r, sql) > 0;

	sqlite3_free(sql);
	return is;
}

unsigned judge_missing(struct rig *r)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->names && r->is_up; i++) {
		look(r, i);
		n += r->judge->name[i].served_until <= rig_now(r);
	}
	return n;
}

static void check_name(struct rig *r, unsigned name)
{
	struct judge_name *n = &r->judge->name[name];

	look(r, name);
	if (n->served_until <= rig_now(r))
		rig_condemn(r, "%s: all has been well for long, and it is not "
			       "certified", r->name[name].host);
	lapse_ends(r, name);
}

void judge_end(struct rig *r)
{
	for (unsigned i = 0; i < r->names && r->is_up; i++)
		check_name(r, i);
	for (unsigned i = 0; i < r->names; i++)
		settle_trial(r, i);
	books_at_end(r);
}

bool judge_is_counting(const struct rig *r)
{
	return !r->is_up || r->judge->broken > 0;
}

void judge_give_up(struct rig *r)
{
	for (unsigned i = 0; i < r->names; i++)
		lapse_ends(r, i);
}

/* ---- life ---- */

void judge_begin(struct rig *r)
{
	r->judge = xcalloc(1, sizeof(*r->judge));
	r->judge->name = xcalloc(r->names, sizeof(*r->judge->name));
}

void judge_release(struct rig *r)
{
	struct judge *j = r->judge;

	for (unsigned i = 0; i < r->names; i++) {
		free(j->name[i].bad.list);
		for (size_t k = 0; k < RIG_CAS; k++)
			free(j->name[i].forbidden[k].list);
	}
	for (size_t k = 0; k < RIG_CAS; k++)
		free(j->reach[k].list);
	free(j->box.list);
	free(j->name);
	free(j->awaited);
	free(j->wronged);
	free(j->voided);
	free(j);
	r->judge = NULL;
}
