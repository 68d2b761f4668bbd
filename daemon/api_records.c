/*
 * /v1/domains/NAME/records: what to publish in DNS, as data, as lines for a
 * zone file and as commands for nsupdate; and what stands in the operator's
 * own zone.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "daemon/api.h"
#include "daemon/json_view.h"
#include "daemon/records.h"
#include "daemon/zone.h"

/* Where this box collects, its own address alone may not be all. */
static bool is_asked_as_wanted(const struct domain_facts *f, bool collects)
{
	return f->watch.reports == REPORTS_WHOLE ||
	       (f->watch.reports == REPORTS_OURS &&
		(!collects || !f->domain.rua[0]));
}

/*
 * DNS was seen to have it. Of a CNAME, and of what stands for one, that is not
 * known, for looks follow it; nor of an address among others.
 */
static bool is_there(const struct record *r, const struct domain_facts *f,
		     bool collects)
{
	if (!streq(r->type, "TXT") || r->when == RECORD_INSTEAD)
		return false;
	if (str_starts(r->name, "_mta-sts."))
		return watch_announced(&f->watch, f->policy.sts_id) ==
		       ANNOUNCED_IN_STEP;
	return is_asked_as_wanted(f, collects);
}

static json_t *view_record(const struct record *r, const struct domain_facts *f,
			   bool collects)
{
	char *line = record_zone_line(r);
	json_t *view = json_pack(
		"{s:s, s:s, s:s, s:i, s:s, s:s, s:s, s:b}", "name", r->name,
		"type", r->type, "value", r->value, "ttl", RECORD_TTL,
		"publish", record_when_name(r->when), "why", r->why, "line",
		line, "there", is_there(r, f, collects));

	free(line);
	return view;
}

/* What is not due, or stands for one above, is a comment. */
static void add_lines(json_t *zone, const struct records *records)
{
	static const char *const before[] = {
		[RECORD_NOW] = NULL,
		[RECORD_INSTEAD] = "; or, instead of its CNAME:",
	};
	enum record_when last = RECORD_NOW;

	for (size_t i = 0; i < records->count; i++) {
		const struct record *r = &records->item[i];
		char *line = record_zone_line(r), *comment;

		if (before[r->when] && r->when != last)
			json_array_append_new(zone,
					      json_string(before[r->when]));
		comment = xasprintf("%s%s", r->when == RECORD_NOW ? "" : "; ",
				    line);
		json_array_append_new(zone, json_string(comment));
		last = r->when;
		free(comment);
		free(line);
	}
}

/* One command each, as they are to be given. */
static json_t *view_commands(const struct records *records)
{
	char *text = records_commands(records), *rest = text, *line;
	json_t *list = json_array();

	while ((line = strsep(&rest, "\n")) != NULL)
		if (*line)
			json_array_append_new(list, json_string(line));
	free(text);
	return list;
}

/* What is told already stays, whatever is seen later. */
static bool is_in_zone(const struct domain_facts *f, const char *zone)
{
	return f->has_policy &&
	       (announce_stands(f->announce, &f->domain, &f->reached) ||
		(f->has_publication && f->domain.state == DOMAIN_LIVE &&
		 zone_announces(f->publication.told, zone, f->domain.name)));
}

/* What the CNAMEs lead to, or null. */
static json_t *view_own_zone(const struct domain_facts *f,
			     const struct config *c)
{
	const char *zone = c->publish.zone;
	json_t *list = json_array();
	struct zone_set set = { .count = 0 };

	if (!*zone) {
		json_decref(list);
		return json_null();
	}
	zone_of_domain(&set, zone, &f->domain,
		       is_in_zone(f, zone) ? f->policy.sts_id : NULL,
		       c->collect_reports);
	for (size_t i = 0; i < set.count; i++)
		json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:s, s:i}", "name",
				  set.item[i].name, "type", set.item[i].type,
				  "value", set.item[i].value, "ttl", ZONE_TTL));
	zone_set_release(&set);
	return json_pack("{s:s, s:b, s:o}", "zone", zone, "is_published",
			 publish_is_on(&c->publish), "records", list);
}

static void add_note(json_t *list, const char *text)
{
	json_array_append_new(list, json_string(text));
}

/* Takes text. */
static void add_made(json_t *list, char *text)
{
	json_array_append_new(list, json_string(text));
	free(text);
}

static char *over(const struct domain_facts *f, time_t now)
{
	time_t foreign = watch_foreign_until(&f->watch, now);
	char at[INSTANT_TEXT];

	if (!foreign)
		return xstrdup("no sender holds a policy of it any more: "
			       "mta-sts, _mta-sts and _smtp._tls may be taken "
			       "out of DNS");
	return xasprintf("no sender holds a policy of this box any more "
			 "(another host's, seen in DNS, until %s at the "
			 "latest): mta-sts, _mta-sts and _smtp._tls may be "
			 "taken out of DNS",
			 instant_format(foreign, at));
}

/* What is to become of its records, on its way out; false: it stays. */
static bool note_leaving(const struct domain_facts *f, time_t now, json_t *list)
{
	const char *name = f->domain.name;

	if (f->domain.leaving == DOMAIN_HANDING_OVER)
		add_made(list, xasprintf("it is being handed over: publish "
					 "what the other host says of mta-sts, "
					 "_mta-sts and _smtp._tls, in place of "
					 "what leads here; mtastsctl domain "
					 "add %s keeps it here instead",
					 name));
	if (f->domain.leaving == DOMAIN_REMOVING && f->leaving.done_at &&
	    f->leaving.done_at <= now)
		add_made(list, over(f, now));
	else if (f->domain.leaving == DOMAIN_REMOVING)
		add_made(list, xasprintf("it is being removed: these stay "
					 "until mtastsctl domain show %s says "
					 "that they may go",
					 name));
	return f->domain.leaving != DOMAIN_STAYS;
}

/* Another host serves the policy still: there is a cutover to come. */
static bool is_cutover_due(const struct domain_facts *f)
{
	return f->has_policy && f->policy.version == 0 &&
	       f->watch.host != HOST_HERE && !f->domain.leaving;
}

/* What is to change then, and what is not. */
static void note_cutover(const struct domain_facts *f, const struct config *c,
			 json_t *list)
{
	bool is_same = watch_announced(&f->watch, f->policy.sts_id) ==
		       ANNOUNCED_IN_STEP;
	char *text;

	add_note(list, "its policy was adopted from another host: at the "
		       "cutover what leads mta-sts there now is changed to "
		       "what stands above, and nothing else");
	text = xasprintf("_mta-sts %s id %s, which the other host announces%s",
			 is_same ? "is in DNS and stays as it is, with"
				 : "is to be in DNS with",
			 f->policy.sts_id,
			 *c->publish.zone ? "; once the domain is live its "
					    "CNAME may take that one's place"
					  : "");
	add_made(list, text);
}

/* It may be published, but not blindly. */
static void add_unseen_note(json_t *list, const struct domain_facts *f)
{
	struct announce_words w;
	char *text;

	announce_say(f->announce, &f->domain, &f->ca, &f->reached, &w);
	text = xasprintf("%s; %s", w.why, w.todo);
	json_array_append_new(list, view_text(text));
	free(text);
}

static json_t *notes(const struct domain_facts *f, const struct config *c,
		     time_t now)
{
	json_t *list = json_array();

	if (note_leaving(f, now, list))
		return list;
	if (!c->host_name[0] && !c->engine.address_count)
		add_note(list, "neither host_name nor public_addresses is "
			       "configured, so mta-sts must be pointed at this "
			       "box by hand");
	if (is_cutover_due(f))
		note_cutover(f, c, list);
	if (f->announce != ANNOUNCE_OK && records_have_policy(f) &&
	    f->domain.state == DOMAIN_LIVE)
		add_unseen_note(list, f);
	return list;
}

/* What is not among the records, and why; null: nothing. */
static json_t *view_waits(const struct domain_facts *f)
{
	json_t *view;
	char *name;

	if (f->domain.leaving == DOMAIN_HANDING_OVER || records_have_policy(f))
		return json_null();
	view = view_announce(f);
	name = xasprintf("_mta-sts.%s", f->domain.name);
	json_object_set_new(view, "name", json_string(name));
	json_object_set_new(view, "type", json_string("TXT"));
	free(name);
	return view;
}

bool api_records_show(struct api_call *call, struct err *err)
{
	const struct config *c = call->parts->config;
	struct domain_facts facts;
	struct records records;
	json_t *list, *zone;
	struct domain d;

	if (!api_domain(call, &d, err))
		return false;
	list = json_array();
	zone = json_array();
	domain_facts_load(&facts, call->parts->store, &d, call->now);
	records_make(&records, &facts, c);
	for (size_t i = 0; i < records.count; i++)
		json_array_append_new(list,
				      view_record(&records.item[i], &facts,
						  c->collect_reports));
	add_lines(zone, &records);
	call->answer = json_pack(
		"{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "name", d.name,
		"state", domain_phase(&d), "records", list, "zone", zone,
		"nsupdate", view_commands(&records), "own_zone",
		view_own_zone(&facts, c), "waits", view_waits(&facts), "notes",
		notes(&facts, c, call->now));
	json_object_set_new(call->answer, "cutover",
			    json_boolean(is_cutover_due(&facts)));
	records_release(&records);
	domain_facts_release(&facts);
	return true;
}
