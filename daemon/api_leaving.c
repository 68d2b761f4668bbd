/*
 * DELETE /v1/domains/NAME and /v1/domains/NAME/handover: a domain's way out.
 *
 * Who was never live goes at once; so does who is asked for with "now", and
 * then the answer says how long senders may go on with what they hold. All
 * others walk RFC 8461, 8.3. Asking again once the time is over ends it.
 *
 * A fleet is pruned by handing over; then who was never live goes at once, too.
 */
#include <string.h>

#include "acme/revoke_ask.h"
#include "base/mem.h"
#include "daemon/api.h"
#include "daemon/edit_leaving.h"
#include "daemon/edit_policy.h"
#include "daemon/json_view.h"
#include "store/cert.h"
#include "store/policy_version.h"
#include "store/report_holders.h"
#include "store/watch.h"

struct domain_remove {
	struct edit_input common;
	bool now;
	time_t enforced_until; /* what senders may go on with; 0: nothing */
	struct report_holders holders; /* who told of it */
};

static const struct json_in_field remove_fields[] = {
	EDIT_FIELDS,
	{ "now", JSON_IN_BOOL, offsetof(struct domain_remove, now), false },
};

/* With the rows would go the wish, and the key that can sign it. */
static bool is_settled(const struct edit *e, struct err *err)
{
	const struct domain *d = &e->domain;

	if (!revoke_is_pending(e->call->parts->store, d))
		return true;
	err_set(err, ERR_REFUSED, "%s has a certificate that is still to be "
				  "revoked", d->name);
	return err_hint(err,
			"mtastsctl cert revoke %.120s --now does not wait for "
			"a replacement; with --cancel it is not done at all",
			d->name);
}

/* Who may go on refusing, and for how long. */
static bool find_holders(const struct edit *e, struct domain_remove *in,
			 struct err *err)
{
	struct store *s = e->call->parts->store;
	const struct domain *d = &e->domain;
	time_t now = e->call->now;

	if (d->state != DOMAIN_LIVE)
		return true;
	return policy_version_held_until(s, d, now, policy_version_is_enforced,
					 NULL, &in->enforced_until, err) &&
	       (in->enforced_until <= now ||
		report_holders(s, d->id, now, &in->holders, err));
}

static bool delete_it(struct edit *e, struct domain_remove *in,
		      struct err *err)
{
	struct domain *d = &e->domain;

	if (!is_settled(e, err) || !find_holders(e, in, err) ||
	    !domain_delete(e->call->parts->store, d, e->call->now, err))
		return false;
	e->is_removed = true;
	edit_note(e, "state", domain_phase(d), "gone");
	return true;
}

/* RFC 8461, 8.3: the policy says none; the mx stay, for strict parsers. */
static bool say_none(struct edit *e, struct err *err)
{
	struct sts_policy none;
	struct policy_version is;
	bool changed, ok;

	if (!policy_version_current(e->call->parts->store, &e->domain, &is,
				    err))
		return false;
	sts_policy_copy(&none, &is.policy);
	none.mode = STS_NONE;
	none.max_age = LEAVING_MAX_AGE;
	ok = edit_publish(e, &none, &changed, err);
	if (ok && is.policy.mode != STS_NONE)
		edit_note(e, "mode", sts_mode_name(is.policy.mode), "none");
	sts_policy_release(&none);
	policy_version_release(&is);
	return ok;
}

static bool set_out(struct edit *e, enum domain_leaving how, struct err *err)
{
	struct store *s = e->call->parts->store;
	struct domain *d = &e->domain;
	struct domain was = *d;

	leaving_renew_in_time(s, d);
	if (!domain_set_leaving(s, d, how, e->call->now, err))
		return false;
	edit_note(e, "state", domain_phase(&was), domain_phase(d));
	if (d->cert_id && !cert_judge_at(s, d->cert_id, e->call->now, err))
		return false;
	return watch_soon(s, d->id, e->call->now, err) &&
	       (how != DOMAIN_REMOVING || say_none(e, err));
}

static bool is_over(const struct edit *e)
{
	struct store *s = e->call->parts->store;
	struct leaving l = { .done_at = 0 };
	struct watch w;

	return watch_of(s, &e->domain, &w, NULL) &&
	       leaving_of(s, &e->domain, &w, e->call->now, &l, NULL) &&
	       l.done_at && l.done_at <= e->call->now;
}

static bool remove_it(struct edit *e, void *input, struct err *err)
{
	struct domain_remove *in = input;

	if (!api_domain(e->call, &e->domain, err))
		return false;
	if (in->now || e->domain.state != DOMAIN_LIVE ||
	    (e->domain.leaving && is_over(e)))
		return delete_it(e, in, err);
	return e->domain.leaving == DOMAIN_REMOVING ||
	       set_out(e, DOMAIN_REMOVING, err);
}

static const struct edit_kind removal = { "domain.removed", "removed",
					  remove_it };

static json_t *view_holders(const struct report_holders *h)
{
	json_t *names = json_array();

	for (size_t i = 0; i < h->count; i++)
		json_array_append_new(names, view_text(h->name[i]));
	return json_pack("{s:o, s:I}", "reporters", names, "more",
			 (json_int_t)h->more);
}

bool api_domain_remove(struct api_call *call, struct err *err)
{
	struct domain_remove in = { .now = false };
	time_t left;

	if (!json_in_read(call->body, remove_fields, ARRAY_LEN(remove_fields),
			  &in, err) ||
	    !edit_run(call, &removal, &in, err))
		return false;
	left = in.enforced_until - call->now;
	json_object_set_new(call->answer, "enforced_for",
			    json_integer(left > 0 ? left : 0));
	json_object_set_new(call->answer, "enforced_by",
			    view_holders(&in.holders));
	return true;
}

/* ---- to another host ---- */

/* What was being removed is handed over with the policy that it had. */
static bool say_former(struct edit *e, struct err *err)
{
	struct sts_policy former = { .mx_count = 0 };
	bool ok;

	if (e->domain.leaving != DOMAIN_REMOVING)
		return true;
	ok = leaving_former_policy(e->call->parts->store, &e->domain,
				   e->call->now, &former, err) &&
	     leaving_resume(e, &former, err);
	sts_policy_release(&former);
	return ok;
}

static bool hand_over(struct edit *e, void *input, struct err *err)
{
	(void)input;
	if (!api_domain(e->call, &e->domain, err))
		return false;
	if (e->domain.state != DOMAIN_LIVE) {
		err_set(err, ERR_REFUSED, "%s is not live: there is nothing to "
					  "hand over", e->domain.name);
		return err_hint(err, "mtastsctl domain remove %s",
				e->domain.name);
	}
	return e->domain.leaving == DOMAIN_HANDING_OVER ||
	       (is_settled(e, err) && say_former(e, err) &&
		set_out(e, DOMAIN_HANDING_OVER, err));
}

struct domain_handover {
	struct edit_input common;
	bool or_remove; /* who was never live goes */
};

static const struct json_in_field handover_fields[] = {
	EDIT_FIELDS,
	{ "or_remove", JSON_IN_BOOL,
	  offsetof(struct domain_handover, or_remove), false },
};

static bool was_never_live(struct api_call *call)
{
	struct domain d;

	return api_domain(call, &d, NULL) && d.state != DOMAIN_LIVE;
}

bool api_domain_handover(struct api_call *call, struct err *err)
{
	static const struct edit_kind kind = { "domain.handed-over",
					       "handing over", hand_over };
	struct domain_handover in = { .or_remove = false };
	struct domain_remove instead = { .now = false };

	if (!json_in_read(call->body, handover_fields,
			  ARRAY_LEN(handover_fields), &in, err))
		return false;
	instead.common = in.common;
	return in.or_remove && was_never_live(call)
		       ? edit_run(call, &removal, &instead, err)
		       : edit_run(call, &kind, &in, err);
}
