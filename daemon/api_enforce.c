/*
 * /v1/domains/NAME/policy/enforce and .../readiness: the way to mode enforce,
 * which is refused, with the first reasons, until a domain is ready.
 *
 * "force" overrides them, with a reason of the admin's; what they were stays
 * in the trail.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "daemon/api.h"
#include "daemon/edit_enforce.h"
#include "daemon/edit_policy.h"
#include "daemon/json_view.h"
#include "daemon/readiness.h"
#include "store/watch.h"

static json_t *view_reasons(const struct readiness *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->count; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:o, s:o}", "id",
					r->reason[i].id, "text",
					view_text(r->reason[i].text), "hint",
					view_text(r->reason[i].hint)));
	return list;
}

static bool judge(struct api_call *call, const struct domain *d,
		  const struct enforce_input *in, struct readiness *r,
		  struct err *err)
{
	struct domain_facts facts;
	bool ok;

	domain_facts_load(&facts, call->parts->store, d, call->now);
	ok = readiness_of(call->parts->store, &facts, call->parts->config,
			  in->without_reports, in->keep_stale, false, call->now,
			  r, err);
	domain_facts_release(&facts);
	return ok;
}

/* From outside, or at DNS: asked for, and not over. */
static bool is_looking(const struct api_call *call, const struct checked *c,
		       const struct watch *w)
{
	return c->asked_at > 0 || w->due_at <= call->now;
}

bool api_policy_readiness(struct api_call *call, struct err *err)
{
	const struct enforce_input in = { .force = false };
	struct store *s = call->parts->store;
	struct checked checked;
	struct readiness r;
	struct domain d;
	struct watch w;

	if (!api_domain(call, &d, err) || !watch_of(s, &d, &w, err) ||
	    !judge(call, &d, &in, &r, err))
		return false;
	if (checked_of(s, &d, &checked, err))
		call->answer = json_pack(
			"{s:s, s:b, s:o, s:O, s:o, s:o, s:b}", "name", d.name,
			"ready", r.count == 0, "reasons", view_reasons(&r),
			"notes", r.notes, "ready_at", view_instant(r.ready_at),
			"looked", view_instant(checked.at), "looking",
			is_looking(call, &checked, &w));
	checked_release(&checked);
	readiness_release(&r);
	return call->answer != NULL;
}

/* Looks from outside and at DNS are begun; their end shows in "readiness". */
bool api_domain_check(struct api_call *call, struct err *err)
{
	struct store *s = call->parts->store;
	struct domain d;

	if (!api_domain(call, &d, err) || !store_begin(s, err))
		return false;
	if (!checked_ask(s, d.id, call->now, err) ||
	    !watch_soon(s, d.id, call->now, err)) {
		store_rollback(s);
		return false;
	}
	call->answer = json_pack("{s:s, s:o}", "name", d.name, "asked",
				 view_instant(call->now));
	return store_commit(s, err);
}

/* ---- the gate ---- */

static void note_forced(struct edit *e, const struct readiness *r)
{
	struct buf ids;

	buf_init(&ids, 2000);
	for (size_t i = 0; i < r->count; i++)
		buf_printf(&ids, "%s%s", i ? " " : "", r->reason[i].id);
	edit_note(e, "forced", "", ids.data);
	buf_release(&ids);
}

static bool forced_without_reason(struct err *err)
{
	err_set(err, ERR_INPUT, "force needs a reason");
	return err_hint(err, "--reason TEXT: it goes into the trail");
}

bool edit_may_enforce(struct edit *e, const struct enforce_input *in,
		      const char *reason, struct err *err)
{
	struct readiness r;
	bool ok;

	if (in->force && str_is_empty(reason))
		return forced_without_reason(err);
	if (!judge(e->call, &e->domain, in, &r, err))
		return false;
	ok = r.count == 0 || in->force ||
	     readiness_refuse(&r, e->domain.name, err);
	if (ok && r.count)
		note_forced(e, &r);
	readiness_release(&r);
	return ok;
}

struct enforce {
	struct edit_input common;
	struct enforce_input how;
};

static const struct json_in_field fields[] = {
	EDIT_FIELDS,
	ENFORCE_FIELDS(enforce, how),
};

static bool enforce_it(struct edit *e, void *input, struct err *err)
{
	const struct enforce *in = input;
	struct policy_version was;
	struct sts_policy wanted;
	bool ok;

	if (!api_domain(e->call, &e->domain, err) ||
	    !policy_version_current(e->call->parts->store, &e->domain, &was,
				    err))
		return false;
	sts_policy_copy(&wanted, &was.policy);
	wanted.mode = STS_ENFORCE;
	ok = was.policy.mode == STS_ENFORCE ||
	     (edit_may_enforce(e, &in->how, in->common.reason, err) &&
	      edit_policy(e, &was, &wanted, true, err));
	sts_policy_release(&wanted);
	policy_version_release(&was);
	return ok;
}

bool api_policy_enforce(struct api_call *call, struct err *err)
{
	static const struct edit_kind kind = { "policy.changed",
					       "policy changed", enforce_it };
	struct enforce in = { .how = { .force = false } };

	return json_in_read(call->body, fields, ARRAY_LEN(fields), &in, err) &&
	       edit_run(call, &kind, &in, err);
}
