#include "acme/alike.h"

struct tally {
	unsigned asked, failed;
};

static bool is_recent(const struct alike *a, size_t i, time_t now)
{
	return a->recent[i].domain_id && a->recent[i].at <= now &&
	       a->recent[i].at >= now - ALIKE_FOR;
}

static struct tally count(const struct alike *a, time_t now)
{
	struct tally t = { 0, 0 };

	for (size_t i = 0; i < ALIKE_RECENT; i++) {
		if (!is_recent(a, i, now))
			continue;
		t.asked++;
		t.failed += a->recent[i].has_failed;
	}
	return t;
}

static bool so_many(struct tally t)
{
	return t.failed >= ALIKE_MANY && 4 * t.failed >= 3 * t.asked;
}

/* ALIKE_RECENT: it has none. */
static size_t find(const struct alike *a, int64_t domain_id)
{
	size_t i = 0;

	while (i < ALIKE_RECENT && a->recent[i].domain_id != domain_id)
		i++;
	return i;
}

/* A name's own place, or else the oldest. */
static size_t place_of(struct alike *a, int64_t domain_id)
{
	size_t i = find(a, domain_id);

	return i < ALIKE_RECENT ? i : a->next++ % ALIKE_RECENT;
}

void alike_note(struct alike *a, int64_t domain_id, bool has_failed, time_t now)
{
	size_t at = place_of(a, domain_id);
	struct tally t;

	a->recent[at].domain_id = domain_id;
	a->recent[at].at = now;
	a->recent[at].has_failed = has_failed;
	if (has_failed) {
		a->failed_at = now;
		a->well_since = 0;
	} else if (!a->well_since || a->well_since > now) {
		a->well_since = now;
	}
	t = count(a, now);
	a->is_held = has_failed && (a->is_held || so_many(t));
	if (so_many(t) && (!alike_since(a, now) || a->since > now))
		a->since = now;
	else if (!has_failed && 2 * t.failed < t.asked)
		a->since = 0;
}

bool alike_has(const struct alike *a, int64_t domain_id, time_t now)
{
	return alike_knows(a, domain_id) &&
	       is_recent(a, find(a, domain_id), now);
}

bool alike_holds(const struct alike *a, time_t now)
{
	return a->is_held && alike_since(a, now) && now - a->since < ALIKE_MOST;
}

bool alike_knows(const struct alike *a, int64_t domain_id)
{
	size_t i = find(a, domain_id);

	return i < ALIKE_RECENT && a->recent[i].has_failed;
}

/* A clock that stepped back makes no turn come later. */
static time_t not_before(time_t turn, long every, time_t now)
{
	return turn > now && turn <= now + every ? turn : now;
}

time_t alike_turn(const struct alike *a, int64_t domain_id, time_t now)
{
	return alike_knows(a, domain_id)
		       ? not_before(a->turn, ALIKE_EVERY, now)
		       : not_before(a->turn_new, ALIKE_EVERY_NEW, now);
}

void alike_tries(struct alike *a, int64_t domain_id, time_t now)
{
	if (alike_knows(a, domain_id))
		a->turn = now + ALIKE_EVERY;
	else
		a->turn_new = now + ALIKE_EVERY_NEW;
}

time_t alike_since(const struct alike *a, time_t now)
{
	return now - a->failed_at < ALIKE_STALE ? a->since : 0;
}

bool alike_is_over(const struct alike *a, time_t now)
{
	struct tally t = count(a, now);

	if (alike_since(a, now))
		return false;
	return (t.asked - t.failed >= ALIKE_WELL && 2 * t.failed < t.asked) ||
	       (a->well_since && now - a->well_since >= ALIKE_FOR);
}
