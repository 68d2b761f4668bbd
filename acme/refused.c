#include "acme/refused.h"

#include "acme/budget.h"
#include "base/str.h"
#include "base/when.h"

#define HOLD_MAX WHEN_HOUR

static bool is_in(const struct refused_row *row, const char *domain)
{
	for (unsigned i = 0; i < row->count; i++)
		if (streq(row->domain[i], domain))
			return true;
	return false;
}

/* Who is told to come again in seconds may be kept from it by other pauses. */
static long kept_for(long retry_after)
{
	if (retry_after < HOLD_MAX)
		return 2 * HOLD_MAX;
	return 2 *
	       (retry_after < LIMIT_WAIT_MAX ? retry_after : LIMIT_WAIT_MAX);
}

bool refused_is_full(const struct refused_row *row, time_t now)
{
	return row->count == REFUSED_ALIKE && now < row->until;
}

bool refused_note(struct refused_row *row, const char *host, time_t now,
		  long retry_after)
{
	const char *domain = budget_registered_domain(host);

	if (now >= row->until)
		*row = (struct refused_row){ .until = now + retry_after };
	if (row->count < REFUSED_ALIKE && !is_in(row, domain))
		str_copy(row->domain[row->count++], DOMAIN_NAME_SIZE, domain);
	if (row->count < REFUSED_ALIKE)
		return false;
	row->until = now + kept_for(retry_after);
	return true;
}

long refused_hold(long retry_after)
{
	return retry_after < HOLD_MAX ? retry_after : HOLD_MAX;
}
