#include "daemon/report_quota.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/steady.h"
#include "base/when.h"
#include "daemon/rates.h"

#define PER_SECOND WHEN_DAY /* so many a day */

static const struct rate address_rate = { 2000, 10 * PER_SECOND };
static const struct rate new_rate = { 2500, 2500 }; /* 5,000 in any day */
static const struct rate modest_rate = { 20, 20 };

#define NEW_RESERVE 1250 /* of a domain's, for the modest alone */

struct report_quota {
	struct rates *addresses;      /* whatever they post */
	struct rates *fresh, *modest; /* what is new: of domains, by sender */
};

struct report_quota *report_quota_new(void)
{
	struct report_quota *q = xcalloc(1, sizeof(*q));

	q->addresses = rates_new(&address_rate);
	q->fresh = rates_new(&new_rate);
	q->modest = rates_new(&modest_rate);
	return q;
}

void report_quota_free(struct report_quota *q)
{
	if (!q)
		return;
	rates_free(q->addresses);
	rates_free(q->fresh);
	rates_free(q->modest);
	free(q);
}

static uint64_t peer_key(const struct peer *p)
{
	return p->net * 31 + (uint64_t)p->family;
}

static uint64_t sender_key(struct report_quota *q,
			   const struct report_sender *who, const char *domain)
{
	uint64_t sender = who->peer->family
				  ? peer_key(who->peer)
				  : rates_key(q->modest, who->signed_by);

	return sender * 1099511628211u ^ rates_key(q->modest, domain);
}

unsigned report_quota_knock(struct report_quota *q, const struct peer *peer)
{
	uint64_t address = peer_key(peer);
	int64_t now = steady_ms();
	unsigned seconds;

	if (!peer->family)
		return 0;
	if (!rates_has(q->addresses, address, now, &seconds))
		return seconds;
	rates_take(q->addresses, address, now);
	return 0;
}

bool report_quota_has(struct report_quota *q, const struct report_sender *who,
		      const char *domain, unsigned *seconds)
{
	uint64_t key = rates_key(q->fresh, domain);
	int64_t now = steady_ms();

	return rates_has(q->fresh, key, now, seconds) &&
	       (rates_left(q->fresh, key, now) > NEW_RESERVE ||
		rates_has(q->modest, sender_key(q, who, domain), now, seconds));
}

void report_quota_take(struct report_quota *q, const struct report_sender *who,
		       const char *domain)
{
	uint64_t sender = sender_key(q, who, domain);
	int64_t now = steady_ms();

	rates_take(q->fresh, rates_key(q->fresh, domain), now);
	if (rates_left(q->modest, sender, now) > 0)
		rates_take(q->modest, sender, now);
}
