#include "daemon/edit_template.h"

#include "daemon/edit_policy.h"
#include "store/policy_version.h"
#include "store/template.h"

static bool follow(struct edit *e, const struct template *t,
		   const struct policy_version *is, struct err *err)
{
	struct sts_policy wanted;
	bool ok;

	sts_policy_copy(&wanted, &is->policy);
	ok = template_apply(t, e->domain.name, &wanted, err) &&
	     edit_policy(e, is, &wanted, false, err);
	sts_policy_release(&wanted);
	if (!ok && err->kind == ERR_REFUSED)
		err_hint(err,
			 "let template %s name that host, too, or take it "
			 "out of MX and wait for the TTL",
			 t->name);
	return ok;
}

bool edit_follow_template(struct edit *e, struct err *err)
{
	struct store *s = e->call->parts->store;
	struct policy_version is;
	struct template t;
	bool ok;

	if (!template_by_id(s, e->domain.template_id, &t, err))
		return false;
	e->domain.template_epoch = e->domain.template_applied = t.epoch;
	ok = policy_version_current(s, &e->domain, &is, err) &&
	     follow(e, &t, &is, err);
	policy_version_release(&is);
	template_release(&t);
	return ok;
}

bool edit_keep_policy(struct edit *e, struct err *err)
{
	struct template t;

	if (!template_by_id(e->call->parts->store, e->domain.template_id, &t,
			    err))
		return false;
	e->domain.template_epoch = e->domain.template_applied = t.epoch;
	template_release(&t);
	return true;
}

bool edit_template_policy(const struct edit *e, int64_t id, bool if_behind,
			  struct sts_policy *p, struct err *err)
{
	struct store *s = e->call->parts->store;
	struct template t;
	bool ok;

	if (!id)
		return true;
	if (!template_by_id(s, id, &t, err))
		return false;
	if (if_behind)
		ok = e->domain.template_epoch == t.epoch ||
		     template_follow(s, &t, &e->domain, p, err);
	else
		ok = template_apply(&t, e->domain.name, p, err);
	template_release(&t);
	return ok;
}
