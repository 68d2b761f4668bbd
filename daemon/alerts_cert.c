/*
 * Certificates that run out, judged by the share of their life that is left,
 * never by days; and domains whose orders fail.
 */
#include "daemon/alerts_parts.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "daemon/leaving.h"

#define LATE	      WHEN_HOUR	/* a planned renewal that nobody began */
#define LATE_AGAIN    (10 * WHEN_MINUTE)
#define ODD_AGAIN     WHEN_DAY
#define LEFT_AGAIN    WHEN_HOUR /* who leaves may be kept after all */
#define FAILURES_WARN 3		/* of a first certificate, in a row */

/* ---- what is left ---- */

static time_t moment_with_left(const struct cert *c, long part)
{
	return c->not_after - (c->not_after - c->not_before) / part;
}

/*
 * With a quarter left a renewal should have come. One that is planned for
 * later, as a CA may advise, is waited for until a tenth is left.
 */
static time_t first_moment(const struct cert *c)
{
	time_t quarter = moment_with_left(c, 4), tenth = moment_with_left(c, 10);
	time_t at = c->renew_at > quarter ? c->renew_at + WHEN_MINUTE : quarter;

	return at < tenth ? at : tenth;
}

struct alerts_verdict alerts_judge(const struct cert *c, time_t now)
{
	const struct {
		time_t at;
		enum alert_level level;
	} steps[] = {
		{ first_moment(c), ALERT_WARNING },
		{ moment_with_left(c, 10), ALERT_ERROR },
		{ moment_with_left(c, 20), ALERT_CRITICAL },
		{ c->not_after, ALERT_CRITICAL },
	};
	struct alerts_verdict v = { .next = now + WHEN_DAY };

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		if (steps[i].at > now) {
			v.next = steps[i].at;
			break;
		}
		v.is_open = true;
		v.level = steps[i].level;
	}
	v.has_expired = now >= c->not_after;
	return v;
}

static bool tell_cert(struct alerts *a, const struct domain *d,
		      const struct cert *c, const struct alerts_verdict *v,
		      time_t now, struct err *err)
{
	char text[sizeof(err->text)], hint[sizeof(err->hint)];
	char at[INSTANT_TEXT];
	struct alert alert = { .kind = KIND_CERT, .subject = d->name,
			       .level = v->level, .text = text,
			       .hint = hint };

	snprintf(text, sizeof(text),
		 "its certificate %s at %s and no renewal has succeeded%s%.380s",
		 v->has_expired ? "expired" : "expires",
		 instant_format(c->not_after, at), *d->problem ? ": " : "",
		 d->problem);
	snprintf(hint, sizeof(hint), "%.30s%.280s",
		 *d->hint ? "" : "mtastsctl domain show ",
		 *d->hint ? d->hint : d->name);
	return v->has_expired
		       ? alert_raise_again(a->parts.store, &alert, now, err)
		       : alert_raise(a->parts.store, &alert, now, err);
}

/* ---- a renewal that nobody works on ---- */

static bool is_forgotten(struct alerts *a, const struct domain *d,
			 const struct cert *c, time_t now)
{
	struct order o;

	return now >= c->renew_at + LATE && !d->due_at && !d->ready_at &&
	       !order_of_domain(a->parts.store, d->id, &o, NULL) &&
	       !alerts_has_reason_to_wait(a);
}

static bool judge_schedule(struct alerts *a, const struct domain *d,
			   const struct cert *c, time_t now, time_t *next,
			   struct err *err)
{
	time_t late = c->renew_at + LATE;
	char at[INSTANT_TEXT], hint[400];

	if (now < late && late < *next)
		*next = late;
	if (!is_forgotten(a, d, c, now))
		return alert_end(a->parts.store, KIND_FORGOTTEN, d->name, now,
				 err);
	*next = now + LATE_AGAIN;
	snprintf(hint, sizeof(hint),
		 "mtastsctl cert renew %s begins it; please report this",
		 d->name);
	return alerts_raise(a, KIND_FORGOTTEN, d->name, ALERT_ERROR, hint, now,
			    err,
			    "its renewal was due at %s and nobody works on it",
			    instant_format(c->renew_at, at));
}

/* ---- one after the other ---- */

/* What cannot be read counts as needed, and as leading here. */
static void read_leaving(struct alerts *a, const struct domain *d, time_t now,
			 struct leaving *l)
{
	const struct leaving unknown = { .waits_for_dns = true };
	struct watch w;

	*l = unknown;
	if (d->leaving && (!watch_of(a->parts.store, d, &w, NULL) ||
			   !leaving_of(a->parts.store, d, &w, now, l, NULL)))
		*l = unknown;
}

static bool end_all(struct alerts *a, const struct domain *d, time_t now,
		    struct err *err)
{
	static const char *const kinds[] = { KIND_CERT, KIND_FORGOTTEN,
					     KIND_SERVED };

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (!alert_end(a->parts.store, kinds[i], d->name, now, err))
			return false;
	return true;
}

/* It is for a person to lead the name away, or to keep it. */
static bool tell_lapse(struct alerts *a, const struct domain *d,
		       const struct cert *c, time_t now, struct err *err)
{
	bool has_expired = now >= c->not_after;
	char at[INSTANT_TEXT], hint[sizeof(err->hint)];

	leaving_lapse_hint(d, c->not_after, now, hint, sizeof(hint));
	return alerts_raise(a, KIND_CERT, d->name,
			    has_expired ? ALERT_ERROR : ALERT_WARNING, hint,
			    now, err,
			    "it is handed over, and DNS leads here still for "
			    "all that is known: its certificate %s at %s, "
			    "and none is ordered",
			    has_expired ? "expired" : "expires",
			    instant_format(c->not_after, at));
}

static bool judge_leaver(struct alerts *a, const struct domain *d,
			 const struct leaving *l, const struct cert *c,
			 time_t now, struct err *err)
{
	if (!leaving_lapses(d, l, c->renew_at, now))
		return end_all(a, d, now, err);
	return alert_end(a->parts.store, KIND_FORGOTTEN, d->name, now, err) &&
	       alert_end(a->parts.store, KIND_SERVED, d->name, now, err) &&
	       tell_lapse(a, d, c, now, err);
}

static bool judge_one(struct alerts *a, const struct cert *c, time_t now,
		      time_t *next, struct err *err)
{
	struct alerts_verdict v = alerts_judge(c, now);
	struct leaving l;
	struct domain d;

	*next = now + ODD_AGAIN;
	if (!domain_by_id(a->parts.store, c->domain_id, &d, NULL))
		return true;	/* damaged: the engine has said so */
	read_leaving(a, &d, now, &l);
	if (!leaving_needs_cert(&d, &l, now)) {
		*next = now + LEFT_AGAIN;
		return judge_leaver(a, &d, &l, c, now, err);
	}
	*next = v.next;
	if (now - c->created_at < LATE)
		alerts_self_soon(a, d.name);
	return judge_schedule(a, &d, c, now, next, err) &&
	       (v.is_open ? tell_cert(a, &d, c, &v, now, err)
			  : alert_end(a->parts.store, KIND_CERT, d.name, now,
				      err));
}

bool alerts_watch_certs(struct alerts *a, time_t now, struct err *err)
{
	struct store *s = a->parts.store;
	int64_t ids[ALERTS_PART];
	size_t n = cert_judge_due(s, now, ids, ALERTS_PART, err);

	for (size_t i = 0; i < n; i++) {
		time_t next = now + ODD_AGAIN;
		struct cert c;

		if (cert_by_id(s, ids[i], &c, NULL) &&
		    !judge_one(a, &c, now, &next, err))
			return false;
		if (!cert_judge_at(s, ids[i], next, err))
			return false;
	}
	a->has_more |= n == ALERTS_PART;
	return err->kind == ERR_NONE;
}

/* ---- domains whose orders fail ---- */

struct failing {
	struct alerts *a;
	time_t now;
	struct err *err;
	long seen;
	bool ok;
};

static bool tell_failing(const struct domain *d, void *arg)
{
	struct failing *f = arg;
	bool is_live = d->cert_id != 0;

	f->seen++;
	snprintf(f->a->failing.after, sizeof(f->a->failing.after), "%s",
		 d->name);
	if (!d->failures || d->leaving == DOMAIN_HANDING_OVER)
		return true;
	f->ok = alerts_raise(f->a, KIND_DOMAIN, d->name,
			     !is_live && d->failures >= FAILURES_WARN
				     ? ALERT_WARNING : ALERT_INFO,
			     d->hint, f->now, f->err, "%s failed: %s",
			     is_live ? "renewal" : "first certificate",
			     d->problem);
	return f->ok;
}

/* Live ones and those without a certificate, in turn. */
static void next_state(struct alerts *a)
{
	a->failing.state = a->failing.state == DOMAIN_LIVE ? DOMAIN_ISSUING
							   : DOMAIN_LIVE;
	a->failing.after[0] = '\0';
}

bool alerts_watch_domains(struct alerts *a, time_t now, struct err *err)
{
	struct failing f = { .a = a, .now = now, .err = err, .ok = true };
	char after[DOMAIN_NAME_SIZE];

	memcpy(after, a->failing.after, sizeof(after));
	if (!domain_each_troubled(a->parts.store, a->failing.state, after,
				  ALERTS_PART, tell_failing, &f, err) ||
	    !f.ok)
		return false;
	if (f.seen == ALERTS_PART)
		a->has_more = true;
	else
		next_state(a);
	return true;
}
