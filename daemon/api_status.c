/*
 * /v1/status: the box in one answer: how much there is, what is well, and
 * the first few domains that need a hand, the gravest first.
 */
#include "base/lag.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "daemon/api.h"
#include "daemon/ca_view.h"
#include "daemon/archive.h"
#include "daemon/guard.h"
#include "daemon/json_view.h"
#include "store/alert.h"
#include "store/box.h"
#include "store/ca.h"
#include "store/cert.h"
#include "store/domain.h"
#include "store/publication.h"
#include "store/reached.h"
#include "store/report.h"
#include "store/watch.h"

#define PROBLEMS_SHOWN 20
#define LATE	       WHEN_HOUR	/* what a busy queue may cost */

static json_t *view_domains(const struct domain_counts *c)
{
	json_int_t total = c->waiting + c->issuing + c->live;

	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "total", total,
			 domain_state_name(DOMAIN_WAITING_FOR_DNS),
			 (json_int_t)c->waiting,
			 domain_state_name(DOMAIN_ISSUING),
			 (json_int_t)c->issuing,
			 domain_state_name(DOMAIN_LIVE), (json_int_t)c->live,
			 "removing", (json_int_t)c->removing, "handing-over",
			 (json_int_t)c->handing_over, "with_problem",
			 (json_int_t)c->with_problem);
}

static json_t *view_serving(const struct httpd *httpd)
{
	struct httpd_counts c;

	if (!httpd)
		return json_null();
	httpd_count(httpd, &c);
	return json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "connections",
		(json_int_t)c.connections, "open", (json_int_t)c.open, "shed",
		(json_int_t)c.shed, "left", (json_int_t)c.left, "unproxied",
		(json_int_t)c.unproxied, "handshakes", (json_int_t)c.handshakes,
		"handshakes_failed", (json_int_t)c.handshakes_failed,
		"policies", (json_int_t)c.policies, "challenges",
		(json_int_t)c.challenges);
}

/* How long whoever comes has to wait for the control thread. */
static json_t *view_lag(const struct lag *lag)
{
	struct lag_figures f;

	if (!lag)
		return json_null();
	f = lag_read(lag);
	return json_pack("{s:I, s:I, s:I, s:I}", "beats", (json_int_t)f.beats,
			 "p50_ms", (json_int_t)f.p50_ms, "p99_ms",
			 (json_int_t)f.p99_ms, "max_ms", (json_int_t)f.max_ms);
}

/*
 * A CA that knows us may only be away for a while; else nothing will come. If
 * there is another one, orders go there.
 */
static void judge_ca(const struct engine_ca_status *ca, struct findings *out)
{
	bool has_account = ca->account_url[0] != '\0';

	if (ca->problem[0])
		findings_add(out, "ca.cannot-order",
			     has_account || !ca->is_used ? HEALTH_WARNING
							 : HEALTH_ERROR,
			     ca->hint, "ca %s: %s", ca->name, ca->problem);
}

/* What no single domain's problem says: the whole queue stands still. */
static void judge_schedule(struct api_call *call, struct findings *out)
{
	struct store *s = call->parts->store;
	time_t expiry = cert_nearest_expiry(s);
	time_t due = domain_next_due(s, DOMAIN_LIVE, 0);
	char at[INSTANT_TEXT];

	if (due && due < call->now - LATE)
		findings_add(out, "cert.renewal-late", HEALTH_WARNING,
			     "mtastsctl ca list says whether orders can be "
			     "made, the daemon's log why not",
			     "a renewal was due at %s and has not begun",
			     instant_format(due, at));
	if (expiry && expiry <= call->now)
		findings_add(out, "cert.expired", HEALTH_ERROR,
			     "mtastsctl domain list shows which",
			     "a certificate that is served expired at %s",
			     instant_format(expiry, at));
}

/* Renewals go by another clock then; but mail and TLS do not. */
static void judge_clock(const struct engine *engine, struct findings *out)
{
	struct err trouble;

	engine_clock_trouble(engine, &trouble);
	if (trouble.kind != ERR_NONE)
		findings_add(out, "box.clock", HEALTH_WARNING, trouble.hint,
			     "%s", trouble.text);
}

static void judge_store(struct api_call *call, struct findings *out)
{
	if (call->parts->guard)
		guard_judge(call->parts->guard, out);
	if (call->parts->archive)
		archive_judge(call->parts->archive, out);
}

/* Somebody has changed what is in no effect. */
static void judge_config(struct api_call *call, struct findings *out)
{
	if (call->parts->config_state)
		config_state_judge(call->parts->config_state, out);
	if (call->parts->config_state && call->parts->listeners)
		listeners_judge(call->parts->listeners,
				call->parts->config_state->path, out);
}

/* Without the two lines none of them is asked for anything. */
static void judge_cas(struct api_call *call, struct findings *out)
{
	struct engine *engine = call->parts->engine;
	struct engine_ca_status ca;

	if (call->parts->config_state &&
	    !config_state_is_set_up(call->parts->config_state,
				    &call->parts->config->engine, out))
		return;
	for (size_t i = 0; i < engine_ca_count(engine); i++) {
		engine_ca_status(engine, i, &ca);
		judge_ca(&ca, out);
	}
}

static void judge_metrics_port(struct api_call *call, struct findings *out)
{
	if (call->parts->metrics_port)
		metrics_port_judge(call->parts->metrics_port, out);
}

static void judge_freeze(struct api_call *call, struct findings *out)
{
	struct box_freeze f;
	char since[INSTANT_TEXT];

	if (box_freeze_read(call->parts->store, &f, NULL) && f.since)
		findings_add(out, "box.frozen", HEALTH_WARNING,
			     "mtastsctl thaw ends it",
			     "no order is begun since %s, as %s asked%s%s",
			     instant_format(f.since, since), f.actor,
			     *f.reason ? ": " : "", f.reason);
}

/* A domain with such a certificate has no problem that it knows of. */
static void judge_staging(struct api_call *call, struct findings *out)
{
	struct store *s = call->parts->store;
	struct ca ca = { .id = 0 };
	long n;

	while (ca_next(s, ca.id, &ca, NULL)) {
		n = ca_is_staging(&ca) ? cert_count_served(s, ca.id) : 0;
		if (n)
			findings_add(out, "cert.staging", HEALTH_WARNING,
				     "mtastsctl domain list shows which; "
				     "mtastsctl cert renew NAME --wait "
				     "replaces one",
				     "certificates that no sender trusts are "
				     "served: %ld from %s",
				     n, ca.name);
	}
}

static void judge_zone(struct api_call *call, struct findings *out)
{
	struct publisher_status zone;

	if (!call->parts->publisher)
		return;
	publisher_status(call->parts->publisher, &zone);
	if (zone.failing_since)
		findings_add(out, "zone.unpublished", HEALTH_WARNING,
			     zone.problem.hint,
			     "the zone %s cannot be published: %s", zone.zone,
			     zone.problem.text);
}

static void judge_box(struct api_call *call, struct findings *out)
{
	judge_store(call, out);
	judge_config(call, out);
	judge_metrics_port(call, out);
	judge_freeze(call, out);
	judge_clock(call->parts->engine, out);
	judge_cas(call, out);
	judge_schedule(call, out);
	judge_staging(call, out);
	judge_zone(call, out);
}

/* ---- domains that need a hand ---- */

struct problems {
	struct api_call *call;
	json_t *list;
	enum health worst;
};

static bool is_listed(const struct problems *p, const char *name)
{
	const json_t *one;
	size_t i;

	json_array_foreach(p->list, i, one)
	{
		if (streq(json_string_value(json_object_get(one, "name")),
			  name))
			return true;
	}
	return false;
}

static bool add_problem(const struct domain *d, void *arg)
{
	struct problems *p = arg;
	struct findings findings = { .count = 0 };
	struct domain_facts facts;

	if (json_array_size(p->list) >= PROBLEMS_SHOWN)
		return false;
	if (is_listed(p, d->name))
		return true;
	domain_facts_load(&facts, p->call->parts->store, d, p->call->now);
	health_of_domain(&facts, p->call->now, &findings);
	domain_facts_release(&facts);
	if (!findings.count)
		return true; /* it is well again, or leaves */
	if (findings_worst(&findings) > p->worst)
		p->worst = findings_worst(&findings);
	json_array_append_new(p->list,
			      json_pack("{s:s, s:s, s:o}", "name", d->name,
					"state", domain_state_name(d->state),
					"findings", view_findings(&findings)));
	return true;
}

static bool add_troubled(struct problems *p, int trouble, struct err *err)
{
	struct store *s = p->call->parts->store;
	struct err problem = ERR_INIT;
	int64_t ids[PROBLEMS_SHOWN];
	size_t n = watch_troubled(s, trouble, 0, ids, ARRAY_LEN(ids), &problem);

	if (problem.kind != ERR_NONE) {
		*err = problem;
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		struct domain d;

		if (domain_by_id(s, ids[i], &d, NULL))
			add_problem(&d, p);
	}
	return true;
}

static bool add_failing(struct problems *p, enum domain_state state,
			struct err *err)
{
	return domain_each_troubled(p->call->parts->store, state, "",
				    PROBLEMS_SHOWN, add_problem, p, err);
}

/* The gravest first: mail that is refused, a certificate, a record, a wait. */
static bool add_problems(struct problems *p, struct err *err)
{
	return add_troubled(p, HEALTH_ERROR, err) &&
	       add_failing(p, DOMAIN_LIVE, err) &&
	       add_failing(p, DOMAIN_ISSUING, err) &&
	       add_troubled(p, HEALTH_WARNING, err) &&
	       add_failing(p, DOMAIN_WAITING_FOR_DNS, err);
}

static json_t *view_alerts(struct store *s)
{
	struct alert_counts n;

	if (!alert_count(s, NULL, &n, NULL))
		return json_null();
	return json_pack("{s:I, s:I, s:I}", "open", (json_int_t)n.open, "grave",
			 (json_int_t)n.grave, "news", (json_int_t)n.news);
}

/* What serving did not even hand over, since the start. */
static json_t *view_refused(const struct httpd *httpd)
{
	json_t *refused = json_object();
	struct httpd_counts c = { 0 };

	if (httpd)
		httpd_count(httpd, &c);
	for (size_t i = 0; i < HTTPD_REFUSALS; i++)
		json_object_set_new(refused, httpd_refusal_name(i),
				    json_integer((json_int_t)c.refused[i]));
	return refused;
}

static json_t *view_reports(struct store *s, const struct httpd *httpd)
{
	json_t *dropped = json_object();
	struct report_figures n;

	if (!report_figures(s, &n, NULL)) {
		json_decref(dropped);
		return json_null();
	}
	for (int why = 0; why < REPORT_DROP_COUNT; why++)
		json_object_set_new(dropped,
				    report_drop_name((enum report_drop)why),
				    json_integer(n.dropped[why]));
	return json_pack("{s:I, s:I, s:I, s:o, s:o, s:o}", "kept",
			 (json_int_t)n.kept, "bytes", (json_int_t)n.room.bytes,
			 "shed", (json_int_t)n.room.shed, "shed_last",
			 view_instant(n.room.shed_at), "dropped", dropped,
			 "refused", view_refused(httpd));
}

/* The operator's own zone, or null. */
static json_t *view_zone(struct api_call *call)
{
	struct publisher_status zone = { .is_on = false };
	long waiting = 0;

	if (call->parts->publisher)
		publisher_status(call->parts->publisher, &zone);
	if (!zone.is_on)
		return json_null();
	publication_waiting(call->parts->store, &waiting, NULL);
	return json_pack("{s:s, s:s, s:I, s:b, s:o, s:o, s:o, s:o}", "zone",
			 zone.zone, "by", zone.by, "waiting",
			 (json_int_t)waiting, "frozen", zone.is_frozen,
			 "published", view_instant(zone.taken_at),
			 "failing_since", view_instant(zone.failing_since),
			 "problem", view_text(zone.problem.text), "hint",
			 view_text(zone.problem.hint));
}

static json_t *view_backup(const struct api_call *call)
{
	struct archive_status s = { .is_on = false };

	if (call->parts->archive)
		archive_status(call->parts->archive, &s);
	if (!s.is_on)
		return json_null();
	return json_pack(
		"{s:o, s:I, s:o, s:I, s:I, s:b, s:o, s:o}", "folder",
		view_text(s.folder), "interval", (json_int_t)s.every, "newest",
		view_instant(s.newest), "size", (json_int_t)s.size, "count",
		(json_int_t)s.count, "late", s.is_late, "problem",
		view_text(s.problem.text), "hint", view_text(s.problem.hint));
}

static void set(struct api_call *call, const char *key, json_t *value)
{
	json_object_set_new(call->answer, key, value);
}

/* Policies that this box is about to fetch as senders do. */
static long count_fetching(struct store *s)
{
	struct ca ca = { .id = 0 };
	long all = 0, n;

	if (reached_begun(s, 0, &n, NULL)) /* imported */
		all = n;
	while (ca_next(s, ca.id, &ca, NULL))
		if (!ca_is_staging(&ca) && reached_begun(s, ca.id, &n, NULL))
			all += n;
	return all;
}

/* What the box does by itself within minutes, and nobody needs to wait for. */
static json_t *view_progress(struct api_call *call,
			     const struct domain_counts *counts)
{
	struct publisher_status zone = { .is_on = false };
	struct store *s = call->parts->store;
	long publishing = 0;

	if (call->parts->publisher)
		publisher_status(call->parts->publisher, &zone);
	if (zone.is_on && !zone.failing_since && !zone.is_frozen)
		publication_waiting(s, &publishing, NULL);
	return json_pack("{s:I, s:I, s:I}", "issuing",
			 (json_int_t)counts->issuing, "fetching",
			 (json_int_t)count_fetching(s), "publishing",
			 (json_int_t)publishing);
}

/* What can be said without any database. */
static void fill_box(struct api_call *call, const struct findings *box,
		     enum health worst)
{
	set(call, "version", json_string(MTASTSD_VERSION));
	set(call, "started", view_instant(call->parts->started_at));
	set(call, "now", view_instant(call->now));
	set(call, "health", json_string(health_name(worst)));
	set(call, "findings", view_findings(box));
	set(call, "serving", view_serving(call->parts->httpd));
	set(call, "loop", view_lag(call->parts->lag));
}

static enum health worse(enum health a, enum health b)
{
	return a > b ? a : b;
}

/* What nothing above has a word for: health is not "ok" beside it. */
static void judge_alerts(struct api_call *call, enum health worst,
			 struct findings *out)
{
	struct alert_counts n = { .grave = 0 };
	bool is_grave = false;

	if (worst < HEALTH_ERROR &&
	    alert_is_grave(call->parts->store, call->now, &is_grave, NULL) &&
	    is_grave && alert_count(call->parts->store, NULL, &n, NULL))
		findings_add(out, "alert.grave", HEALTH_ERROR,
			     "mtastsctl alert list says what helps",
			     "grave alerts are open: %ld", n.grave);
}

/* The cas are there; the counts and the problems were read. */
static void fill(struct api_call *call, const struct domain_counts *counts,
		 const struct problems *p)
{
	struct findings box = { .count = 0 };
	enum health worst;

	judge_box(call, &box);
	worst = worse(findings_worst(&box), p->worst);
	judge_alerts(call, worst, &box);
	worst = worse(findings_worst(&box), worst);
	fill_box(call, &box, worst);
	set(call, "domains", view_domains(counts));
	set(call, "problems", json_incref(p->list));
	set(call, "alerts", view_alerts(call->parts->store));
	set(call, "zone", view_zone(call));
	set(call, "backup", view_backup(call));
	set(call, "progress", view_progress(call, counts));
	set(call, "reports",
	    view_reports(call->parts->store, call->parts->httpd));
	set(call, "nearest_expiry",
	    view_instant(cert_nearest_expiry(call->parts->store)));
	set(call, "onboarding", ca_view_onboarding(call->parts, call->now));
}

/* The store is not there, or not to be read: it serves all the same. */
static bool serves_only(struct api_call *call, const struct err *why)
{
	struct findings box = { .count = 0 };

	if (call->parts->store)
		findings_add(&box, "store.unreadable", HEALTH_ERROR, why->hint,
			     "state.db cannot be read: %s", why->text);
	else
		findings_add(&box, "box.serves-only", HEALTH_ERROR, why->hint,
			     "it serves what it has, and orders nothing: %s",
			     why->text);
	judge_store(call, &box);
	judge_config(call, &box);
	if (!call->answer)
		call->answer = json_object();
	fill_box(call, &box, HEALTH_ERROR);
	set(call, "domains", json_null());
	set(call, "problems", json_array());
	set(call, "cas", json_array());
	set(call, "nearest_expiry", json_null());
	return true;
}

bool api_status(struct api_call *call, struct err *err)
{
	struct problems p = { .call = call, .worst = HEALTH_OK };
	struct store *s = call->parts->store;
	struct domain_counts counts;
	bool ok;

	if (!s)
		return serves_only(call, call->parts->trouble);
	p.list = json_array();
	ok = domain_count(s, &counts, err) && add_problems(&p, err) &&
	     api_ca_list(call, err);
	if (ok)
		fill(call, &counts, &p);
	json_decref(p.list);
	return ok || serves_only(call, err);
}
