#include "daemon/edit_policy.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/when.h"
#include "daemon/mx_drop.h"

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

/* A template that is new had none. */
static const char *age_text(long max_age, char out[static DURATION_TEXT])
{
	return max_age ? duration_format(max_age, out) : "";
}

void edit_note_policy(struct edit *e, const struct sts_policy *was,
		      const struct sts_policy *is)
{
	char before[DURATION_TEXT], after[DURATION_TEXT];
	struct sts_policy same_mx = *was;

	if (was->mode != is->mode)
		edit_note(e, "mode", sts_mode_name(was->mode),
			  sts_mode_name(is->mode));
	if (was->max_age != is->max_age)
		edit_note(e, "max_age", age_text(was->max_age, before),
			  age_text(is->max_age, after));
	same_mx.mode = is->mode;
	same_mx.max_age = is->max_age;
	if (!sts_policy_equal(&same_mx, is))
		note_mx(e, was, is);
}

static void note_differences(struct edit *e, const struct policy_version *was,
			     const struct policy_version *is)
{
	char before[32], after[32];

	snprintf(before, sizeof(before), "%ld", was->version);
	snprintf(after, sizeof(after), "%ld", is->version);
	edit_note(e, "version", before, after);
	edit_note_policy(e, &was->policy, &is->policy);
}

static bool is_removing(const struct edit *e, struct err *err)
{
	if (e->domain.leaving != DOMAIN_REMOVING)
		return false;
	err_set(err, ERR_REFUSED, "%s is being removed: its policy says none",
		e->domain.name);
	err_hint(err, "mtastsctl domain add %s keeps it", e->domain.name);
	return true;
}

bool edit_look_first(struct edit *e, const struct watch *w)
{
	e->wants_look = w->due_at > e->call->now;
	return false;
}

bool edit_may_drop(struct edit *e, const struct sts_policy *was,
		   const struct sts_policy *wanted, struct err *err)
{
	struct watch w;

	if (!watch_of(e->call->parts->store, &e->domain, &w, err))
		return false;
	switch (mx_drop_judge(&w, &e->domain, was, wanted, e->call->now, err)) {
	case MX_DROP_FINE:
		return true;
	case MX_DROP_LOOK:
		return edit_look_first(e, &w);
	case MX_DROP_WAIT:
	case MX_DROP_LOSES:
		break;
	}
	return false;
}

bool edit_sign(struct edit *e, struct err *err)
{
	return policy_version_sign(
		e->call->parts->store, &e->domain,
		&(struct policy_author){ .actor = e->call->actor,
					 .channel = e->call->channel,
					 .reason = e->reason },
		err);
}

bool edit_publish(struct edit *e, const struct sts_policy *policy,
		  bool *changed, struct err *err)
{
	return policy_version_publish(e->call->parts->store, &e->domain, policy,
				      e->call->now, changed, err) &&
	       (!*changed || edit_sign(e, err));
}

bool edit_policy(struct edit *e, const struct policy_version *was,
		 const struct sts_policy *wanted, bool is_forced,
		 struct err *err)
{
	struct policy_version is;
	bool changed;

	if (is_removing(e, err) ||
	    (!is_forced && wanted->mode == STS_ENFORCE &&
	     !edit_may_drop(e, &was->policy, wanted, err)))
		return false;
	if (!edit_publish(e, wanted, &changed, err))
		return false;
	if (!changed)
		return true;
	if (!policy_version_current(e->call->parts->store, &e->domain, &is,
				    err))
		return false;
	note_differences(e, was, &is);
	policy_version_release(&is);
	return true;
}
