#include "daemon/edit.h"

#include "base/buf.h"
#include "base/log.h"
#include "daemon/json_view.h"
#include "policy/domain_field.h"
#include "store/trail.h"
#include "store/watch.h"

#define SENTENCE_MAX 32768	/* fifty MX hosts, before and after */
#define REASON_MAX   1000

void edit_note(struct edit *e, const char *field, const char *before,
	       const char *after)
{
	json_array_append_new(e->changes,
			      json_pack("{s:s, s:o, s:o}", "field", field,
					"before", view_text(before), "after",
					view_text(after)));
}

/* "verb: field before -> after; field after" */
static void sentence(struct buf *b, const struct edit_kind *kind,
		     const json_t *changes)
{
	const char *field, *before, *after;
	json_t *item;
	size_t i;

	buf_puts(b, kind->verb);
	json_array_foreach(changes, i, item) {
		if (json_unpack(item, "{s:s, s:s, s:s}", "field", &field,
				"before", &before, "after", &after))
			continue;
		buf_printf(b, "%s %s ", i ? ";" : ":", field);
		if (*before)
			buf_printf(b, "%s -> ", before);
		buf_puts(b, *after ? after : "none");
	}
}

static bool add_event(const struct edit *e, const struct edit_kind *kind,
		      const char *text, struct err *err)
{
	return trail_add(e->call->parts->store,
			 &(struct trail){ .at = e->call->now,
					  .level = TRAIL_INFO,
					  .kind = kind->kind,
					  .domain = e->domain.name,
					  .label = e->is_removed
							   ? e->domain.label
							   : NULL,
					  .actor = e->call->actor,
					  .channel = e->call->channel,
					  .text = text,
					  .reason = e->reason },
			 err);
}

static json_t *view_after(const struct edit *e)
{
	struct store *s = e->call->parts->store;
	struct domain_facts facts;
	struct domain d;
	json_t *view;

	if (e->is_removed || !domain_by_id(s, e->domain.id, &d, NULL))
		return json_null();
	domain_facts_load(&facts, s, &d, e->call->now);
	view = view_domain(&facts, e->call->now);
	domain_facts_release(&facts);
	return view;
}

static void answer(struct edit *e, bool changed, bool dry_run)
{
	int64_t last = trail_last_id(e->call->parts->store);

	e->call->answer = json_pack("{s:s, s:b, s:b, s:O, s:o, s:I}", "name",
				    e->domain.name, "changed", changed,
				    "dry_run", dry_run, "changes", e->changes,
				    "domain", view_after(e), "last_event",
				    (json_int_t)last);
}

/* Durable, then visible, then acted on. */
static bool finish(struct edit *e, struct err *err)
{
	const struct admin_parts *parts = e->call->parts;

	if (!store_commit(parts->store, err))
		return false;
	engine_poke(parts->engine);	/* its tick projects what is left */
	return store_project(parts->store, err) ||
	       err_prefix(err, "the change is stored, but not served yet");
}

static bool commit(struct edit *e, const struct edit_kind *kind,
		   struct err *err)
{
	const char *name = e->domain.name;
	struct buf text;
	bool ok;

	buf_init(&text, SENTENCE_MAX);
	sentence(&text, kind, e->changes);
	ok = add_event(e, kind, text.data, err);
	if (!ok)
		store_rollback(e->call->parts->store);
	ok = ok && finish(e, err);
	if (ok && *name)
		log_about(LOG_LEVEL_INFO, domain_field(name),
			  "domain %s: %s, by %s", name, text.data,
			  e->call->actor);
	else if (ok)
		log_info("mtastsd: %s, by %s", text.data, e->call->actor);
	buf_release(&text);
	return ok;
}

/* Asked again, it may go by what is seen now. */
static void look(const struct edit *e)
{
	struct store *s = e->call->parts->store;

	if (!store_begin(s, NULL))
		return;
	if (watch_now(s, e->domain.id, e->call->now, NULL))
		store_commit(s, NULL);
	else
		store_rollback(s);
}

static bool run(struct edit *e, const struct edit_kind *kind,
		struct edit_input *input, struct err *err)
{
	struct store *s = e->call->parts->store;
	bool changed;

	if (!kind->change(e, input, err)) {
		store_rollback(s);
		if (e->wants_look)
			look(e);
		return false;
	}
	changed = json_array_size(e->changes) > 0;
	if (!changed || input->dry_run) {
		answer(e, changed, input->dry_run);
		store_rollback(s);
		return true;
	}
	if (!commit(e, kind, err))
		return false;
	answer(e, true, false);
	return true;
}

bool edit_run(struct api_call *call, const struct edit_kind *kind, void *input,
	      struct err *err)
{
	struct edit_input *common = input;
	struct edit e = { .call = call, .reason = common->reason };
	bool ok;

	if (!api_check_text("reason", common->reason, REASON_MAX, err) ||
	    !store_begin(call->parts->store, err))
		return false;
	e.changes = json_array();
	ok = run(&e, kind, common, err);
	json_decref(e.changes);
	return ok;
}
