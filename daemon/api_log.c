/*
 * /v1/log: the trail, oldest first.
 *
 * With after=ID it can be followed: each answer's `last` is the next call's
 * `after`. The trail outlives the domains it tells of, so a name need not be
 * hosted to be asked for.
 */
#include <limits.h>
#include <string.h>

#include "base/str.h"
#include "daemon/api.h"
#include "daemon/json_view.h"
#include "store/trail.h"

struct rows {
	json_t *list;
	int64_t last;
};

static bool add_row(const struct trail *e, void *arg)
{
	struct rows *rows = arg;

	json_array_append_new(rows->list, view_event(e));
	rows->last = e->id;
	return true;
}

static bool read_after(const struct api_call *call, int64_t *after,
		       struct err *err)
{
	const char *text = api_query(call, "after");
	long id = 0;

	if (text && !str_to_long(text, strlen(text), LONG_MAX, &id))
		return err_set(err, ERR_INPUT,
			       "after must be the id of an event");
	*after = id;
	return true;
}

static bool read_filter(const struct api_call *call, struct trail_filter *f,
			char *name, struct err *err)
{
	const char *domain = api_query(call, "name");

	*f = (struct trail_filter){ .actor = api_query(call, "actor"),
				    .label = api_query(call, "label") };
	if (domain) {
		if (!domain_name_normalise(domain, name, err))
			return false;
		f->domain = name;
	}
	return read_after(call, &f->after, err) &&
	       api_query_instant(call, "since", &f->since, err) &&
	       api_query_count(call, "limit", API_LOG_MAX, API_PAGE_DEFAULT,
			       &f->limit, err);
}

bool api_log_list(struct api_call *call, struct err *err)
{
	char name[DOMAIN_NAME_SIZE];
	struct trail_filter filter;
	struct rows rows;

	if (!read_filter(call, &filter, name, err))
		return false;
	rows = (struct rows){ .list = json_array(), .last = filter.after };
	if (!trail_each(call->parts->store, &filter, add_row, &rows, err)) {
		json_decref(rows.list);
		return false;
	}
	call->answer = json_pack("{s:o, s:I}", "events", rows.list, "last",
				 (json_int_t)rows.last);
	return true;
}
