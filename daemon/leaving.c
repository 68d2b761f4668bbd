#include "daemon/leaving.h"

#include <stdio.h>
#include <stdlib.h>

#include "acme/revoke_ask.h"
#include "base/log.h"
#include "base/mem.h"
#include "policy/domain_field.h"
#include "store/policy_version.h"
#include "store/reached.h"
#include "store/trail.h"

static time_t later(time_t a, time_t b)
{
	return a > b ? a : b;
}

static bool removing(struct store *s, const struct domain *d,
		     const struct watch *w, time_t now, struct leaving *l,
		     struct err *err)
{
	struct policy_version none;
	bool says_none;

	if (!policy_version_held_until(s, d, now, policy_version_is_live, NULL,
				       &l->held_until, err) ||
	    !policy_version_is_elsewhere(s, d, &l->waits_for_host, err) ||
	    !policy_version_current(s, d, &none, err))
		return false;
	says_none = none.policy.mode == STS_NONE;
	if (says_none && none.announced_at)
		l->done_at = later(l->held_until,
				   none.announced_at + none.policy.max_age);
	else if (says_none && w->txt == ANNOUNCED_NOTHING)
		l->done_at = later(l->held_until, d->leaving_at);
	else
		l->waits_for_txt = true;
	if (l->waits_for_host)
		l->done_at = 0; /* what there is moves on with the clock */
	policy_version_release(&none);
	return true;
}

static bool has_left(const struct watch *w)
{
	return w->host == HOST_ELSEWHERE || w->host == HOST_NOWHERE;
}

/* The policy's host, and what announces it: the customer may forget that. */
static bool handing_over(struct store *s, const struct domain *d,
			 const struct watch *w, struct leaving *l,
			 struct err *err)
{
	struct reached r;

	if (!reached_of(s, d, &r, err))
		return false;
	l->waits_for_dns = !has_left(w);
	l->waits_for_cname = r.led_at && r.led_at >= w->looked_at;
	if (!l->waits_for_dns && !l->waits_for_cname)
		l->done_at = later(later(w->host_since, d->leaving_at),
				   r.led_at) +
			     watch_cached(w);
	return true;
}

bool leaving_of(struct store *s, const struct domain *d, const struct watch *w,
		time_t now, struct leaving *l, struct err *err)
{
	*l = (struct leaving){ 0 };
	if (d->leaving == DOMAIN_REMOVING)
		return removing(s, d, w, now, l, err);
	return d->leaving != DOMAIN_HANDING_OVER ||
	       handing_over(s, d, w, l, err);
}

bool leaving_needs_cert(const struct domain *d, const struct leaving *l,
			time_t now)
{
	switch (d->leaving) {
	case DOMAIN_STAYS:
		break;
	case DOMAIN_REMOVING:
		return !l->done_at || now < l->done_at;
	case DOMAIN_HANDING_OVER:
		return false;
	}
	return true;
}

bool leaving_lapses(const struct domain *d, const struct leaving *l,
		    time_t renew_at, time_t now)
{
	return d->leaving == DOMAIN_HANDING_OVER && l->waits_for_dns &&
	       now >= renew_at;
}

void leaving_lapse_hint(const struct domain *d, time_t not_after, time_t now,
			char *out, size_t size)
{
	char at[INSTANT_TEXT];

	snprintf(out, size,
		 "lead mta-sts.%.120s to the other host%s%s, or keep it here: "
		 "mtastsctl domain add %.120s",
		 d->name, not_after > now ? " before " : "",
		 not_after > now ? instant_format(not_after, at) : "", d->name);
}

/* What nobody could say just now is no reason to let go. */
static bool is_fresh(const struct domain *d, const struct watch *w)
{
	return w->is_fresh_host &&
	       (w->is_fresh_txt || d->leaving == DOMAIN_HANDING_OVER);
}

/* One look that finds nothing is not enough. */
static bool records_are_gone(const struct watch *w, time_t now)
{
	return w->txt == ANNOUNCED_NOTHING && has_left(w) &&
	       now >= later(w->txt_since, w->host_since) + LEAVING_SURE;
}

static char *farewell(const struct domain *d, const struct watch *w, time_t now)
{
	time_t foreign = watch_foreign_until(w, now);
	char at[INSTANT_TEXT];

	if (d->leaving != DOMAIN_REMOVING)
		return xstrdup("gone: handed over; DNS has led elsewhere for "
			       "as long as caches may lead here");
	if (!foreign)
		return xstrdup("gone: no sender holds a policy of it, and its "
			       "records are no longer in DNS");
	return xasprintf("gone: no sender holds a policy of this box of it "
			 "(another host's, seen in DNS, until %s at the "
			 "latest), and its records are no longer in DNS",
			 instant_format(foreign, at));
}

static bool let_go(struct store *s, const struct domain *d,
		   const struct watch *w, time_t now, struct err *err)
{
	char *text = farewell(d, w, now);
	struct trail e = {
		.at = now,
		.level = TRAIL_INFO,
		.kind = "domain.gone",
		.domain = d->name,
		.label = d->label,
		.actor = "mtastsd",
		.channel = "watch",
		.text = text,
	};
	bool ok;

	log_about(LOG_LEVEL_INFO, domain_field(d->name), "domain %s: %s",
		  d->name, text);
	ok = domain_delete(s, d, now, err) && trail_add(s, &e, err);
	free(text);
	return ok;
}

bool leaving_step(struct store *s, struct domain *d, const struct watch *w,
		  time_t now, bool *is_gone, struct err *err)
{
	struct leaving l;

	*is_gone = false;
	if (!d->leaving || !is_fresh(d, w))
		return true;
	if (!leaving_of(s, d, w, now, &l, err))
		return false;
	if (!l.done_at || now < l.done_at ||
	    revoke_is_pending(s, d) ||
	    (d->leaving == DOMAIN_REMOVING && !records_are_gone(w, now)))
		return true;
	*is_gone = true;
	return let_go(s, d, w, now, err);
}
