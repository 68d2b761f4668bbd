/*
 * /v1/domains/NAME/policy/mx and .../proposal: planned moves of mail hosts,
 * and what would put a policy right that DNS has moved away from.
 *
 * A move publishes old and new together. The answer has two dates: when the
 * new host may be put into MX for senders that follow ids, and for everybody.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "daemon/api.h"
#include "daemon/edit_policy.h"
#include "daemon/json_view.h"
#include "daemon/mx_moves.h"
#include "daemon/policy_alerts.h"

struct mx_change {
	struct edit_input common;
	const json_t *add, *drop;	/* strings */
	bool force;
};

static const struct json_in_field fields[] = {
	EDIT_FIELDS,
	{ "add", JSON_IN_TEXTS, offsetof(struct mx_change, add), false },
	{ "drop", JSON_IN_TEXTS, offsetof(struct mx_change, drop), false },
	{ "force", JSON_IN_BOOL, offsetof(struct mx_change, force), false },
};

static bool read_hosts(const json_t *list, struct sts_policy *p,
		       struct err *err)
{
	const json_t *host;
	size_t i;

	json_array_foreach(list, i, host) {
		if (!sts_policy_add_mx(p, json_string_value(host), err))
			return false;
	}
	return true;
}

static bool is_no_mx(const struct edit *e, const char *host, struct err *err)
{
	err_set(err, ERR_REFUSED, "%s: its policy does not name %s",
		e->domain.name, host);
	return err_hint(err, "mtastsctl policy show %s", e->domain.name);
}

/* Without those of `drop`; each must be there. */
static bool drop_hosts(const struct edit *e, const json_t *list,
		       struct sts_policy *p, struct err *err)
{
	struct sts_policy drop = { .mx_count = 0 }, left = *p;
	bool ok = read_hosts(list, &drop, err);

	for (size_t i = 0; ok && i < drop.mx_count; i++)
		ok = sts_policy_has_mx(p, drop.mx[i]) ||
		     is_no_mx(e, drop.mx[i], err);
	if (ok) {
		left.mx_count = 0;
		for (size_t i = 0; i < p->mx_count; i++) {
			if (sts_policy_has_mx(&drop, p->mx[i]))
				free(p->mx[i]);
			else
				left.mx[left.mx_count++] = p->mx[i];
		}
		*p = left;
	}
	sts_policy_release(&drop);
	return ok;
}

/* ---- the change ---- */

static bool change_hosts(struct edit *e, const struct mx_change *in,
			 const struct policy_version *was, struct err *err)
{
	struct sts_policy wanted;
	bool ok;

	sts_policy_copy(&wanted, &was->policy);
	ok = read_hosts(in->add, &wanted, err) &&
	     drop_hosts(e, in->drop, &wanted, err) &&
	     sts_policy_validate(&wanted, err) &&
	     (in->force || !json_array_size(in->drop) ||
	      edit_may_drop(e, &was->policy, &wanted, err)) &&
	     edit_policy(e, was, &wanted, in->force, err);
	sts_policy_release(&wanted);
	return ok;
}

static bool change_mx(struct edit *e, void *input, struct err *err)
{
	const struct mx_change *in = input;
	struct policy_version was;
	bool ok;

	if (!json_array_size(in->add) && !json_array_size(in->drop))
		return err_set(err, ERR_INPUT, "name a host to add or to drop");
	if (!api_domain(e->call, &e->domain, err) ||
	    !policy_version_current(e->call->parts->store, &e->domain, &was,
				    err))
		return false;
	ok = change_hosts(e, in, &was, err);
	policy_version_release(&was);
	return ok;
}

/* The dates for those that were added, whether just now or before. */
static bool add_dates(struct api_call *call, const json_t *hosts,
		      struct err *err)
{
	struct store *s = call->parts->store;
	struct sts_policy added = { .mx_count = 0 };
	struct policy_version is;
	struct mx_move move;
	struct domain d;
	struct watch w;
	bool known = false, ok;

	if (!api_domain(call, &d, err) || !watch_of(s, &d, &w, err) ||
	    !policy_version_current(s, &d, &is, err))
		return false;
	ok = read_hosts(hosts, &added, err) &&
	     mx_move_of(s, &d, &w, &is, &added, call->now, &move, &known, err);
	if (ok)
		json_object_set_new(call->answer, "known",
				    json_pack("{s:b, s:o, s:o}", "now", known,
					      "by_id", view_instant(move.by_id),
					      "by_all",
					      view_instant(move.by_all)));
	sts_policy_release(&added);
	policy_version_release(&is);
	return ok;
}

bool api_mx_change(struct api_call *call, struct err *err)
{
	static const struct edit_kind kind = { "policy.changed",
					       "mail hosts changed",
					       change_mx };
	struct mx_change in = { .force = false };

	return json_in_read(call->body, fields, ARRAY_LEN(fields), &in, err) &&
	       edit_run(call, &kind, &in, err) &&
	       (!json_array_size(in.add) || add_dates(call, in.add, err));
}

/* ---- a policy that DNS has moved away from ---- */

struct proposal {
	struct domain domain;
	struct watch watch;
	struct policy_version is;
	struct sts_policy wanted;	/* the same, if there is nothing to do */
};

static void proposal_release(struct proposal *p)
{
	policy_version_release(&p->is);
	sts_policy_release(&p->wanted);
}

static bool propose(struct api_call *call, struct proposal *p, struct err *err)
{
	struct store *s = call->parts->store;

	*p = (struct proposal){ 0 };
	if (!api_domain(call, &p->domain, err) ||
	    !watch_of(s, &p->domain, &p->watch, err) ||
	    !policy_version_current(s, &p->domain, &p->is, err))
		return false;
	sts_policy_copy(&p->wanted, &p->is.policy);
	if (mx_add_seen(&p->watch.mx, &p->wanted, err))
		return true;
	proposal_release(p);
	return false;
}

static json_t *added(const struct proposal *p)
{
	json_t *list = json_array();

	for (size_t i = p->is.policy.mx_count; i < p->wanted.mx_count; i++)
		json_array_append_new(list, json_string(p->wanted.mx[i]));
	return list;
}

/* Of the policy's, those that no host of DNS needs. */
static json_t *unused(const struct proposal *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->is.policy.mx_count; i++) {
		struct sts_policy one = { .mx = { p->is.policy.mx[i] },
					  .mx_count = 1 };
		bool is_used = false;

		for (size_t k = 0; k < p->watch.mx.count; k++)
			is_used |= sts_policy_allows(&one,
						     p->watch.mx.host[k]);
		if (!is_used)
			json_array_append_new(list, json_string(one.mx[0]));
	}
	return list;
}

/* null: nobody has said so yet. */
static time_t looked_at(const struct proposal *p)
{
	return p->watch.mx.look == MX_UNKNOWN ? 0 : p->watch.mx_at;
}

/* By this box's clock. */
static json_t *looked_ago(const struct proposal *p, time_t now)
{
	time_t at = looked_at(p);

	return at ? json_integer(now > at ? now - at : 0) : json_null();
}

bool api_policy_proposal(struct api_call *call, struct err *err)
{
	struct proposal p;

	if (!propose(call, &p, err))
		return false;
	call->answer = json_pack(
		"{s:s, s:o, s:o, s:o, s:o, s:o, s:b, s:o}", "name",
		p.domain.name, "looked", view_instant(looked_at(&p)),
		"looked_ago", looked_ago(&p, call->now), "seen",
		view_instant(p.watch.mx_since), "add", added(&p), "unused",
		unused(&p), "agreed", p.watch.mx.agrees, "bad_names",
		view_bad_names(&p.watch.mx));
	proposal_release(&p);
	return true;
}

struct accept_input {
	struct edit_input common;
	bool force;
	json_t *added; /* what became of it */
	time_t looked_at;
};

static const struct json_in_field accept_fields[] = {
	EDIT_FIELDS,
	{ "force", JSON_IN_BOOL, offsetof(struct accept_input, force), false },
};

/* DNS that lies for some minutes is not believed, nor caches that keep it. */
static bool is_sure(const struct proposal *p, time_t now, struct err *err)
{
	const struct watch *w = &p->watch;
	char at[INSTANT_TEXT], until[INSTANT_TEXT];

	if (!watch_is_lately(w->mx_at, now) || !w->mx_since)
		err_set(err, ERR_REFUSED, "the MX of %s were not seen lately",
			p->domain.name);
	else if (!w->mx.agrees)
		err_set(err, ERR_REFUSED, "the resolvers do not agree on the "
					  "MX of %s", p->domain.name);
	else if (!watch_mx_is_sure(w, STRAYS_SURE))
		err_set(err, ERR_REFUSED,
			"the MX of %s is so only since %s, and what caches "
			"have of a lie may be seen until %s",
			p->domain.name, instant_format(w->mx_since, at),
			instant_format(watch_mx_sure_at(w, STRAYS_SURE),
				       until));
	else
		return true;
	return err_hint(err,
			"try again then; or, if you know that it is right: "
			"mtastsctl policy accept %.120s --force",
			p->domain.name);
}

static bool accept_it(struct edit *e, void *input, struct err *err)
{
	struct accept_input *in = input;
	struct proposal p;
	bool ok;

	if (!propose(e->call, &p, err))
		return false;
	e->domain = p.domain;
	ok = p.wanted.mx_count == p.is.policy.mx_count || in->force ||
	     is_sure(&p, e->call->now, err);
	ok = ok && edit_policy(e, &p.is, &p.wanted, true, err);
	in->added = added(&p);
	in->looked_at = looked_at(&p);
	proposal_release(&p);
	return ok;
}

bool api_policy_accept(struct api_call *call, struct err *err)
{
	static const struct edit_kind kind = { "policy.accepted",
					       "MX accepted", accept_it };
	struct accept_input in = { .force = false };
	bool ok = json_in_read(call->body, accept_fields,
			       ARRAY_LEN(accept_fields), &in, err) &&
		  edit_run(call, &kind, &in, err);

	if (ok) {
		json_object_set(call->answer, "added", in.added);
		json_object_set_new(call->answer, "looked",
				    view_instant(in.looked_at));
	}
	json_decref(in.added);
	return ok;
}
