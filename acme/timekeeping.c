/*
 * What the engine does about its clock (acme/clock.h): hears what CAs say,
 * moves what waits when time went back, remembers how late it has been, and
 * tells of trouble when it begins and ends.
 */
#include "acme/engine_parts.h"
#include "base/when.h"
#include "store/clock.h"
#include "store/trail.h"

#define MARK_EVERY WHEN_HOUR /* doubts are about more than that */

void timekeeping_hear(struct engine *e, struct authority *a,
		      const struct ca_reply *reply)
{
	if (!a || reply->error.kind != ERR_NONE || reply->status < 200)
		return;
	if (reply->date > 0)
		clock_heard(&e->clock, a->row.id, reply->date);
	if (reply->status < 500)
		a->heard_at = engine_now(e);
}

static void move_waits(struct engine *e)
{
	struct err err = ERR_INIT;
	int64_t back_ms = e->clock.back_ms;

	e->shifted_ms = back_ms;
	if (!back_ms)
		return;
	engine_ok(e,
		  store_clock_shift(e->store, engine_now(e),
				    (long)(back_ms / 1000), &err),
		  &err);
	for (size_t i = 0; i < e->ca_count; i++)
		authority_forget_waits(e->ca[i]);
}

/*
 * Later by an hour; or what set it was ahead. A moment has been if machine and CA
 * both say so: what one of them says alone would be held against the other after
 * the next start, whichever is right.
 */
static void keep_mark(struct engine *e)
{
	time_t now = engine_now(e), mark = store_clock_mark(e->store);
	struct err err = ERR_INIT;

	if (e->clock.doubt != CLOCK_CONFIRMED)
		return;
	if (now < mark + MARK_EVERY && mark <= now + CLOCK_SLACK_MS / 1000)
		return;
	engine_ok(e, store_clock_set_mark(e->store, now, &err), &err);
}

static void tell(struct engine *e)
{
	bool is_trouble = clock_is_doubtful(&e->clock) || e->clock.disagrees_ms;
	struct err trouble;

	if (is_trouble == e->is_clock_told)
		return;
	e->is_clock_told = is_trouble;
	clock_trouble(&e->clock, &trouble);
	if (is_trouble && trouble.kind != ERR_NONE)
		engine_event(e, &(struct trail){ .level = TRAIL_WARNING,
						 .kind = "clock.wrong",
						 .text = trouble.text });
	else if (!is_trouble)
		engine_event(e, &(struct trail){ .kind = "clock.right",
						 .text = "this machine's clock "
							 "is right again" });
}

/*
 * What waits was reckoned by this time, and nobody has vouched for it: a later
 * life whose clock is earlier has to know of it.
 */
static void keep_unsure(struct engine *e)
{
	time_t now = engine_now(e), last = store_clock_unsure(e->store);
	struct err err = ERR_INIT;

	if (clock_is_known(&e->clock))
		now = 0;
	if (now ? now >= last && now < last + MARK_EVERY : !last)
		return;
	engine_ok(e, store_clock_set_unsure(e->store, now, &err), &err);
}

void timekeeping_stage(struct engine *e)
{
	clock_now_ms(&e->clock);
	move_waits(e);
	if (!e->has_failed)
		keep_mark(e);
	if (!e->has_failed)
		keep_unsure(e);
	if (!e->has_failed)
		tell(e);
}

/* Time may have gone back again meanwhile. */
void timekeeping_committed(struct engine *e)
{
	e->clock.back_ms -= e->shifted_ms;
}

time_t engine_clock(const struct engine *e)
{
	return engine_now(e);
}

bool engine_clock_is_known(const struct engine *e)
{
	return clock_is_known(&e->clock);
}

void engine_clock_trouble(const struct engine *e, struct err *out)
{
	clock_trouble(&e->clock, out);
}
