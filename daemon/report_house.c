#include "daemon/report_house.h"

#include "base/steady.h"
#include "base/when.h"
#include "store/report.h"

#define AGAIN	      WHEN_MINUTE /* after all, or a failure */
#define PRUNE_MIN     4		  /* reports in a piece, */
#define PRUNE_MAX     256	  /* as many as there is time for */
#define PRUNE_MS      5		  /* no other is begun then */
#define PRUNE_FAST_MS 2
#define SHED_MS	      5

void report_house_init(struct report_house *h)
{
	*h = (struct report_house){ .prune_limit = PRUNE_MIN };
}

void report_house_grew(struct report_house *h)
{
	h->may_be_over = true;
}

/* Nor is it if a clock was set back since. */
static bool is_due(time_t at, time_t now)
{
	return now >= at || at > now + AGAIN;
}

bool report_house_has_work(const struct report_house *h, time_t now)
{
	return h->may_be_over || is_due(h->prune_at, now);
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* As many at once as there is time for. */
static void pace_prune(struct report_house *h, const struct report_piece *piece,
		       time_t now, int64_t took_ms)
{
	if (took_ms >= PRUNE_MS && h->prune_limit > PRUNE_MIN)
		h->prune_limit /= 2;
	else if (took_ms < PRUNE_FAST_MS && h->prune_limit < PRUNE_MAX)
		h->prune_limit *= 2;
	h->may_be_over = true; /* a reload may have lowered the bounds */
	if (piece->is_all)
		h->prune_at = now + AGAIN;
	else
		h->is_more = true;
}

static bool prune(struct report_house *h, struct store *s, time_t oldest,
		  time_t now, int64_t until, struct err *err)
{
	int64_t since = steady_ms();
	struct report_piece piece = {
		.limit = h->prune_limit,
		.until = sooner(since + PRUNE_MS, until),
	};

	if (!is_due(h->prune_at, now))
		return true;
	if (!report_prune(s, oldest, &piece, err)) {
		h->prune_at = now + AGAIN;
		return false;
	}
	pace_prune(h, &piece, now, steady_ms() - since);
	return true;
}

/* Of who takes too much room: as many as there is time for, the rest soon. */
static bool shed(struct report_house *h, struct store *s,
		 const struct report_bounds *bounds, time_t now, int64_t until,
		 struct err *err)
{
	struct report_piece piece = {
		.limit = PRUNE_MAX,
		.until = sooner(steady_ms() + SHED_MS, until),
	};

	if (!h->may_be_over || !is_due(h->shed_at, now))
		return true;
	if (!report_shed(s, bounds, now, &piece, err)) {
		h->shed_at = now + AGAIN;
		return false;
	}
	h->may_be_over = !piece.is_all;
	h->is_more = h->may_be_over;
	return true;
}

bool report_house_turn(struct report_house *h, struct store *s,
		       const struct config *config, time_t now, int64_t until,
		       struct err *err)
{
	const struct report_bounds bounds = { config->report_room,
					      config->report_room_total };

	h->is_more = false;
	return shed(h, s, &bounds, now, until, err) &&
	       prune(h, s, now - config->report_retention, now, until, err);
}
