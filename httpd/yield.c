#include "httpd/yield.h"

#include <stddef.h>

void yielders_init(struct yielders *y, const struct peers *peers)
{
	y->peers = peers;
	TAILQ_INIT(&y->all);
	for (size_t i = 0; i < YIELD_BUCKETS; i++)
		TAILQ_INIT(&y->bucket[i]);
}

static struct yielder_queue *bucket(struct yielders *y, struct peer peer)
{
	return &y->bucket[peers_hash(y->peers, peer) & (YIELD_BUCKETS - 1)];
}

void yield_from(struct yielders *y, struct yielder *one, int64_t now_ms)
{
	yield_never(y, one);
	TAILQ_INSERT_TAIL(&y->all, one, in_all);
	TAILQ_INSERT_TAIL(bucket(y, one->peer), one, in_bucket);
	one->since_ms = now_ms;
	one->is_in = true;
}

void yield_never(struct yielders *y, struct yielder *one)
{
	if (!one->is_in)
		return;
	TAILQ_REMOVE(&y->all, one, in_all);
	TAILQ_REMOVE(bucket(y, one->peer), one, in_bucket);
	one->is_in = false;
}

static bool is_slow(const struct yielder *one, int64_t now_ms)
{
	return now_ms - one->since_ms >= YIELD_MS;
}

void *yield_first(const struct yielders *y, int64_t now_ms)
{
	const struct yielder *one = TAILQ_FIRST(&y->all);

	return one && is_slow(one, now_ms) ? one->who : NULL;
}

void *yield_first_of(struct yielders *y, struct peer peer, int64_t now_ms)
{
	const struct yielder *one = TAILQ_FIRST(bucket(y, peer));

	for (; one && is_slow(one, now_ms); one = TAILQ_NEXT(one, in_bucket))
		if (peer_is(one->peer, peer))
			return one->who;
	return NULL;
}
