#include "daemon/report_json.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "daemon/json_view.h"

/* ---- sums ---- */

static void add_count(json_t *v, const struct report_count *n)
{
	json_object_set_new(v, "reports", json_integer(n->reports));
	json_object_set_new(v, "successful", json_integer(n->successful));
	json_object_set_new(v, "failed", json_integer(n->failed));
}

static json_t *view_days(const struct report_sum *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->day_count; i++) {
		char instant[INSTANT_TEXT];
		json_t *day;

		instant_format(s->day[i].at, instant);
		day = json_pack("{s:s%}", "day", instant, (size_t)10);
		add_count(day, &s->day[i].n);
		json_array_append_new(list, day);
	}
	return list;
}

static json_t *view_named(const char *key, const struct report_line *l)
{
	json_t *v = json_object();

	json_object_set_new(v, key, view_text(l->name ? l->name : ""));
	add_count(v, &l->n);
	json_object_set_new(v, "last", view_instant(l->last));
	return v;
}

static json_t *view_reporter(const struct report_line *l)
{
	return view_named("reporter", l);
}

static json_t *view_domain_line(const struct report_line *l)
{
	return view_named("name", l);
}

/* Many failures do not say of how many sessions they are. */
static json_t *view_told(int64_t sessions)
{
	return sessions ? json_integer(sessions) : json_null();
}

static json_t *view_host(const struct report_line *l)
{
	return json_pack("{s:o, s:o, s:I}", "mx",
			 view_text(l->name ? l->name : ""), "failed",
			 view_told(l->n.failed), "reports",
			 (json_int_t)l->n.reports);
}

static json_t *view_tellers(const struct report_tellers *t)
{
	json_t *list = json_array();

	for (size_t i = 0; i < t->count; i++)
		json_array_append_new(
			list, json_pack("{s:o, s:o, s:I}", "reporter",
					view_text(t->reporter[i]), "sessions",
					view_told(t->n[i].failed), "reports",
					(json_int_t)t->n[i].reports));
	return list;
}

static json_t *view_result(const struct report_line *l,
			   const struct report_tellers *t)
{
	enum tls_result r = (enum tls_result)l->id;

	return json_pack("{s:s, s:o, s:I, s:s, s:s, s:o, s:o, s:o, s:I}",
			 "result", tls_result_name(r), "sessions",
			 view_told(l->n.failed), "reports",
			 (json_int_t)l->n.reports, "meaning",
			 tls_result_meaning(r), "todo", tls_result_todo(r),
			 "first", view_instant(l->first), "last",
			 view_instant(l->last), "reporters", view_tellers(t),
			 "more_reporters", (json_int_t)t->left_out);
}

static json_t *view_results(const struct report_sum *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->results.count; i++) {
		const struct report_line *l = &s->results.line[i];

		json_array_append_new(list, view_result(l, &s->tellers[l->id]));
	}
	return list;
}

static json_t *view_version_line(const struct report_line *l)
{
	json_t *v = json_pack(
		"{s:o, s:s, s:s}", "version",
		l->version || l->id ? json_integer(l->version) : json_null(),
		"id", l->name ? l->name : "", "kind",
		l->id ? "ours" : report_standing_name(l->standing));

	add_count(v, &l->n);
	json_object_set_new(v, "last", view_instant(l->last));
	return v;
}

static json_t *view_lines(const struct report_lines *lines,
			  json_t *(*view)(const struct report_line *l))
{
	json_t *list = json_array();

	for (size_t i = 0; i < lines->count; i++)
		json_array_append_new(list, view(&lines->line[i]));
	return list;
}

static json_t *view_holders(const struct report_sum *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->holding_count; i++) {
		const struct report_holding *h = &s->holding[i];
		json_t *v = json_pack("{s:o, s:i, s:s, s:o, s:o}", "reporter",
				      view_text(h->reporter), "version",
				      (int)h->version, "id", h->sts_id, "first",
				      view_instant(h->first), "last",
				      view_instant(h->last));

		add_count(v, &h->n);
		json_array_append_new(list, v);
	}
	return list;
}

static json_t *view_more(const struct report_sum *s)
{
	const struct {
		const char *list;
		size_t left_out;
	} lists[] = {
		{ "reporters", s->reporters.left_out },
		{ "results", s->results.left_out },
		{ "hosts", s->hosts.left_out },
		{ "domains", s->domains.left_out },
		{ "versions", s->policies.left_out },
		{ "holders", s->holding_left_out },
	};
	json_t *v = json_object();

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		json_object_set_new(
			v, lists[i].list,
			json_integer((json_int_t)lists[i].left_out));
	return v;
}

json_t *report_json_sum(const struct report_sum *s)
{
	json_t *v = json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "days",
		view_days(s), "reporters",
		view_lines(&s->reporters, view_reporter), "results",
		view_results(s), "hosts", view_lines(&s->hosts, view_host),
		"domains", view_lines(&s->domains, view_domain_line),
		"versions", view_lines(&s->policies, view_version_line),
		"holders", view_holders(s), "more", view_more(s));

	add_count(v, &s->all);
	return v;
}

/* ---- reports ---- */

/* What failed, each once. */
static json_t *view_result_names(unsigned results)
{
	json_t *list = json_array();

	for (int i = 0; i < TLS_RESULT_COUNT; i++)
		if (results & 1U << i)
			json_array_append_new(list,
					      json_string(tls_result_name(
						      (enum tls_result)i)));
	return list;
}

json_t *report_json_item(const struct report_item *i)
{
	return json_pack(
		"{s:I, s:s, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:I,"
		" s:I, s:o, s:I, s:b}",
		"id", (json_int_t)i->id, "name", i->domain, "reporter",
		view_text(i->reporter), "report_id", view_text(i->report_id),
		"begin", view_instant(i->begin), "end", view_instant(i->end),
		"received", view_instant(i->received), "via",
		report_via_name(i->via), "signed_by", view_text(i->signed_by),
		"successful", (json_int_t)i->successful, "failed",
		(json_int_t)i->failed, "results", view_result_names(i->results),
		"alike", (json_int_t)i->alike, "counted", i->is_counted);
}

static json_t *view_failure(const struct tls_failure *f)
{
	return json_pack(
		"{s:o, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "result",
		f->result == TLS_RESULT_OTHER && *f->result_text
			? view_text(f->result_text)
			: json_string(tls_result_name(f->result)),
		"sessions", view_told(f->sessions), "meaning",
		tls_result_meaning(f->result), "todo",
		tls_result_todo(f->result), "mx", view_text(f->mx_host), "helo",
		view_text(f->mx_helo), "sending_ip", view_text(f->sending_ip),
		"receiving_ip", view_text(f->receiving_ip), "reason",
		view_text(f->reason), "additional", view_text(f->additional));
}

/* A text per line. */
static json_t *view_each_line(const char *text)
{
	json_t *list = json_array();

	while (*text) {
		size_t len = strcspn(text, "\n");

		json_array_append_new(list, json_stringn(text, len));
		text += len + (text[len] == '\n');
	}
	return list;
}

static json_t *view_report_policy(const struct tls_report_policy *p,
				  const struct report_ours *ours)
{
	json_t *failures = json_array();

	for (size_t i = 0; i < p->failure_count; i++)
		json_array_append_new(failures, view_failure(&p->failure[i]));
	return json_pack(
		"{s:s, s:o, s:s, s:s, s:o, s:o, s:I, s:I, s:o}", "type",
		p->type == TLS_POLICY_OTHER && *p->type_text
			? "other"
			: tls_policy_type_name(p->type),
		"version",
		ours->policy_id ? json_integer(ours->version) : json_null(),
		"id", ours->sts_id, "standing",
		report_standing_name(ours->standing), "policy",
		view_text(p->policy), "mx", view_each_line(p->mx), "successful",
		(json_int_t)p->successful, "failed", (json_int_t)p->failed,
		"failures", failures);
}

json_t *report_json_whole(const struct report_whole *w)
{
	json_t *policies = json_array(), *v = report_json_item(&w->item);

	for (size_t i = 0; i < w->said.policy_count; i++)
		json_array_append_new(
			policies,
			view_report_policy(&w->said.policy[i], &w->ours[i]));
	json_object_set_new(v, "contact", view_text(w->item.contact));
	json_object_set_new(v, "left_out", json_integer(w->item.left_out));
	json_object_set_new(v, "policies", policies);
	return v;
}
