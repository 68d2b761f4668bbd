#include "httpd/body.h"

#include "httpd/report.h"

void body_give_back(struct body_budget *budget, struct peer peer, size_t bytes)
{
	atomic_fetch_sub(&budget->held, bytes);
	peers_let_go(budget->peers, peer, bytes);
}

void body_init(struct body *b, struct body_budget *budget, struct peer peer,
	       size_t max)
{
	*b = (struct body){ .budget = budget, .peer = peer };
	buf_init(&b->data, max);
}

void body_release(struct body *b)
{
	body_give_back(b->budget, b->peer, b->data.len);
	buf_release(&b->data);
}

static bool hold(struct body *b, size_t bytes)
{
	struct body_budget *budget = b->budget;

	if (!peers_hold(budget->peers, b->peer, bytes, budget->share))
		return false;
	if (atomic_fetch_add(&budget->held, bytes) + bytes <= budget->bytes)
		return true;
	body_give_back(budget, b->peer, bytes);
	return false;
}

enum body_taken body_add(struct body *b, const char *data, size_t len)
{
	if (len > b->data.max - b->data.len)
		return BODY_TOO_LARGE;
	if (!hold(b, len))
		return BODY_TOO_MANY;
	buf_add(&b->data, data, len);
	return BODY_TAKEN;
}

/* Bytes that are to come from one look to the next. */
static size_t pace_of(struct body_budget *budget)
{
	bool is_busy = atomic_load(&budget->held) > budget->bytes / 2;

	return (size_t)(is_busy ? HTTPD_BODY_BUSY : HTTPD_BODY_SLOW) *
	       budget->pace_ms / 1000;
}

bool body_is_slow(struct body *b)
{
	size_t come = b->data.len - b->paced;

	b->paced = b->data.len;
	return come < pace_of(b->budget);
}

char *body_take(struct body *b, size_t *len)
{
	*len = b->data.len;
	return buf_take(&b->data);
}
