#include "daemon/api.h"

#include <event2/http.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/when.h"
#include "store/box.h"
#include "store/domain.h"

const char *api_query(const struct api_call *call, const char *key)
{
	return evhttp_find_header(call->query, key);
}

bool api_query_count(const struct api_call *call, const char *key, long max,
		     long fallback, long *out, struct err *err)
{
	const char *text = api_query(call, key);

	*out = fallback;
	if (!text)
		return true;
	if (str_to_long(text, strlen(text), max, out) && *out > 0)
		return true;
	return err_set(err, ERR_INPUT, "%s must be a number from 1 to %ld", key,
		       max);
}

bool api_query_instant(const struct api_call *call, const char *key,
		       time_t *out, struct err *err)
{
	const char *text = api_query(call, key);

	if (!text || instant_parse(text, out))
		return true;
	err_set(err, ERR_INPUT, "%s must be an instant", key);
	return err_hint(err, "such as 2026-11-23T20:15:00Z");
}

bool api_check_text(const char *field, const char *text, size_t max,
		    struct err *err)
{
	if (!text)
		return true;
	if (strlen(text) > max)
		return err_set(err, ERR_INPUT, "%s is longer than %zu bytes",
			       field, max);
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return err_set(err, ERR_INPUT,
				       "%s must be one line without control "
				       "characters", field);
	return true;
}

bool api_domain(const struct api_call *call, struct domain *d, struct err *err)
{
	return domain_by_name(call->parts->store, call->name, d, err);
}

bool api_may_order(const struct api_call *call, const struct domain *d,
		   struct err *err)
{
	if (box_is_frozen(call->parts->store)) {
		err_set(err, ERR_REFUSED,
			"the box is frozen: it begins no order");
		return err_hint(err, "mtastsctl thaw ends that");
	}
	if (!d || d->leaving != DOMAIN_HANDING_OVER)
		return true;
	err_set(err, ERR_REFUSED, "%s is being handed over: nothing is "
				  "ordered for it", d->name);
	return err_hint(err, "mtastsctl domain add %s keeps it here", d->name);
}

bool api_selection(const struct api_call *call, struct api_selection *q,
		   struct err *err)
{
	const char *state = api_query(call, "state");

	*q = (struct api_selection){
		.filter = { .label = api_query(call, "label"),
			    .after = api_query(call, "after") },
	};
	if (state) {
		if (!domain_phase_parse(state, &q->state,
					&q->filter.leaving)) {
			err_set(err, ERR_INPUT, "there is no state \"%.40s\"",
				state);
			return err_hint(err,
					"states: waiting-for-dns, issuing, "
					"live, removing, handing-over");
		}
		q->filter.state = &q->state;
	}
	return api_query_count(call, "limit", API_PAGE_MAX, API_PAGE_DEFAULT,
			       &q->filter.limit, err);
}

struct page {
	const struct api_call *call;
	json_t *(*view)(const struct api_call *call, const struct domain *d);
	json_t *rows;
	long limit;		/* one more is read, to see whether there is */
	long seen;
	char last[DOMAIN_NAME_SIZE];
	bool more;
};

static bool add_row(const struct domain *d, void *arg)
{
	struct page *page = arg;
	json_t *row;

	if (page->seen == page->limit) {
		page->more = true;
		return false;
	}
	page->seen++;
	snprintf(page->last, sizeof(page->last), "%s", d->name);
	row = page->view(page->call, d);
	if (row)
		json_array_append_new(page->rows, row);
	return true;
}

bool api_list(struct api_call *call, const char *key,
	      json_t *(*view)(const struct api_call *call,
			      const struct domain *d),
	      struct err *err)
{
	struct page page = { .call = call, .view = view };
	struct api_selection q;

	if (!api_selection(call, &q, err))
		return false;
	page.limit = q.filter.limit++;
	page.rows = json_array();
	if (!domain_each(call->parts->store, &q.filter, add_row, &page, err)) {
		json_decref(page.rows);
		return false;
	}
	call->answer = json_pack("{s:o, s:s?}", key, page.rows, "next",
				 page.more ? page.last : NULL);
	return true;
}
