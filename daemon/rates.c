#include "daemon/rates.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/mem.h"
#include "base/when.h"

#define NEAR	      8 /* slots that a key may have */
#define SLOT_OF(hash) ((size_t)(hash) & (RATES_SLOTS - NEAR))
#define DAY_MS	      (WHEN_DAY * 1000L)

/* Milliseconds' worth of tokens: no division, and nothing is lost by it. */
struct bucket {
	uint64_t key;
	int64_t level; /* DAY_MS is one token; at at_ms */
	int64_t at_ms;
	bool is_used;
};

struct rates {
	struct rate rate;
	uint64_t secret; /* nobody can aim at one place */
	struct bucket slot[RATES_SLOTS];
};

struct rates *rates_new(const struct rate *rate)
{
	struct rates *r = xcalloc(1, sizeof(*r));

	r->rate = *rate;
	if (getrandom(&r->secret, sizeof(r->secret), 0) < 0)
		r->secret = (uintptr_t)r;
	return r;
}

void rates_free(struct rates *r)
{
	free(r);
}

static int64_t full(const struct rates *r)
{
	return r->rate.burst * DAY_MS;
}

static int64_t level(const struct rates *r, const struct bucket *b,
		     int64_t now_ms)
{
	int64_t ms = now_ms - b->at_ms;

	if (!b->is_used || ms > DAY_MS * r->rate.burst / r->rate.per_day * 2)
		return full(r);
	ms = b->level + (ms > 0 ? ms : 0) * r->rate.per_day;
	return ms < full(r) ? ms : full(r);
}

/* Its bucket, up to date; or the place where it may have one. */
static struct bucket *find(struct rates *r, uint64_t key, int64_t now_ms)
{
	uint64_t hash = (key ^ r->secret) * 0x9e3779b97f4a7c15u;
	struct bucket *near = &r->slot[SLOT_OF(hash ^ hash >> 32)];
	struct bucket *best = near;

	for (struct bucket *b = near; b < near + NEAR; b++) {
		if (b->is_used && b->key == key) {
			best = b;
			break;
		}
		if (level(r, b, now_ms) > level(r, best, now_ms))
			best = b;
	}
	if (!best->is_used || best->key != key)
		*best = (struct bucket){ .key = key };
	best->level = level(r, best, now_ms);
	best->at_ms = now_ms;
	best->is_used = true;
	return best;
}

bool rates_has(struct rates *r, uint64_t key, int64_t now_ms, unsigned *seconds)
{
	const struct bucket *b = find(r, key, now_ms);
	int64_t missing = DAY_MS - b->level;

	*seconds = 0;
	if (missing <= 0)
		return true;
	*seconds = (unsigned)(missing / r->rate.per_day / 1000 + 1);
	return false;
}

long rates_left(struct rates *r, uint64_t key, int64_t now_ms)
{
	return (long)(find(r, key, now_ms)->level / DAY_MS);
}

void rates_take(struct rates *r, uint64_t key, int64_t now_ms)
{
	find(r, key, now_ms)->level -= DAY_MS;
}

uint64_t rates_key(const struct rates *r, const char *text)
{
	uint64_t h = 14695981039346656037u ^ r->secret; /* FNV-1a */

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 1099511628211u;
	return h;
}
