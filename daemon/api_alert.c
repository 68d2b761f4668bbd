/*
 * /v1/alerts: what is wrong, who is told, and the silence that an admin wants
 * about what he knows already.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "daemon/alert_kinds.h"
#include "daemon/alerts.h"
#include "daemon/api.h"
#include "daemon/edit.h"
#include "daemon/json_view.h"
#include "store/alert.h"

#define SILENCE_MAX (366 * WHEN_DAY)

/* ---- the list ---- */

struct rows {
	json_t *list;
	long limit;		/* one more is read, to see whether there is */
	int64_t last;
	bool more;
};

static json_t *view(const struct alert *a)
{
	return json_pack("{s:I, s:s, s:o, s:s, s:o, s:o, s:o, s:I, s:o, s:o}",
			 "id", (json_int_t)a->id, "kind", a->kind, "subject",
			 view_text(a->subject), "level",
			 alert_level_name(a->level), "text",
			 view_text(a->text), "hint", view_text(a->hint),
			 "since", view_instant(a->since), "count",
			 (json_int_t)a->count, "silenced_until",
			 view_instant(a->silenced_until), "ended",
			 view_instant(a->ended_at));
}

static bool add_row(const struct alert *a, void *arg)
{
	struct rows *rows = arg;

	if (!rows->limit) {
		rows->more = true;
		return false;
	}
	rows->limit--;
	rows->last = a->id;
	json_array_append_new(rows->list, view(a));
	return true;
}

static json_t *view_sinks(struct alerts *a)
{
	json_t *list = json_array();

	for (enum alert_sink i = 0; a && i < SINK_COUNT; i++) {
		struct alerts_sink sink;

		alerts_sink(a, i, &sink);
		if (!sink.is_used)
			continue;
		json_array_append_new(
			list,
			json_pack("{s:s, s:I, s:o, s:o, s:o}", "sink",
				  sink.name, "waiting",
				  (json_int_t)sink.waiting, "oldest",
				  view_instant(sink.oldest), "delivered",
				  view_instant(sink.delivered_at), "problem",
				  view_text(sink.problem)));
	}
	return list;
}

static json_t *view_heartbeat(const struct alerts *a)
{
	struct alerts_heartbeat beat = { .is_used = false };

	if (a)
		alerts_heartbeat(a, &beat);
	if (!beat.is_used)
		return json_null();
	return json_pack("{s:b, s:o, s:o}", "held", beat.is_held, "sent",
			 view_instant(beat.sent_at), "problem",
			 view_text(beat.problem));
}

static bool is_kind(const char *word)
{
	static const char *const kinds[] = ALERT_KINDS;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (streq(word, kinds[i]))
			return true;
	return false;
}

/* A silence of what never comes, or a list of it, would be a misunderstanding. */
static bool check_kind(const char *kind, struct err *err)
{
	if (is_kind(kind))
		return true;
	err_set(err, ERR_INPUT, "there is no such kind of alert");
	return err_hint(err, "give a kind, such as ca.down; mtastsctl "
			     "alert list shows those that are open, "
			     "mtastsctl(1) has all kinds");
}

static bool read_filter(const struct api_call *call, struct alert_filter *f,
			struct err *err)
{
	const char *ended = api_query(call, "ended");
	long after;

	*f = (struct alert_filter){ .kind = api_query(call, "kind"),
				    .ended = streq(ended, "true") };
	if (ended && !f->ended && !streq(ended, "false"))
		return err_set(err, ERR_INPUT, "ended must be true or false");
	if ((f->kind && !check_kind(f->kind, err)) ||
	    !api_query_count(call, "after", LONG_MAX, 0, &after, err))
		return false;
	f->after = after;
	return api_query_count(call, "limit", API_PAGE_MAX, API_PAGE_DEFAULT,
			       &f->limit, err);
}

bool api_alert_list(struct api_call *call, struct err *err)
{
	struct alerts *alerts = call->parts->alerts;
	struct store *s = call->parts->store;
	struct alert_counts counts;
	struct alert_filter f;
	struct rows rows;

	if (!read_filter(call, &f, err) ||
	    !alert_count(s, f.kind, &counts, err))
		return false;
	rows = (struct rows){ .list = json_array(), .limit = f.limit++ };
	if (!alert_each(s, &f, call->now, add_row, &rows, err)) {
		json_decref(rows.list);
		return false;
	}
	call->answer = json_pack(
		"{s:o, s:o, s:I, s:I, s:I, s:o, s:o}", "alerts", rows.list,
		"next", rows.more ? json_integer(rows.last) : json_null(),
		"open", (json_int_t)counts.open, "grave",
		(json_int_t)counts.grave, "news", (json_int_t)counts.news,
		"sinks", view_sinks(alerts), "heartbeat",
		view_heartbeat(alerts));
	return true;
}

/* ---- silence ---- */

struct silence_input {
	struct edit_input common;
	const char *alert;	/* an id, or a kind */
	long seconds;		/* 0 ends it */
};

static bool silence_kind(struct store *s, const char *kind, time_t until,
			 struct err *err)
{
	return check_kind(kind, err) && alert_silence_kind(s, kind, until, err);
}

static bool silence(struct edit *e, void *input, struct err *err)
{
	const struct silence_input *in = input;
	time_t until = in->seconds ? e->call->now + in->seconds : 0;
	struct store *s = e->call->parts->store;
	char at[INSTANT_TEXT];
	char *field = xasprintf("of %.60s until", in->alert);
	long id;
	bool ok;

	ok = str_to_long(in->alert, strlen(in->alert), LONG_MAX, &id)
		     ? alert_silence(s, id, until, err)
		     : silence_kind(s, in->alert, until, err);
	edit_note(e, field, "", until ? instant_format(until, at) : "not");
	free(field);
	return ok;
}

static const struct json_in_field fields[] = {
	EDIT_FIELDS,
	{ "alert", JSON_IN_TEXT, offsetof(struct silence_input, alert), true },
	{ "seconds", JSON_IN_COUNT, offsetof(struct silence_input, seconds),
	  true },
};

bool api_alert_silence(struct api_call *call, struct err *err)
{
	static const struct edit_kind kind = { "alert.silenced",
					       "silence", silence };
	struct silence_input in = { .alert = "" };

	if (!json_in_read(call->body, fields, ARRAY_LEN(fields), &in, err) ||
	    !api_check_text("alert", in.alert, ALERT_KIND_SIZE, err))
		return false;
	if (in.seconds > SILENCE_MAX)
		return err_set(err, ERR_INPUT, "seconds is more than a year");
	return edit_run(call, &kind, &in, err);
}

/* ---- a test ---- */

static bool test(struct edit *e, void *input, struct err *err)
{
	const struct api_call *call = e->call;

	(void)input;
	edit_note(e, "alert", "", "test");
	return alerts_test(call->parts->alerts, call->actor, call->now, err);
}

bool api_alert_test(struct api_call *call, struct err *err)
{
	static const struct edit_kind kind = { "alert.tested", "tested", test };
	static const struct json_in_field common[] = { EDIT_FIELDS };
	struct edit_input in = { 0 };

	if (!json_in_read(call->body, common, ARRAY_LEN(common), &in, err) ||
	    !edit_run(call, &kind, &in, err))
		return false;
	json_object_set_new(call->answer, "sinks",
			    view_sinks(call->parts->alerts));
	json_object_set_new(call->answer, "heartbeat",
			    view_heartbeat(call->parts->alerts));
	return true;
}
