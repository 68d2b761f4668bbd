#include "acme/clock.h"

#include <stdlib.h>

#include "base/when.h"

/* No clock that shows an earlier moment is right: this program is newer. */
#define BORN 1767225600LL /* 2026-01-01 */

#define ODD_MS	 (WHEN_HOUR * 1000LL) /* a Date may be cached for a while */
#define ALONE_MS (WHEN_DAY * 1000LL)  /* what one CA is believed alone */

static bool is_near(int64_t ms, int64_t limit_ms)
{
	return ms >= -limit_ms && ms <= limit_ms;
}

/* ---- the machine's clock, looked at whenever somebody asks for the time ---- */

/* Right again, by itself: there is nothing left to doubt. */
static void settle(struct clock *c)
{
	if (c->doubt >= CLOCK_BEHIND && is_near(c->offset_ms, CLOCK_SLACK_MS)) {
		c->back_ms += c->offset_ms > 0 ? c->offset_ms : 0;
		c->offset_ms = 0;
		c->was_behind = false;
		c->doubt = CLOCK_UNCONFIRMED;
	}
}

static int64_t look(struct clock *c)
{
	int64_t wall_ms = c->real->now_ms(c->real->ctx);
	int64_t steady_ms = c->real->steady_ms(c->real->ctx);
	int64_t step_ms = (wall_ms - c->wall_ms) - (steady_ms - c->steady_ms);

	c->wall_ms = wall_ms;
	c->steady_ms = steady_ms;
	if (is_near(step_ms, CLOCK_SLACK_MS))
		return wall_ms;
	c->offset_ms -= step_ms;
	clock_forget_disagreement(c); /* it is not the clock that it was */
	if (c->doubt < CLOCK_BEHIND)
		c->doubt = CLOCK_STEPPED;
	settle(c);
	return wall_ms;
}

int64_t clock_now_ms(struct clock *c)
{
	int64_t wall_ms = look(c);

	return wall_ms + c->offset_ms;
}

/* ---- what a CA says ---- */

static void go_by(struct clock *c, int64_t offset_ms)
{
	if (offset_ms < c->offset_ms)
		c->back_ms += c->offset_ms - offset_ms;
	c->offset_ms = offset_ms;
}

/* It came at a steady moment that passes for all alike. */
static bool is_seconded(const struct clock *c, int64_t ca, int64_t date_ms)
{
	int64_t offset_ms = date_ms - c->steady_ms;

	return c->claim.ca && c->claim.ca != ca &&
	       is_near(c->claim.offset_ms - offset_ms, ODD_MS);
}

/* Of a machine of which nothing bad is known, one CA is no more than so far ahead. */
static bool is_within_reach(const struct clock *c, int64_t date_ms)
{
	return c->was_behind || c->wall_ms - date_ms >= -ALONE_MS;
}

/* Who led us may correct itself; another one is to be near. */
static bool is_led_on(const struct clock *c, int64_t ca, int64_t off_ms)
{
	return ca == c->followed || is_near(off_ms, ALONE_MS);
}

/*
 * Stepped: our own time is known better than by a Date that fits neither, so
 * it stays. From before the mark on, time may have passed while we were off:
 * nobody but the CA knows how much. One that is alone against a machine of
 * which nothing bad is known is followed for as far as a wrong time zone goes;
 * further only back, to a moment between what has been and what the machine
 * says: there the true one is if the machine is ahead, and a wrong one hardly.
 */
static bool is_believed(const struct clock *c, int64_t ca, int64_t date_ms)
{
	int64_t off_ms = c->wall_ms + c->offset_ms - date_ms;

	if (date_ms < c->least_ms - CLOCK_SLACK_MS)
		return false;
	switch (c->doubt) {
	case CLOCK_CONFIRMED:
	case CLOCK_STEPPED:
		break;
	case CLOCK_UNCONFIRMED:
		return is_within_reach(c, date_ms) ||
		       is_seconded(c, ca, date_ms);
	case CLOCK_OVERRULED:
		return (is_within_reach(c, date_ms) &&
			is_led_on(c, ca, off_ms)) ||
		       is_seconded(c, ca, date_ms);
	case CLOCK_BEHIND:
		return off_ms < 0;
	}
	return false;
}

/* A Date that is behind us may have lain in a cache; one ahead of us not. */
static bool is_ours(const struct clock *c, int64_t date_ms)
{
	int64_t off_ms = c->wall_ms + c->offset_ms - date_ms;

	return off_ms >= -CLOCK_SLACK_MS && off_ms <= ODD_MS;
}

static void confirm(struct clock *c)
{
	go_by(c, 0);
	c->doubt = CLOCK_CONFIRMED;
	c->was_behind = false;
	c->followed = c->claim.ca = 0;
}

/* Of two CAs that agree with it and with each other never, one is wrong still. */
static void note_disagreement(struct clock *c, int64_t ca, int64_t wrong_ms)
{
	if (!is_near(wrong_ms, ODD_MS)) {
		c->disagrees_ms = wrong_ms;
		c->disagrees = ca;
	} else if (c->disagrees == ca) {
		clock_forget_disagreement(c);
	}
}

void clock_forget_disagreement(struct clock *c)
{
	c->disagrees_ms = c->disagrees = 0;
}

static void follow(struct clock *c, int64_t ca, int64_t date_ms)
{
	go_by(c, date_ms - c->wall_ms);
	c->doubt = CLOCK_OVERRULED;
	c->followed = ca;
	c->claim.ca = 0;
}

void clock_heard(struct clock *c, int64_t ca, time_t date)
{
	int64_t date_ms = (int64_t)date * 1000;
	int64_t wrong_ms = look(c) - date_ms;

	note_disagreement(c, ca, wrong_ms);
	if (is_near(wrong_ms, CLOCK_SLACK_MS)) {
		confirm(c);
		return;
	}
	if (is_ours(c, date_ms))
		return;
	if (is_believed(c, ca, date_ms)) {
		follow(c, ca, date_ms);
		return;
	}
	c->claim.ca = ca;
	c->claim.offset_ms = date_ms - c->steady_ms;
}

bool clock_is_known(const struct clock *c)
{
	return c->doubt == CLOCK_CONFIRMED || c->doubt == CLOCK_OVERRULED;
}

bool clock_is_doubtful(const struct clock *c)
{
	return c->doubt >= CLOCK_BEHIND ||
	       (c->doubt == CLOCK_UNCONFIRMED && c->disagrees_ms);
}

/* ---- in words ---- */

void clock_trouble(const struct clock *c, struct err *out)
{
	char by[DURATION_TEXT];
	int64_t wrong_ms = c->doubt >= CLOCK_BEHIND ? -c->offset_ms
						    : c->disagrees_ms;

	*out = (struct err)ERR_INIT;
	if (!wrong_ms)
		return;
	duration_rough(llabs(wrong_ms) / 1000, by);
	if (c->doubt < CLOCK_BEHIND)
		err_set(out, ERR_AGAIN,
			"this machine's clock and that of a CA "
			"differ by %s",
			by);
	else
		err_set(out, ERR_AGAIN, "this machine's clock is %s %s%s", by,
			wrong_ms > 0 ? "ahead" : "behind",
			c->doubt == CLOCK_OVERRULED ? "" : ", or was till now");
	err_hint(out,
		 "%s, and see that it is kept right (timedatectl); "
		 "renewals go by %s meanwhile",
		 c->doubt < CLOCK_BEHIND ? "set this machine's if it is wrong"
					 : "set it",
		 c->doubt == CLOCK_OVERRULED ? "the CA's"
		 : c->doubt < CLOCK_BEHIND   ? "this machine's"
					     : "what was known before");
}

/* ---- the world with our time ---- */

static int64_t view_now_ms(void *ctx)
{
	return clock_now_ms(ctx);
}

static int64_t view_steady_ms(void *ctx)
{
	const struct clock *c = ctx;

	return c->real->steady_ms(c->real->ctx);
}

static void view_random(void *ctx, void *out, size_t len)
{
	const struct clock *c = ctx;

	c->real->random(c->real->ctx, out, len);
}

static bool view_key_make(void *ctx, struct p256 *key, struct err *err)
{
	const struct clock *c = ctx;

	return c->real->key_make(c->real->ctx, key, err);
}

static bool view_sign(void *ctx, const struct p256 *key, const void *data,
		      size_t len, unsigned char out[static P256_SIGNATURE],
		      struct err *err)
{
	const struct clock *c = ctx;

	return c->real->sign(c->real->ctx, key, data, len, out, err);
}

static void view_fetch(void *ctx, const struct fetch_request *request,
		       fetch_done *done, void *arg)
{
	const struct clock *c = ctx;

	c->real->fetch(c->real->ctx, request, done, arg);
}

static void view_addresses(void *ctx, const char *name, dns_done *done,
			   void *arg)
{
	const struct clock *c = ctx;

	c->real->addresses(c->real->ctx, name, done, arg);
}

static void view_caa(void *ctx, const char *name, dns_caa_done *done, void *arg)
{
	const struct clock *c = ctx;

	c->real->caa(c->real->ctx, name, done, arg);
}

static void view_probe(void *ctx, const char *host, const char *address,
		       probe_done *done, void *arg)
{
	const struct clock *c = ctx;

	c->real->probe(c->real->ctx, host, address, done, arg);
}

static void view_sync(void *ctx, sync_done *done, void *arg)
{
	const struct clock *c = ctx;

	c->real->sync(c->real->ctx, done, arg);
}

static void view_wake_at(void *ctx, int64_t at_ms)
{
	const struct clock *c = ctx;

	c->real->wake_at(c->real->ctx, at_ms - c->offset_ms);
}

static void view_point(void *ctx, const char *where, const char *what)
{
	const struct clock *c = ctx;

	if (c->real->point)
		c->real->point(c->real->ctx, where, what);
}

const struct world *clock_world(const struct clock *c)
{
	return &c->view;
}

void clock_init(struct clock *c, const struct world *real, time_t mark)
{
	int64_t least_ms = (mark > BORN ? mark : BORN) * 1000;

	*c = (struct clock){
		.real = real,
		.view = { c, view_now_ms, view_steady_ms, view_random,
			  view_key_make, view_sign, view_fetch, view_addresses,
			  view_caa, view_probe, view_sync, view_wake_at,
			  view_point },
		.doubt = CLOCK_UNCONFIRMED,
		.wall_ms = real->now_ms(real->ctx),
		.steady_ms = real->steady_ms(real->ctx),
		.least_ms = least_ms,
	};
	if (c->wall_ms >= least_ms - CLOCK_SLACK_MS)
		return;
	c->doubt = CLOCK_BEHIND;
	c->was_behind = true;
	c->offset_ms = least_ms - c->wall_ms;
}

void clock_resume(struct clock *c, time_t last)
{
	int64_t ahead_ms = (int64_t)last * 1000 - clock_now_ms(c);

	if (ahead_ms > CLOCK_SLACK_MS)
		c->back_ms += ahead_ms;
}
