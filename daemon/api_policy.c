/*
 * /v1/domains/NAME/policy: the policy served, and its next version.
 *
 * A version is never edited: what differs from the current one makes a new
 * one with a new id. Going to `testing` is never refused.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "daemon/api.h"
#include "daemon/edit_enforce.h"
#include "daemon/edit_policy.h"
#include "daemon/json_view.h"
#include "daemon/policy_input.h"
#include "store/policy_version.h"

#define HISTORY_PAGE 50

bool api_policy_show(struct api_call *call, struct err *err)
{
	struct policy_version v;
	struct domain d;

	if (!api_domain(call, &d, err) ||
	    !policy_version_current(call->parts->store, &d, &v, err))
		return false;
	call->answer = view_policy(&v);
	policy_version_release(&v);
	return true;
}

/* ---- every version ---- */

/* { "name", "versions": [ ... ], "next": N or null }: then before=N. */
bool api_policy_history(struct api_call *call, struct err *err)
{
	struct policy_version v[HISTORY_PAGE];
	json_t *list, *next = json_null();
	long before = 0, limit;
	struct domain d;
	size_t n;

	if (!api_domain(call, &d, err) || 
	    !api_query_count(call, "before", LONG_MAX, 0, &before, err) ||
	    !api_query_count(call, "limit", HISTORY_PAGE, HISTORY_PAGE, &limit,
			     err))
		return false;
	n = policy_version_list(call->parts->store, &d, before, call->now, v,
				(size_t)limit, err);
	list = json_array();
	for (size_t i = 0; i < n; i++) {
		json_array_append_new(list, view_version(&v[i]));
		policy_version_release(&v[i]);
	}
	if (n == (size_t)limit && v[n - 1].version > 0)
		next = json_integer(v[n - 1].version);
	call->answer = json_pack("{s:s, s:o, s:o}", "name", d.name, "versions",
				 list, "next", next);
	return err->kind == ERR_NONE;
}

/* ---- changes ---- */

struct policy_set {
	struct edit_input common;
	struct policy_input policy;
	struct enforce_input enforce;
};

static const struct json_in_field set_fields[] = {
	EDIT_FIELDS,
	ENFORCE_FIELDS(policy_set, enforce),
	POLICY_INPUT_FIELDS(policy_set, policy),
};

/* A domain whose policy was lost to damage gets one from what is given. */
static bool current_or_new(struct edit *e, struct policy_version *v,
			   struct err *err)
{
	if (policy_version_current(e->call->parts->store, &e->domain, v, err))
		return true;
	if (err->kind != ERR_NOT_FOUND)
		return false;
	*err = (struct err)ERR_INIT;
	*v = (struct policy_version){
		.policy = { .mode = STS_TESTING,
			    .max_age = STS_MAX_AGE_DEFAULT },
	};
	return true;
}

static bool set_policy(struct edit *e, void *input, struct err *err)
{
	const struct policy_set *in = input;
	struct policy_version was;
	struct sts_policy wanted = { 0 };
	bool ok;

	if (!api_domain(e->call, &e->domain, err) ||
	    !current_or_new(e, &was, err))
		return false;
	sts_policy_copy(&wanted, &was.policy);
	ok = policy_input_apply(&in->policy, e->domain.name, &wanted, err) &&
	     (wanted.mode != STS_ENFORCE || was.policy.mode == STS_ENFORCE ||
	      edit_may_enforce(e, &in->enforce, in->common.reason, err)) &&
	     edit_policy(e, &was, &wanted, in->enforce.force, err);
	sts_policy_release(&wanted);
	policy_version_release(&was);
	return ok;
}

/* Until when some sender may go on enforcing, whatever is served now. */
static bool add_enforced(struct api_call *call, struct err *err)
{
	struct domain d;
	time_t until;

	if (!api_domain(call, &d, err) ||
	    !policy_version_held_until(call->parts->store, &d, call->now,
				       policy_version_is_enforced, NULL,
				       &until, err))
		return false;
	json_object_set_new(call->answer, "enforced_until",
			    view_instant(until > call->now ? until : 0));
	return true;
}

bool api_policy_set(struct api_call *call, struct err *err)
{
	static const struct edit_kind kind = { "policy.changed",
					       "policy changed", set_policy };
	struct policy_set in = { .policy = POLICY_INPUT_INIT };

	return json_in_read(call->body, set_fields, ARRAY_LEN(set_fields), &in,
			    err) &&
	       edit_run(call, &kind, &in, err) && add_enforced(call, err);
}

/* ---- back to what was ---- */

struct policy_rollback {
	struct edit_input common;
	struct enforce_input enforce;
	long to;		/* -1: the one before the current one */
};

static const struct json_in_field rollback_fields[] = {
	EDIT_FIELDS,
	ENFORCE_FIELDS(policy_rollback, enforce),
	{ "to", JSON_IN_COUNT, offsetof(struct policy_rollback, to), false },
};

/* Which one, if nobody said: versions are never left out. */
static bool choose(struct edit *e, const struct policy_version *is, long *to,
		   struct err *err)
{
	struct policy_version first = { .version = 0 };

	if (*to >= 0)
		return true;
	*to = is->version - 1;
	if (is->version > 1)
		return true;
	if (is->version == 1 &&
	    policy_version_numbered(e->call->parts->store, &e->domain, 0,
				    e->call->now, &first, NULL)) {
		policy_version_release(&first);
		return true;
	}
	err_set(err, ERR_REFUSED, "%s has only one version", e->domain.name);
	return err_hint(err, "mtastsctl policy set %s changes it",
			e->domain.name);
}

static bool publish_again(struct edit *e, const struct policy_version *is,
			  const struct policy_rollback *in, struct err *err)
{
	long to = in->to;
	struct policy_version old;
	char number[24];
	bool ok;

	if (!choose(e, is, &to, err) ||
	    !policy_version_numbered(e->call->parts->store, &e->domain, to,
				     e->call->now, &old, err))
		return false;
	ok = (old.policy.mode != STS_ENFORCE ||
	      is->policy.mode == STS_ENFORCE ||
	      edit_may_enforce(e, &in->enforce, in->common.reason, err)) &&
	     edit_policy(e, is, &old.policy, in->enforce.force, err);
	if (ok && json_array_size(e->changes)) {
		snprintf(number, sizeof(number), "version %ld", to);
		edit_note(e, "content", "", number);
	}
	policy_version_release(&old);
	return ok;
}

static bool roll_back(struct edit *e, void *input, struct err *err)
{
	const struct policy_rollback *in = input;
	struct policy_version is;
	bool ok;

	if (!api_domain(e->call, &e->domain, err) ||
	    !policy_version_current(e->call->parts->store, &e->domain, &is,
				    err))
		return false;
	ok = publish_again(e, &is, in, err);
	policy_version_release(&is);
	return ok;
}

bool api_policy_rollback(struct api_call *call, struct err *err)
{
	static const struct edit_kind kind = { "policy.rolled-back",
					       "policy rolled back",
					       roll_back };
	struct policy_rollback in = { .to = -1 };

	return json_in_read(call->body, rollback_fields,
			    ARRAY_LEN(rollback_fields), &in, err) &&
	       edit_run(call, &kind, &in, err);
}
