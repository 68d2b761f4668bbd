#include "tests/sim/weather.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/when.h"
#include "tests/sim/dice.h"
#include "tests/sim/judge.h"

#define S 1000LL	/* a second, in milliseconds */

static int64_t skewed(struct rig *r, long low, long high)
{
	return dice_skewed(&r->dice, low, high) * S;
}

/* ---- one CA ---- */

bool weather_is_down(enum ca_mode mode)
{
	return mode >= CA_SILENT;
}

static bool all_are_down(const struct rig *r)
{
	for (size_t i = 0; i < r->ca_count; i++)
		if (!weather_is_down(r->ca_mode[i]))
			return false;
	return true;
}

/* Minutes; once in a while it takes half a day over each order. */
static long slowness(struct rig *r)
{
	return (long)dice_skewed(&r->dice, 5, dice_one_in(&r->dice, 10)
						      ? 12 * WHEN_HOUR
						      : 15 * WHEN_MINUTE);
}

/* Keeps the sums of how long one and all were down. */
static void set_mode(struct rig *r, size_t ca, enum ca_mode mode)
{
	struct weather *w = r->weather;
	bool was_down = weather_is_down(r->ca_mode[ca]);
	bool were_all = all_are_down(r);

	r->ca_mode[ca] = mode;
	if (!was_down && weather_is_down(mode))
		w->down_since_ms[ca] = r->now_ms;
	if (was_down && !weather_is_down(mode))
		w->down_ms += r->now_ms - w->down_since_ms[ca];
	if (!were_all && all_are_down(r))
		w->all_since_ms = r->now_ms;
	if (were_all && !all_are_down(r))
		w->all_down_ms += r->now_ms - w->all_since_ms;
	r->ca[ca].issuance_time = mode == CA_SLOW ? slowness(r) : 0;
	rig_say(r, "CA %zu: mode %d", ca, mode);
	judge_weather(r);
}

/* What it has asked for by Retry-After, it gets: it is well only then. */
static void ca_recovers(struct rig *r, struct rig_event *e)
{
	int64_t wait = r->weather->busy_until_ms[e->number] - r->now_ms;

	if (wait > 0)
		rig_after(r, wait, ca_recovers, e->number);
	else
		set_mode(r, e->number, CA_WELL);
}

/* What is away for days mostly knows that, and says so. */
static void ca_fails(struct rig *r, size_t ca, int64_t ms)
{
	enum ca_mode mode = (enum ca_mode)dice_between(&r->dice, CA_FLAKY,
						       CA_MODES - 1);

	if (r->ca_mode[ca] != CA_WELL)
		return;
	r->weather->is_long[ca] = ms > 2 * WHEN_DAY * S;
	if (r->weather->is_long[ca] && !dice_one_in(&r->dice, 4))
		mode = CA_BUSY;
	set_mode(r, ca, mode);
	rig_after(r, ms, ca_recovers, (unsigned)ca);
}

static void next_outage(struct rig *r, size_t ca, rig_run *run)
{
	long every = r->weather->outage_every;

	rig_after(r, skewed(r, every / 4, every * 4), run, (unsigned)ca);
}

/* Where there is another CA, one may be away for weeks. */
static void outage(struct rig *r, struct rig_event *e)
{
	long most = (r->ca_count > 1 ? 40 : 8) * WHEN_DAY;

	if (!r->weather->is_over)
		ca_fails(r, e->number, skewed(r, WHEN_MINUTE, most));
	next_outage(r, e->number, outage);
}

/* All at once: what no failover helps against. */
static void great_outage(struct rig *r, struct rig_event *e)
{
	int64_t ms = skewed(r, 10 * WHEN_MINUTE, 12 * WHEN_DAY);

	(void)e;
	for (size_t i = 0; i < r->ca_count && !r->weather->is_over; i++)
		ca_fails(r, i, ms + dice_between(&r->dice, 0, 600 * S));
	rig_after(r, skewed(r, 20 * WHEN_DAY, 200 * WHEN_DAY), great_outage, 0);
}

static void wiped(struct rig *r, struct rig_event *e)
{
	rig_say(r, "CA %u: wiped", e->number);
	judge_wiped(r, e->number);
	bulk_ca_wipe(&r->ca[e->number]);
}

/* Mostly just when an order is under way: else few would be. */
void weather_ordered(struct rig *r, size_t ca)
{
	if (!r->weather->wipes_next[ca])
		return;
	r->weather->wipes_next[ca] = false;
	rig_after(r, dice_skewed(&r->dice, 20, 20 * S), wiped, (unsigned)ca);
}

/* The first CA has the orders, the others mostly canaries. */
static void wipe(struct rig *r, struct rig_event *e)
{
	size_t ca = dice_one_in(&r->dice, 3)
			    ? dice_below(&r->dice, (uint32_t)r->ca_count)
			    : 0;

	(void)e;
	if (r->weather->is_over)
		return;
	if (dice_one_in(&r->dice, 3))
		wiped(r, &(struct rig_event){ .number = (unsigned)ca });
	else
		r->weather->wipes_next[ca] = true;
	rig_after(r, skewed(r, 20 * WHEN_DAY, 200 * WHEN_DAY), wipe, 0);
}

/* An incident: renewal information says "now" for all that was issued. */
static void recall(struct rig *r, struct rig_event *e)
{
	size_t ca = dice_below(&r->dice, (uint32_t)r->ca_count);

	(void)e;
	if (r->weather->is_over)
		return;
	rig_say(r, "CA %zu: recalls all of its certificates", ca);
	r->ca[ca].is_incident = true;
	r->ca[ca].incident_before = rig_now(r);
	rig_after(r, skewed(r, 60 * WHEN_DAY, 300 * WHEN_DAY), recall, 0);
}

/* As the industry does: shorter, for the same names. */
static void new_lifetimes(struct rig *r, struct rig_event *e)
{
	static const long lives[][3] = {
		{ 160 * WHEN_HOUR, 45 * WHEN_DAY, 64 * WHEN_DAY },
		{ 160 * WHEN_HOUR, 45 * WHEN_DAY, 45 * WHEN_DAY },
		{ 100 * WHEN_HOUR, 30 * WHEN_DAY, 90 * WHEN_DAY },
		{ 160 * WHEN_HOUR, 45 * WHEN_DAY, 90 * WHEN_DAY },
	};
	uint32_t which = dice_below(&r->dice, ARRAY_LEN(lives));

	(void)e;
	for (size_t i = 0; i < r->ca_count; i++)
		for (size_t k = 0; k < 3; k++)
			r->ca[i].life[k] = lives[which][k];
	rig_after(r, skewed(r, 30 * WHEN_DAY, 200 * WHEN_DAY), new_lifetimes,
		  0);
}

/* ---- names ---- */

static void name_recovers(struct rig *r, struct rig_event *e)
{
	r->name[e->number].mode = NAME_WELL;
	r->name[e->number].forbidden = r->name[e->number].unwelcome = 0;
	judge_name_weather(r, e->number);
}

static bool is_well(const struct rig_name *name)
{
	return name->mode == NAME_WELL && !name->forbidden && !name->unwelcome;
}

/* Some boxes have CAs that work, but for a name or two. */
static bool is_unkind(const struct rig *r)
{
	return r->seed % 4 == 3;
}

static void name_fails(struct rig *r, struct rig_event *e)
{
	unsigned n = dice_below(&r->dice, r->names);
	struct rig_name *name = &r->name[n];

	(void)e;
	if (!r->weather->is_over && is_well(name)) {
		if (is_unkind(r) && dice_one_in(&r->dice, 3))
			name->unwelcome = 1 + dice_below(&r->dice, 7);
		else if (dice_one_in(&r->dice, 4))
			name->forbidden = 1 + dice_below(&r->dice, 7);
		else
			name->mode = (enum name_mode)dice_between(
				&r->dice, NAME_GONE, NAME_MODES - 1);
		rig_say(r, "%s: mode %d, forbidden %x, unwelcome %x",
			name->host, name->mode, name->forbidden,
			name->unwelcome);
		r->judge->name[n].may_be_charged |= !name->unwelcome;
		judge_name_weather(r, n);
		rig_after(r, skewed(r, 5 * WHEN_MINUTE, 20 * WHEN_DAY),
			  name_recovers, n);
	}
	rig_after(r, skewed(r, WHEN_HOUR, 10 * WHEN_DAY), name_fails, 0);
}

/* ---- the box ---- */

static void line_is_back(struct rig *r, struct rig_event *e)
{
	(void)e;
	r->weather->is_offline = false;
	judge_weather(r);
}

static void line_fails(struct rig *r, struct rig_event *e)
{
	(void)e;
	if (!r->weather->is_over && !r->weather->is_offline) {
		rig_say(r, "the box is offline");
		r->weather->is_offline = true;
		judge_weather(r);
		rig_after(r, skewed(r, WHEN_MINUTE, 2 * WHEN_DAY),
			  line_is_back, 0);
	}
	rig_after(r, skewed(r, 10 * WHEN_DAY, 100 * WHEN_DAY), line_fails, 0);
}

static void wall_is_gone(struct rig *r, struct rig_event *e)
{
	(void)e;
	rig_say(r, "the box can be reached again");
	r->weather->wall = WALL_NONE;
	judge_weather(r);
}

/* It reaches every CA, and none reaches it: a firewall, a route, a port. */
static void wall_stands(struct rig *r, struct rig_event *e)
{
	(void)e;
	if (!r->weather->is_over && !r->weather->wall) {
		r->weather->wall = dice_one_in(&r->dice, 3) ? WALL_80
							    : WALL_BOTH;
		rig_say(r, "nobody reaches the box%s",
			r->weather->wall == WALL_80 ? " on port 80" : "");
		judge_weather(r);
		rig_after(r, skewed(r, 10 * WHEN_MINUTE, 10 * WHEN_DAY),
			  wall_is_gone, 0);
	}
	rig_after(r, skewed(r, 10 * WHEN_DAY, 150 * WHEN_DAY), wall_stands, 0);
}

static void disk_is_well(struct rig *r, struct rig_event *e)
{
	(void)e;
	rig_say(r, "the disk is well again");
	disk_set_room(r->disk, -1);
	disk_set_broken(r->disk, false);
	r->weather->is_disk_bad = false;
	judge_weather(r);
}

static void disk_fails(struct rig *r, struct rig_event *e)
{
	(void)e;
	if (!r->weather->is_over && !r->weather->is_disk_bad) {
		bool is_full = !dice_one_in(&r->dice, 3);
		long room = (long)dice_skewed(&r->dice, 0, 300000);

		if (is_full)
			disk_set_room(r->disk, room);
		else
			disk_set_broken(r->disk, true);
		rig_say(r, "the disk is %s (room %ld)",
			is_full ? "full" : "broken", room);
		r->weather->is_disk_bad = r->weather->had_bad_disk = true;
		judge_weather(r);
		rig_after(r, skewed(r, WHEN_MINUTE, 2 * WHEN_DAY), disk_is_well,
			  0);
	}
	rig_after(r, skewed(r, 10 * WHEN_DAY, 60 * WHEN_DAY), disk_fails, 0);
}

static void clock_is_right(struct rig *r, struct rig_event *e)
{
	(void)e;
	rig_say(r, "the clock is set right, from %+lld s",
		(long long)r->skew_ms / 1000);
	r->skew_ms = 0;
	judge_weather(r);
}

/* Forth or back, by minutes, hours, days; once in a while by a year. */
static void clock_steps(struct rig *r, struct rig_event *e)
{
	long most = dice_one_in(&r->dice, 4) ? 400 * WHEN_DAY : 2 * WHEN_DAY;

	(void)e;
	if (!r->weather->is_over && !r->skew_ms) {
		r->skew_ms = skewed(r, 2, most);
		if (dice_one_in(&r->dice, 2))
			r->skew_ms = -r->skew_ms;
		rig_say(r, "the clock is wrong by %+lld s",
			(long long)r->skew_ms / 1000);
		judge_weather(r);
		rig_after(r, skewed(r, 2, WHEN_DAY), clock_is_right, 0);
	}
	rig_after(r, skewed(r, 10 * WHEN_DAY, 100 * WHEN_DAY), clock_steps, 0);
}

static void wakes(struct rig *r, struct rig_event *e)
{
	(void)e;
	if (!r->is_asleep)
		return;
	r->is_asleep = false;
	judge_weather(r);
}

/* Monotonic clocks stand still; and a box's timer is never set for longer. */
static int64_t timer_left(const struct rig *r)
{
	int64_t left = r->wake_ms - r->now_ms;

	return left < WHEN_MINUTE * S ? left : WHEN_MINUTE * S;
}

static void falls_asleep(struct rig *r, struct rig_event *e)
{
	(void)e;
	if (!r->weather->is_over && r->is_up && !r->is_asleep) {
		int64_t ms = skewed(r, WHEN_MINUTE, 5 * WHEN_DAY);

		rig_say(r, "suspended for %lld s", (long long)ms / 1000);
		r->is_asleep = true;
		if (r->wake_ms)
			r->wake_ms = r->now_ms + ms + timer_left(r);
		judge_weather(r);
		rig_after(r, ms, wakes, 0);
	}
	rig_after(r, skewed(r, 20 * WHEN_DAY, 100 * WHEN_DAY), falls_asleep, 0);
}

/* ---- a life, and the next ---- */

static void begins(struct rig *r, struct rig_event *e)
{
	(void)e;
	if (r->is_up)
		return;
	if (!rig_start(r))
		rig_after(r, skewed(r, 2, 60), begins, 0);
	judge_weather(r);
}

/* Mostly somebody restarts it at once; sometimes somebody is away. */
void weather_after_death(struct rig *r)
{
	long most = dice_one_in(&r->dice, 50) ? WHEN_DAY : 10;

	if (!r->weather->is_over && dice_one_in(&r->dice, 4)) {
		rig_say(r, "without power");
		disk_lose_power(r->disk);
		r->power_losses++;
		r->had_power_loss = true;
	}
	rig_after(r, skewed(r, 1, most), begins, 0);
	judge_weather(r);
}

static void is_restarted(struct rig *r, struct rig_event *e)
{
	(void)e;
	if (r->is_up && !r->is_asleep) {
		rig_stop(r);
		judge_after_death(r);
		rig_after(r, skewed(r, 1, 30), begins, 0);
		judge_weather(r);
	}
	rig_after(r, skewed(r, WHEN_DAY, 60 * WHEN_DAY), is_restarted, 0);
}

bool weather_kills_at_point(struct rig *r)
{
	unsigned n = r->weather->crash_at_point;

	return n && !r->weather->is_over && dice_one_in(&r->dice, n);
}

bool weather_kills_in_exchange(struct rig *r)
{
	unsigned n = r->weather->crash_in_exchange;

	return n && !r->weather->is_over && dice_one_in(&r->dice, n);
}

/* A few of the next writes: so it is in the middle of what is going on. */
void weather_before_tick(struct rig *r)
{
	unsigned n = r->weather->crash_in_write;

	disk_set_fuse(r->disk, 0);
	if (n && !r->weather->is_over && dice_one_in(&r->dice, n))
		disk_set_fuse(r->disk, 1 + dice_below(&r->dice, 24));
}

/* ---- exchanges ---- */

static enum fate fault(struct rig *r, const char *url)
{
	static const enum fate faults[] = { FATE_LOST_REQUEST, FATE_LOST_REPLY,
					    FATE_500,	       FATE_502,
					    FATE_GARBAGE,      FATE_DOOR };
	enum fate fate;

	if (!dice_one_in(&r->dice, r->weather->fault))
		return FATE_GOOD;
	fate = faults[dice_below(&r->dice, ARRAY_LEN(faults))];
	return fate == FATE_DOOR && strstr(url, "/cert/") ? FATE_404 : fate;
}

static enum fate busy(struct rig *r, size_t ca)
{
	int64_t *until = &r->weather->busy_until_ms[ca];

	if (*until > r->now_ms)
		return FATE_503;
	*until = r->now_ms + (r->weather->is_long[ca]
				      ? WHEN_HOUR * S - 10 * S
				      : skewed(r, 5, WHEN_HOUR - 10));
	return FATE_503;
}

static bool is_unwelcome(const struct rig *r, size_t ca, unsigned name)
{
	return name != RIG_NOBODY && r->name[name].unwelcome >> ca & 1;
}

enum fate weather_fate(struct rig *r, size_t ca, unsigned name, const char *url)
{
	if (r->weather->is_offline)
		return FATE_REFUSED;
	if (!weather_is_down(r->ca_mode[ca]) && is_unwelcome(r, ca, name))
		return FATE_NAME;
	switch (r->ca_mode[ca]) {
	case CA_WELL:
	case CA_SLOW:
	case CA_MODES:
		return dice_one_in(&r->dice, 500) ? fault(r, url) : FATE_GOOD;
	case CA_FLAKY:
		return fault(r, url);
	case CA_SILENT:
		return dice_one_in(&r->dice, 2) ? FATE_LOST_REQUEST
						: FATE_LOST_REPLY;
	case CA_REFUSES:
		return FATE_REFUSED;
	case CA_ERRORS:
		return FATE_500;
	case CA_BUSY:
		return busy(r, ca);
	case CA_PROXY_DIES:
		return dice_one_in(&r->dice, 3) ? FATE_502 : FATE_REFUSED;
	case CA_GARBLES:
		return FATE_GARBAGE;
	case CA_HOLLOW:
		return strstr(url, "/directory") ? FATE_GOOD : FATE_500;
	}
	return FATE_GOOD;
}

/* ---- the climate ---- */

static void set_cas(struct rig *r)
{
	static const long reuses[] = { 0, 7 * WHEN_HOUR, 30 * WHEN_DAY };

	for (size_t i = 0; i < r->ca_count; i++) {
		struct bulk_ca *c = &r->ca[i];

		c->life[0] = 160 * WHEN_HOUR;
		c->life[1] = 45 * WHEN_DAY;
		c->life[2] = 90 * WHEN_DAY;
		c->backdate = dice_one_in(&r->dice, 3) ? 0 : WHEN_HOUR;
		c->reuses_orders = !dice_one_in(&r->dice, 4);
		c->lists_orders = !c->reuses_orders ||
				  dice_one_in(&r->dice, 4);
		c->keeps_failed_pending = dice_one_in(&r->dice, 5);
		c->authz_reuse = reuses[dice_below(&r->dice, ARRAY_LEN(reuses))];
		c->looks = 1 + dice_below(&r->dice, 3);
		c->look_after_ms = dice_one_in(&r->dice, 2)
					   ? 0
					   : 1 + dice_below(&r->dice, 1500);
		c->has_limits = !dice_one_in(&r->dice, 4);
		c->has_ari = dice_one_in(&r->dice, 3);
		c->ari_is_late = dice_one_in(&r->dice, 5);
		c->ari_retry = dice_one_in(&r->dice, 10) ? 6 * WHEN_HOUR
							 : WHEN_DAY;
		c->poll_after = dice_one_in(&r->dice, 2) ? 3 : 0;
		if (dice_one_in(&r->dice, 4))
			c->bad_nonce_every = 10 + dice_below(&r->dice, 50);
	}
}

static void start_processes(struct rig *r)
{
	static rig_run *const processes[] = {
		great_outage, name_fails, line_fails, disk_fails, clock_steps,
		falls_asleep, is_restarted, wipe, recall, new_lifetimes,
		wall_stands,
	};

	for (size_t i = 0; i < r->ca_count; i++)
		next_outage(r, i, outage);
	for (size_t i = 0; i < ARRAY_LEN(processes); i++)
		if (!dice_one_in(&r->dice, 3))
			rig_after(r, skewed(r, 2 * WHEN_DAY, 60 * WHEN_DAY),
				  processes[i], 0);
}

void weather_begin(struct rig *r)
{
	struct weather *w = r->weather = xcalloc(1, sizeof(*w));

	w->crash_at_point = 1000;
	w->crash_in_exchange = 200;
	w->crash_in_write = 250;
	w->fault = 4 + dice_below(&r->dice, 12);
	w->outage_every = (r->ca_count > 1 ? 40 : 150) * WHEN_DAY;
	set_cas(r);
	start_processes(r);
}

void weather_end(struct rig *r)
{
	struct weather *w = r->weather;
	struct rig_event none = { .number = 0 };

	w->is_over = true;
	memset(w->wipes_next, 0, sizeof(w->wipes_next));
	w->is_offline = false;
	w->wall = WALL_NONE;
	disk_is_well(r, &none);
	clock_is_right(r, &none);
	wakes(r, &none);
	for (size_t i = 0; i < r->ca_count; i++) {
		w->busy_until_ms[i] = 0;
		set_mode(r, i, CA_WELL);
	}
	for (none.number = 0; none.number < r->names; none.number++)
		name_recovers(r, &none);
}

void weather_release(struct rig *r)
{
	free(r->weather);
	r->weather = NULL;
}

double weather_down_hours(const struct rig *r)
{
	return (double)r->weather->down_ms / 3600000;
}

double weather_all_down_hours(const struct rig *r)
{
	return (double)r->weather->all_down_ms / 3600000;
}
