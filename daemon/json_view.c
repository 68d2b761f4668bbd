#include "daemon/json_view.h"

#include <stdlib.h>
#include <string.h>

#include "acme/budget.h"
#include "acme/revoke_reason.h"
#include "base/str.h"
#include "base/when.h"
#include "daemon/readiness.h"
#include "daemon/zone.h"

#define TEXT_MAX 65536

json_t *view_text(const char *text)
{
	json_t *value = json_string(text);
	char *clean;

	if (value)
		return value;
	clean = str_printable(text, TEXT_MAX);
	value = json_string(clean);
	free(clean);
	return value;
}

json_t *view_instant(time_t at)
{
	char text[INSTANT_TEXT];

	return at ? json_string(instant_format(at, text)) : json_null();
}

json_t *view_list(const char *text)
{
	json_t *list = json_array();

	while (*text) {
		size_t len = strcspn(text, ",");

		json_array_append_new(list, json_stringn(text, len));
		text += len + (text[len] == ',');
	}
	return list;
}

static json_t *view_mx(const struct sts_policy *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->mx_count; i++)
		json_array_append_new(list, json_string(p->mx[i]));
	return list;
}

json_t *view_findings(const struct findings *findings)
{
	json_t *list = json_array();

	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *f = &findings->item[i];

		json_array_append_new(
			list, json_pack("{s:s, s:s, s:o, s:o}", "id", f->id,
					"level", health_name(f->level), "text",
					view_text(f->text), "hint",
					view_text(f->hint)));
	}
	return list;
}

json_t *view_policy(const struct policy_version *v)
{
	return json_pack("{s:I, s:s, s:s, s:I, s:o, s:o, s:o}", "version",
			 (json_int_t)v->version, "id", v->sts_id, "mode",
			 sts_mode_name(v->policy.mode), "max_age",
			 (json_int_t)v->policy.max_age, "mx",
			 view_mx(&v->policy), "body", view_text(v->body),
			 "created", view_instant(v->created_at));
}

static void set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

json_t *view_version(const struct policy_version *v)
{
	json_t *view = view_policy(v);

	set(view, "announced", view_instant(v->announced_at));
	set(view, "first_served", view_instant(v->first_served));
	set(view, "last_served", view_instant(v->last_served));
	set(view, "fetches", json_integer(v->fetches));
	set(view, "replaced", view_instant(v->replaced_at));
	set(view, "actor", view_text(v->actor));
	set(view, "channel", view_text(v->channel));
	set(view, "reason", view_text(v->reason));
	return view;
}

/* What the CA was told about it, or is to be told; null: nothing. */
static json_t *view_revocation(const struct cert *c)
{
	const char *state = "due";

	if (!c->revoked_at && !c->revoke_due_at)
		return json_null();
	if (c->revoked_at)
		state = "done";
	else if (c->revoke_due_at == CERT_REVOKE_ONCE_REPLACED)
		state = "once-replaced";
	return json_pack("{s:s, s:s, s:o}", "state", state, "why",
			 revoke_reason_name(c->revoke_reason), "at",
			 view_instant(c->revoked_at));
}

/* What was imported is from none. */
static json_t *view_ca_of(const struct domain_facts *f)
{
	return *f->ca.name ? view_text(f->ca.name) : json_null();
}

/* Another host orders for what is handed over. */
static bool is_renewed(const struct domain *d)
{
	return d->leaving != DOMAIN_HANDING_OVER;
}

json_t *view_cert(const struct domain_facts *f)
{
	time_t renew_at = is_renewed(&f->domain) ? f->cert.renew_at : 0;

	if (!f->has_cert)
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "serial",
			 view_text(f->cert.serial), "issuer",
			 view_text(f->cert.issuer), "ca", view_ca_of(f),
			 "not_before", view_instant(f->cert.not_before),
			 "not_after", view_instant(f->cert.not_after),
			 "renew_at", view_instant(renew_at), "revocation",
			 view_revocation(&f->cert));
}

json_t *view_announce(const struct domain_facts *f)
{
	bool is_by_hand = reached_is_by_hand(&f->reached);
	struct announce_words w;

	announce_say(f->announce, &f->domain, &f->ca, &f->reached, &w);
	return json_pack(
		"{s:s, s:b, s:o, s:o, s:o, s:o, s:o}", "is",
		announce_name(f->announce), "may",
		announce_stands(f->announce, &f->domain, &f->reached), "why",
		view_text(w.why), "todo", view_text(w.todo), "fetched",
		view_instant(f->reached.at), "by_hand",
		view_instant(is_by_hand ? f->reached.let_at : 0), "reason",
		is_by_hand ? view_text(f->reached.problem) : json_null());
}

static json_t *view_order(const struct domain_facts *f)
{
	if (!f->has_order)
		return json_null();
	return json_pack("{s:s, s:o, s:I}", "state",
			 order_state_name(f->order.state), "since",
			 view_instant(f->order.created_at), "tries",
			 (json_int_t)f->order.tries);
}

/* What the engine will do for it by itself, and when. */
json_t *view_next(const struct domain *d, time_t now)
{
	static const char *const what[] = {
		[DOMAIN_WAITING_FOR_DNS] = "dns-look",
		[DOMAIN_ISSUING] = "order",
		[DOMAIN_LIVE] = "renewal",
	};

	if (!d->due_at || !is_renewed(d))
		return json_null();
	return json_pack("{s:s, s:o, s:I}", "what", what[d->state], "at",
			 view_instant(d->due_at), "in",
			 (json_int_t)(d->due_at > now ? d->due_at - now : 0));
}

static json_t *view_display(const char *name)
{
	char *display = domain_name_display(name);
	json_t *text = view_text(display);

	free(display);
	return text;
}

/* Told and taken; whether DNS shows it is another question. */
static json_t *view_told(const struct publication *p)
{
	struct zone_set told = { .count = 0 };
	json_t *list = json_array();

	zone_set_read(&told, p->told);
	for (size_t i = 0; i < told.count; i++)
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:o}", "name",
						told.item[i].name, "type",
						told.item[i].type, "value",
						view_text(told.item[i].value)));
	zone_set_release(&told);
	return list;
}

static json_t *view_publication(const struct publication *p)
{
	const char *state = p->is_due  ? "waiting"
			    : *p->told ? "published"
				       : "nothing";

	return json_pack("{s:s, s:o, s:o}", "state", state, "records",
			 p->is_unsure ? json_null() : view_told(p), "at",
			 view_instant(p->told_at));
}

json_t *view_bad_names(const struct mx_seen *mx)
{
	json_t *names = json_array();

	for (size_t i = 0; i < mx->bad_count; i++)
		json_array_append_new(names, json_string(mx->bad[i]));
	return names;
}

static json_t *view_mx_seen(const struct domain_facts *f)
{
	const struct mx_seen *mx = &f->watch.mx;
	json_t *hosts = json_array(), *strays = json_array();

	for (size_t i = 0; i < mx->count; i++) {
		json_array_append_new(hosts, json_string(mx->host[i]));
		if (f->has_policy && mx_is_stray(mx, i, &f->policy.policy))
			json_array_append_new(strays,
					      json_string(mx->host[i]));
	}
	return json_pack("{s:s, s:o, s:o, s:o, s:b, s:o, s:o}", "look",
			 mx_look_name(mx->look), "hosts", hosts, "strays",
			 strays, "bad_names", view_bad_names(mx), "agreed",
			 mx->agrees, "since", view_instant(f->watch.mx_since),
			 "seen", view_instant(f->watch.mx_at));
}

static json_t *view_shown(const struct domain_facts *f)
{
	enum announced is = f->has_policy ? watch_announced(&f->watch,
							    f->policy.sts_id)
					  : ANNOUNCED_UNKNOWN;

	if (is == ANNOUNCED_IN_STEP)
		return json_integer(f->policy.version);
	return is == ANNOUNCED_BEHIND && f->shown.is_known
		       ? json_integer(f->shown.version)
		       : json_null();
}

/* What DNS was last seen to say. */
static json_t *view_watch(const struct domain_facts *f, time_t now)
{
	const struct watch *w = &f->watch;
	const char *id = f->has_policy ? f->policy.sts_id : "";

	if (!w->looked_at && !w->foreign_at)
		return json_null();
	return json_pack(
		"{s:o, s:{s:s, s:s, s:o, s:I, s:o, s:o, s:o},"
		" s:{s:s, s:o, s:o, s:o}, s:s, s:o, s:o}",
		"looked", view_instant(w->looked_at), "txt", "is",
		announced_name(watch_announced(w, id)), "id", w->txt_id,
		"version", view_shown(f), "ttl", (json_int_t)w->txt_ttl,
		"since", view_instant(w->txt_since), "seen",
		view_instant(w->txt_at), "foreign_until",
		view_instant(watch_foreign_until(w, now)), "host", "is",
		watch_host_name(w->host), "since", view_instant(w->host_since),
		"problem", view_text(w->host_problem), "seen",
		view_instant(w->host_at), "reports",
		watch_reports_name(w->reports), "mx", view_mx_seen(f), "next",
		view_instant(w->due_at));
}

/* null: it stays. */
static json_t *view_leaving(const struct domain_facts *f)
{
	const struct leaving *l = &f->leaving;

	if (!f->domain.leaving)
		return json_null();
	return json_pack("{s:o, s:b, s:b, s:b, s:b, s:o, s:o}", "since",
			 view_instant(f->domain.leaving_at), "waits_for_txt",
			 l->waits_for_txt, "waits_for_host", l->waits_for_host,
			 "waits_for_dns", l->waits_for_dns, "waits_for_cname",
			 l->waits_for_cname, "held_until",
			 view_instant(l->held_until), "done",
			 view_instant(l->done_at));
}

/* What of its policy is not its template's; null: it follows none. */
static json_t *view_own(const struct domain_facts *f)
{
	json_t *list = *f->template ? json_array() : json_null();

	if (*f->template && f->own.mx)
		json_array_append_new(list, json_string("mx"));
	if (*f->template && f->own.max_age)
		json_array_append_new(list, json_string("max_age"));
	return list;
}

/* What is worth proposing; null: nothing. */
static json_t *view_next_max_age(const struct domain_facts *f, time_t now)
{
	long next = 0;

	if (f->has_policy && f->policy.policy.mode == STS_ENFORCE &&
	    f->mode_since)
		next = readiness_next_max_age(f->policy.policy.max_age,
					      now - f->mode_since);
	return next ? json_integer(next) : json_null();
}

/* As the CA's limit counts it, by the name that is certified. */
static json_t *view_registered(const char *name)
{
	char host[DOMAIN_NAME_SIZE];

	domain_name_policy_host(name, host);
	return json_string(budget_registered_domain(host));
}

json_t *view_domain(const struct domain_facts *f, time_t now)
{
	const struct domain *d = &f->domain;
	struct findings findings = { .count = 0 };
	json_t *view = json_object();

	health_of_domain(f, now, &findings);
	set(view, "name", json_string(d->name));
	set(view, "display", view_display(d->name));
	set(view, "registered", view_registered(d->name));
	set(view, "label", view_text(d->label));
	set(view, "state", json_string(domain_phase(d)));
	set(view, "state_since",
	    view_instant(d->leaving ? d->leaving_at : d->state_at));
	set(view, "health",
	    json_string(health_name(findings_worst(&findings))));
	set(view, "findings", view_findings(&findings));
	set(view, "policy",
	    f->has_policy ? view_policy(&f->policy) : json_null());
	set(view, "certificate", view_cert(f));
	set(view, "order", view_order(f));
	set(view, "next", view_next(d, now));
	set(view, "created", view_instant(d->created_at));
	set(view, "rua", view_list(d->rua));
	set(view, "publication",
	    f->has_publication ? view_publication(&f->publication)
			       : json_null());
	set(view, "template",
	    *f->template ? view_text(f->template) : json_null());
	set(view, "own", view_own(f));
	set(view, "track_mx", json_boolean(d->track_mx));
	set(view, "next_max_age", view_next_max_age(f, now));
	set(view, "announce", view_announce(f));
	set(view, "dns", view_watch(f, now));
	set(view, "leaving", view_leaving(f));
	return view;
}

json_t *view_event(const struct trail *e)
{
	return json_pack("{s:I, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "id",
			 (json_int_t)e->id, "at", view_instant(e->at), "level",
			 trail_level_name(e->level), "kind", view_text(e->kind),
			 "name", view_text(e->domain), "actor",
			 view_text(e->actor), "text", view_text(e->text),
			 "reason", view_text(e->reason), "channel",
			 view_text(e->channel));
}

json_t *view_ca(const struct engine_ca_status *ca)
{
	json_t *view = json_object();

	set(view, "name", view_text(ca->name));
	set(view, "directory", view_text(ca->directory_url));
	set(view, "role", json_string(ca->is_first ? "first" : "next"));
	set(view, "used", json_boolean(ca->is_used));
	set(view, "account", json_string(ca->account));
	set(view, "account_url", view_text(ca->account_url));
	set(view, "in_flight", json_integer(ca->in_flight));
	set(view, "down_since", view_instant(ca->down_since));
	set(view, "next_try", view_instant(ca->retry_at));
	set(view, "proven", view_instant(ca->proven_at));
	set(view, "problem", view_text(ca->problem));
	set(view, "hint", view_text(ca->hint));
	return view;
}
