#include "daemon/edit_policy.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/when.h"
#include "store/watch.h"

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

void edit_note_policy(struct edit *e, const struct sts_policy *was,
		      const struct sts_policy *is)
{
	char before[DURATION_TEXT], after[DURATION_TEXT];
	struct sts_policy same_mx = *was;

	if (was->mode != is->mode)
		edit_note(e, "mode", sts_mode_name(was->mode),
			  sts_mode_name(is->mode));
	if (was->max_age != is->max_age)
		edit_note(e, "max_age", duration_format(was->max_age, before),
			  duration_format(is->max_age, after));
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

/* Nobody says which of the hosts are in use. */
static bool not_seen(const struct edit *e, struct err *err)
{
	err_set(err, ERR_REFUSED,
		"the MX of %s were not seen lately, and the "
		"policy would name fewer hosts",
		e->domain.name);
	err_hint(err, "keep those it has; or --force");
	return true;
}

static bool loses_mail(struct edit *e, const struct policy_version *was,
		       const struct sts_policy *wanted, struct err *err)
{
	const char *host;
	struct watch w;

	if (wanted->mode != STS_ENFORCE ||
	    !watch_of(e->call->parts->store, &e->domain, &w, NULL))
		return false;
	if (mx_drops(&was->policy, wanted) &&
	    !watch_knows_mx(&w, &e->domain, e->call->now))
		return not_seen(e, err);
	host = mx_lost(&w.mx, &was->policy, wanted);
	if (!host)
		return false;
	err_set(err, ERR_REFUSED, "DNS sends mail of %s to %s, which senders "
				  "would refuse by this policy",
		e->domain.name, host);
	err_hint(err, "name it, too; or change MX first; or --force");
	return true;
}

bool edit_policy(struct edit *e, const struct policy_version *was,
		 const struct sts_policy *wanted, bool is_forced,
		 struct err *err)
{
	struct store *s = e->call->parts->store;
	struct policy_version is;
	bool changed;

	if (is_removing(e, err) ||
	    (!is_forced && loses_mail(e, was, wanted, err)))
		return false;
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
