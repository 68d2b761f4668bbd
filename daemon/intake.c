#include "daemon/intake.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/steady.h"
#include "base/str.h"
#include "base/when.h"
#include "daemon/report_about.h"
#include "daemon/report_alerts.h"
#include "daemon/report_house.h"
#include "daemon/report_quota.h"
#include "daemon/report_reason.h"
#include "daemon/report_share.h"
#include "daemon/unpacker.h"
#include "store/domain.h"
#include "store/health.h"

#define STORE_MS	  4    /* for reports in a turn; the rest in the next */
#define TURN_MS		  8    /* for all that is done in one, about */
#define STOP_MS		  1000 /* for what is ready at the end */
#define READ_WEIGHT_MAX	  (4L * 1024 * 1024) /* bytes, that wait to be stored */
#define READ_MAX	  256
#define TOLD_MAX	  16 /* domains that are judged in a turn, or of a report */
#define ROOM_LOOK_MS	  1000
#define HOUSE_SECONDS	  10 /* between what is done beside the reports */
#define MORE_MS		  100 /* ... if some was left */
#define COMPLAIN_EVERY	  (10 * WHEN_MINUTE)

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

/* How far it has been stored: a large one takes several turns. */
struct progress {
	size_t share;	     /* the next one of its shares */
	size_t domain_count; /* of those before it: ours, */
	size_t policy_count; /* ... and the policies of these */
	unsigned told;	     /* domains that it is news of, and are judged */
	unsigned surplus;    /* domains that have enough of its id and day */
	bool is_new;
};

/* A report, from its arrival to the answer. */
struct item {
	struct item *next;
	struct intake *intake;
	struct intake_ask ask; /* the body is NULL once it is read */
	struct unpacked found;
	char about[DOMAIN_NAME_SIZE]; /* the domain that it is about, or "" */
	struct report_shares shares;  /* of what was found */
	struct intake_answer answer;
	char (*domain)[DOMAIN_NAME_SIZE]; /* ours */
	struct progress at, kept;	  /* now; as it is committed */
	bool is_early; /* it is to come again when its days are over */
};

struct queue {
	struct item *head, **tail;
	size_t count;
};

/* Refusals of a reason: the log has one line in a while. */
struct refusals {
	time_t silent_until;
	unsigned long untold;
};

struct intake {
	struct intake_parts parts;
	struct unpacker *unpacker;
	struct report_quota *quota;
	struct queue waiting; /* for the unpacker */
	struct queue ready;   /* to be stored */
	struct queue staged;  /* for the disk */
	struct item *reading; /* or NULL */
	size_t bytes;	      /* of bodies that are not read yet */
	size_t weight;	      /* bytes, about: of reports that are ready */
	struct event *turn;   /* something is ready */
	struct event *house;  /* the rest is to be looked after */
	bool is_asked;	      /* it waits for the syncer, or for the disk */
	bool is_spoilt;	      /* by one report, or by those that are to go */
	int64_t written;      /* as the transaction ended that is synced */
	unsigned long dropped[REPORT_DROP_COUNT]; /* not written yet */
	unsigned long not_ours; /* ... and of those that are staged in a turn */
	unsigned long surplus;
	unsigned long ended[INTAKE_OUTCOMES]; /* answered so */
	struct report_house keeping;
	int64_t room_until_ms; /* so long its word counts */
	struct err room;       /* ERR_NONE: there is some */
	time_t silent_until;
	struct refusals refusals[REPORT_DROP_COUNT];
	int64_t told[TOLD_MAX]; /* domains that it brings news of */
	size_t told_count;
};

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

static void log_refusal(struct intake *in, enum report_drop why,
			const struct item *i)
{
	struct refusals *r = &in->refusals[why];
	time_t now = now_of(in);
	char more[48] = "";

	if (now < r->silent_until && r->silent_until <= now + COMPLAIN_EVERY) {
		r->untold++;
		return;
	}
	if (r->untold)
		snprintf(more, sizeof(more), " (and %lu such before)",
			 r->untold);
	log_info("reports: %s%sone by %s is refused: %s%s", i->ask.domain,
		 *i->ask.domain ? ": " : "", report_via_name(i->ask.via),
		 report_reason(&i->answer), more);
	*r = (struct refusals){ .silent_until = now + COMPLAIN_EVERY };
}

/* Its owner hears of it, and it is gone. */
static void answer(struct item *i)
{
	struct intake_answer *a = &i->answer;

	a->domain = (const char(*)[DOMAIN_NAME_SIZE])i->domain;
	a->domain_count = i->at.domain_count;
	if (i->found.report.organization)
		a->report = &i->found.report;
	i->intake->ended[a->outcome]++;
	i->ask.done(a, i->ask.arg);
	report_shares_release(&i->shares);
	tls_report_release(&i->found.report);
	free(i->ask.body);
	free(i->domain);
	free(i);
}

static void refuse(struct item *i, enum report_drop why,
		   enum intake_outcome outcome, const struct err *err)
{
	i->answer.outcome = outcome;
	i->answer.err = *err;
	count_drop(i->intake, why, 1);
	log_refusal(i->intake, why, i);
	if (outcome == INTAKE_LATER && !i->answer.retry_after)
		i->answer.retry_after = INTAKE_LATER_SECONDS;
	answer(i);
}

static void refuse_later(struct item *i, const struct err *err)
{
	refuse(i, REPORT_DROP_NO_ROOM, INTAKE_LATER, err);
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

static void list_domain(struct item *i, const char *domain, size_t policies)
{
	size_t n = i->at.domain_count++;

	i->at.policy_count += policies;
	i->domain = xrealloc_array(i->domain, n + 1, sizeof(*i->domain));
	snprintf(i->domain[n], DOMAIN_NAME_SIZE, "%s", domain);
}

static struct report_sender sender_of(const struct item *i)
{
	return (struct report_sender){ .peer = &i->ask.peer,
				       .signed_by = i->ask.signed_by };
}

static bool may_add_new(struct intake *in, const struct item *i,
			const char *domain, unsigned *seconds)
{
	const struct report_sender who = sender_of(i);

	*seconds = 0;
	return i->ask.is_trusted ||
	       report_quota_has(in->quota, &who, domain, seconds);
}

/* For the others the next look at DNS will do. */
static void note_told(struct intake *in, struct item *i, int64_t id)
{
	if (i->at.told == TOLD_MAX)
		return;
	for (size_t k = 0; k < in->told_count; k++)
		if (in->told[k] == id)
			return;
	if (in->told_count == TOLD_MAX)
		return;
	in->told[in->told_count++] = id;
	i->at.told++;
}

static void took_new(struct intake *in, struct item *i, const struct domain *d)
{
	i->at.is_new = true;
	report_house_grew(&in->keeping);
	note_told(in, i, d->id);
}

/* For what was written, be it that it was not kept. */
static void pay(struct intake *in, const struct item *i, const struct domain *d)
{
	const struct report_sender who = sender_of(i);

	if (!i->ask.is_trusted)
		report_quota_take(in->quota, &who, d->name);
}

/* Details are given up before days are. */
static bool is_brief(struct intake *in, int64_t domain_id)
{
	struct report_room room;

	return report_room_of(in->parts.store, domain_id, &room, NULL) &&
	       room.bytes > in->parts.config->report_room / 2;
}

/* Who posts asks again by himself; mail waits in a queue or a mailbox of ours. */
static bool may_be_early(struct intake *in, const struct item *i, time_t now)
{
	return !in->parts.is_time_known(in->parts.arg) ||
	       (i->ask.via == REPORT_HTTPS &&
		i->found.report.end <= now + INTAKE_EARLY_MAX);
}

/*
 * Days that have not been: reporters do not come again after a 4xx, so that is
 * only for what no clock of ours could be right about.
 */
static bool is_over(struct intake *in, struct item *i, struct err *err)
{
	time_t end = i->found.report.end, now = now_of(in);

	if (end <= now + REPORT_AHEAD)
		return true;
	i->is_early = may_be_early(in, i, now);
	return err_set(err, i->is_early ? ERR_AGAIN : ERR_REFUSED,
		       "the days that it tells of have not come yet");
}

static bool store_new(struct intake *in, struct item *i, const struct domain *d,
		      const struct report_entry *e, enum report_novelty *is,
		      struct err *err)
{
	if (!is_over(in, i, err))
		return false;
	if (!may_add_new(in, i, d->name, &i->answer.retry_after))
		return err_set(err, ERR_AGAIN,
			       "too many reports of %s in a day", d->name);
	if (!report_add(in->parts.store, e, is, err))
		return false;
	pay(in, i, d);
	if (*is == REPORT_NEW)
		took_new(in, i, d);
	return true;
}

/* What it says of one domain of ours. */
static bool store_share(struct intake *in, struct item *i,
			const struct report_share *share,
			const struct domain *d, struct err *err)
{
	const struct report_entry e = {
		.domain_id = d->id,
		.report = &i->found.report,
		.policy = share->policy,
		.policy_count = share->count,
		.via = i->ask.via,
		.signed_by = *i->ask.signed_by ? i->ask.signed_by : NULL,
		.received = now_of(in),
		.content = i->found.content,
		.is_brief = is_brief(in, d->id),
	};
	enum report_novelty is;
	bool is_news;

	if (!report_meet(in->parts.store, &e, &is, &is_news, err) ||
	    (is == REPORT_NEW && !store_new(in, i, d, &e, &is, err)))
		return false;
	if (is_news)
		note_told(in, i, d->id);
	i->at.surplus += is == REPORT_SURPLUS;
	list_domain(i, d->name, share->count);
	return true;
}

/* ERR_NOT_FOUND, or one that says nothing against going on, is no failure. */
static bool try_share(struct intake *in, struct item *i,
		      const struct report_share *share, struct err *err)
{
	struct domain d;

	if (!*share->domain ||
	    (domain_by_name(in->parts.store, share->domain, &d, err) &&
	     store_share(in, i, share, &d, err)))
		return true;
	if (err->kind != ERR_NOT_FOUND)
		return false;
	*err = (struct err)ERR_INIT;
	return true;
}

/* By HTTPS only the path's domain, whatever else is hosted here. */
static bool store_path_share(struct intake *in, struct item *i, struct err *err)
{
	const struct report_share nothing = { .domain = i->ask.domain };
	const struct report_share *share = report_shares_find(&i->shares,
							      i->ask.domain);

	if (!share && i->shares.count)
		return true;
	return try_share(in, i, share ? share : &nothing, err);
}

static bool has_more(const struct item *i)
{
	return !*i->ask.domain && i->at.share < i->shares.count &&
	       i->at.domain_count < INTAKE_DOMAINS_MAX;
}

/* One domain at least, and then as many as there is time for. */
static bool store_shares(struct intake *in, struct item *i, int64_t until,
			 struct err *err)
{
	if (*i->ask.domain)
		return store_path_share(in, i, err);
	while (has_more(i)) {
		if (!try_share(in, i, &i->shares.share[i->at.share], err))
			return false;
		i->at.share++;
		if (steady_ms() >= until)
			break;
	}
	return true;
}

static void judge(struct item *i)
{
	struct intake_answer *a = &i->answer;

	a->dropped = i->found.report.policy_count - i->at.policy_count;
	if (!i->found.report.policy_count)
		a->outcome = INTAKE_EMPTY;
	else if (!i->at.domain_count)
		a->outcome = INTAKE_NOT_OURS;
	else
		a->outcome = i->at.is_new ? INTAKE_STORED : INTAKE_KNOWN;
}

/* False: all of the transaction is to be taken back. */
static bool refuse_one(struct intake *in, struct item *i, const struct err *err)
{
	if (err->kind == ERR_REFUSED) {
		refuse(i, REPORT_DROP_NO_REPORT, INTAKE_NO_REPORT, err);
	} else if (i->is_early) {
		i->answer.retry_after = INTAKE_EARLY_SECONDS;
		i->answer.is_early = true;
		refuse(i, REPORT_DROP_AHEAD, INTAKE_LATER, err);
	} else if (err->kind == ERR_AGAIN && i->answer.retry_after) {
		refuse(i, REPORT_DROP_TOO_MANY, INTAKE_TOO_MANY, err);
	} else {
		in->is_spoilt = err->kind != ERR_AGAIN;
		refuse_later(i, err);
		return !in->is_spoilt;
	}
	return true;
}

static void stage_one(struct intake *in, struct item *i)
{
	judge(i);
	in->not_ours += i->answer.dropped;
	in->surplus += i->at.surplus;
	if (i->answer.outcome == INTAKE_NOT_OURS)
		log_refusal(in, REPORT_DROP_NOT_OURS, i);
	queue_add(&in->staged, i);
}

/* ---- a turn: one transaction ---- */

static struct item *take_ready(struct intake *in)
{
	struct item *i = queue_take(&in->ready);

	if (i)
		in->weight -= weight_of(&i->found.report);
	return i;
}

static void queue_move(struct queue *to, struct queue *from)
{
	struct item *i;

	while ((i = queue_take(from)) != NULL)
		queue_add(to, i);
}

static void forget_turn(struct item *i)
{
	i->answer = (struct intake_answer){ 0 };
	i->at = i->kept;
	i->is_early = false;
}

/* They are staged again: what the transaction found out is forgotten. */
static void put_back(struct intake *in)
{
	struct queue all;

	queue_init(&all);
	for (struct item *i = in->staged.head; i; i = i->next) {
		forget_turn(i);
		in->weight += weight_of(&i->found.report);
	}
	if (in->ready.head) /* a part of it may have been staged */
		forget_turn(in->ready.head);
	queue_move(&all, &in->staged);
	queue_move(&all, &in->ready);
	queue_move(&in->ready, &all);
	in->not_ours = in->surplus = 0;
}

/* Of the first that is left a part was staged, perhaps. */
static void keep_turn(struct intake *in)
{
	if (in->ready.head)
		in->ready.head->kept = in->ready.head->at;
	memset(in->dropped, 0, sizeof(in->dropped));
	in->not_ours = in->surplus = 0;
}

static bool store_ready(struct intake *in, int64_t until, struct err *err)
{
	struct item *i;

	while (steady_ms() < until && (i = in->ready.head) != NULL) {
		*err = (struct err)ERR_INIT;
		if (store_shares(in, i, until, err)) {
			if (has_more(i))
				break;
			stage_one(in, take_ready(in));
		} else if (!refuse_one(in, take_ready(in), err)) {
			return false;
		}
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
	for (size_t why = 0; why < REPORT_DROP_COUNT; why++) {
		unsigned long n = in->dropped[why];

		if (why == REPORT_DROP_NOT_OURS)
			n += in->not_ours;
		if (why == REPORT_DROP_TOO_MANY)
			n += in->surplus;
		if (n &&
		    !report_drop_add(in->parts.store, (enum report_drop)why, n,
				     now_of(in), err))
			return false;
	}
	return true;
}

static void set_house(struct intake *in, long ms)
{
	const struct timeval after = { .tv_sec = ms / 1000,
				       .tv_usec = ms % 1000 * 1000 };

	event_add(in->house, &after);
}

/* What fails is out of it next time: on with the reports. */
static bool keep_house(struct intake *in, int64_t until, struct err *err)
{
	if (!report_house_turn(&in->keeping, in->parts.store, in->parts.config,
			       now_of(in), until, err)) {
		in->is_spoilt = true;
		return false;
	}
	if (in->keeping.is_more)
		set_house(in, MORE_MS);
	return true;
}

/* All of it, or nothing. */
static bool conclude(struct intake *in, bool is_good, struct err *err)
{
	if (!is_good) {
		store_rollback(in->parts.store);
		return false;
	}
	if (!store_commit(in->parts.store, err))
		return false;
	keep_turn(in);
	return true;
}

static bool stage(struct intake *in, struct err *err)
{
	struct store *s = in->parts.store;
	int64_t since = steady_ms();

	in->is_spoilt = false;
	in->told_count = 0;
	return store_begin_async(s, err) &&
	       conclude(in,
			store_ready(in, since + STORE_MS, err) &&
				judge_told(in, err) && store_drops(in, err) &&
				keep_house(in, since + TURN_MS, err),
			err);
}

static void refuse_all(struct queue *q, const struct err *err)
{
	struct item *i;

	while ((i = queue_take(q)) != NULL)
		refuse_later(i, err);
}

static void feed(struct intake *in);

/*
 * By a timer: what is made active within a turn of the loop runs in the same
 * one, before anything else that has come is looked at.
 */
static void ask_for_turn(struct intake *in)
{
	static const struct timeval at_once = { 0 };

	if (in->ready.head && !evtimer_pending(in->turn, NULL))
		event_add(in->turn, &at_once);
}

/* Without a database, nobody need wait. */
static void turn_failed(struct intake *in, const struct err *err)
{
	complain(in, err);
	put_back(in);
	if (in->is_spoilt) /* what did it is out of it: on with the others */
		return;
	in->weight = 0;
	refuse_all(&in->ready, err);
}

static bool has_work(const struct intake *in)
{
	for (size_t why = 0; why < REPORT_DROP_COUNT; why++)
		if (in->dropped[why])
			return true;
	return in->ready.head ||
	       report_house_has_work(&in->keeping, now_of(in));
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

/* By HTTPS it is the path that says what it is about. */
static bool share_out(struct intake *in, struct item *i, struct err *err)
{
	struct report_names own = { .count = 0 };

	str_copy(i->about, sizeof(i->about), i->ask.domain);
	if (!*i->about && !report_about(in->parts.store, &i->found.report,
					i->ask.about, i->about, &own, err))
		return false;
	report_shares_init(&i->shares, &i->found.report, i->about, &own);
	return true;
}

static void make_ready(struct intake *in, struct item *i)
{
	struct err err = ERR_INIT;

	if (!share_out(in, i, &err)) {
		refuse_later(i, &err);
		return;
	}
	in->weight += weight_of(&i->found.report);
	queue_add(&in->ready, i);
	ask_for_turn(in);
}

static void on_read(struct unpacked *found, void *arg)
{
	struct item *i = arg;
	struct intake *in = i->intake;

	i->found = *found;
	in->reading = NULL;
	if (found->err.kind == ERR_NONE) {
		make_ready(in, i);
	} else if (found->err.kind == ERR_REFUSED) {
		refuse(i, REPORT_DROP_OVER_LIMIT, INTAKE_OVER_LIMIT,
		       &found->err);
	} else if (found->err.kind == ERR_INPUT) {
		refuse(i, REPORT_DROP_NO_REPORT, INTAKE_NO_REPORT, &found->err);
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

static void refuse_too_many(struct item *i, unsigned seconds)
{
	struct err err = ERR_INIT;

	err_set(&err, ERR_AGAIN, "too many reports of late");
	i->answer.retry_after = seconds;
	refuse(i, REPORT_DROP_TOO_MANY, INTAKE_TOO_MANY, &err);
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
	seconds = ask->is_trusted ? 0
				  : report_quota_knock(in->quota, &ask->peer);
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

	in->turn = evtimer_new(base, on_turn, in);
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
	report_quota_free(in->quota);
	free(in);
}

struct intake *intake_start(const struct intake_parts *parts, struct err *err)
{
	struct intake *in = xcalloc(1, sizeof(*in));

	in->parts = *parts;
	queue_init(&in->waiting);
	queue_init(&in->ready);
	queue_init(&in->staged);
	in->quota = report_quota_new();
	report_house_init(&in->keeping);
	if (make_parts(in, err)) {
		set_house(in, HOUSE_SECONDS * 1000);
		return in;
	}
	intake_free(in);
	return NULL;
}

/* As a turn, but with all that is ready; for so long. */
static bool store_rest(struct intake *in, struct err *err)
{
	struct store *s = in->parts.store;
	int64_t until = steady_ms() + STOP_MS;

	return store_begin_async(s, err) &&
	       conclude(in, store_ready(in, until, err) && store_drops(in, err),
			err);
}

static bool wait_for_disk(struct intake *in, struct err *err)
{
	struct store *s = in->parts.store;
	int64_t written = store_written(s);

	if (store_is_durable(s))
		return true;
	if (!store_sync(s, err)) {
		store_sync_failed(s);
		return false;
	}
	store_synced(s, written);
	return store_is_durable(s) || err_set(err, ERR_AGAIN, "the disk fails");
}

/* What has been read is stored, and the disk waited for. */
static void finish(struct intake *in)
{
	struct err err = ERR_INIT;
	struct queue committed;
	struct item *i;

	queue_init(&committed);
	queue_move(&committed, &in->staged);
	if (!store_rest(in, &err))
		put_back(in);
	queue_move(&committed, &in->staged);
	if (!wait_for_disk(in, &err))
		refuse_all(&committed, &err);
	while ((i = queue_take(&committed)) != NULL)
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

unsigned long intake_count(const struct intake *in, enum intake_outcome how)
{
	return in->ended[how];
}
