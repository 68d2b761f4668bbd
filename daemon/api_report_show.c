/*
 * /v1/reports...: what senders tell in their TLS reports. The report desk
 * reads them (daemon/report_desk.h), so the answers come later.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "daemon/api.h"
#include "daemon/json_view.h"
#include "daemon/report_alerts.h"
#include "daemon/report_desk.h"
#include "daemon/report_json.h"
#include "store/policy_version.h"

#define SINCE_DEFAULT (30 * WHEN_DAY)
#define LINES_DEFAULT 25   /* of each list of a summary */
#define LINES_MAX     5000 /* some 20 ms of the loop's time, all of them */

/* A question on its way to the desk, and the answer on its way back. */
struct asked {
	const struct admin_parts *parts;
	struct api_later *later;
	time_t now, since;
	struct domain domain; /* id 0: of the box */
	struct report_filter filter;
	size_t most;
	int64_t id;
	json_t *answer;
};

static void free_asked(struct asked *a)
{
	json_decref(a->answer);
	free(a);
}

static void fail(struct asked *a, const struct err *err)
{
	api_later_fail(a->later, api_status_of(err), err);
	free_asked(a);
}

static void on_worked(const struct err *err, void *arg)
{
	struct asked *a = arg;

	if (err->kind != ERR_NONE) {
		fail(a, err);
		return;
	}
	api_later_answer(a->later, json_incref(a->answer));
	free_asked(a);
}

/* Takes `a`. */
static bool ask(struct api_call *call, struct asked *a, report_work *work,
		report_worked *worked, struct err *err)
{
	struct report_desk *desk = call->parts->report_desk;

	if (!desk || !report_desk_ask(desk, work, worked, a, err)) {
		if (!desk)
			err_set(err, ERR_AGAIN, "no reports are read just now");
		free_asked(a);
		return false;
	}
	a->later = api_defer(call);
	return true;
}

/* ---- what is asked ---- */

static bool read_domain(const struct api_call *call, struct domain *d,
			struct err *err)
{
	const char *text = api_query(call, "name");
	char name[DOMAIN_NAME_SIZE];

	return !text || (domain_name_normalise(text, name, err) &&
			 domain_by_name(call->parts->store, name, d, err));
}

/* Reports are of days: it is the one that the instant is in. */
static bool read_since(const struct api_call *call, time_t fallback,
		       time_t *since, struct err *err)
{
	*since = fallback;
	if (!api_query_instant(call, "since", since, err))
		return false;
	*since -= *since % WHEN_DAY;
	return true;
}

/* `since` if nothing is said of it. To be freed; NULL with err set. */
static struct asked *read_asked(const struct api_call *call, time_t since,
				struct err *err)
{
	struct asked *a = xcalloc(1, sizeof(*a));

	a->parts = call->parts;
	a->now = call->now;
	if (read_domain(call, &a->domain, err) &&
	    read_since(call, since, &a->since, err))
		return a;
	free_asked(a);
	return NULL;
}

/* ---- summary ---- */

static bool read_sum(struct report_reader *r, const struct asked *a,
		     struct report_sum *s, struct err *err)
{
	if (a->domain.id)
		return report_sum_domain(r, a->domain.id, a->since, a->now,
					 a->most, s, err);
	return report_sum_box(r, a->since, a->now, a->most, s, err);
}

/* On the desk. */
static bool sum(struct report_reader *r, void *arg, struct err *err)
{
	struct asked *a = arg;
	struct report_sum s;

	if (!read_sum(r, a, &s, err))
		return false;
	a->answer = report_json_sum(&s);
	report_sum_release(&s);
	return true;
}

/* What a version of ours says, the store's own handle knows. */
static void add_mode(const struct asked *a, json_t *line)
{
	struct policy_version v = { .id = 0 };
	struct err err = ERR_INIT;
	long n = (long)json_integer_value(json_object_get(line, "version"));
	const char *kind = json_string_value(json_object_get(line, "kind"));

	if (!streq(kind, "ours") ||
	    !policy_version_numbered(a->parts->store, &a->domain, n, a->now, &v,
				     &err))
		return;
	json_object_set_new(line, "mode",
			    json_string(sts_mode_name(v.policy.mode)));
	json_object_set_new(line, "is_current",
			    json_boolean(v.id == a->domain.policy_id));
	policy_version_release(&v);
}

/* Its mode, and since when senders could hold it; of the box, null. */
static void add_current(const struct asked *a)
{
	struct policy_version v = { .id = 0 };
	struct err err = ERR_INIT;
	bool has = a->domain.policy_id &&
		   policy_version_current(a->parts->store, &a->domain, &v,
					  &err);

	json_object_set_new(a->answer, "mode",
			    has ? json_string(sts_mode_name(v.policy.mode))
				: json_null());
	json_object_set_new(a->answer, "current_since",
			    view_instant(!has		  ? 0
					 : v.announced_at ? v.announced_at
							  : v.created_at));
	policy_version_release(&v);
}

static json_t *unheard_since(const struct asked *a)
{
	struct err err = ERR_INIT;
	time_t since;

	if (!a->domain.id || !report_unheard_since(a->parts->store, &a->domain,
						   a->now, &since, &err))
		return json_null();
	return view_instant(since);
}

/* What it is a sum of. */
static void add_question(const struct asked *a)
{
	json_object_set_new(a->answer, "name",
			    a->domain.id ? json_string(a->domain.name)
					 : json_null());
	json_object_set_new(a->answer, "since", view_instant(a->since));
	json_object_set_new(a->answer, "until", view_instant(a->now));
	add_current(a);
	json_object_set_new(a->answer, "unheard_since", unheard_since(a));
}

static void on_sum(const struct err *err, void *arg)
{
	struct asked *a = arg;
	json_t *line;
	size_t i;

	json_array_foreach(json_object_get(a->answer, "versions"), i, line)
	{
		add_mode(a, line);
	}
	if (a->answer)
		add_question(a);
	on_worked(err, a);
}

bool api_report_summary(struct api_call *call, struct err *err)
{
	struct asked *a = read_asked(call, call->now - SINCE_DEFAULT, err);
	long most = 0;

	if (!a)
		return false;
	if (!api_query_count(call, "limit", LINES_MAX, LINES_DEFAULT, &most,
			     err)) {
		free_asked(a);
		return false;
	}
	a->most = (size_t)most;
	return ask(call, a, sum, on_sum, err);
}

/* ---- list ---- */

/* On the desk. */
static bool list(struct report_reader *r, void *arg, struct err *err)
{
	struct asked *a = arg;
	struct report_item item[API_PAGE_MAX];
	json_t *reports = json_array();
	int64_t next = 0;
	size_t n = report_list(r, &a->filter, item, a->most, &next, err);

	for (size_t i = 0; i < n; i++) {
		json_array_append_new(reports, report_json_item(&item[i]));
		report_item_release(&item[i]);
	}
	a->answer = json_pack("{s:o, s:o}", "reports", reports, "next",
			      next ? json_integer(next) : json_null());
	return err->kind == ERR_NONE;
}

static bool read_filter(const struct api_call *call, struct asked *a,
			struct err *err)
{
	const char *before = api_query(call, "before");
	const char *failed = api_query(call, "failed");
	long id = 0, most = 0;

	a->filter.domain_id = a->domain.id;
	a->filter.since = a->since;
	a->filter.failed_only = failed && streq(failed, "true");
	if (failed && !streq(failed, "true") && !streq(failed, "false"))
		return err_set(err, ERR_INPUT, "failed is true or false");
	if (before && !str_to_long(before, strlen(before), LONG_MAX, &id))
		return err_set(err, ERR_INPUT, "before must be a report's id");
	a->filter.before = id;
	if (!api_query_count(call, "limit", API_PAGE_MAX, API_PAGE_DEFAULT,
			     &most, err))
		return false;
	a->most = (size_t)most;
	return true;
}

bool api_report_list(struct api_call *call, struct err *err)
{
	struct asked *a = read_asked(call, 0, err);

	if (a && read_filter(call, a, err))
		return ask(call, a, list, on_worked, err);
	if (a)
		free_asked(a);
	return false;
}

/* ---- one ---- */

/* On the desk. */
static bool one(struct report_reader *r, void *arg, struct err *err)
{
	struct asked *a = arg;
	struct report_whole w;

	if (!report_show(r, a->id, &w, err))
		return false;
	a->answer = report_json_whole(&w);
	report_whole_release(&w);
	return true;
}

bool api_report_show(struct api_call *call, struct err *err)
{
	struct asked *a = xcalloc(1, sizeof(*a));
	long id = 0;

	a->parts = call->parts;
	if (!str_to_long(call->name, strlen(call->name), LONG_MAX, &id)) {
		free_asked(a);
		err_set(err, ERR_INPUT, "a report has a number");
		return err_hint(err, "mtastsctl report list has them");
	}
	a->id = id;
	return ask(call, a, one, on_worked, err);
}
