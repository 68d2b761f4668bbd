#include "daemon/edit_leaving.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "daemon/edit_policy.h"
#include "daemon/policy_input.h"
#include "store/cert.h"
#include "store/policy_version.h"

#define LOOKED_THROUGH 16	/* versions at once */

/* The newest of these that says something; NULL if none does. */
static const struct policy_version *find(const struct policy_version *v,
					 size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (policy_version_is_live(&v[i], NULL))
			return &v[i];
	return NULL;
}

bool leaving_former_policy(struct store *s, const struct domain *d, time_t now,
			   struct sts_policy *policy, struct err *err)
{
	struct policy_version v[LOOKED_THROUGH];
	const struct policy_version *is = NULL;
	long before = 0;
	size_t n;

	do {
		n = policy_version_list(s, d, before, now, v, ARRAY_LEN(v),
					err);
		is = find(v, n);
		if (is)
			sts_policy_copy(policy, &is->policy);
		before = n ? v[n - 1].version : 0;
		for (size_t i = 0; i < n; i++)
			policy_version_release(&v[i]);
	} while (!is && n == ARRAY_LEN(v) && before > 1);
	if (is || (err && err->kind != ERR_NONE))
		return is != NULL;
	return err_set(err, ERR_NOT_FOUND, "%s has no policy to go back to",
		       d->name);
}

void leaving_renew_in_time(struct store *s, struct domain *d)
{
	struct cert c;

	if (d->leaving == DOMAIN_HANDING_OVER && cert_current(s, d, &c, NULL))
		d->due_at = c.renew_at;
}

bool leaving_resume(struct edit *e, const struct sts_policy *policy,
		    struct err *err)
{
	struct store *s = e->call->parts->store;
	struct domain *d = &e->domain;
	char *text = policy_input_describe(policy);
	bool changed;

	edit_note(e, "state", domain_phase(d), domain_state_name(d->state));
	edit_note(e, "policy", "", text);
	free(text);
	leaving_renew_in_time(s, d);
	d->template_epoch = 0;	/* what it has missed */
	return domain_set_leaving(s, d, DOMAIN_STAYS, e->call->now, err) &&
	       edit_publish(e, policy, &changed, err);
}
