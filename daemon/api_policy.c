/*
 * /v1/domains/NAME/policy: the policy served, and its next version.
 *
 * A version is never edited: what differs from the current one makes a new
 * one with a new id. Going to `testing` is never refused.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "daemon/api.h"
#include "daemon/edit.h"
#include "daemon/json_view.h"
#include "daemon/policy_input.h"
#include "store/policy_version.h"

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

struct policy_set {
	struct edit_input common;
	struct policy_input policy;
};

static const struct json_in_field set_fields[] = {
	EDIT_FIELDS,
	POLICY_INPUT_FIELDS(policy_set, policy),
};

static char *mx_text(const struct sts_policy *p)
{
	char *text = xstrdup("");

	for (size_t i = 0; i < p->mx_count; i++) {
		char *longer = xasprintf("%s%s%s", text, i ? " " : "",
					 p->mx[i]);

		free(text);
		text = longer;
	}
	return text;
}

static void note_mx(struct edit *e, const struct sts_policy *was,
		    const struct sts_policy *is)
{
	char *before = mx_text(was), *after = mx_text(is);

	edit_note(e, "mx", before, after);
	free(before);
	free(after);
}

static void note_differences(struct edit *e, const struct policy_version *was,
			     const struct policy_version *is)
{
	char before[32], after[32];
	struct sts_policy same_mx = was->policy;

	snprintf(before, sizeof(before), "%ld", was->version);
	snprintf(after, sizeof(after), "%ld", is->version);
	edit_note(e, "version", before, after);
	if (was->policy.mode != is->policy.mode)
		edit_note(e, "mode", sts_mode_name(was->policy.mode),
			  sts_mode_name(is->policy.mode));
	if (was->policy.max_age != is->policy.max_age)
		edit_note(e, "max_age",
			  duration_format(was->policy.max_age, before),
			  duration_format(is->policy.max_age, after));
	same_mx.mode = is->policy.mode;
	same_mx.max_age = is->policy.max_age;
	if (!sts_policy_equal(&same_mx, &is->policy))
		note_mx(e, &was->policy, &is->policy);
}

/* Publishes what `wanted` says; `was` is the version before it. */
static bool publish(struct edit *e, const struct policy_version *was,
		    const struct sts_policy *wanted, struct err *err)
{
	struct store *s = e->call->parts->store;
	struct policy_version is;
	bool changed;

	if (!policy_version_publish(s, &e->domain, wanted, e->call->now,
				    &changed, err))
		return false;
	if (!changed)
		return true;
	if (!policy_version_current(s, &e->domain, &is, err))
		return false;
	note_differences(e, was, &is);
	policy_version_release(&is);
	return true;
}

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
	     publish(e, &was, &wanted, err);
	sts_policy_release(&wanted);
	policy_version_release(&was);
	return ok;
}

bool api_policy_set(struct api_call *call, struct err *err)
{
	static const struct edit_kind kind = { "policy.changed",
					       "policy changed", set_policy };
	struct policy_set in = { .policy = POLICY_INPUT_INIT };

	return json_in_read(call->body, set_fields, ARRAY_LEN(set_fields), &in,
			    err) &&
	       edit_run(call, &kind, &in, err);
}
