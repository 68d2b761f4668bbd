#include "daemon/report_alerts.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "daemon/alert_kinds.h"
#include "daemon/readiness.h"
#include "store/alert.h"
#include "store/report_recent.h"
#include "store/report_stale.h"
#include "store/watch.h"

#define DAY_TEXT 10 /* of an instant: its date */

/* One of them; without text it is to end. */
struct words {
	char text[512], hint[512];
};

static bool set(struct store *s, const struct domain *d, const char *kind,
		enum alert_level level, const struct words *w, bool again,
		time_t now, struct err *err)
{
	struct alert a = { .kind = kind,
			   .subject = d->name,
			   .level = level,
			   .text = w->text,
			   .hint = w->hint };

	if (!*w->text)
		return alert_end(s, kind, d->name, now, err);
	return again ? alert_raise_again(s, &a, now, err)
		     : alert_raise(s, &a, now, err);
}

static void say_summary(struct words *w, const struct domain *d,
			const char *todo)
{
	snprintf(w->hint, sizeof(w->hint), "mtastsctl report summary %s%s%s",
		 d->name, *todo ? "; " : "", todo);
}

/* ---- failures ---- */

#define TELL "TLS reports of the last 7 days tell of failures: "

static void name_results(struct words *w, const struct report_told *r)
{
	size_t used = (size_t)snprintf(w->text, sizeof(w->text), TELL);
	const char *between = "";

	for (int i = 0; i < TLS_RESULT_COUNT && used < sizeof(w->text); i++) {
		if (!report_told_has(r, (enum tls_result)i))
			continue;
		used += (size_t)snprintf(w->text + used,
					 sizeof(w->text) - used, "%s%s",
					 between,
					 tls_result_name((enum tls_result)i));
		between = ", ";
	}
	if (!*between)
		str_copy(w->text, sizeof(w->text),
			 TELL "none says of which kind");
}

/* As name_results() listed it. */
static bool names(const char *text, const char *result)
{
	size_t len = strlen(result);

	for (const char *at = text; (at = strstr(at, result)); at += len)
		if (at > text && at[-1] == ' ' && strchr(",", at[len]))
			return true;
	return false;
}

/* Does it tell of one that was not told of yet? */
static bool has_new(const char *was, const struct report_told *r)
{
	for (int i = 0; *was && i < TLS_RESULT_COUNT; i++)
		if (report_told_has(r, (enum tls_result)i) &&
		    !names(was, tls_result_name((enum tls_result)i)))
			return true;
	return false;
}

static bool judge_failing(struct store *s, const struct domain *d,
			  const struct report_told *r, time_t now,
			  struct err *err)
{
	enum tls_result worst = report_told_worst(r);
	struct words w = { "", "" };
	char was[sizeof(w.text)];

	if (!alert_text(s, KIND_REPORT_FAILING, d->name, was, sizeof(was), err))
		return false;
	if (r->failed || worst != TLS_RESULT_COUNT)
		name_results(&w, r);
	say_summary(&w, d,
		    worst == TLS_RESULT_COUNT ? "" : tls_result_todo(worst));
	return set(s, d, KIND_REPORT_FAILING, ALERT_WARNING, &w,
		   has_new(was, r), now, err);
}

static void say_share(struct words *w, const struct report_told *t, long share,
		      const char *which, const char *besides)
{
	int64_t sessions = t->successful + t->failed;

	if (sessions >= REPORT_SHARE_SESSIONS && readiness_is_failing(t, share))
		snprintf(w->text, sizeof(w->text),
			 "%lld of %lld sessions %s in the last 7 days, by TLS "
			 "reports, and no more than %ld %% may%s",
			 (long long)t->failed, (long long)sessions, which,
			 share, besides);
}

/* What fails by DANE is told of too, but not as if it were ours to mend. */
static bool judge_share(struct store *s, const struct domain *d,
			const struct report_recent *r, long share, time_t now,
			struct err *err)
{
	const struct report_told others = {
		.successful = r->all.successful - r->sts.successful,
		.failed = r->all.failed - r->sts.failed,
	};
	struct words w = { "", "" };

	say_share(&w, &r->sts, share, "by MTA-STS failed", "");
	if (!*w.text)
		say_share(&w, &others, share,
			  "failed that no MTA-STS policy of yours was for",
			  "; that says nothing against mode enforce");
	say_summary(&w, d, "");
	return set(s, d, KIND_REPORT_SHARE, ALERT_WARNING, &w, false, now, err);
}

/* ---- silence ---- */

static time_t later(time_t a, time_t b)
{
	return a > b ? a : b;
}

/*
 * Are they asked for here, by a record that was seen? The watch does not say
 * since when they are: since its last news.
 */
static bool find_asked(struct store *s, const struct domain *d, bool *are_asked,
		       time_t *since, struct err *err)
{
	struct watch watch;

	if (!watch_of(s, d, &watch, err))
		return false;
	*are_asked = d->state == DOMAIN_LIVE && !d->leaving &&
		     watch_asks_us(&watch);
	*since = later(later(d->created_at, d->state_at), watch.news_at);
	return true;
}

/* What is open stays so when there is other news in DNS. */
static bool find_silence(struct store *s, const struct domain *d,
			 const struct report_recent *r, time_t now,
			 bool *is_silent, time_t *since, struct err *err)
{
	const time_t silent = REPORT_SILENT_DAYS * WHEN_DAY;
	bool are_asked, is_open;

	if (!find_asked(s, d, &are_asked, since, err) ||
	    !alert_is_open(s, KIND_REPORT_SILENT, d->name, ALERT_INFO, &is_open,
			   err))
		return false;
	*is_silent = are_asked && (is_open || now >= *since + silent) &&
		     (!r->newest || now >= r->newest + WHEN_DAY + silent);
	return true;
}

static void say_silence(struct words *w, const struct domain *d, time_t newest,
			time_t asked, bool used)
{
	char at[INSTANT_TEXT];

	if (newest)
		snprintf(w->text, sizeof(w->text),
			 "no TLS report has come for %d days, though DNS asks "
			 "for them: the last is of %.*s%s",
			 REPORT_SILENT_DAYS, DAY_TEXT,
			 instant_format(newest, at),
			 used ? "" : ", and they came seldom before");
	else
		snprintf(w->text, sizeof(w->text),
			 "no TLS report has ever come, though DNS has asked "
			 "for them since %.*s at least",
			 DAY_TEXT, instant_format(asked, at));
	snprintf(w->hint, sizeof(w->hint),
		 "mtastsctl domain check %s; and see that mail to its mailto: "
		 "address gets here%s",
		 d->name, used ? "" : "; small domains may get none");
}

static bool judge_silence(struct store *s, const struct domain *d,
			  const struct report_recent *r, time_t now,
			  struct err *err)
{
	struct words w = { "", "" };
	/* One in a month may be all that a small domain ever gets. */
	bool is_silent, used = r->usual_days >= REPORT_USUAL_DAYS;
	time_t asked;

	if (!find_silence(s, d, r, now, &is_silent, &asked, err))
		return false;
	if (is_silent)
		say_silence(&w, d, r->newest, asked, used);
	return set(s, d, KIND_REPORT_SILENT, used ? ALERT_WARNING : ALERT_INFO,
		   &w, false, now, err);
}

bool report_unheard_since(struct store *s, const struct domain *d, time_t now,
			  time_t *since, struct err *err)
{
	struct report_recent r;
	bool are_asked;
	time_t asked;

	*since = 0;
	if (!report_recent(s, d->id, now, now, &r, err) ||
	    !find_asked(s, d, &are_asked, &asked, err))
		return false;
	if (are_asked && !r.newest &&
	    now >= asked + REPORT_SILENT_DAYS * WHEN_DAY)
		*since = asked;
	return true;
}

/* ---- old versions ---- */

static void say_stale(struct words *w, const struct report_stale *r)
{
	char at[INSTANT_TEXT], more[40] = "";

	if (r->reporters > 1)
		snprintf(more, sizeof(more), " (and %lld more)",
			 (long long)r->reporters - 1);
	snprintf(w->text, sizeof(w->text),
		 "\"%s\"%s still reports by version %ld of the policy, which "
		 "no sender was to hold after %.*s",
		 *r->reporter ? r->reporter : "(no name)", more, r->version,
		 DAY_TEXT, instant_format(r->until, at));
}

static bool judge_stale(struct store *s, const struct domain *d, time_t now,
			struct err *err)
{
	struct words w = { "", "" };
	struct report_stale stale;

	if (!report_stale(s, d->id, now - READINESS_REPORTS,
			  now + REPORT_AHEAD, &stale, err))
		return false;
	if (stale.reporters)
		say_stale(&w, &stale);
	say_summary(&w, d, "keep its old mail hosts as long, and ask the "
			   "reporter's contact");
	return set(s, d, KIND_REPORT_OLD, ALERT_WARNING, &w, false, now, err);
}

bool report_alerts_judge(struct store *s, const struct domain *d,
			 const struct config *config, time_t now,
			 struct err *err)
{
	struct report_recent r;

	return readiness_reports(s, d->id, now, &r, err) &&
	       judge_failing(s, d, &r.all, now, err) &&
	       judge_share(s, d, &r, config->report_share, now, err) &&
	       judge_silence(s, d, &r, now, err) && judge_stale(s, d, now, err);
}
