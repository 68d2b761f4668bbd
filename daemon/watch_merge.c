#include "daemon/watch_merge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/arrival.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"

/* ---- what was seen ---- */

static bool is_ours(const struct dns_addresses *a,
		    const struct engine_settings *s, size_t *ours)
{
	size_t n = 0;

	for (size_t i = 0; i < a->count; i++)
		n += arrival_is_ours(s, a->address[i]);
	*ours += n;
	return n == a->count;
}

enum watch_host watch_host_of(const char *host, const struct dns_answer *answer,
			      const struct engine_settings *s,
			      char problem[static 300])
{
	size_t ours = 0, any = 0, voices = 0;
	struct err why = ERR_INIT;
	bool all = true;

	for (size_t i = 0; i < answer->count; i++) {
		const struct dns_view *v = &answer->view[i];

		if (v->a.outcome == DNS_FAILED || v->aaaa.outcome == DNS_FAILED)
			continue;
		voices++;
		any += v->a.count + v->aaaa.count;
		all = is_ours(&v->a, s, &ours) && all;
		all = is_ours(&v->aaaa, s, &ours) && all;
		all = all && v->a.count + v->aaaa.count;
	}
	problem[0] = '\0';
	if (!voices)
		return HOST_UNKNOWN;
	if (all)
		return HOST_HERE;
	if (!arrival_leads_here(host, answer, s, &why))
		snprintf(problem, 300, "%.299s", why.text);
	if (!any)
		return HOST_NOWHERE;
	return ours ? HOST_PARTLY : HOST_ELSEWHERE;
}

long watch_host_ttl(const struct dns_answer *answer)
{
	long longest = 0;

	for (size_t i = 0; i < answer->count; i++) {
		const struct dns_view *v = &answer->view[i];

		longest = v->a.ttl > longest ? v->a.ttl : longest;
		longest = v->aaaa.ttl > longest ? v->aaaa.ttl : longest;
	}
	return longest;
}

static bool is_same_rua(const struct tlsrpt_record *r, const char *rua)
{
	size_t i = 0;

	while (*rua) {
		size_t len = strcspn(rua, ",");

		if (i == r->count || strlen(r->uri[i]) != len ||
		    strncmp(r->uri[i], rua, len) != 0)
			return false;
		i++;
		rua += len + (rua[len] == ',');
	}
	return i == r->count;
}

static bool has_uri(const struct tlsrpt_record *r, const char *uri, size_t len)
{
	for (size_t i = 0; i < r->count; i++)
		if (strlen(r->uri[i]) == len &&
		    strncmp(r->uri[i], uri, len) == 0)
			return true;
	return false;
}

static bool has_all(const struct tlsrpt_record *r, const char *rua)
{
	while (*rua) {
		size_t len = strcspn(rua, ",");

		if (!has_uri(r, rua, len))
			return false;
		rua += len + (rua[len] == ',');
	}
	return true;
}

/* Whoever collects needs no more than its own; what else there is, is a taste. */
static enum watch_reports compared(const struct tlsrpt_record *r,
				   const char *own, const char *rua)
{
	if (!*own)
		return is_same_rua(r, rua) ? REPORTS_OURS : REPORTS_OTHER;
	if (!has_uri(r, own, strlen(own)))
		return REPORTS_OTHER;
	return has_all(r, rua) ? REPORTS_WHOLE : REPORTS_OURS;
}

static enum watch_reports reports_view(const struct dns_record_set *set,
				       const char *own, const char *rua)
{
	struct tlsrpt_record r = { .count = 0 };
	enum watch_reports is = REPORTS_NOTHING;
	size_t count = 0;

	if (set->outcome == DNS_FAILED)
		return REPORTS_UNKNOWN;
	for (size_t i = 0; set->outcome == DNS_FOUND && i < set->count; i++) {
		if (!str_starts(set->record[i].text, "v=TLSRPTv1;"))
			continue;
		if (count++ ||
		    !tlsrpt_record_parse(&r, set->record[i].text, NULL))
			continue;
		is = compared(&r, own, rua);
		tlsrpt_record_release(&r);
	}
	return count > 1 ? REPORTS_NOTHING : is;
}

/* Does `one` say no more than `all`, or less? */
static bool is_less(enum watch_reports one, enum watch_reports all)
{
	return all == REPORTS_UNKNOWN || all == REPORTS_WHOLE ||
	       (all == REPORTS_OURS && one != REPORTS_WHOLE);
}

/* What one of them does not show yet is not there yet. */
enum watch_reports watch_reports_of(const struct dns_records_answer *answer,
				    const char *own, const char *rua)
{
	enum watch_reports all = REPORTS_UNKNOWN;

	for (size_t i = 0; i < answer->count; i++) {
		enum watch_reports one = reports_view(&answer->view[i], own,
						      rua);

		if (one != REPORTS_UNKNOWN && is_less(one, all))
			all = one;
	}
	return all;
}

/* ---- what is news ---- */

#define RESTLESS_MAX  WHEN_DAY
#define RESTLESS_FREE 4L /* changes that are looked after as ever */

#define TTL_FADES 4 /* times as long as it was */

/*
 * The longest counts, for a cache says what is left of one. One that is not seen
 * any more fades, but not while caches may have what was there before `since`, and
 * an hour more: for so long at most somebody waits besides.
 */
static long merge_ttl(long was, long seen, time_t since, time_t last,
		      time_t now)
{
	if (was > WATCH_TTL_MOST)
		was = WATCH_TTL_MOST;
	if (seen > WATCH_TTL_MOST)
		seen = WATCH_TTL_MOST;
	if (now >= since + was + WHEN_HOUR && now > last)
		was -= (long)(now - last) / TTL_FADES;
	return was > seen ? was : seen;
}

/* What was there before the last change counts, while caches may have it. */
static void leave_host(struct watch *w, time_t now)
{
	if (now >= w->host_since + w->former_ttl)
		w->former_ttl = 0;
	if (w->former_ttl < w->host_ttl)
		w->former_ttl = w->host_ttl;
	if (w->former_ttl > WATCH_TTL_MOST)
		w->former_ttl = WATCH_TTL_MOST;
	w->host_ttl = 0;
}

static bool merge_host(struct watch *w, const struct watch_seen *seen,
		       time_t now)
{
	bool is_news = seen->host != w->host;
	time_t last = w->host_at;

	if (seen->host == HOST_UNKNOWN)
		return false;
	w->host_at = now;
	str_copy(w->host_problem, sizeof(w->host_problem), seen->host_problem);
	if (is_news)
		leave_host(w, now);
	if (is_news)
		w->host_since = now;
	w->host_ttl = merge_ttl(w->host_ttl, seen->host_ttl, w->host_since,
				last, now);
	w->host = seen->host;
	return is_news;
}

static bool merge_txt(struct watch *w, const struct announced_seen *seen,
		      time_t now)
{
	bool is_news = seen->what != w->txt || !streq(seen->id, w->txt_id);

	if (seen->what == ANNOUNCED_UNKNOWN)
		return false;
	if (seen->what == ANNOUNCED_AHEAD || seen->what == ANNOUNCED_FOREIGN)
		w->foreign_at = now;
	w->txt_ttl = merge_ttl(w->txt_ttl, seen->ttl,
			       is_news ? now : w->txt_since, w->txt_at, now);
	w->txt_at = now;
	if (!is_news)
		return false;
	if (!*seen->id || !streq(seen->id, w->txt_id)) /* else we changed */
		w->txt_since = now;
	w->txt = seen->what;
	str_copy(w->txt_id, sizeof(w->txt_id), seen->id);
	return true;
}

/*
 * While they do not agree, nothing has been so for any time; and what one said
 * alone was not said by two. Hosts that the policy lacks have to be seen at each
 * look, for somebody may be about to believe in them.
 */
static bool merge_mx(struct watch *w, const struct mx_seen *seen, time_t now)
{
	bool is_news = !mx_seen_same(&w->mx, seen);
	bool was_one = w->mx.voices < 2 && seen->voices >= 2;
	long ttl = w->mx.ttl;
	time_t last = w->mx_at;

	if (seen->look == MX_UNKNOWN) {
		if (w->strays_since)
			w->mx_since = 0;
		return false;
	}
	w->mx_at = now;
	if (mx_seen_left(&w->mx, seen))
		w->mx_left_at = now;
	if (is_news || was_one || !seen->agrees || !w->mx_since)
		w->mx_since = now;
	w->mx = *seen;
	w->mx.ttl = merge_ttl(ttl, seen->ttl, w->mx_since, last, now);
	return is_news;
}

/*
 * What it costs to be looked at soon after a change: of a few within hours
 * nobody takes note.
 */
static void note_news(struct watch *w, time_t now)
{
	time_t most = now + RESTLESS_MAX;

	w->news_at = now;
	if (w->restless_until < now)
		w->restless_until = now;
	w->restless_until += WHEN_HOUR;
	if (w->restless_until > most)
		w->restless_until = most;
}

unsigned watch_merge(struct watch *w, const struct watch_seen *seen, time_t now)
{
	bool is_first = !w->looked_at;
	unsigned news = 0;

	w->is_fresh_host = seen->host != HOST_UNKNOWN;
	w->is_fresh_txt = seen->txt.what != ANNOUNCED_UNKNOWN;
	w->is_fresh_mx = seen->mx.look != MX_UNKNOWN;
	if (w->is_fresh_host && w->is_fresh_txt && w->is_fresh_mx)
		w->unanswered = 0;
	else
		w->unanswered++;
	if (!w->is_fresh_host && !w->is_fresh_txt && !w->is_fresh_mx) {
		w->failures++;
		return 0;
	}
	w->failures = 0;
	w->looked_at = now;
	news |= merge_host(w, seen, now) ? NEWS_HOST : 0;
	news |= merge_txt(w, &seen->txt, now) ? NEWS_TXT : 0;
	news |= merge_mx(w, &seen->mx, now) ? NEWS_MX : 0;
	if (seen->reports != REPORTS_UNKNOWN && seen->reports != w->reports) {
		w->reports = seen->reports;
		news |= NEWS_REPORTS;
	}
	if (news && !is_first)
		note_news(w, now);
	return news;
}

void watch_as_of(struct watch *w, time_t began)
{
	if (w->is_fresh_host)
		w->host_at = began;
	if (w->is_fresh_txt)
		w->txt_at = began;
	if (w->is_fresh_mx)
		w->mx_at = began;
	if (w->is_fresh_host || w->is_fresh_txt || w->is_fresh_mx)
		w->looked_at = began;
}

void watch_note_strays(struct watch *w, const struct sts_policy *policy,
		       time_t now)
{
	if (!mx_strays(&w->mx, policy) && !mx_has_bad(&w->mx, policy))
		w->strays_since = 0;
	else if (!w->strays_since)
		w->strays_since = now;
}

/* ---- the next look ---- */

#define PACE_MAX (6 * WHEN_HOUR)

static const struct {
	long until, pace;	/* seconds since the last change; between looks */
} paces[] = {
	{ 15 * WHEN_MINUTE, WHEN_MINUTE },
	{ 2 * WHEN_HOUR, 5 * WHEN_MINUTE },
	{ WHEN_DAY, 30 * WHEN_MINUTE },
};

/*
 * What changes at each look would be looked at each minute for ever: after four
 * changes the pause doubles, and settles where there is one change an hour.
 */
static long restless_pace(const struct watch *w, time_t now)
{
	long more = (long)(w->restless_until - now) / WHEN_HOUR - RESTLESS_FREE;

	if (more <= 0)
		return 0;
	return more < 8 ? WHEN_MINUTE << more : 4 * WHEN_HOUR;
}

/*
 * One lost answer is made good in two minutes. Who goes on like that is looked
 * at ever more seldom, down to the pace that it has anyway.
 */
static long unanswered_pace(const struct watch *w)
{
	long shift = w->unanswered < 9 ? w->unanswered : 9;

	return shift ? WHEN_MINUTE << shift : PACE_MAX;
}

/* While it waits for its name, somebody else looks at that. */
long watch_pace(const struct watch *w, const struct domain *d, time_t now,
		unsigned dice)
{
	long pace = PACE_MAX, since = labs((long)(now - w->news_at));

	for (size_t i = 0; i < ARRAY_LEN(paces); i++) {
		if (since >= paces[i].until)
			continue;
		pace = paces[i].pace;
		break;
	}
	if (pace > unanswered_pace(w))
		pace = unanswered_pace(w);
	if (pace < restless_pace(w, now))
		pace = restless_pace(w, now);
	if (d->state == DOMAIN_WAITING_FOR_DNS && pace < WHEN_HOUR)
		pace = WHEN_HOUR;
	if (w->failures) {
		long shift = w->failures < 6 ? w->failures : 6;

		pace = WHEN_MINUTE << shift;
	}
	return pace - pace / 10 + (long)(dice % (unsigned)(pace / 5 + 1));
}
