#include "daemon/policy_alerts.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "daemon/alert_kinds.h"
#include "daemon/health.h"
#include "daemon/readiness.h"
#include "daemon/report_alerts.h"
#include "store/alert.h"

/* The finding of that id, or NULL. */
static const struct finding *find(const struct findings *all, const char *id)
{
	for (size_t i = 0; i < all->count; i++)
		if (streq(all->item[i].id, id))
			return &all->item[i];
	return NULL;
}

static bool set(struct store *s, const struct domain_facts *f,
		const char *kind, const struct finding *is,
		enum alert_level level, time_t now, struct err *err)
{
	struct alert a = { .kind = kind, .subject = f->domain.name,
			   .level = level };

	if (!is)
		return alert_end(s, kind, f->domain.name, now, err);
	a.text = is->text;
	a.hint = is->hint;
	return alert_raise(s, &a, now, err);
}

static bool strays_are_sure(const struct domain_facts *f, time_t now)
{
	return f->watch.strays_since &&
	       now >= f->watch.strays_since + STRAYS_SURE;
}

static bool judge_mx(struct store *s, const struct domain_facts *f,
		     const struct findings *all, time_t now, struct err *err)
{
	const struct finding *strays = find(all, "mx.not-covered"),
			     *bad = find(all, "mx.bad-name"),
			     *is = strays ? strays : bad;
	struct finding both;
	size_t used;

	if (strays && bad) {
		both = *strays;
		used = strlen(both.text);
		snprintf(both.text + used, sizeof(both.text) - used, "; %s",
			 bad->text);
		is = &both;
	}
	if (is && !strays_are_sure(f, now))
		return true;
	return set(s, f, KIND_MX, is,
		   is && is->level == HEALTH_ERROR ? ALERT_ERROR
						   : ALERT_WARNING,
		   now, err);
}

/* A look that could not tell neither begins nor ends it. */
static bool judge_refused(struct store *s, const struct domain_facts *f,
			  const struct findings *all, time_t now,
			  struct err *err)
{
	const struct finding *is = find(all, "mx.refused");
	bool enforces = f->has_policy && !f->domain.leaving &&
			f->policy.policy.mode == STS_ENFORCE;

	if (enforces && !is && f->mx.is != MX_WELL)
		return true;
	return set(s, f, KIND_REFUSED, is, ALERT_ERROR, now, err);
}

/* Since both stand as they do: the record, and the policy. */
static time_t unannounced_since(const struct domain_facts *f)
{
	time_t made = f->policy.created_at, seen = f->watch.txt_since,
	       live = f->domain.state_at, latest = made > seen ? made : seen;

	return latest > live ? latest : live;
}

static const struct finding *unannounced(const struct findings *all)
{
	static const char *const ids[] = { "txt.missing", "txt.grammar",
					   "id.behind", "id.ahead",
					   "id.foreign" };
	const struct finding *is = NULL;

	for (size_t i = 0; i < ARRAY_LEN(ids) && !is; i++)
		is = find(all, ids[i]);
	return is;
}

/* By the panic button, or a removal: each hour of it may cost mail. */
static long unannounced_for(const struct domain_facts *f)
{
	return f->shown.is_known && f->shown.mode == STS_ENFORCE &&
			       f->policy.policy.mode != STS_ENFORCE
		       ? UNANNOUNCED_REFUSES
		       : UNANNOUNCED_MAX;
}

static bool judge_txt(struct store *s, const struct domain_facts *f,
		      const struct findings *all, time_t now, struct err *err)
{
	const struct finding *is = unannounced(all);

	if (is && now < unannounced_since(f) + unannounced_for(f))
		return true;
	return set(s, f, KIND_UNANNOUNCED, is, ALERT_WARNING, now, err);
}

static bool judge_leaving(struct store *s, const struct domain_facts *f,
			  const struct findings *all, time_t now,
			  struct err *err)
{
	return set(s, f, KIND_REMOVABLE, find(all, "txt.removable"),
		   ALERT_INFO, now, err);
}

/* Reports may be no more than unknown; but failures keep it waiting. */
static bool is_ready(const struct readiness *r, bool *is_known)
{
	*is_known = r->count == 0;
	return r->count == 0 ||
	       (r->count == 1 && streq(r->reason[0].id, "reports.unknown"));
}

static void say_ready(const char *name, bool is_known, struct finding *is)
{
	snprintf(is->text, sizeof(is->text),
		 "nothing that is known speaks against mode enforce any more%s",
		 is_known ? ""
			  : "; what senders meet is not known from TLS "
			    "reports");
	snprintf(is->hint, sizeof(is->hint), "mtastsctl policy enforce %s%s",
		 name, is_known ? "" : " --without-reports");
}

static bool judge_ready(struct store *s, const struct domain_facts *f,
			const struct config *config, time_t now,
			struct err *err)
{
	struct finding is = { .text = "", .hint = "" };
	struct readiness r;
	bool ready, is_known;

	if (!f->has_policy || f->policy.policy.mode != STS_TESTING ||
	    f->domain.leaving || f->domain.state != DOMAIN_LIVE)
		return alert_end(s, KIND_READY, f->domain.name, now, err);
	if (!readiness_of(s, f, config, false, false, true, now, &r, err))
		return false;
	ready = is_ready(&r, &is_known);
	readiness_release(&r);
	say_ready(f->domain.name, is_known, &is);
	return set(s, f, KIND_READY, ready ? &is : NULL, ALERT_INFO, now, err);
}

/* Nobody else is to publish it before; status has it as "in progress". */
static bool is_looked_for(const struct domain_facts *f)
{
	return f->announce == ANNOUNCE_UNSEEN &&
	       f->reached.tries < REACHED_FIRST_TRIES;
}

/* All of that CA are one line of status already. */
static bool is_of_staging(const struct domain_facts *f)
{
	return f->announce == ANNOUNCE_UNTRUSTED && ca_is_staging(&f->ca);
}

/*
 * May it still come without a hand? This box looks for the policy first; and
 * what it publishes is on its way. But who waits for a person to publish a
 * record, the first one too, is not well.
 */
static bool may_come(const struct domain_facts *f, const char *id, time_t now)
{
	if (!streq(id, "txt.missing") && !streq(id, "id.behind"))
		return false;
	if (!announce_stands(f->announce, &f->domain, &f->reached))
		return is_looked_for(f) || is_of_staging(f);
	return f->has_publication &&
	       now < unannounced_since(f) + UNPUBLISHED_MAX;
}

/*
 * What needs a hand, for status: what DNS and the mail hosts were seen to say,
 * but for what may still be on its way.
 */
static bool needs_a_hand(const struct domain_facts *f, const struct finding *is,
			 time_t now)
{
	if (streq(is->id, "txt.removable") || may_come(f, is->id, now))
		return false;
	if ((streq(is->id, "mx.not-covered") || streq(is->id, "mx.bad-name")) &&
	    !strays_are_sure(f, now))
		return false;
	if (f->domain.leaving == DOMAIN_HANDING_OVER &&
	    str_starts(is->id, "cert.")) /* nothing else would name it */
		return true;
	return health_is_seen(is->id);
}

static bool mark(struct store *s, const struct domain_facts *f,
		 const struct findings *all, time_t now, struct err *err)
{
	enum health worst = HEALTH_OK;

	for (size_t i = 0; i < all->count; i++)
		if (needs_a_hand(f, &all->item[i], now) &&
		    all->item[i].level > worst)
			worst = all->item[i].level;
	return watch_mark(s, f->domain.id, (int)worst, err);
}

bool policy_alerts_judge(struct store *s, const struct domain_facts *f,
			 const struct config *config, time_t now,
			 struct err *err)
{
	struct findings all = { .count = 0 };

	health_of_domain(f, now, &all);
	return judge_mx(s, f, &all, now, err) &&
	       judge_refused(s, f, &all, now, err) &&
	       judge_txt(s, f, &all, now, err) &&
	       judge_leaving(s, f, &all, now, err) &&
	       judge_ready(s, f, config, now, err) &&
	       report_alerts_judge(s, &f->domain, config, now, err) &&
	       mark(s, f, &all, now, err);
}
