#include "acme/schedule.h"

#include "base/mem.h"
#include "base/when.h"

#define SHORT_LIFE (10 * WHEN_DAY)
#define GONE	   (3 * WHEN_DAY) /* after the end */
#define DORMANT	   (30 * WHEN_DAY)

/* A uniform number in [-1000, 1000], for spreads in thousandths. */
static long thousandths(uint32_t dice)
{
	return (long)((uint64_t)dice * 2001 >> 32) - 1000;
}

time_t schedule_renewal(time_t not_before, time_t not_after, time_t now,
			uint32_t dice)
{
	time_t life = not_after - not_before;
	time_t point = life <= SHORT_LIFE ? life / 2 : life / 3 * 2;
	time_t spread = life / 50 * thousandths(dice) / 1000;
	time_t planned = not_before + point + spread;
	time_t latest = not_after - life / 4;
	time_t used = (not_after - now) / 4;
	time_t soon = now + (used < WHEN_HOUR ? used : WHEN_HOUR);

	if (planned < now + used)
		planned = now + used;
	if (planned > latest)
		planned = latest;
	return planned < soon ? soon : planned;
}

static long bounded(long value, long low, long high)
{
	if (value > high)
		value = high;
	return value < low ? low : value;
}

bool schedule_is_gone(struct schedule_life life)
{
	return life.whole > 0 && life.left < -GONE;
}

bool schedule_is_dormant(struct schedule_life life)
{
	return life.whole > 0 && life.left < -DORMANT;
}

long schedule_domain_pause(long n, struct schedule_life life, long retry_after,
			   uint32_t dice)
{
	static const long pauses[] = { WHEN_MINUTE, 10 * WHEN_MINUTE,
				       100 * WHEN_MINUTE, WHEN_DAY };
	long pause = pauses[bounded(n, 1, ARRAY_LEN(pauses)) - 1];

	pause += pause / 5 * thousandths(dice) / 1000;
	if (life.whole > 0 && !schedule_is_gone(life)) {
		long floor = bounded(life.whole / 20, 1, 15 * WHEN_MINUTE);
		long most = bounded(life.left / 10, floor, WHEN_DAY);

		pause = bounded(pause, 1, most);
	}
	return bounded(pause, retry_after > 0 ? retry_after : 1, 2 * WHEN_DAY);
}

int64_t schedule_poll_ms(long n, long retry_after)
{
	int64_t ms = 100;

	if (retry_after >= 0)
		return bounded(retry_after, 1, WHEN_HOUR) * 1000;
	while (n-- > 0 && ms < 30000)
		ms += ms / 2;
	return ms;
}

int64_t schedule_ca_pause_ms(long n, long retry_after, uint32_t dice)
{
	int64_t ms = 1000;

	while (--n > 0 && ms < 60000)
		ms *= 2;
	ms += ms / 5 * thousandths(dice) / 1000;
	if (ms > 60000)
		ms = 60000;
	if (retry_after >= 0 && retry_after * 1000 > ms)
		ms = retry_after * 1000;
	return ms;
}

long schedule_alone_pause(long n, long retry_after, struct schedule_life life)
{
	long pause = n > 0, most = WHEN_HOUR;

	while (--n > 0 && pause < most)
		pause *= 2;
	if (retry_after > pause)
		pause = retry_after;
	if (life.whole && !schedule_is_gone(life) && life.left / 10 < most)
		most = life.left / 10 > WHEN_MINUTE ? life.left / 10
						    : WHEN_MINUTE;
	return pause < most ? pause : most;
}

long schedule_dns_pause(long n)
{
	static const struct {
		long looks, pause;
	} steps[] = {
		{ 6, 5 },			/* half a minute */
		{ 120, 30 },			/* an hour */
		{ 600, 3 * WHEN_MINUTE },	/* a day */
		{ 1300, 15 * WHEN_MINUTE },	/* a week */
	};

	for (size_t i = 0; i < ARRAY_LEN(steps); i++)
		if (n < steps[i].looks)
			return steps[i].pause;
	return WHEN_HOUR;
}
