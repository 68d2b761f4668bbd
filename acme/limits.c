#include "acme/limits.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "base/when.h"

#define TOKEN	  1000		   /* thousandths */
#define KNOWN_FOR (119 * WHEN_DAY) /* a day less than they say */

/*
 * Let's Encrypt counts 300 orders. It publishes what comes back in whole
 * minutes and hours, rounded up; so do the periods here. Of failed
 * validations it allows five, and one more each twelve minutes: three, and one
 * more each twenty, leave room for an order in which it looks three times.
 */
struct limits limits_default(void)
{
	return (struct limits){ {
		[LIMIT_NEW_ORDERS] = { 280, 3 * WHEN_HOUR },
		[LIMIT_PER_DOMAIN] = { 50, 50 * 202 * WHEN_MINUTE },
		[LIMIT_DUPLICATES] = { 5, 5 * 34 * WHEN_HOUR },
		[LIMIT_FAILED_VALIDATIONS] = { 3, WHEN_HOUR },
		[LIMIT_ARI] = { 10, 1 },
		[LIMIT_POSTS] = { 100, 1 },
	} };
}

struct limits limits_staging(void)
{
	return (struct limits){ {
		[LIMIT_NEW_ORDERS] = { 1400, 3 * WHEN_HOUR },
		[LIMIT_PER_DOMAIN] = { 30000, 7 * WHEN_DAY },
		[LIMIT_DUPLICATES] = { 30000, 7 * WHEN_DAY },
		[LIMIT_FAILED_VALIDATIONS] = { 100, WHEN_HOUR },
		[LIMIT_ARI] = { 10, 1 },
		[LIMIT_POSTS] = { 20, 1 },
	} };
}

time_t limit_known_since(time_t now)
{
	return now - KNOWN_FOR;
}

const char *limit_name(enum limit_kind kind)
{
	static const char *const names[LIMIT_KINDS] = {
		[LIMIT_NEW_ORDERS] = "new-orders",
		[LIMIT_PER_DOMAIN] = "per-domain",
		[LIMIT_DUPLICATES] = "duplicates",
		[LIMIT_FAILED_VALIDATIONS] = "failed-validations",
		[LIMIT_ARI] = "ari",
		[LIMIT_POSTS] = "posts",
	};

	return names[kind];
}

bool limit_is_sane(struct limit limit)
{
	return limit.burst >= 0 && limit.burst <= LIMIT_BURST_MAX &&
	       limit.period >= 1 && limit.period <= LIMIT_PERIOD_MAX;
}

enum limit_kind limit_meant(const char *problem)
{
	static const struct {
		const char *words;
		enum limit_kind kind;
	} meanings[] = {
		{ "new orders", LIMIT_NEW_ORDERS },
		{ "failed authorizations", LIMIT_FAILED_VALIDATIONS },
		{ "exact set of", LIMIT_DUPLICATES },
		{ "already issued for", LIMIT_PER_DOMAIN },	/* after it */
	};

	for (size_t i = 0; i < ARRAY_LEN(meanings); i++)
		if (strstr(problem, meanings[i].words))
			return meanings[i].kind;
	return LIMIT_KINDS;
}

bool limit_is_pause(const char *problem)
{
	return strstr(problem, "temporarily prevented from requesting");
}

/* From the deepest debt: a whole burst and the longest pause below nothing. */
int64_t limits_forget_before(const struct limits *limits, int64_t now_ms)
{
	long longest = 0;

	for (size_t i = 0; i < LIMIT_KINDS; i++)
		if (limits->of[i].period > longest)
			longest = limits->of[i].period;
	return now_ms - (2 * longest + LIMIT_WAIT_MAX) * 1000;
}

static int64_t full_of(struct limit limit)
{
	return (int64_t)limit.burst * TOKEN;
}

/* Thousandths a millisecond are tokens a second: no factor. */
static int64_t gain_of(struct limit limit, int64_t ms)
{
	return ms * limit.burst / limit.period;
}

/* Milliseconds until so many thousandths have come back, rounded up. */
static int64_t time_of(struct limit limit, int64_t thousandths)
{
	return (thousandths * limit.period + limit.burst - 1) / limit.burst;
}

/* What the row says, brought within what it can be: rows may be damaged. */
static int64_t stored_level(const struct bucket *b, struct limit limit)
{
	int64_t full = full_of(limit);
	int64_t lowest = -full - gain_of(limit, LIMIT_WAIT_MAX * 1000);

	if (b->level > full)
		return full;
	return b->level < lowest ? lowest : b->level;
}

static int64_t stored_at(const struct bucket *b, int64_t now_ms)
{
	if (b->at_ms > now_ms)
		return now_ms;
	return b->at_ms < 0 ? 0 : b->at_ms;
}

int64_t bucket_level_at(const struct bucket *b, struct limit limit,
			int64_t now_ms)
{
	int64_t passed = now_ms - stored_at(b, now_ms);
	int64_t missing;

	assert(limit_is_sane(limit) && now_ms >= 0);
	if (!limit.burst)
		return 0;
	missing = full_of(limit) - stored_level(b, limit);
	if (passed >= time_of(limit, missing))
		return full_of(limit);
	return full_of(limit) - missing + gain_of(limit, passed);
}

int64_t bucket_ready_ms(const struct bucket *b, struct limit limit,
			int64_t now_ms, long n)
{
	int64_t missing, at;

	if (!limit.burst)
		return now_ms;
	if (n > limit.burst)
		return INT64_MAX;
	missing = n * TOKEN - stored_level(b, limit);
	if (missing <= 0)
		return now_ms;
	at = stored_at(b, now_ms) + time_of(limit, missing);
	return at > now_ms ? at : now_ms;
}

void bucket_settle(struct bucket *b, struct limit limit, int64_t now_ms)
{
	b->level = bucket_level_at(b, limit, now_ms);
	b->at_ms = now_ms;
}

bool bucket_take(struct bucket *b, struct limit limit, int64_t now_ms, long n)
{
	if (bucket_ready_ms(b, limit, now_ms, n) > now_ms)
		return false;
	bucket_charge(b, limit, now_ms, n);
	return true;
}

void bucket_charge(struct bucket *b, struct limit limit, int64_t now_ms,
		   long n)
{
	if (!limit.burst)
		return;
	bucket_settle(b, limit, now_ms);
	b->level -= n * TOKEN;
}

void bucket_refund(struct bucket *b, struct limit limit, int64_t now_ms,
		   long n)
{
	if (!limit.burst)
		return;
	bucket_settle(b, limit, now_ms);
	b->level += n * TOKEN;
	b->level = stored_level(b, limit);
}

/*
 * Written as so many whole tokens below the one, as long before the moment
 * as those take to come back: so it comes out to the millisecond.
 */
void bucket_empty_until(struct bucket *b, struct limit limit, int64_t now_ms,
			int64_t until_ms)
{
	int64_t wait = until_ms - now_ms, tokens;

	if (!limit.burst)
		return;
	if (wait > LIMIT_WAIT_MAX * 1000)
		wait = LIMIT_WAIT_MAX * 1000;
	if (wait < 0)
		wait = 0;
	if (bucket_ready_ms(b, limit, now_ms, 1) > now_ms + wait)
		return;
	tokens = gain_of(limit, wait) / TOKEN + 1;
	b->level = TOKEN - tokens * TOKEN;
	b->at_ms = now_ms + wait - time_of(limit, tokens * TOKEN);
}

struct limit limit_duplicates(struct limit limit, long life)
{
	long pause = life / 4 > 0 ? life / 4 : 1;

	if (life > 0 && limit.burst && pause < limit.period / limit.burst)
		limit.period = limit.burst * pause;
	return limit;
}

long limit_duplicates_needed(struct limit limit, bool is_revoked,
			     bool is_emergency)
{
	long kept = limit.burst * 3 / 5;

	return is_revoked || is_emergency ? 1 : 1 + kept;
}
