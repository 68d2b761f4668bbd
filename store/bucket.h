/*
 * What is left of a CA's limits: table `bucket`.
 *
 * A row is the level of one token bucket at one moment; how it fills up again
 * is for others to say (acme/limits.h), and so is what to make of numbers
 * that cannot be. A bucket without a row is full, so a row that has filled up
 * again can be forgotten.
 */
#ifndef STORE_BUCKET_H
#define STORE_BUCKET_H

#include "store/store.h"

struct bucket {
	int64_t level;	/* thousandths of a token; below 0: a debt */
	int64_t at_ms;	/* when it stood at that level */
};

/* Higher than any limit: what has no row. */
#define BUCKET_FULL ((struct bucket){ INT64_MAX, 0 })

/* `kind` is a number of the caller's, `subject` a name, or "". */
bool bucket_read(struct store *s, int64_t ca_id, int kind, const char *subject,
		 struct bucket *b, struct err *err);
bool bucket_write(struct store *s, int64_t ca_id, int kind,
		  const char *subject, const struct bucket *b,
		  struct err *err);

/*
 * The CA's buckets without a subject, by kind: those of our account. `each`
 * returns false to end it early.
 */
bool bucket_each(struct store *s, int64_t ca_id,
		 bool (*each)(int kind, const struct bucket *b, void *arg),
		 void *arg, struct err *err);

/*
 * Forgets the oldest rows of before `before_ms`, at most `limit` of them, so
 * that no transaction grows long. *forgotten says how many; may be NULL.
 */
bool bucket_prune(struct store *s, int64_t before_ms, long limit,
		  long *forgotten, struct err *err);

#endif
