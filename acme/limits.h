/*
 * A CA's published limits as token buckets, and the arithmetic on them.
 *
 * A limit is `burst` tokens that come back evenly over `period`. A bucket
 * (store/bucket.h) is how many are there, and since when. It is never above
 * `burst`. A clock that has stepped back neither takes nor lends: the level
 * stays until something is written, and goes on from there. A clock that has
 * jumped ahead fills it, at most. Pure: no clock, no I/O.
 */
#ifndef ACME_LIMITS_H
#define ACME_LIMITS_H

#include <stdbool.h>
#include <time.h>

#include "store/bucket.h"

/* These numbers stand in the database: append only. */
enum limit_kind {
	LIMIT_NEW_ORDERS,	/* of our account, other than renewals */
	LIMIT_PER_DOMAIN,	/* new certificates per registered domain */
	LIMIT_DUPLICATES,	/* certificates for the same one name */
	LIMIT_FAILED_VALIDATIONS,	/* of one name */
	LIMIT_ARI,		/* polls for renewal information */
	LIMIT_POSTS,		/* signed requests */
	LIMIT_KINDS
};

struct limit {
	long burst;	/* 0: no limit at all */
	long period;	/* seconds in which `burst` tokens come back */
};

struct limits {
	struct limit of[LIMIT_KINDS];
};

#define LIMIT_BURST_MAX	 1000000L
#define LIMIT_PERIOD_MAX (3650 * 86400L)

/* No pause that a CA asks for counts as longer than this. */
#define LIMIT_WAIT_MAX (7 * 86400L)

/* Let's Encrypt's, a little below where ours may not touch theirs. */
struct limits limits_default(void);

/* Those of Let's Encrypt's staging CA. */
struct limits limits_staging(void);

/*
 * A CA counts an order as a renewal if it has certified the same name since:
 * Let's Encrypt looks back 120 days.
 */
time_t limit_known_since(time_t now);

/* Stable words, such as "new-orders". */
const char *limit_name(enum limit_kind kind);

/* Numbers that a person gave: within the bounds that the arithmetic holds? */
bool limit_is_sane(struct limit limit);

/*
 * Which limit a CA means by the text of a rateLimited problem: by the words
 * of Boulder. LIMIT_KINDS if it does not say.
 */
enum limit_kind limit_meant(const char *problem);

/*
 * Has the CA paused the name, by Boulder's words? Then only people can end
 * that, at the URL in the text.
 */
bool limit_is_pause(const char *problem);

/*
 * A bucket that was last written before this moment (ms) is full by now,
 * whatever was in it: bucket_prune().
 */
int64_t limits_forget_before(const struct limits *limits, int64_t now_ms);

/* In thousandths; below 0 is a debt. */
int64_t bucket_level_at(const struct bucket *b, struct limit limit,
			int64_t now_ms);

/*
 * The moment when `n` tokens will be there: `now_ms` if they are, INT64_MAX
 * if that many never are.
 */
int64_t bucket_ready_ms(const struct bucket *b, struct limit limit,
			int64_t now_ms, long n);

/* All of `n` tokens, or false and none. */
bool bucket_take(struct bucket *b, struct limit limit, int64_t now_ms, long n);

/* What has happened is charged, there or not: it may leave a debt. */
void bucket_charge(struct bucket *b, struct limit limit, int64_t now_ms,
		   long n);

void bucket_refund(struct bucket *b, struct limit limit, int64_t now_ms,
		   long n);

/*
 * The CA says that there is nothing before `until_ms`: then there is one
 * token. A bucket that is emptier than that stays as it is.
 */
void bucket_empty_until(struct bucket *b, struct limit limit, int64_t now_ms,
			int64_t until_ms);

/* The same level, counted from `now_ms`: mends a clock that stepped back. */
void bucket_settle(struct bucket *b, struct limit limit, int64_t now_ms);

/*
 * LIMIT_DUPLICATES for a certificate of this life (seconds, 0: not known): at
 * least one every quarter of it, or a certificate of minutes could not be
 * kept alive. From 136 hours on that is Let's Encrypt's own limit.
 */
struct limit limit_duplicates(struct limit limit, long life);

/*
 * Tokens that must be there before one more certificate of the same name is
 * ordered. That is our own guard: some are kept back for a certificate that
 * is revoked or about to expire, or not there yet, which needs just the CA's
 * one. Of Let's Encrypt's five, two may go quickly, then one at a time as they
 * come back; who renews 160-hour certificates at half their life never notices.
 */
long limit_duplicates_needed(struct limit limit, bool is_revoked,
			     bool is_emergency);

#endif
