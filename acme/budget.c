#include "acme/budget.h"

#include <libpsl.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"

enum subject { OF_ACCOUNT, OF_REGISTERED_DOMAIN, OF_NAME };

/*
 * Who pays for what. A CA exempts renewals from the first two; of duplicates
 * see needed_of(). A validation is paid for when it fails, but nothing is
 * begun that could not afford to.
 */
static const struct cost {
	enum limit_kind kind;
	enum subject subject;
	bool is_due[BUDGET_PURPOSES];
	long taken;
	bool is_issuance;	/* counted by the CA when it issues */
	const char *words;
} costs[] = {
	{ LIMIT_NEW_ORDERS, OF_ACCOUNT, { true, false, false }, 1, false,
	  "new orders of our account" },
	{ LIMIT_PER_DOMAIN, OF_REGISTERED_DOMAIN, { true, false, false }, 1,
	  true, "new certificates under " },
	{ LIMIT_DUPLICATES, OF_NAME, { true, true, true }, 1, true,
	  "certificates for " },
	{ LIMIT_FAILED_VALIDATIONS, OF_NAME, { true, true, true }, 0, false,
	  "failed validations of " },
};

static const struct cost *cost_of(enum limit_kind kind)
{
	for (size_t i = 0; i < ARRAY_LEN(costs); i++)
		if (costs[i].kind == kind)
			return &costs[i];
	return NULL;
}

const char *budget_registered_domain(const char *host)
{
	const char *domain = psl_registrable_domain(psl_builtin(), host);

	return domain ? domain : host;
}

static const char *subject_of(enum subject subject, const char *host)
{
	switch (subject) {
	case OF_REGISTERED_DOMAIN:
		return budget_registered_domain(host);
	case OF_NAME:
		return host;
	case OF_ACCOUNT:
		break;
	}
	return "";
}

/*
 * In its window a renewal is exempt from the CA's limit of duplicates. Then
 * only our own guard is left, and that exempts what is urgent.
 */
static long needed_of(enum limit_kind kind, struct limit limit,
		      const struct budget_order *o)
{
	if (kind != LIMIT_DUPLICATES)
		return 1;
	if (o->purpose == BUDGET_ARI && (o->is_revoked || o->is_emergency))
		return 0;
	return limit_duplicates_needed(limit, o->is_revoked, o->is_emergency);
}

/* For emergencies: one at least, whatever the limit. */
static long kept_of(struct limit limit)
{
	long kept = limit_duplicates_needed(limit, false, false) - 1;

	return kept > 0 ? kept : 1;
}

static struct budget_item item_of(const struct cost *cost,
				  const struct limits *limits,
				  const struct budget_order *o)
{
	struct budget_item item = { .kind = cost->kind,
				    .limit = limits->of[cost->kind],
				    .taken = cost->taken };

	str_copy(item.subject, sizeof(item.subject),
		 subject_of(cost->subject, o->host));
	if (cost->kind == LIMIT_DUPLICATES)
		item.limit = limit_duplicates(item.limit, o->life);
	item.needed = needed_of(cost->kind, item.limit, o);
	if (!item.needed)
		item.taken = 0; /* nor could a failure give it back */
	if (cost->kind == LIMIT_PER_DOMAIN)
		item.reserved = o->reserved;
	if (cost->kind == LIMIT_DUPLICATES && o->uncounted_ms) {
		item.left_ms = o->uncounted_ms;
		item.left = kept_of(item.limit);
	}
	return item;
}

void budget_for_order(struct budget *b, const struct limits *limits,
		      const struct budget_order *o)
{
	*b = (struct budget){ .ca_id = o->ca_id };
	for (size_t i = 0; i < ARRAY_LEN(costs); i++)
		if (costs[i].is_due[o->purpose])
			b->items[b->count++] = item_of(&costs[i], limits, o);
}

/* What has no limit leaves no row. */
static bool put(const struct budget_item *item, int64_t ca_id,
		struct store *s, const struct bucket *bucket, struct err *err)
{
	return !item->limit.burst ||
	       bucket_write(s, ca_id, (int)item->kind, item->subject, bucket,
			    err);
}

/*
 * As if all that is not for emergencies had been used by then: what is planned
 * waits until some would have come back, and the promise costs nothing.
 */
static void doubt(const struct budget_item *item, int64_t now_ms,
		  struct bucket *bucket)
{
	int64_t most = item->left * 1000;

	if (!item->left_ms || item->left_ms > now_ms ||
	    bucket->at_ms / 1000 > item->left_ms / 1000 || !item->limit.burst)
		return; /* it is known to the second */
	if (bucket->at_ms < item->left_ms)
		bucket_settle(bucket, item->limit, item->left_ms);
	if (bucket->level > most)
		bucket->level = most;
}

/* A bucket that is full at the CA gains nothing, and so must not ours. */
static void hold_back(const struct budget_item *item, int64_t now_ms,
		      struct bucket *bucket)
{
	int64_t most = (item->limit.burst - item->reserved) * 1000;

	if (item->reserved <= 0 || !item->limit.burst)
		return;
	bucket_settle(bucket, item->limit, now_ms);
	if (bucket->level > most)
		bucket->level = most;
}

/*
 * A row from the future was written by a clock that has stepped back since.
 * It would stand still until then: from here on it goes with this clock.
 */
static bool get(const struct budget_item *item, int64_t ca_id, struct store *s,
		int64_t now_ms, struct bucket *bucket, struct err *err)
{
	if (!bucket_read(s, ca_id, (int)item->kind, item->subject, bucket, err))
		return false;
	doubt(item, now_ms, bucket);
	if (bucket->at_ms > now_ms) {
		bucket_settle(bucket, item->limit, now_ms);
		if (!put(item, ca_id, s, bucket, err))
			return false;
	}
	hold_back(item, now_ms, bucket);
	return true;
}

/* There are some, but they are for worse days. */
static bool say_kept(const struct budget_item *item, int64_t level,
		     const char *period, const char *at, struct err *err)
{
	err_set(err, ERR_AGAIN,
		"%lld of %ld %s%s in %s are used, %ld are kept for emergencies",
		(long long)(item->limit.burst - level / 1000),
		item->limit.burst, cost_of(item->kind)->words, item->subject,
		period, item->needed - 1);
	return err_hint(err,
			"goes on at %s; one that is revoked or about to "
			"expire need not wait",
			at);
}

static bool say_why(const struct budget_item *item, int64_t level,
		    int64_t ready_ms, struct err *err)
{
	char period[DURATION_TEXT], at[INSTANT_TEXT];

	duration_rough(item->limit.period, period);
	instant_format((ready_ms + 999) / 1000, at);
	if (level >= 1000)
		return say_kept(item, level, period, at, err);
	err_set(err, ERR_AGAIN, "the limit of %s%s is reached (%ld in %s)",
		cost_of(item->kind)->words, item->subject, item->limit.burst,
		period);
	if (item->needed > 1)
		return err_hint(err, "goes on at %s; %ld are kept for a "
				     "certificate revoked or about to expire",
				at, item->needed - 1);
	return err_hint(err, "goes on at %s by itself", at);
}

bool budget_check(const struct budget *b, struct store *s, int64_t now_ms,
		  struct budget_wait *wait, struct err *err)
{
	struct budget_wait last = { LIMIT_KINDS, now_ms };
	const struct budget_item *which = NULL;
	struct bucket bucket;
	int64_t at, level = 0;

	for (size_t i = 0; i < b->count; i++) {
		const struct budget_item *item = &b->items[i];

		if (!get(item, b->ca_id, s, now_ms, &bucket, err))
			return false;
		at = bucket_ready_ms(&bucket, item->limit, now_ms, item->needed);
		if (at <= last.ready_ms)
			continue;
		last = (struct budget_wait){ item->kind, at };
		which = item;
		level = bucket_level_at(&bucket, item->limit, now_ms);
	}
	if (!which)
		return true;
	*wait = last;
	return say_why(which, level, last.ready_ms, err);
}

static bool take_item(const struct budget_item *item, int64_t ca_id,
		      struct store *s, int64_t now_ms, struct err *err)
{
	struct bucket bucket;

	if (!item->taken)
		return true;
	if (!get(item, ca_id, s, now_ms, &bucket, err))
		return false;
	return !bucket_take(&bucket, item->limit, now_ms, item->taken) ||
	       put(item, ca_id, s, &bucket, err);
}

bool budget_take(const struct budget *b, struct store *s, int64_t now_ms,
		 struct budget_wait *wait, struct err *err)
{
	if (!budget_check(b, s, now_ms, wait, err))
		return false;
	for (size_t i = 0; i < b->count; i++)
		if (!take_item(&b->items[i], b->ca_id, s, now_ms, err))
			return false;
	return true;
}

typedef void bucket_change(struct bucket *b, struct limit limit, int64_t now_ms,
			   long n);

static bool change_item(const struct budget_item *item, int64_t ca_id,
			bucket_change *change, struct store *s, int64_t now_ms,
			struct err *err)
{
	struct bucket bucket;

	if (!get(item, ca_id, s, now_ms, &bucket, err))
		return false;
	change(&bucket, item->limit, now_ms, item->taken);
	return put(item, ca_id, s, &bucket, err);
}

/* What a CA only counts when it issues. */
static bool change_issuance(const struct budget *b, bucket_change *change,
			    struct store *s, int64_t now_ms, struct err *err)
{
	for (size_t i = 0; i < b->count; i++) {
		const struct budget_item *item = &b->items[i];

		if (cost_of(item->kind)->is_issuance && item->needed &&
		    !change_item(item, b->ca_id, change, s, now_ms, err))
			return false;
	}
	return true;
}

bool budget_refund(const struct budget *b, struct store *s, int64_t now_ms,
		   struct err *err)
{
	return change_issuance(b, bucket_refund, s, now_ms, err);
}

bool budget_charge(const struct budget *b, struct store *s, int64_t now_ms,
		   struct err *err)
{
	return change_issuance(b, bucket_charge, s, now_ms, err);
}

bool budget_settle(const struct budget *b, struct store *s, int64_t now_ms,
		   struct err *err)
{
	struct bucket bucket;

	for (size_t i = 0; i < b->count; i++)
		if (b->items[i].reserved > 0 &&
		    (!get(&b->items[i], b->ca_id, s, now_ms, &bucket, err) ||
		     !put(&b->items[i], b->ca_id, s, &bucket, err)))
			return false;
	return true;
}

bool budget_charge_failure(const struct limits *limits,
			   const struct budget_order *o, struct store *s,
			   int64_t now_ms, struct err *err)
{
	struct budget_item item = item_of(cost_of(LIMIT_FAILED_VALIDATIONS),
					  limits, o);

	item.taken = 1;
	return change_item(&item, o->ca_id, bucket_charge, s, now_ms, err);
}

bool budget_empty_until(const struct limits *limits,
			const struct budget_order *o, enum limit_kind kind,
			struct store *s, int64_t now_ms, int64_t until_ms,
			struct err *err)
{
	const struct cost *cost = cost_of(kind);
	struct budget_item item;
	struct bucket bucket;

	if (!cost)
		return true;	/* a limit that orders do not pay */
	item = item_of(cost, limits, o);
	if (!get(&item, o->ca_id, s, now_ms, &bucket, err))
		return false;
	bucket_empty_until(&bucket, item.limit, now_ms, until_ms);
	return put(&item, o->ca_id, s, &bucket, err);
}

long budget_estimate(struct limit limit, const struct bucket *bucket,
		     long count, int64_t now_ms)
{
	int64_t missing;

	if (!limit.burst || count <= 0)
		return 0;
	if (count > INT32_MAX)
		count = INT32_MAX;
	missing = count * 1000 - bucket_level_at(bucket, limit, now_ms);
	if (missing <= 0)
		return 0;
	missing = (missing + 999) / 1000;
	return missing / limit.burst * limit.period +
	       (missing % limit.burst * limit.period + limit.burst - 1) /
		       limit.burst;
}
