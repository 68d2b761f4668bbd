#include "daemon/check_known.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "daemon/alert_kinds.h"
#include "daemon/health.h"
#include "daemon/json_view.h"
#include "daemon/readiness.h"
#include "daemon/records.h"
#include "daemon/zone.h"
#include "store/alert.h"

static void add_past(struct check_expected *e, const struct domain_facts *f,
		     struct store *s, time_t now)
{
	struct policy_version v[CHECK_IDS_MAX];
	size_t n = policy_version_list(s, &f->domain, 0, now, v, ARRAY_LEN(v),
				       NULL);

	for (size_t i = 0; i < n; i++) {
		if (!streq(v[i].sts_id, e->id))
			str_copy(e->past_id[e->past_count++], STS_ID_SIZE,
				 v[i].sts_id);
		policy_version_release(&v[i]);
	}
}

static void add_collectors(struct check_expected *e, const char *rua)
{
	while (*rua && e->collector_count < ARRAY_LEN(e->collector)) {
		size_t len = strcspn(rua, ",");

		snprintf(e->collector[e->collector_count++], CHECK_WORDS,
			 "%.*s", (int)len, rua);
		rua += len + (rua[len] == ',');
	}
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* What the box does about it, and when, goes with it. */
static void say_trouble(struct check_expected *e, const struct finding *is,
			const struct domain *d, time_t now)
{
	json_t *next = view_next(d, now);
	const char *what = text_of(next, "what");

	snprintf(e->trouble, sizeof(e->trouble), "%.250s%s%s%s%s", is->text,
		 *what ? "; next: " : "", what, *what ? " at " : "",
		 text_of(next, "at"));
	e->trouble_is_error = is->level == HEALTH_ERROR;
	json_decref(next);
}

/* But for what is looked at just now. */
static void add_trouble(struct check_expected *e, const struct domain_facts *f,
			time_t now)
{
	struct findings all = { .count = 0 };

	health_of_domain(f, now, &all);
	for (size_t i = 0; i < all.count; i++) {
		if (health_is_seen(all.item[i].id))
			continue;
		say_trouble(e, &all.item[i], &f->domain, now);
		return;
	}
}

/* What is to stand in DNS: daemon/records.h has the same. */
static void add_records(struct check_expected *e, const struct domain_facts *f,
			const struct config *c)
{
	const char *zone = c->publish.zone;
	struct announce_words w;

	e->is_handed_over = f->domain.leaving == DOMAIN_HANDING_OVER;
	announce_say(f->announce, &f->domain, &f->ca, &f->reached, &w);
	if (!announce_stands(f->announce, &f->domain, &f->reached))
		snprintf(e->waits, sizeof(e->waits), "%.400s; %.790s", w.why,
			 w.todo);
	if (!*zone)
		return;
	zone_sts_name(zone, f->domain.name, e->sts_cname);
	zone_tls_name(zone, f->domain.name, e->report_cname);
	e->is_published = publish_is_on(&c->publish);
}

/* Silence is what the alert warns of: some domains seldom have a report. */
static void add_reports(struct check_expected *e, const struct domain *d,
			struct store *s, time_t now)
{
	struct report_recent told;
	bool is_silent;

	if (!readiness_reports(s, d->id, now, &told, NULL) || !told.newest ||
	    !alert_is_open(s, KIND_REPORT_SILENT, d->name, ALERT_WARNING,
			   &is_silent, NULL))
		return;
	e->has_reports = true;
	e->sessions = told.all.successful + told.all.failed;
	e->failures = told.all.failed;
	if (is_silent)
		e->silent_days = (now - told.newest) / WHEN_DAY;
}

static void add_cas(struct check_facts *facts, struct engine *engine)
{
	struct engine_ca_status is;

	for (size_t i = 0; i < engine_ca_count(engine); i++) {
		struct check_ca *ca = &facts->ca[facts->ca_count];

		if (facts->ca_count == ARRAY_LEN(facts->ca))
			return;
		facts->ca_count++;
		engine_ca_status(engine, i, &is);
		str_copy(ca->name, sizeof(ca->name), is.name);
		str_copy(ca->account, sizeof(ca->account), is.account_url);
		for (size_t k = 0; k < is.caa_identity_count &&
				   k < ARRAY_LEN(ca->identity); k++)
			str_copy(ca->identity[ca->identity_count++],
				 DNS_CAA_VALUE, is.caa_identity[k]);
	}
}

void check_known_add(struct check_facts *facts, const struct domain_facts *f,
		     const struct config *c, struct engine *engine,
		     struct store *s, time_t now)
{
	struct check_expected *e = &facts->expected;
	char *collectors;

	e->is_hosted = true;
	if (f->has_policy) {
		str_copy(e->id, sizeof(e->id), f->policy.sts_id);
		e->body = f->policy.body;
		e->policy_since = f->policy.created_at;
	}
	e->removable_at = f->leaving.done_at;
	e->foreign_until = watch_foreign_until(&f->watch, now);
	add_records(e, f, c);
	add_past(e, f, s, now);
	for (size_t i = 0; i < c->engine.address_count &&
			   i < ARRAY_LEN(e->address); i++)
		str_copy(e->address[e->address_count++], DNS_ADDRESS_TEXT,
			 c->engine.address[i]);
	collectors = records_collectors(&f->domain, c->collect_reports);
	add_collectors(e, collectors);
	free(collectors);
	add_trouble(e, f, now);
	add_reports(e, &f->domain, s, now);
	add_cas(facts, engine);
}
