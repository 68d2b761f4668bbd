#include "daemon/mx_track.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "policy/domain_field.h"
#include "policy/provider.h"
#include "store/policy_version.h"
#include "store/trail.h"

static bool names(const struct sts_policy *policy, const char *provider)
{
	for (size_t i = 0; i < policy->mx_count; i++) {
		const char *its = provider_of(policy->mx[i]);

		if (its && streq(its, provider))
			return true;
	}
	return false;
}

bool mx_track_may(const struct watch *w, const struct sts_policy *policy)
{
	const struct mx_seen *mx = &w->mx;

	if (!w->is_fresh_mx || mx->look != MX_THERE || !mx->agrees ||
	    mx->is_cut || mx->bad_count || mx->voices < MX_TRACK_VOICES ||
	    !mx_strays(mx, policy) || !watch_mx_is_sure(w, MX_TRACK_AFTER))
		return false;
	for (size_t i = 0; i < mx->count; i++) {
		const char *provider = provider_of(mx->host[i]);

		if (mx_is_stray(mx, i, policy) &&
		    (!provider || !names(policy, provider)))
			return false;
	}
	return true;
}

static bool tell(struct store *s, const struct domain *d,
		 const struct watch *w, time_t now, struct err *err)
{
	char hosts[MX_SEEN_TEXT], *text;

	mx_seen_say(&w->mx, hosts);
	text = xasprintf("the policy now has its provider's new hosts, beside "
			 "the former ones (MX: %s): publish the new id",
			 hosts);
	log_about(LOG_LEVEL_INFO, domain_field(d->name), "domain %s: %s",
		  d->name, text);
	return trail_say(s, d->name,
			 &(struct trail){ .at = now,
					  .level = TRAIL_WARNING,
					  .kind = "policy.tracked",
					  .channel = "track-mx" },
			 text, err);
}

static bool sign(struct store *s, const struct domain *d, struct err *err)
{
	return policy_version_sign(
		s, d,
		&(struct policy_author){ .actor = "mtastsd",
					 .channel = "track-mx" },
		err);
}

/* Hosts that do not fit any more stay strays, which is an alert. */
static bool take(struct store *s, struct domain *d, const struct watch *w,
		 const struct sts_policy *is, time_t now, struct err *err)
{
	struct sts_policy wanted;
	bool changed = false, ok = true;

	sts_policy_copy(&wanted, is);
	if (mx_add_seen(&w->mx, &wanted, NULL))
		ok = policy_version_publish(s, d, &wanted, now, &changed,
					    err) &&
		     (!changed || (sign(s, d, err) && tell(s, d, w, now, err)));
	sts_policy_release(&wanted);
	return ok;
}

bool mx_track_step(struct store *s, struct domain *d, const struct watch *w,
		   time_t now, struct err *err)
{
	struct policy_version v;
	bool ok = true;

	if (!d->track_mx || d->leaving)
		return true;
	if (!policy_version_current(s, d, &v, err))
		return false;
	if (mx_track_may(w, &v.policy))
		ok = take(s, d, w, &v.policy, now, err);
	policy_version_release(&v);
	return ok;
}
