#include "acme/alike.h"

static bool so_many(const struct alike *a, time_t now)
{
	unsigned asked = 0, failed = 0;

	for (size_t i = 0; i < ALIKE_RECENT; i++) {
		if (!a->recent[i].domain_id || a->recent[i].at > now ||
		    a->recent[i].at < now - ALIKE_FOR)
			continue;
		asked++;
		failed += a->recent[i].has_failed;
	}
	return failed >= ALIKE_MANY && 4 * failed >= 3 * asked;
}

/* A name's own place, or else the oldest. */
static size_t place_of(struct alike *a, int64_t domain_id)
{
	for (size_t i = 0; i < ALIKE_RECENT; i++)
		if (a->recent[i].domain_id == domain_id)
			return i;
	return a->next++ % ALIKE_RECENT;
}

void alike_note(struct alike *a, int64_t domain_id, bool has_failed,
		time_t now)
{
	size_t at = place_of(a, domain_id);

	a->recent[at].domain_id = domain_id;
	a->recent[at].at = now;
	a->recent[at].has_failed = has_failed;
	if (!so_many(a, now))
		a->since = 0;
	else if (!a->since || a->since > now)
		a->since = now;
}

bool alike_is_many(const struct alike *a, time_t now)
{
	return so_many(a, now) && now - a->since < ALIKE_MOST;
}
