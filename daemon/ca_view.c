#include "daemon/ca_view.h"

#include "base/str.h"
#include "daemon/json_view.h"
#include "daemon/onboarding_view.h"

/* ---- the account ---- */

static json_t *view_rollover(const struct account *a)
{
	if (!a->is_rolling)
		return json_null();
	return json_pack("{s:s, s:I, s:o}", "state",
			 a->roll_told ? "asking-the-ca" : "wanted", "failures",
			 (json_int_t)a->roll_failures, "next_try",
			 view_instant(a->roll_at));
}

static json_t *view_account(struct store *s, int64_t ca_id)
{
	struct account a;
	json_t *view;

	if (!account_of_ca(s, ca_id, &a, NULL))
		return json_null();
	view = json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:I}", "state",
			 account_state_name(a.state), "url", view_text(a.url),
			 "contact", view_text(a.contact), "created",
			 view_instant(a.created_at), "problem",
			 view_text(a.problem), "rollover", view_rollover(&a),
			 "next_try", view_instant(a.retry_at), "superseded",
			 (json_int_t)account_count_superseded(s, ca_id));
	account_release(&a);
	return view;
}

/* ---- orders, the canary ---- */

static json_t *view_orders(struct store *s, int64_t ca_id)
{
	struct order_counts n;

	if (!order_count(s, ca_id, &n, NULL))
		return json_null();
	return json_pack("{s:I, s:I, s:I}", "live", (json_int_t)n.live, "done",
			 (json_int_t)n.done, "dead", (json_int_t)n.dead);
}

static json_t *view_canary(const struct ca *row)
{
	return json_pack("{s:o, s:o, s:I}", "proven",
			 view_instant(row->proven_at), "next",
			 view_instant(row->canary_at), "failures",
			 (json_int_t)row->canary_failures);
}

/* ---- limits ---- */

static bool is_of_account(enum limit_kind kind)
{
	return kind == LIMIT_NEW_ORDERS || kind == LIMIT_ARI ||
	       kind == LIMIT_POSTS;
}

/* When so many will be there; null: they are. */
static json_t *view_ready(const struct bucket *b, struct limit limit,
			  int64_t now_ms, long n)
{
	int64_t ready_ms = bucket_ready_ms(b, limit, now_ms, n);

	return view_instant(ready_ms > now_ms ? ready_ms / 1000 : 0);
}

/* What is left, and when one more, or all of it, will be there. */
static void add_level(json_t *view, const struct engine *e, const char *ca,
		      enum limit_kind kind, struct limit limit, time_t now)
{
	int64_t now_ms = (int64_t)now * 1000, level;
	struct bucket b;

	if (!is_of_account(kind) || !engine_ca_bucket(e, ca, kind, &b))
		return;
	level = bucket_level_at(&b, limit, now_ms) / 1000;
	json_object_set_new(view, "left", json_integer(level));
	json_object_set_new(view, "next", view_ready(&b, limit, now_ms, 1));
	json_object_set_new(view, "full",
			    view_ready(&b, limit, now_ms, limit.burst));
}

static json_t *view_limits(const struct engine *e, const char *ca,
			   const struct limits *limits, time_t now)
{
	json_t *list = json_array();

	for (enum limit_kind kind = 0; kind < LIMIT_KINDS; kind++) {
		struct limit limit = limits->of[kind];
		json_t *view;

		if (!limit.burst)
			continue;
		view = json_pack("{s:s, s:I, s:I, s:n, s:n, s:n}", "limit",
				 limit_name(kind), "burst",
				 (json_int_t)limit.burst, "period",
				 (json_int_t)limit.period, "left", "next",
				 "full");
		add_level(view, e, ca, kind, limit, now);
		json_array_append_new(list, view);
	}
	return list;
}

static const struct ca_settings *settings_of(const struct admin_parts *parts,
					     const char *name)
{
	const struct engine_settings *s = &parts->config->engine;

	for (size_t i = 0; i < s->ca_count; i++)
		if (streq(s->ca[i].name, name))
			return &s->ca[i];
	return NULL;
}

json_t *ca_view_onboarding(const struct admin_parts *parts, time_t now)
{
	struct engine *engine = parts->engine;
	struct engine_ca_status ca;
	const struct ca_settings *settings;
	json_t *view;

	for (size_t i = 0; i < engine_ca_count(engine); i++) {
		engine_ca_status(engine, i, &ca);
		settings = settings_of(parts, ca.name);
		if (!ca.is_used || !settings)
			continue;
		view = onboarding_view(parts->store,
				       engine_ca_id(engine, ca.name),
				       &settings->limits, now);
		if (json_is_object(view))
			json_object_set_new(view, "ca", json_string(ca.name));
		return view;
	}
	return json_null();
}

/* ---- all of it ---- */

static void set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

static void add_settings(json_t *view, const struct admin_parts *parts,
			 const struct ca_settings *settings, time_t now)
{
	int64_t ca_id = engine_ca_id(parts->engine, settings->name);

	set(view, "profile", view_text(settings->profile));
	set(view, "profile_required", json_boolean(settings->needs_profile));
	set(view, "eab_kid", view_text(settings->eab_kid));
	set(view, "limits",
	    view_limits(parts->engine, settings->name, &settings->limits, now));
	set(view, "onboarding",
	    onboarding_view(parts->store, ca_id, &settings->limits, now));
}

json_t *ca_view(const struct admin_parts *parts,
		const struct engine_ca_status *ca, time_t now)
{
	const struct ca_settings *settings = settings_of(parts, ca->name);
	int64_t id = engine_ca_id(parts->engine, ca->name);
	struct store *s = parts->store;
	json_t *view = view_ca(ca);
	struct ca row;

	set(view, "registration", view_account(s, id));
	set(view, "orders", view_orders(s, id));
	if (ca_by_id(s, id, &row, NULL)) {
		set(view, "failures", json_integer(row.failures));
		set(view, "canary", view_canary(&row));
	}
	if (settings)
		add_settings(view, parts, settings, now);
	return view;
}
