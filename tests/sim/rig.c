#include "tests/sim/rig.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "store/cert.h"
#include "store/order.h"
#include "store/policy_version.h"
#include "tests/sim/date.h"
#include "tests/sim/dice.h"
#include "tests/sim/judge.h"
#include "tests/sim/scratch.h"
#include "tests/sim/sham.h"
#include "tests/sim/shortcuts.h"
#include "tests/sim/weather.h"

#define DIR	     "box"
#define CACHE_BYTES  (2 * 1024 * 1024)
#define WRITES_LONG  1500		/* between two checkpoints */
#define TIMEOUT_MS   10000		/* until a lost exchange is noticed */
#define IDLE_MS	     59000		/* a timer so far ahead is an idle one */
#define ARI_LATE_MS  (3 * WHEN_HOUR * 1000)
#define SYNC_FAILS   1000	/* one in so many, and all else works */
#define OVERSLEEP_MS (50 * WHEN_MINUTE * 1000)
#define REAL_MS	     (10 * WHEN_MINUTE * 1000)
#define REAL_ONE_IN  300	/* spans of REAL_MS with real signatures */

time_t rig_now(const struct rig *r)
{
	return r->now_ms / 1000;
}

int64_t rig_clock_ms(const struct rig *r)
{
	return r->now_ms + r->skew_ms;
}

/* ---- what is told ---- */

static void print_line(const struct rig *r, const char *fmt, va_list args)
{
	char at[INSTANT_TEXT];

	fprintf(stderr, "seed %llu %s.%03d ", (unsigned long long)r->seed,
		instant_format(rig_now(r), at), (int)(r->now_ms % 1000));
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
}

void rig_say(const struct rig *r, const char *fmt, ...)
{
	va_list args;

	if (!r->is_verbose)
		return;
	va_start(args, fmt);
	print_line(r, fmt, args);
	va_end(args);
}

void rig_condemn(struct rig *r, const char *fmt, ...)
{
	char at[INSTANT_TEXT];
	size_t used;
	va_list args;

	if (*r->verdict)
		return;
	used = (size_t)snprintf(r->verdict, sizeof(r->verdict), "%s: ",
				instant_format(rig_now(r), at));
	va_start(args, fmt);
	vsnprintf(r->verdict + used, sizeof(r->verdict) - used, fmt, args);
	va_end(args);
	rig_say(r, "VIOLATED: %s", r->verdict);
}

static void fingerprint(struct rig *r, uint64_t what)
{
	r->hash = (r->hash ^ what) * 0x9fb21c651e98df25u;
	r->hash ^= r->hash >> 31;
}

bool rig_number(const struct rig *r, const char *host, unsigned *number)
{
	if (!str_starts(host, "mta-sts.d"))
		return false;
	*number = (unsigned)strtoul(host + 9, NULL, 10);
	return *number < r->names;
}

/* ---- the heap of what will happen ---- */

static bool is_before(const struct rig_event *a, const struct rig_event *b)
{
	return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->seq < b->seq;
}

static void sift_up(struct rig *r, size_t i)
{
	struct rig_event *e = r->heap[i];

	for (; i && is_before(e, r->heap[(i - 1) / 2]); i = (i - 1) / 2)
		r->heap[i] = r->heap[(i - 1) / 2];
	r->heap[i] = e;
}

static void sift_down(struct rig *r, size_t i)
{
	struct rig_event *e = r->heap[i];
	size_t child;

	for (; (child = 2 * i + 1) < r->heap_len; i = child) {
		if (child + 1 < r->heap_len &&
		    is_before(r->heap[child + 1], r->heap[child]))
			child++;
		if (!is_before(r->heap[child], e))
			break;
		r->heap[i] = r->heap[child];
	}
	r->heap[i] = e;
}

struct rig_event *rig_after(struct rig *r, int64_t ms, rig_run *run,
			    unsigned number)
{
	struct rig_event *e = xcalloc(1, sizeof(*e));

	e->at_ms = r->now_ms + ms;
	e->seq = r->seq++;
	e->run = run;
	e->number = number;
	if (r->heap_len == r->heap_cap) {
		r->heap_cap = r->heap_cap ? 2 * r->heap_cap : 256;
		r->heap = xrealloc_array(r->heap, r->heap_cap,
					 sizeof(struct rig_event *));
	}
	r->heap[r->heap_len++] = e;
	sift_up(r, r->heap_len - 1);
	return e;
}

static struct rig_event *take_at(struct rig *r, size_t i)
{
	struct rig_event *e = r->heap[i], *last = r->heap[--r->heap_len];

	if (i < r->heap_len) {
		r->heap[i] = last;
		sift_up(r, i);
		sift_down(r, i);
	}
	return e;
}

static void end_event(struct rig_event *e)
{
	free(e->answer.body);
	free(e);
}

/* ---- what the engine sees: clock, dice, keys ---- */

static int64_t world_now_ms(void *ctx)
{
	struct rig *r = ctx;

	r->is_misled = r->is_misled || r->skew_ms;
	return rig_clock_ms(r);
}

/* Goes on in suspend, and knows of no step. */
static int64_t world_steady_ms(void *ctx)
{
	const struct rig *r = ctx;

	return r->now_ms;
}

static void world_random(void *ctx, void *out, size_t len)
{
	struct rig *r = ctx;

	dice_fill(&r->world_dice, out, len);
}

static bool is_real_now(const struct rig *r)
{
	uint64_t span = (uint64_t)(r->now_ms / REAL_MS) ^ r->seed << 32;

	return dice_one_in(&span, REAL_ONE_IN);
}

/*
 * Each key once in a world: the pool is larger than its orders are many. What
 * it is asked for next is the key's request for a certificate.
 */
static bool world_key_make(void *ctx, struct p256 *key, struct err *err)
{
	struct rig *r = ctx;

	shortcuts_off(is_real_now(r));
	return sham_key(r->next_key++, key) || p256_generate(key, err);
}

static bool world_sign(void *ctx, const struct p256 *key, const void *data,
		       size_t len, unsigned char out[static P256_SIGNATURE],
		       struct err *err)
{
	struct rig *r = ctx;

	if (is_real_now(r))
		return p256_sign(key, data, len, out, err);
	sham_sign(key->point, data, len, out);
	return true;
}

static void world_wake_at(void *ctx, int64_t at_ms)
{
	struct rig *r = ctx;
	int64_t wait = at_ms - rig_clock_ms(r);

	if (!r->is_dying)
		r->wake_ms = r->now_ms + (wait > 0 ? wait : 0);
}

static void world_point(void *ctx, const char *where, const char *what)
{
	struct rig *r = ctx;

	if (r->is_dying || !weather_kills_at_point(r))
		return;
	rig_say(r, "killed at %s:%s", where, what);
	rig_kill(r);
}

/* ---- exchanges with a CA ---- */

static void answer_with(struct sim_answer *a, long status, const char *body,
			const char *retry_after)
{
	free(a->body);
	*a = (struct sim_answer){ .status = status, .body = xstrdup(body) };
	snprintf(a->retry_after, sizeof(a->retry_after), "%s", retry_after);
}

/* Too many requests, forbidden, or to a page of maintenance. */
static void answer_for_door(struct rig_event *e, int64_t now_ms)
{
	static const long statuses[] = { 429, 429, 403, 302 };
	long status = statuses[now_ms / 2 % (int64_t)ARRAY_LEN(statuses)];
	char wait[24];

	snprintf(wait, sizeof(wait), "%lld",
		 (long long)(now_ms / 1000 % WHEN_HOUR));
	answer_with(&e->answer, status, "<html>Not now</html>",
		    status == 429 && now_ms % 2 ? wait : "");
}

static void spoil(struct rig *r, struct rig_event *e, size_t ca,
		  enum fate fate)
{
	char wait[24];

	switch (fate) {
	case FATE_GOOD:
	case FATES:
		return;
	case FATE_LOST_REQUEST:
	case FATE_LOST_REPLY:
	case FATE_REFUSED:
		err_set(&e->error, ERR_AGAIN, "the connection is gone");
		return;
	case FATE_500:
		answer_with(&e->answer, 500, "{\"type\":\"urn:ietf:params:acme:"
			    "error:serverInternal\"}", "");
		return;
	case FATE_NAME:
		snprintf(wait, sizeof(wait), "%lld",
			 (long long)(r->now_ms / 1000 % WHEN_HOUR));
		answer_with(&e->answer, 500,
			    "{\"type\":\"urn:ietf:params:acme:"
			    "error:serverInternal\"}",
			    wait);
		return;
	case FATE_DOOR:
		answer_for_door(e, r->now_ms);
		return;
	case FATE_404:
		answer_with(&e->answer, 404, "<html>Not Found</html>", "");
		return;
	case FATE_502:
		answer_with(&e->answer, 502, "<html>Bad Gateway</html>", "");
		return;
	case FATE_503:
		snprintf(wait, sizeof(wait), "%lld",
			 (long long)(r->weather->busy_until_ms[ca] -
				     r->now_ms) / 1000 + 1);
		answer_with(&e->answer, 503, "{\"type\":\"urn:ietf:params:acme:"
			    "error:rateLimited\",\"detail\":\"Service busy; "
			    "retry later.\"}", wait);
		return;
	case FATE_GARBAGE:
		answer_with(&e->answer, 200, "{\"status\":\"ready\", \"id", "");
		return;
	}
}

static bool ca_hears(enum fate fate)
{
	return fate == FATE_GOOD || fate == FATE_LOST_REPLY ||
	       fate == FATE_502 || fate == FATE_GARBAGE;
}

static long takes_ms(struct rig *r, enum fate fate)
{
	if (fate == FATE_LOST_REQUEST || fate == FATE_LOST_REPLY)
		return TIMEOUT_MS;
	return 10 + (long)(r->seed % 7) * 30;
}

static void deliver(struct rig *r, struct rig_event *e);

static struct rig_event *reply_after(struct rig *r, long ms, void *arg)
{
	struct rig_event *e = rig_after(r, ms, deliver, 0);

	e->is_of_life = true;
	e->wronged = RIG_NOBODY;
	e->arg = arg;
	e->sent_ms = r->now_ms;
	return e;
}

static size_t ca_of(const struct rig *r, const char *url)
{
	size_t i = 0;

	while (i < r->ca_count && !bulk_ca_owns(&r->ca[i], url))
		i++;
	return i;
}

/* Of whom is the order that is asked about? */
static unsigned owner_of(const struct bulk_ca *c, const char *url)
{
	const char *id = strrchr(url, '/');
	unsigned long order = id ? strtoul(id + 1, NULL, 10) : c->orders;

	return strstr(url, "/ari/") || !id || id[1] < '0' || id[1] > '9' ||
	       order >= c->orders ? RIG_NOBODY : c->order[order].name;
}

static void exchange(struct rig *r, struct rig_event *e, size_t ca,
		     const struct fetch_request *request, enum fate fate)
{
	struct bulk_ca *c = &r->ca[ca];
	uint32_t certs = c->certs, orders = c->orders;

	e->number = (unsigned)ca;
	c->now = rig_now(r);
	if (ca_hears(fate))
		bulk_ca_answer(c, request, &e->answer);
	spoil(r, e, ca, fate);
	if (c->orders > orders) {
		judge_ordered(r, c->order[orders].name);
		weather_ordered(r, ca);
	}
	if (c->certs > certs)
		judge_expect(r, ca, certs);
	fingerprint(r, (uint64_t)e->answer.status << 8 | fate);
}

static void world_fetch(void *ctx, const struct fetch_request *request,
			fetch_done *done, void *arg)
{
	struct rig *r = ctx;
	size_t ca = ca_of(r, request->url);
	unsigned name = ca < r->ca_count ? owner_of(&r->ca[ca], request->url)
					 : RIG_NOBODY;
	enum fate fate = FATE_REFUSED;
	bool dies = !r->is_dying && weather_kills_in_exchange(r);
	bool dies_first = dies && dice_one_in(&r->dice, 2);
	struct rig_event *e;

	if (dies_first)
		rig_kill(r);
	if (ca < r->ca_count && !r->is_dying)
		fate = weather_fate(r, ca, name, request->url);
	e = reply_after(r, takes_ms(r, fate), arg);
	e->fetched = done;
	r->in_flight++;
	if (!r->is_dying && ca < r->ca_count) {
		r->exchanges++;
		e->detail = strstr(request->url, "/ari/") != NULL;
		judge_request(r, ca, e->detail);
		exchange(r, e, ca, request, fate);
		if (fate != FATE_GOOD && fate != FATE_NAME)
			e->wronged = name;
		rig_say(r, "%s %s: %ld%s (fate %d)",
			request->method == FETCH_POST ? "POST" : "GET",
			request->url, e->answer.status,
			e->error.kind ? ", lost" : "", fate);
	} else {
		spoil(r, e, 0, FATE_REFUSED);
	}
	if (dies && !dies_first) {
		rig_say(r, "killed in an exchange");
		rig_kill(r);
	}
}

/*
 * Each CA goes by a clock of its own, which is wrong by more than a year for
 * two days in sixteen; not while the box's own is, nor before it has got over
 * that: one of them must be right.
 */
static time_t date_of(struct rig *r, unsigned ca)
{
	uint64_t turn = (uint64_t)(r->now_ms / 1000 / (2 * WHEN_DAY)) + 7 * ca;
	long wrong = 400 * WHEN_DAY;

	if (!r->skew_ms && r->engine && engine_clock(r->engine) == rig_now(r))
		r->is_misled = false;
	if (r->is_misled || turn % 16)
		return rig_now(r);
	return rig_now(r) + (turn % 32 ? wrong : -wrong);
}

static void deliver_reply(struct rig *r, struct rig_event *e)
{
	const char *body = e->answer.body ? e->answer.body : "";
	char date[SIM_DATE];
	struct fetch_reply reply = {
		.status = e->answer.status,
		.body = body,
		.body_len = strlen(body),
		.content_type = "",
		.location = e->answer.location,
		.replay_nonce = e->answer.nonce,
		.retry_after = e->answer.retry_after,
		.link = e->answer.link,
		.date = sim_date(date_of(r, e->number), date),
		.error = e->error,
	};

	r->in_flight--;
	if (!r->is_dying && e->answer.status == 503 && *e->answer.retry_after)
		judge_retry_after(r, e->number, e->detail,
				  strtol(e->answer.retry_after, NULL, 10));
	if (!r->is_dying && e->wronged != RIG_NOBODY)
		judge_wronged(r, e->wronged);
	e->fetched(&reply, e->arg);
}

/* ---- DNS, as resolvers and the world see it ---- */

static void world_addresses(void *ctx, const char *name, dns_done *done,
			    void *arg)
{
	struct rig *r = ctx;
	struct rig_event *e = reply_after(r, 20, arg);

	e->resolved = done;
	if (!rig_number(r, name, &e->number))
		err_set(&e->error, ERR_AGAIN, "no such name here");
	if (r->weather->is_offline)
		err_set(&e->error, ERR_AGAIN, "timeout");
}

static void one_address(struct dns_addresses *a, const char *text)
{
	a->outcome = DNS_FOUND;
	a->count = 1;
	snprintf(a->address[0], sizeof(a->address[0]), "%s", text);
}

static void fill_view(struct dns_view *v, enum name_mode mode)
{
	v->a.count = v->aaaa.count = 0;
	v->a.outcome = v->aaaa.outcome = DNS_NO_RECORD;
	switch (mode) {
	case NAME_WELL:
	case NAME_CAPTURED:
		one_address(&v->a, RIG_ADDRESS);
		break;
	case NAME_GONE:
	case NAME_MODES:
		v->a.outcome = v->aaaa.outcome = DNS_NO_NAME;
		break;
	case NAME_ELSEWHERE:
		one_address(&v->a, "203.0.113.7");
		break;
	case NAME_BAD_AAAA:
		one_address(&v->a, RIG_ADDRESS);
		one_address(&v->aaaa, "2001:db8::dead");
		break;
	case NAME_SERVFAIL:
		v->a.outcome = v->aaaa.outcome = DNS_FAILED;
		snprintf(v->a.problem, sizeof(v->a.problem), "SERVFAIL");
		break;
	}
}

static void deliver_addresses(struct rig *r, const struct rig_event *e)
{
	static struct dns_answer answer = { .count = 2 };
	enum name_mode mode = e->error.kind == ERR_NONE ?
			      r->name[e->number].mode : NAME_SERVFAIL;

	for (size_t i = 0; i < answer.count; i++) {
		snprintf(answer.view[i].server, sizeof(answer.view[i].server),
			 "192.0.2.5%zu:53", i);
		fill_view(&answer.view[i], mode);
	}
	e->resolved(&answer, e->arg);
}

static void world_caa(void *ctx, const char *name, dns_caa_done *done,
		      void *arg)
{
	struct rig *r = ctx;
	struct rig_event *e = reply_after(r, 20, arg);

	e->caa_found = done;
	if (!rig_number(r, name, &e->number) || r->weather->is_offline)
		err_set(&e->error, ERR_AGAIN, "timeout");
}

static void deliver_caa(struct rig *r, const struct rig_event *e)
{
	static struct dns_caa_answer answer = { .count = 2 };
	bool is_lost = e->error.kind != ERR_NONE ||
		       r->name[e->number].mode == NAME_SERVFAIL;

	for (size_t i = 0; i < answer.count; i++)
		answer.view[i].outcome = is_lost ? DNS_FAILED : DNS_NO_RECORD;
	e->caa_found(&answer, e->arg);
}

static void world_probe(void *ctx, const char *host, const char *address,
			probe_done *done, void *arg)
{
	struct rig *r = ctx;
	struct rig_event *e = reply_after(r, 20, arg);

	(void)address;
	e->probed = done;
	if (rig_number(r, host, &e->number) &&
	    r->name[e->number].mode == NAME_CAPTURED)
		err_set(&e->error, ERR_REFUSED, "another one answers");
}

/* ---- the disk ---- */

/* Mostly at once, now and then for a second; others go on meanwhile. */
static void world_sync(void *ctx, sync_done *done, void *arg)
{
	struct rig *r = ctx;
	bool is_slow = dice_one_in(&r->world_dice, 100);
	long ms = (long)dice_below(&r->world_dice, is_slow ? 1000 : 8);

	reply_after(r, ms, arg)->synced = done;
}

static void after_tick(struct rig *r);

static void deliver_sync(struct rig *r, struct rig_event *e)
{
	if (dice_one_in(&r->world_dice, SYNC_FAILS))
		disk_fail_sync(r->disk);
	if (e->error.kind == ERR_NONE)
		store_sync(r->store, &e->error);
	e->synced(&e->error, e->arg);
	if (!r->is_dying)
		after_tick(r);
}

static void deliver(struct rig *r, struct rig_event *e)
{
	if (e->fetched)
		deliver_reply(r, e);
	else if (e->resolved)
		deliver_addresses(r, e);
	else if (e->caa_found)
		deliver_caa(r, e);
	else if (e->synced)
		deliver_sync(r, e);
	else
		e->probed(&e->error, e->arg);
}

/* ---- what a CA sees of us ---- */

static bool is_token_served(struct rig *r, unsigned name,
			    enum bulk_method method, const char *token,
			    const char *key_auth)
{
	char found[SERVE_CHALLENGE_SIZE];

	if (method == BULK_HTTP_01)
		return serve_challenge(r->serve, token, found) &&
		       streq(found, key_auth);
	return serve_alpn_challenge(r->serve, r->name[name].host, found) &&
	       streq(found, key_auth);
}

/* A trial gives way to a renewal, also while its CA looks. */
static bool is_replaced(struct rig *r, unsigned name, enum bulk_method method,
			const char *token)
{
	char found[SERVE_CHALLENGE_SIZE];

	return (method == BULK_TLS_ALPN_01 &&
		serve_alpn_challenge(r->serve, r->name[name].host, found)) ||
	       judge_gave_way(r, token);
}

static void ca_looks(struct rig *r, struct rig_event *e)
{
	struct bulk_ca *ca = &r->ca[e->number];

	ca->now = rig_now(r);
	bulk_ca_look(ca, (uint32_t)e->detail);
}

static void look_later(void *arg, const struct bulk_ca *ca, uint32_t order,
		       long ms)
{
	rig_after(arg, ms, ca_looks, ca->number)->detail = order;
}

static bool is_out_of_reach(const struct rig *r, enum bulk_method method)
{
	return !r->is_up || r->is_dying || r->is_asleep ||
	       r->weather->is_offline || r->weather->wall == WALL_BOTH ||
	       (r->weather->wall == WALL_80 && method == BULK_HTTP_01);
}

/*
 * Nobody was there to show the token: nobody's fault. Only where a CA leaves
 * the challenge pending is each such look one of the few that it gets.
 */
static void looked_in_vain(struct rig *r, const struct bulk_ca *ca,
			   unsigned name)
{
	if ((r->is_up && !r->is_dying) || ca->keeps_failed_pending)
		r->judge->name[name].may_be_charged = true;
	else
		judge_voided(r, name);
}

static const char *validate(void *arg, const struct bulk_ca *ca, unsigned name,
			    enum bulk_method method, const char *token,
			    const char *key_auth)
{
	static const char *const problems[NAME_MODES] = {
		[NAME_GONE] = "dns", [NAME_ELSEWHERE] = "unauthorized",
		[NAME_BAD_AAAA] = "connection", [NAME_SERVFAIL] = "dns",
		[NAME_CAPTURED] = "incorrectResponse",
	};
	struct rig *r = arg;

	r->judge->name[name].may_be_charged |= r->name[name].mode != NAME_WELL;
	if (problems[r->name[name].mode])
		return problems[r->name[name].mode];
	if (is_out_of_reach(r, method)) {
		looked_in_vain(r, ca, name);
		return "connection";
	}
	if (is_token_served(r, name, method, token, key_auth))
		return NULL;
	if (is_replaced(r, name, method, token)) {
		judge_voided(r, name); /* of a renewal that has its order */
		return "unauthorized";
	}
	rig_condemn(r, "%s: its token is not served when the CA looks",
		    r->name[name].host);
	return "unauthorized";
}

static bool allows(void *arg, const struct bulk_ca *ca, unsigned name)
{
	const struct rig *r = arg;

	return !(r->name[name].forbidden >> ca->number & 1);
}

/*
 * The canary's certificate is kept, and not served: the order's row says so.
 * One that gave way to a renewal may have asked for it just before.
 */
static bool is_trial(void *arg, const struct bulk_ca *ca, uint32_t order)
{
	struct rig *r = arg;
	const char *host = r->name[ca->order[order].name].host;
	struct err err = ERR_INIT;
	char url[80];
	struct domain d;
	struct order o;

	snprintf(url, sizeof(url), "%s/order/%u", ca->origin, order);
	if (!domain_by_name(r->store, host + strlen("mta-sts."), &d, &err))
		return false;
	if (order_of_domain(r->store, d.id, &o, &err) &&
	    streq(o.order_url, url))
		return false;
	return judge_is_of_trial(r, url);
}

/* ---- a life ---- */

void rig_kill(struct rig *r)
{
	if (r->is_dying || !r->is_up)
		return;
	r->is_dying = true;
	r->crashes++;
	r->wake_ms = 0;
	disk_kill(r->disk);
}

/* As fetcher and resolver do at their end: each callback comes. */
static void end_replies(struct rig *r)
{
	for (size_t i = 0; i < r->heap_len;) {
		struct rig_event *e = r->heap[i];

		if (!e->is_of_life) {
			i++;
			continue;
		}
		e = take_at(r, i);
		err_set(&e->error, ERR_AGAIN, "it ends");
		deliver(r, e);
		end_event(e);
		i = 0;
	}
}

static void take_down(struct rig *r)
{
	end_replies(r);
	engine_free(r->engine);
	site_cache_free(r->cache);
	serve_close(r->serve);
	store_close(r->store);
	r->engine = NULL;
	r->cache = NULL;
	r->serve = NULL;
	r->store = NULL;
	r->is_up = r->is_dying = r->is_asleep = false;
	r->wake_ms = 0;
}

void rig_stop(struct rig *r)
{
	if (!r->is_up)
		return;
	r->wake_ms = 0;
	take_down(r);
	disk_kill(r->disk);
}

static bool open_all(struct rig *r, struct err *err)
{
	struct store_options options = { .dir = DIR, .vfs = disk_vfs(r->disk) };

	r->store = store_open(&options, err);
	if (!r->store)
		return false;
	r->serve = serve_open(DIR, options.vfs, err);
	if (!r->serve)
		return false;
	r->cache = site_cache_new(r->serve, CACHE_BYTES);
	r->engine = engine_new(&r->world, r->store, &r->settings, err);
	return r->engine != NULL;
}

bool rig_start(struct rig *r)
{
	struct err err = ERR_INIT;

	assert(!r->is_up);
	disk_start(r->disk);
	r->starts++;
	r->is_up = true;
	if (!open_all(r, &err) || r->is_dying || disk_is_dead(r->disk)) {
		rig_say(r, "it does not start: %s", err.text);
		r->starts_failed++;
		r->is_dying = true;
		disk_kill(r->disk);
		take_down(r);
		return false;
	}
	if (!r->wake_ms)
		r->wake_ms = r->now_ms;
	judge_after_start(r);
	return true;
}

/* ---- names ---- */

static bool add_name(struct rig *r, const struct sts_policy *policy,
		     unsigned number, struct err *err)
{
	time_t now = rig_clock_ms(r) / 1000;
	struct domain d = { .created_at = now, .state_at = now, .due_at = now };
	bool changed;

	snprintf(d.name, sizeof(d.name), "%s",
		 r->name[number].host + strlen("mta-sts."));
	return domain_insert(r->store, &d, err) &&
	       policy_version_publish(r->store, &d, policy, now, &changed, err);
}

static void add_names(struct rig *r)
{
	struct sts_policy policy = { .mode = STS_TESTING,
				     .max_age = STS_MAX_AGE_DEFAULT };
	struct err err = ERR_INIT;

	must(sts_policy_add_mx(&policy, "mx.example.net", &err) &&
	     store_begin(r->store, &err), &err);
	for (unsigned i = 0; i < r->names; i++)
		must(add_name(r, &policy, i, &err), &err);
	must(store_commit(r->store, &err) && store_project(r->store, &err),
	     &err);
	sts_policy_release(&policy);
	engine_poke(r->engine);
}

void rig_install(struct rig *r)
{
	must(rig_start(r), NULL);
	add_names(r);
}

/* ---- time passes ---- */

static void earlier(int64_t *best, int64_t at_ms)
{
	if (at_ms > 0 && at_ms < *best)
		*best = at_ms;
}

/*
 * An idle box ticks once a minute, only to see whether its clock was set. Of
 * these ticks we leave out those before which nothing can have become due.
 * Renewal information is asked for late, then for many certificates at once.
 */
static int64_t idle_until_ms(struct rig *r)
{
	int64_t best = rig_clock_ms(r) + OVERSLEEP_MS;

	for (int state = DOMAIN_WAITING_FOR_DNS; state <= DOMAIN_LIVE; state++)
		earlier(&best, domain_next_due(r->store,
					       (enum domain_state)state,
					       0) * 1000);
	for (size_t i = 0; i < r->ca_count; i++)
		earlier(&best, order_next_wake(r->store, (int64_t)i + 1));
	if (cert_next_ari(r->store))
		earlier(&best, cert_next_ari(r->store) * 1000 + ARI_LATE_MS);
	earlier(&best, cert_next_revoke(r->store) * 1000);
	return best - r->skew_ms;
}

/* Advice is for a whole second: most ticks need not be looked at further. */
static bool may_be_idle(const struct rig *r)
{
	return !r->is_exact && !r->skew_ms && !r->in_flight &&
	       (r->wake_ms - r->now_ms >= IDLE_MS || r->wake_ms % 1000 == 0);
}

/* Is there nothing to wake it but the clock, and advice that can wait? */
static bool is_idle(const struct rig *r)
{
	int64_t ari_ms = cert_next_ari(r->store) * 1000;

	if (!domain_queue_is_empty(r->store, NULL))
		return false;	/* a CA that is down is waited for */
	return r->wake_ms - r->now_ms >= IDLE_MS ||
	       (ari_ms > r->now_ms && r->wake_ms == ari_ms);
}

static int64_t oversleep(struct rig *r)
{
	int64_t until = r->wake_ms;

	if (!may_be_idle(r))
		return until;
	store_begin_reading(r->store);
	if (is_idle(r))
		until = idle_until_ms(r);
	store_end_reading(r->store);
	return until > r->wake_ms ? until : r->wake_ms;
}

/* The desk's work, whenever the logs have grown. */
static void checkpoint(struct rig *r)
{
	if (disk_writes(r->disk) - r->checkpoint_at < WRITES_LONG)
		return;
	if (dice_one_in(&r->world_dice, SYNC_FAILS))
		disk_fail_sync(r->disk);
	store_checkpoint(r->store, NULL);
	r->checkpoint_at = disk_writes(r->disk);
}

/* Or after that part of it which need not wait for the disk. */
static void after_tick(struct rig *r)
{
	if (disk_is_dead(r->disk))
		return;
	judge_after_tick(r);
	if (r->wake_ms)
		r->wake_ms = oversleep(r);
	checkpoint(r);
}

static void tick(struct rig *r)
{
	r->wake_ms = 0;
	r->ticks++;
	weather_before_tick(r);
	engine_tick(r->engine);
	after_tick(r);
}

/* The fuse has burnt down in one of the store's writes. */
static void die_with_disk(struct rig *r)
{
	rig_say(r, "killed at a write");
	r->crashes++;
	r->is_dying = true;
	r->wake_ms = 0;
}

static void bury(struct rig *r)
{
	take_down(r);
	for (size_t i = 0; i < r->ca_count; i++)
		bulk_ca_unheard(&r->ca[i]);
	judge_after_death(r);
	weather_after_death(r);
}

void rig_step(struct rig *r)
{
	struct rig_event *e = r->heap_len ? r->heap[0] : NULL;
	bool ticks = r->is_up && !r->is_asleep && r->wake_ms &&
		     (!e || r->wake_ms < e->at_ms);

	assert(e || ticks);
	if (ticks && r->wake_ms > r->now_ms)
		r->now_ms = r->wake_ms;
	if (!ticks && e->at_ms > r->now_ms)
		r->now_ms = e->at_ms;
	r->events++;
	fingerprint(r, (uint64_t)r->now_ms);
	if (ticks) {
		tick(r);
	} else {
		take_at(r, 0);
		e->run(r, e);
		end_event(e);
	}
	if (r->is_up && !r->is_dying && disk_is_dead(r->disk))
		die_with_disk(r);
	if (r->is_dying)
		bury(r);
	judge_after_event(r);
}

/* ---- the beginning and the end ---- */

static void make_world(struct rig *r)
{
	r->world = (struct world){
		.ctx = r,
		.now_ms = world_now_ms,
		.steady_ms = world_steady_ms,
		.random = world_random,
		.key_make = world_key_make,
		.sign = world_sign,
		.fetch = world_fetch,
		.addresses = world_addresses,
		.caa = world_caa,
		.probe = world_probe,
		.sync = world_sync,
		.wake_at = world_wake_at,
		.point = world_point,
	};
}

static void make_settings(struct rig *r)
{
	struct engine_settings *s = &r->settings;

	*s = (struct engine_settings){
		.contact = "ops@example.net",
		.agree_tos = true,
		.ca_count = r->ca_count,
		.address_count = 1,
		.orders_in_flight = 32,
	};
	strcpy(s->address[0], RIG_ADDRESS);
	for (size_t i = 0; i < r->ca_count; i++) {
		struct ca_settings *c = &s->ca[i];

		snprintf(c->name, sizeof(c->name), "ca-%c", 'a' + (int)i);
		snprintf(c->directory_url, sizeof(c->directory_url),
			 "%s/directory", r->ca[i].origin);
		c->limits = limits_default();
	}
}

void rig_init(struct rig *r, uint64_t seed, unsigned names, size_t cas,
	      struct bulk_signer *signer)
{
	*r = (struct rig){
		.seed = seed,
		.dice = dice_seed(seed),
		.world_dice = dice_seed(seed ^ 0x5eed),
		.now_ms = RIG_START * 1000,
		.ca_count = cas,
		.names = names,
		.disk = disk_new(seed),
	};
	sham_seed(seed);
	shortcuts_new_world();
	sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, (int)seed + 1, NULL);
	r->name = xcalloc(names, sizeof(*r->name));
	for (unsigned i = 0; i < names; i++)
		snprintf(r->name[i].host, sizeof(r->name[i].host), BULK_HOST,
			 i);
	for (size_t i = 0; i < cas; i++) {
		bulk_ca_init(&r->ca[i], (unsigned)i, names, signer);
		r->ca[i].validate = validate;
		r->ca[i].allows = allows;
		r->ca[i].later = look_later;
		r->ca[i].is_trial = is_trial;
		r->ca[i].arg = r;
	}
	make_world(r);
	make_settings(r);
	judge_begin(r);
	weather_begin(r);
}

void rig_release(struct rig *r)
{
	rig_stop(r);
	while (r->heap_len)
		end_event(take_at(r, r->heap_len - 1));
	free(r->heap);
	for (size_t i = 0; i < r->ca_count; i++)
		bulk_ca_release(&r->ca[i]);
	free(r->name);
	judge_release(r);
	weather_release(r);
	disk_free(r->disk);
}
