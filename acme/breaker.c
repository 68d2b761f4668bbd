#include "acme/breaker.h"

#include <stdio.h>

#include "acme/schedule.h"
#include "base/when.h"

#define OPENS_AT	3	/* failures in a row */
#define SLOW_START_MS	5000

bool breaker_is_open(const struct ca *ca)
{
	return ca->failures >= OPENS_AT;
}

bool breaker_allows(const struct ca *ca, int64_t now_ms)
{
	return ca->retry_ms <= now_ms;
}

unsigned breaker_room(const struct ca *ca, unsigned limit, int64_t now_ms)
{
	int64_t well_ms = now_ms - ca->well_since_ms;
	unsigned room;

	if (!breaker_allows(ca, now_ms))
		return 0;
	if (breaker_is_open(ca))
		return 1;
	if (!ca->well_since_ms || well_ms < 0 || well_ms >= SLOW_START_MS)
		return limit;
	room = 1u << (well_ms / 1000);
	return room < limit ? room : limit;
}

void breaker_failed(struct ca *ca, const struct err *problem, long retry_after,
		    int64_t now_ms, uint32_t dice)
{
	int64_t until;

	if (retry_after > WHEN_HOUR)
		retry_after = WHEN_HOUR;
	if (breaker_allows(ca, now_ms))
		ca->failures++;
	until = now_ms + schedule_ca_pause_ms(ca->failures, retry_after, dice);
	if (until > ca->retry_ms)
		ca->retry_ms = until;
	if (!ca->down_since)
		ca->down_since = now_ms / 1000;
	ca->well_since_ms = 0;
	snprintf(ca->problem, sizeof(ca->problem), "%s", problem->text);
	snprintf(ca->hint, sizeof(ca->hint), "%s", problem->hint);
}

bool breaker_worked(struct ca *ca, int64_t now_ms)
{
	bool was_in_trouble = ca->failures > 0 || ca->down_since != 0;

	if (breaker_is_open(ca))
		ca->well_since_ms = now_ms;
	ca->failures = 0;
	ca->retry_ms = 0;
	ca->down_since = 0;
	ca->problem[0] = ca->hint[0] = '\0';
	return was_in_trouble;
}

void breaker_shift(struct ca *ca, int64_t back_ms)
{
	if (ca->retry_ms > back_ms)
		ca->retry_ms -= back_ms;
	if (ca->well_since_ms > back_ms)
		ca->well_since_ms -= back_ms;
	if (ca->down_since > back_ms / 1000)
		ca->down_since -= back_ms / 1000;
}
