#include "httpd/yield.h"

#include <stddef.h>

void yielders_init(struct yielders *y)
{
	TAILQ_INIT(&y->all);
}

void yield_from(struct yielders *y, struct yielder *one, int64_t now_ms)
{
	yield_never(y, one);
	TAILQ_INSERT_TAIL(&y->all, one, in_all);
	one->since_ms = now_ms;
	one->is_in = true;
}

void yield_never(struct yielders *y, struct yielder *one)
{
	if (one->is_in)
		TAILQ_REMOVE(&y->all, one, in_all);
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
