#include "daemon/intake.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "daemon/rates.h"
#include "daemon/report_alerts.h"
#include "daemon/report_share.h"
#include "daemon/unpacker.h"
#include "store/domain.h"
#include "store/health.h"

#define STAGE_MAX_MS	  10
#define READ_WEIGHT_MAX	  (4L * 1024 * 1024) /* bytes, that wait to be stored */
#define READ_MAX	  256
#define TOLD_MAX	  16 /* domains that are judged in a turn */
#define ROOM_LOOK_MS	  1000
#define HOUSE_SECONDS	  10 /* between what is done beside the reports */
#define PRUNE_EVERY	  WHEN_MINUTE
#define PRUNE_PAUSE_MS	  100
#define PRUNE_MIN	  4   /* reports in a piece, */
#define PRUNE_MAX	  256 /* as many as there is time for */
#define PRUNE_SLOW_MS	  6
#define PRUNE_FAST_MS	  2
#define COMPLAIN_EVERY	  (10 * WHEN_MINUTE)

#define PER_SECOND WHEN_DAY /* so many a day */

static const struct rate address_rate = { 2000, 10 * PER_SECOND };
static const struct rate domain_rate = { 2000, 2 * PER_SECOND };
static const struct rate new_rate = { 2500, 2500 }; /* 5,000 in any day */

static const char *const outcome_names[] = {
	[INTAKE_STORED] = "stored",	  [INTAKE_KNOWN] = "known",
	[INTAKE_EMPTY] = "empty",	  [INTAKE_NOT_OURS] = "not_ours",
	[INTAKE_NO_REPORT] = "no_report", [INTAKE_OVER_LIMIT] = "over_limit",
	[INTAKE_TOO_MANY] = "too_many",	  [INTAKE_LATER] = "later",
};

const char *intake_outcome_name(enum intake_outcome outcome)
{
	return outcome_names[outcome];
}

/* A report, from its arrival to the answer. */
struct item {
	struct item *next;
	struct intake *intake;
	struct intake_ask ask; /* the body is NULL once it is read */
	struct unpacked found;
	struct intake_answer answer;
	char (*domain)[DOMAIN_NAME_SIZE]; /* ours */
	size_t domain_count;
	bool is_new;
};

struct queue {
	struct item *head, **tail;
	size_t count;
};

struct intake {
	struct intake_parts parts;
	struct unpacker *unpacker;
	struct rates *addresses, *domains, *fresh;
	struct queue waiting; /* for the unpacker */
	struct queue ready;   /* to be stored */
	struct queue staged;  /* for the disk */
	struct item *reading; /* or NULL */
	size_t bytes;	      /* of bodies that are not read yet */
	size_t weight;	      /* bytes, about: of reports that are ready */
	struct event *turn;   /* something is ready */
	struct event *house;  /* the rest is to be looked after */
	bool is_asked;	      /* it waits for the syncer, or for the disk */
	bool is_spoilt;	      /* one report fails the transaction */
	int64_t written;      /* as the transaction ended that is synced */
	unsigned long dropped[REPORT_DROP_COUNT]; /* not written yet */
	unsigned prune_limit;
	time_t prune_at;
	int64_t room_until_ms; /* so long its word counts */
	struct err room;       /* ERR_NONE: there is some */
	time_t silent_until;
	int64_t told[TOLD_MAX]; /* domains that it brings news of */
	size_t told_count;
	size_t policy[TLS_REPORT_POLICIES_MAX]; /* of one domain: scratch */
};

static int64_t steady_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static time_t now_of(const struct intake *in)
{
	return in->parts.now(in->parts.arg);
}

/*
 * What a report takes up in memory, about. A few kilobytes of gzip may be
 * megabytes of it, and all that was read stays while the disk is slow.
 */
static size_t weight_of(const struct tls_report *r)
{
	size_t n = r->failure_count * (sizeof(struct tls_failure) + 7 * 64);

	for (size_t i = 0; i < r->policy_count; i++)
		n += sizeof(r->policy[i]) + 128 + strlen(r->policy[i].policy) +
		     strlen(r->policy[i].mx);
	return n;
}

/* ---- queues ---- */

static void queue_init(struct queue *q)
{
	*q = (struct queue){ .tail = &q->head };
}

static void queue_add(struct queue *q, struct item *i)
{
	i->next = NULL;
	*q->tail = i;
	q->tail = &i->next;
	q->count++;
}

static struct item *queue_take(struct queue *q)
{
	struct item *i = q->head;

	if (!i)
		return NULL;
	q->head = i->next;
	if (!q->head)
		q->tail = &q->head;
	q->count--;
	return i;
}

/* ---- answers ---- */

static void count_drop(struct intake *in, enum report_drop why,
		       unsigned long count)
{
	in->dropped[why] += count;
}

/* Its owner hears of it, and it is gone. */
static void answer(struct item *i)
{
	struct intake_answer *a = &i->answer;

	a->domain = (const char(*)[DOMAIN_NAME_SIZE])i->domain;
	a->domain_count = i->domain_count;
	if (i->found.report.organization)
		a->report = &i->found.report;
	i->ask.done(a, i->ask.arg);
	tls_report_release(&i->found.report);
	free(i->ask.body);
	free(i->domain);
	free(i);
}

static void refuse(struct item *i, enum intake_outcome outcome,
		   const struct err *err)
{
	i->answer.outcome = outcome;
	i->answer.err = *err;
	if (outcome == INTAKE_LATER)
		i->answer.retry_after = INTAKE_LATER_SECONDS;
	answer(i);
}

static void refuse_later(struct item *i, const struct err *err)
{
	count_drop(i->intake, REPORT_DROP_NO_ROOM, 1);
	refuse(i, INTAKE_LATER, err);
}

static void complain(struct intake *in, const struct err *err)
{
	time_t now = now_of(in);

	if (now < in->silent_until)
		return;
	in->silent_until = now + COMPLAIN_EVERY;
	log_warn("reports: %s%s%s", err->text, *err->hint ? ": " : "",
		 err->hint);
}

/* ---- what one report comes to ---- */

static bool is_listed(const struct item *i, const char *domain)
{
	for (size_t k = 0; k < i->domain_count; k++)
		if (streq(i->domain[k], domain))
			return true;
	return false;
}

static void list_domain(struct item *i, const char *domain)
{
	i->domain = xrealloc_array(i->domain, i->domain_count + 1,
				   sizeof(*i->domain));
	snprintf(i->domain[i->domain_count++], DOMAIN_NAME_SIZE, "%s", domain);
}

static bool may_add_new(struct intake *in, const struct item *i,
			const char *domain, unsigned *seconds)
{
	*seconds = 0;
	return i->ask.is_trusted ||
	       rates_has(in->fresh, rates_key(in->fresh, domain), steady_ms(),
			 seconds);
}

/* For the others the next look at DNS will do. */
static void note_told(struct intake *in, int64_t id)
{
	for (size_t k = 0; k < in->told_count; k++)
		if (in->told[k] == id)
			return;
	if (in->told_count < TOLD_MAX)
		in->told[in->told_count++] = id;
}

static void took_new(struct intake *in, struct item *i, const struct domain *d)
{
	i->is_new = true;
	note_told(in, d->id);
	if (!i->ask.is_trusted)
		rates_take(in->fresh, rates_key(in->fresh, d->name),
			   steady_ms());
}

/* What it says of one domain of ours. */
static bool store_share(struct intake *in, struct item *i,
			const struct domain *d, struct err *err)
{
	const struct tls_report *r = &i->found.report;
	struct report_entry e = {
		.domain_id = d->id,
		.report = r,
		.policy = in->policy,
		.policy_count = report_share(r, d->name, i->ask.domain,
					     in->policy),
		.via = i->ask.via,
		.signed_by = *i->ask.signed_by ? i->ask.signed_by : NULL,
		.received = now_of(in),
		.digest = i->found.digest,
	};
	bool is_known;

	if (!may_add_new(in, i, d->name, &i->answer.retry_after))
		return err_set(err, ERR_AGAIN,
			       "too many reports of %s in a day", d->name);
	if (!report_add(in->parts.store, &e, &is_known, err))
		return false;
	if (!is_known)
		took_new(in, i, d);
	list_domain(i, d->name);
	return true;
}

/* ERR_NOT_FOUND, or one that says nothing against going on, is no failure. */
static bool try_domain(struct intake *in, struct item *i, const char *name,
		       struct err *err)
{
	struct domain d;

	if (!*name || is_listed(i, name) ||
	    i->domain_count == INTAKE_DOMAINS_MAX)
		return true;
	if (domain_by_name(in->parts.store, name, &d, err) &&
	    store_share(in, i, &d, err))
		return true;
	if (err->kind != ERR_NOT_FOUND)
		return false;
	*err = (struct err)ERR_INIT;
	return true;
}

/* By HTTPS only the path's domain, whatever else is hosted here. */
static bool store_shares(struct intake *in, struct item *i, struct err *err)
{
	const struct tls_report *r = &i->found.report;

	if (*i->ask.domain)
		return (r->policy_count &&
			!report_share(r, i->ask.domain, i->ask.domain,
				      in->policy)) ||
		       try_domain(in, i, i->ask.domain, err);
	for (size_t k = 0; k < r->policy_count; k++)
		if (!try_domain(in, i, report_share_domain(r, k, ""), err))
			return false;
	return true;
}

static size_t count_others(const struct item *i)
{
	const struct tls_report *r = &i->found.report;
	size_t n = 0;

	for (size_t k = 0; k < r->policy_count; k++)
		n += !is_listed(i, report_share_domain(r, k, i->ask.domain));
	return n;
}

static void judge(struct item *i)
{
	struct intake_answer *a = &i->answer;

	a->dropped = count_others(i);
	if (!i->found.report.policy_count)
		a->outcome = INTAKE_EMPTY;
	else if (!i->domain_count)
		a->outcome = INTAKE_NOT_OURS;
	else
		a->outcome = i->is_new ? INTAKE_STORED : INTAKE_KNOWN;
}

/* False: all of the transaction is to be taken back. */
static bool store_one(struct intake *in, struct item *i, struct err *err)
{
	if (store_shares(in, i, err)) {
		judge(i);
		count_drop(in, REPORT_DROP_NOT_OURS, i->answer.dropped);
		queue_add(&in->staged, i);
		return true;
	}
	if (err->kind == ERR_REFUSED) {
		count_drop(in, REPORT_DROP_NO_REPORT, 1);
		refuse(i, INTAKE_NO_REPORT, err);
	} else if (err->kind == ERR_AGAIN && i->answer.retry_after) {
		count_drop(in, REPORT_DROP_TOO_MANY, 1);
		refuse(i, INTAKE_TOO_MANY, err);
	} else {
		in->is_spoilt = err->kind != ERR_AGAIN;
		refuse_later(i, err);
		return !in->is_spoilt;
	}
	return true;
}

/* ---- a turn: one transaction ---- */

static struct item *take_ready(struct intake *in)
{
	struct item *i = queue_take(&in->ready);

	if (i)
		in->weight -= weight_of(&i->found.report);
	return i;
}

/* They are staged again: what was found out is forgotten. */
static void put_back(struct intake *in)
{
	struct queue old = in->ready;
	struct item *i;

	if (!old.head)
		old.tail = &old.head;
	queue_init(&in->ready);
	while ((i = queue_take(&in->staged)) != NULL) {
		i->answer = (struct intake_answer){ 0 };
		i->domain_count = 0;
		i->is_new = false;
		in->weight += weight_of(&i->found.report);
		queue_add(&in->ready, i);
	}
	while ((i = queue_take(&old)) != NULL)
		queue_add(&in->ready, i);
}

static bool store_ready(struct intake *in, struct err *err)
{
	int64_t since = steady_ms();
	struct item *i;

	while (steady_ms() - since < STAGE_MAX_MS &&
	       (i = take_ready(in)) != NULL) {
		*err = (struct err)ERR_INIT;
		if (!store_one(in, i, err))
			return false;
	}
	return true;
}

/* What has come may be news to somebody. */
static bool judge_told(struct intake *in, struct err *err)
{
	struct domain d;

	for (size_t k = 0; k < in->told_count; k++)
		if (!domain_by_id(in->parts.store, in->told[k], &d, err) ||
		    !report_alerts_judge(in->parts.store, &d, in->parts.config,
					 now_of(in), err))
			return false;
	return true;
}

static bool store_drops(struct intake *in, struct err *err)
{
	for (size_t why = 0; why < REPORT_DROP_COUNT; why++)
		if (in->dropped[why] &&
		    !report_drop_add(in->parts.store, (enum report_drop)why,
				     in->dropped[why], now_of(in), err))
			return false;
	return true;
}

static void set_house(struct intake *in, long ms)
{
	const struct timeval after = { .tv_sec = ms / 1000,
				       .tv_usec = ms % 1000 * 1000 };

	event_add(in->house, &after);
}

/* As many at once as there is time for. */
static void pace_prune(struct intake *in, unsigned gone, int64_t took_ms)
{
	bool is_all = gone < in->prune_limit;

	if (took_ms > PRUNE_SLOW_MS && in->prune_limit > PRUNE_MIN)
		in->prune_limit /= 2;
	else if (took_ms < PRUNE_FAST_MS && in->prune_limit < PRUNE_MAX)
		in->prune_limit *= 2;
	if (is_all)
		in->prune_at = now_of(in) + PRUNE_EVERY;
	else
		set_house(in, PRUNE_PAUSE_MS);
}

static bool prune(struct intake *in, struct err *err)
{
	time_t now = now_of(in);
	int64_t since = steady_ms();
	unsigned gone;

	if (now < in->prune_at && in->prune_at <= now + PRUNE_EVERY)
		return true; /* nor has a clock been set back */
	if (!report_prune(in->parts.store,
			  now - in->parts.config->report_retention,
			  in->prune_limit, &gone, err)) {
		in->prune_at = now + PRUNE_EVERY; /* reports go on meanwhile */
		return false;
	}
	pace_prune(in, gone, steady_ms() - since);
	return true;
}

static bool stage(struct intake *in, struct err *err)
{
	struct store *s = in->parts.store;

	in->is_spoilt = false;
	in->told_count = 0;
	if (!store_begin_async(s, err))
		return false;
	if (!store_ready(in, err) || !judge_told(in, err) ||
	    !store_drops(in, err) || !prune(in, err)) {
		store_rollback(s);
		return false;
	}
	if (!store_commit(s, err))
		return false;
	memset(in->dropped, 0, sizeof(in->dropped));
	return true;
}

static void refuse_all(struct queue *q, const struct err *err)
{
	struct item *i;

	while ((i = queue_take(q)) != NULL)
		refuse_later(i, err);
}

static void feed(struct intake *in);

static void ask_for_turn(struct intake *in)
{
	if (in->ready.head)
		event_active(in->turn, EV_TIMEOUT, 0);
}

/* Without a database, nobody need wait. */
static void turn_failed(struct intake *in, const struct err *err)
{
	complain(in, err);
	put_back(in);
	if (in->is_spoilt) /* it has been answered: on with the others */
		return;
	in->weight = 0;
	refuse_all(&in->ready, err);
}

static bool has_work(const struct intake *in)
{
	time_t now = now_of(in);

	for (size_t why = 0; why < REPORT_DROP_COUNT; why++)
		if (in->dropped[why])
			return true;
	return in->ready.head || now >= in->prune_at ||
	       in->prune_at > now + PRUNE_EVERY;
}

static void end_turn(struct intake *in)
{
	in->is_asked = false;
	feed(in);
	ask_for_turn(in);
}

/* The syncer's: it is our turn to commit. */
static bool begin(void *arg)
{
	struct intake *in = arg;
	struct err err = ERR_INIT;

	if (!has_work(in)) {
		in->is_asked = false;
		return false;
	}
	if (!stage(in, &err))
		turn_failed(in, &err);
	in->written = store_written(in->parts.store);
	if (in->staged.head || !store_is_durable(in->parts.store))
		return true;
	end_turn(in);
	return false;
}

static void done(const struct err *problem, void *arg)
{
	struct intake *in = arg;
	struct item *i;

	if (problem->kind != ERR_NONE) {
		complain(in, problem);
		store_sync_failed(in->parts.store);
		refuse_all(&in->staged, problem);
	} else {
		store_synced(in->parts.store, in->written);
	}
	while ((i = queue_take(&in->staged)) != NULL)
		answer(i);
	end_turn(in);
}

static void queue_up(struct intake *in)
{
	if (in->is_asked)
		return;
	in->is_asked = true;
	syncer_queue(in->parts.syncer, begin, done, in);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	queue_up(arg);
}

static void on_house(evutil_socket_t fd, short what, void *arg)
{
	struct intake *in = arg;

	(void)fd;
	(void)what;
	set_house(in, HOUSE_SECONDS * 1000);
	queue_up(in);
}

/* ---- reading ---- */

static void on_read(struct unpacked *found, void *arg)
{
	struct item *i = arg;
	struct intake *in = i->intake;

	i->found = *found;
	in->reading = NULL;
	if (found->err.kind == ERR_NONE) {
		in->weight += weight_of(&found->report);
		queue_add(&in->ready, i);
		ask_for_turn(in);
	} else if (found->err.kind == ERR_REFUSED) {
		count_drop(in, REPORT_DROP_OVER_LIMIT, 1);
		refuse(i, INTAKE_OVER_LIMIT, &found->err);
	} else if (found->err.kind == ERR_INPUT) {
		count_drop(in, REPORT_DROP_NO_REPORT, 1);
		refuse(i, INTAKE_NO_REPORT, &found->err);
	} else {
		refuse_later(i, &found->err);
	}
	feed(in);
}

/* The next one, unless too much waits to be stored. */
static void feed(struct intake *in)
{
	struct item *i;

	if (in->reading || in->weight >= READ_WEIGHT_MAX ||
	    in->ready.count + in->staged.count >= READ_MAX)
		return;
	i = queue_take(&in->waiting);
	if (!i)
		return;
	in->reading = i;
	in->bytes -= i->ask.len;
	unpacker_ask(in->unpacker, i->ask.body, i->ask.len, on_read, i);
	i->ask.body = NULL;
}

/* ---- coming in ---- */

/* A disk that is tight is asked once a second. */
static bool has_room(struct intake *in, struct err *err)
{
	int64_t now = steady_ms();

	if (now >= in->room_until_ms) {
		in->room = (struct err)ERR_INIT;
		store_may_start(in->parts.store, &in->room);
		in->room_until_ms = now + ROOM_LOOK_MS;
	}
	*err = in->room;
	return err->kind == ERR_NONE;
}

static bool has_place(struct intake *in, size_t len, struct err *err)
{
	if (in->waiting.count < INTAKE_QUEUE_MAX &&
	    in->bytes + len <= (size_t)INTAKE_BYTES_MAX)
		return true;
	return err_set(err, ERR_AGAIN, "too many reports wait to be read");
}

static uint64_t peer_key(const struct peer *p)
{
	return p->net * 31 + (uint64_t)p->family;
}

/* Seconds until it may come again; 0: it may come now, and is counted. */
static unsigned over_rate(struct intake *in, const struct intake_ask *ask)
{
	uint64_t address = peer_key(&ask->peer);
	uint64_t domain = rates_key(in->domains, ask->domain);
	int64_t now = steady_ms();
	unsigned seconds;

	if (ask->is_trusted)
		return 0;
	if ((ask->peer.family &&
	     !rates_has(in->addresses, address, now, &seconds)) ||
	    (*ask->domain && !rates_has(in->domains, domain, now, &seconds)))
		return seconds;
	if (ask->peer.family)
		rates_take(in->addresses, address, now);
	if (*ask->domain)
		rates_take(in->domains, domain, now);
	return 0;
}

static void refuse_too_many(struct item *i, unsigned seconds)
{
	struct err err = ERR_INIT;

	err_set(&err, ERR_AGAIN, "too many reports of late");
	i->answer.retry_after = seconds;
	count_drop(i->intake, REPORT_DROP_TOO_MANY, 1);
	refuse(i, INTAKE_TOO_MANY, &err);
}

void intake_take(struct intake *in, const struct intake_ask *ask)
{
	struct item *i = xcalloc(1, sizeof(*i));
	struct err err = ERR_INIT;
	unsigned seconds;

	i->intake = in;
	i->ask = *ask;
	if (!has_room(in, &err) || !has_place(in, ask->len, &err)) {
		refuse_later(i, &err);
		return;
	}
	seconds = over_rate(in, ask);
	if (seconds) {
		refuse_too_many(i, seconds);
		return;
	}
	in->bytes += ask->len;
	queue_add(&in->waiting, i);
	feed(in);
}

/* ---- life ---- */

static bool make_parts(struct intake *in, struct err *err)
{
	struct event_base *base = loop_base(in->parts.loop);

	in->turn = event_new(base, -1, 0, on_turn, in);
	in->house = evtimer_new(base, on_house, in);
	if (!in->turn || !in->house)
		return err_set(err, ERR_INTERNAL, "libevent gave no timer");
	in->unpacker = unpacker_start(in->parts.loop, err);
	return in->unpacker != NULL;
}

static void intake_free(struct intake *in)
{
	if (in->turn)
		event_free(in->turn);
	if (in->house)
		event_free(in->house);
	rates_free(in->addresses);
	rates_free(in->domains);
	rates_free(in->fresh);
	free(in);
}

struct intake *intake_start(const struct intake_parts *parts, struct err *err)
{
	struct intake *in = xcalloc(1, sizeof(*in));

	in->parts = *parts;
	queue_init(&in->waiting);
	queue_init(&in->ready);
	queue_init(&in->staged);
	in->addresses = rates_new(&address_rate);
	in->domains = rates_new(&domain_rate);
	in->fresh = rates_new(&new_rate);
	in->prune_limit = PRUNE_MIN;
	if (make_parts(in, err)) {
		set_house(in, HOUSE_SECONDS * 1000);
		return in;
	}
	intake_free(in);
	return NULL;
}

static bool store_rest(struct intake *in, struct err *err)
{
	struct store *s = in->parts.store;

	if (!store_begin(s, err))
		return false;
	while (in->ready.head)
		if (!store_ready(in, err)) {
			store_rollback(s);
			return false;
		}
	return store_commit(s, err);
}

/* What has been read is stored, with a commit that waits. */
static void finish(struct intake *in)
{
	struct err err = ERR_INIT;
	struct item *i;

	put_back(in);
	if (!in->ready.head)
		return;
	if (!store_rest(in, &err))
		put_back(in);
	while ((i = queue_take(&in->staged)) != NULL)
		answer(i);
}

void intake_stop(struct intake *in)
{
	struct err err = ERR_INIT;

	if (!in)
		return;
	err_set(&err, ERR_AGAIN, "the daemon is stopping");
	syncer_forget(in->parts.syncer, in);
	unpacker_stop(in->unpacker);
	finish(in);
	if (in->reading)
		refuse_later(in->reading, &err);
	refuse_all(&in->waiting, &err);
	refuse_all(&in->ready, &err);
	intake_free(in);
}
