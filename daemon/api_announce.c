/*
 * /v1/domains/NAME/policy/announce: somebody has seen from elsewhere that
 * senders get the policy, and overrides that this box does not
 * (daemon/announce.h); as behind a router that answers its own address itself.
 *
 * It holds until the box has fetched the policy after all.
 */
#include <stdio.h>

#include "base/mem.h"
#include "daemon/api.h"
#include "daemon/edit.h"
#include "store/reached.h"

static const struct json_in_field fields[] = { EDIT_FIELDS };

/* What was seen here, and is overridden, stays in the trail. */
static bool let(struct edit *e, const struct domain_facts *f,
		const char *reason, struct err *err)
{
	char why[REACHED_WORDS + 10];

	if (f->announce == ANNOUNCE_BY_HAND)
		return true;
	if (!announce_may_override(f->announce, &f->domain, &f->ca, &f->reached,
				   err))
		return false;
	snprintf(why, sizeof(why), "waits: %s", f->reached.problem);
	edit_note(e, "_mta-sts", why, "announced by hand");
	return reached_let(e->call->parts->store, f->domain.id, e->call->now,
			   reason ? reason : "", err);
}

static bool announce(struct edit *e, void *input, struct err *err)
{
	const struct edit_input *in = input;
	struct domain_facts f;
	bool ok;

	if (!api_domain(e->call, &e->domain, err))
		return false;
	domain_facts_load(&f, e->call->parts->store, &e->domain, e->call->now);
	ok = let(e, &f, in->reason, err);
	domain_facts_release(&f);
	return ok;
}

bool api_policy_announce(struct api_call *call, struct err *err)
{
	static const struct edit_kind kind = { "policy.by-hand", "policy",
					       announce };
	struct edit_input in = { 0 };

	return json_in_read(call->body, fields, ARRAY_LEN(fields), &in, err) &&
	       edit_run(call, &kind, &in, err);
}
