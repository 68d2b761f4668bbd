/*
 * /v1/domains and /v1/domains/NAME: the domains hosted here.
 *
 * A new one waits for its DNS: no order is spent on it until its policy host
 * leads here. Adding what is there already, as it is, is success.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "daemon/api.h"
#include "daemon/edit.h"
#include "daemon/edit_enforce.h"
#include "daemon/edit_leaving.h"
#include "daemon/edit_policy.h"
#include "daemon/edit_template.h"
#include "daemon/json_view.h"
#include "daemon/policy_input.h"
#include "store/domain.h"
#include "store/policy_version.h"
#include "store/template.h"
#include "store/watch.h"

/* Fields of a domain's own row, said by `domain add` and `domain set`. */
struct settings {
	const char *label;
	const json_t *rua;	/* strings */
	const char *track_mx;	/* "yes" or "no" */
	const char *template;	/* its name; "": none */
};

/* No CA of the configuration takes an order: then of the first, why. */
static void see_cas(struct engine *engine, struct domain_facts *f)
{
	size_t n = engine ? engine_ca_count(engine) : 0;
	struct engine_ca_status ca;

	while (n-- > 0) {
		engine_ca_status(engine, n, &ca);
		if (!ca.problem[0]) {
			f->no_ca[0] = '\0';
			return;
		}
		snprintf(f->no_ca, sizeof(f->no_ca),
			 "CA %s cannot be had: %.300s", ca.name, ca.problem);
	}
}

static json_t *view(const struct api_call *call, const struct domain *d)
{
	struct domain_facts facts;
	json_t *domain;

	domain_facts_load(&facts, call->parts->store, d, call->now);
	if (d->state == DOMAIN_ISSUING)
		see_cas(call->parts->engine, &facts);
	domain = view_domain(&facts, call->now);
	domain_facts_release(&facts);
	return domain;
}

bool api_domain_list(struct api_call *call, struct err *err)
{
	return api_list(call, "domains", view, err);
}

bool api_domain_show(struct api_call *call, struct err *err)
{
	struct domain d;

	if (!api_domain(call, &d, err))
		return false;
	call->answer = view(call, &d);
	return true;
}

/* The URIs as they are stored: each in its normal form, comma-separated. */
static bool rua_text(const json_t *uris, char *out, size_t size,
		     struct err *err)
{
	struct tlsrpt_record record = { .count = 0 };
	const json_t *uri;
	size_t i, used = 0;
	bool ok = true;

	out[0] = '\0';
	json_array_foreach(uris, i, uri) {
		ok = tlsrpt_record_add(&record, json_string_value(uri), err);
		if (!ok)
			break;
	}
	for (i = 0; ok && i < record.count; i++) {
		int n = snprintf(out + used, size - used, "%s%s",
				 i ? "," : "", record.uri[i]);

		used += (size_t)n;
		if (used >= size)
			ok = err_set(err, ERR_INPUT,
				     "the rua addresses are longer than %zu "
				     "bytes together", size - 1);
	}
	tlsrpt_record_release(&record);
	return ok;
}

static bool read_track(const char *text, bool *track, struct err *err)
{
	*track = streq(text, "yes");
	return *track || streq(text, "no") ||
	       err_set(err, ERR_INPUT, "track_mx: write yes or no");
}

/* '' lets it go, with the policy that it has. */
static bool read_template(struct store *s, const char *name, struct domain *d,
			  struct err *err)
{
	struct template t;

	if (!*name) {
		d->template_id = 0;
		d->template_epoch = d->template_applied = 0;
		return true;
	}
	if (!template_by_name(s, name, &t, err))
		return false;
	if (d->template_id != t.id)
		d->template_epoch = d->template_applied = 0;
	d->template_id = t.id;
	template_release(&t);
	return true;
}

/* What is said goes into *d; what is not stays. */
static bool apply_settings(struct store *s, const struct settings *in,
			   struct domain *d, struct err *err)
{
	if (in->label) {
		if (!api_check_text("label", in->label, sizeof(d->label) - 1,
				    err))
			return false;
		snprintf(d->label, sizeof(d->label), "%s", in->label);
	}
	if (in->track_mx && !read_track(in->track_mx, &d->track_mx, err))
		return false;
	if (in->template && !read_template(s, in->template, d, err))
		return false;
	return !in->rua || rua_text(in->rua, d->rua, sizeof(d->rua), err);
}

struct domain_add {
	struct edit_input common;
	const char *name;
	struct settings settings;
	struct policy_input policy;
	struct enforce_input enforce;
	const char *adopt_id, *adopt_body;	/* of another host's policy */
	const char *announced_id;		/* as who asks saw it in DNS */
	bool no_adopt;				/* it may be another host's */
};

static const struct json_in_field add_fields[] = {
	EDIT_FIELDS,
	ENFORCE_FIELDS(domain_add, enforce),
	{ "adopt_id", JSON_IN_TEXT, offsetof(struct domain_add, adopt_id),
	  false },
	{ "adopt_body", JSON_IN_TEXT, offsetof(struct domain_add, adopt_body),
	  false },
	{ "announced_id", JSON_IN_TEXT,
	  offsetof(struct domain_add, announced_id), false },
	{ "no_adopt", JSON_IN_BOOL, offsetof(struct domain_add, no_adopt),
	  false },
	{ "name", JSON_IN_TEXT, offsetof(struct domain_add, name), true },
	{ "label", JSON_IN_TEXT, offsetof(struct domain_add, settings.label),
	  false },
	{ "rua", JSON_IN_TEXTS, offsetof(struct domain_add, settings.rua),
	  false },
	{ "track_mx", JSON_IN_TEXT,
	  offsetof(struct domain_add, settings.track_mx), false },
	{ "template", JSON_IN_TEXT,
	  offsetof(struct domain_add, settings.template), false },
	POLICY_INPUT_FIELDS(domain_add, policy),
};

static bool settings_differ(const struct domain *a, const struct domain *b)
{
	return !streq(a->label, b->label) || !streq(a->rua, b->rua) ||
	       a->track_mx != b->track_mx || a->template_id != b->template_id;
}

/* Its policy, and what it would be by what is said; the template first. */
static bool compare(struct edit *e, const struct domain_add *in,
		    const struct domain *wanted, struct sts_policy *is,
		    bool *same, struct err *err)
{
	bool says_template = !str_is_empty(in->settings.template);
	struct sts_policy policy;
	bool ok;

	if (!edit_template_policy(e, e->domain.template_id, true, is, err))
		return false;
	sts_policy_copy(&policy, is);
	ok = edit_template_policy(e, says_template ? wanted->template_id : 0,
				  false, &policy, err) &&
	     policy_input_apply(&in->policy, wanted->name, &policy, err);
	*same = ok && sts_policy_equal(&policy, is);
	sts_policy_release(&policy);
	return ok;
}

/* It has a policy: that of DNS, or one that did not come from there. */
static bool has_adopted(struct edit *e, const struct domain_add *in,
			struct err *err)
{
	if (!in->adopt_id || policy_version_has_id(e->call->parts->store,
						   &e->domain, in->adopt_id))
		return true;
	err_set(err, ERR_REFUSED,
		"%s is hosted here already, with a policy of "
		"its own and not that of id %.40s",
		e->domain.name, in->adopt_id);
	return err_hint(err,
			"while no sender has seen it here: mtastsctl "
			"domain remove %s --now, then add it again",
			e->domain.name);
}

/* It is there: is it as it is asked for, as far as that was said? */
static bool add_again(struct edit *e, const struct domain_add *in,
		      struct err *err)
{
	struct domain wanted = e->domain;
	struct policy_version is;
	bool ok, same = false;

	if (!has_adopted(e, in, err) ||
	    !policy_version_current(e->call->parts->store, &e->domain, &is,
				    err))
		return false;
	ok = apply_settings(e->call->parts->store, &in->settings, &wanted,
			    err) &&
	     compare(e, in, &wanted, &is.policy, &same, err);
	policy_version_release(&is);
	if (!ok || (same && !settings_differ(&wanted, &e->domain)))
		return ok;
	err_set(err, ERR_REFUSED,
		"%s is hosted here already, with other settings", wanted.name);
	return err_hint(err,
			"mtastsctl policy set %s changes its policy, "
			"mtastsctl domain set %s its label, rua, template "
			"and track-mx",
			wanted.name, wanted.name);
}

/* It is what senders have: only what we cannot serve is refused. */
static bool read_adopted(const struct edit *e, const struct domain_add *in,
			 struct sts_policy *p, struct err *err)
{
	if (!in->adopt_body || !in->adopt_id || !sts_id_is_valid(in->adopt_id))
		return err_set(err, ERR_INPUT, "to adopt a policy takes its "
					       "id and its body");
	if (in->policy.mode || in->policy.preset || in->policy.mx ||
	    in->policy.max_age >= 0)
		return err_set(err, ERR_INPUT, "a policy is adopted as it is: "
					       "change it afterwards");
	sts_policy_release(p);
	if (!sts_policy_parse(p, in->adopt_body, strlen(in->adopt_body), err) ||
	    !sts_policy_validate(p, err)) {
		err_prefix(err, "the policy that is served now");
		return err_hint(err,
				"it cannot be served as it is: mtastsctl "
				"domain add %.120s --no-adopt --mx HOST begins "
				"one of its own",
				e->domain.name);
	}
	return true;
}

/* The template first; what is said besides counts more. */
static bool compose(struct edit *e, const struct domain_add *in,
		    struct sts_policy *policy, struct err *err)
{
	struct domain *d = &e->domain;

	if ((in->adopt_id || in->adopt_body) && d->template_id)
		return err_set(err, ERR_INPUT, "a policy is adopted as it is, "
					       "or follows a template");
	if (in->adopt_id || in->adopt_body)
		return read_adopted(e, in, policy, err);
	return (!d->template_id || edit_keep_policy(e, err)) &&
	       edit_template_policy(e, d->template_id, false, policy, err) &&
	       policy_input_apply(&in->policy, d->name, policy, err);
}

/* The gate, which no new domain passes: then what is the way. */
static bool may_begin(struct edit *e, const struct domain_add *in,
		      struct err *err)
{
	const char *name = e->domain.name;

	if (edit_may_enforce(e, &in->enforce, in->common.reason, err))
		return true;
	if (err->kind != ERR_REFUSED)
		return false;
	err_set(err, ERR_REFUSED,
		"%s is not ready: it is new here, and senders "
		"were not asked to test its policy yet",
		name);
	return err_hint(err,
			"add it without --mode enforce; then mtastsctl "
			"policy readiness %s says what speaks against it; "
			"--force with --reason overrides",
			name);
}

static bool first_policy(struct edit *e, const struct domain_add *in,
			 const struct sts_policy *policy, struct err *err)
{
	bool changed;

	if (in->adopt_id)
		return policy_version_adopt(e->call->parts->store, &e->domain,
					    policy, in->adopt_id, e->call->now,
					    err) &&
		       edit_sign(e, err);
	return edit_publish(e, policy, &changed, err) &&
	       (policy->mode != STS_ENFORCE || may_begin(e, in, err));
}

static void note_first(struct edit *e, const char *adopted_id,
		       const struct sts_policy *policy)
{
	char *text = policy_input_describe(policy), *whole;

	if (adopted_id) {
		whole = xasprintf("id %s, %s", adopted_id, text);
		free(text);
		text = whole;
	}
	edit_note(e, adopted_id ? "adopted policy" : "policy", "", text);
	free(text);
}

/* ---- another host's policy ---- */

static bool is_foreign(const struct edit *e, const struct domain_add *in)
{
	return in->announced_id && !in->adopt_id &&
	       sts_id_is_valid(in->announced_id) &&
	       !policy_version_has_id(e->call->parts->store, &e->domain,
				      in->announced_id);
}

/* Senders hold it, for longer than anything here would know. */
static bool may_be_beside(const struct edit *e, const struct domain_add *in,
			  struct err *err)
{
	const char *name = e->domain.name;

	if (in->no_adopt && in->adopt_id)
		return err_set(err, ERR_INPUT,
			       "a policy is adopted, or it is "
			       "not");
	if (in->no_adopt || !is_foreign(e, in))
		return true;
	err_set(err, ERR_REFUSED,
		"DNS announces a policy of %s that another host made (id "
		"%.40s), and senders may hold it",
		name, in->announced_id);
	return err_hint(err,
			"mtastsctl domain add %.80s --adopt goes on with it; "
			"--no-adopt begins one of its own, which senders may "
			"not fetch before they forget the other",
			name);
}

static bool note_foreign(struct edit *e, const struct domain_add *in,
			 struct err *err)
{
	struct store *s = e->call->parts->store;
	struct watch w;

	if (!is_foreign(e, in))
		return true;
	if (!watch_of(s, &e->domain, &w, err))
		return false;
	edit_note(e, "not adopted", "", in->announced_id);
	w.foreign_at = e->call->now;
	return watch_write(s, &w, err);
}

static bool add_new(struct edit *e, const struct domain_add *in,
		    struct err *err)
{
	struct sts_policy policy = { .mode = STS_TESTING,
				     .max_age = STS_MAX_AGE_DEFAULT };
	struct domain *d = &e->domain;
	bool ok;

	*d = (struct domain){ .state = DOMAIN_WAITING_FOR_DNS,
			      .created_at = e->call->now,
			      .state_at = e->call->now,
			      .due_at = e->call->now };
	snprintf(d->name, sizeof(d->name), "%s", e->call->name);
	ok = apply_settings(e->call->parts->store, &in->settings, d, err) &&
	     may_be_beside(e, in, err) && compose(e, in, &policy, err) &&
	     domain_insert(e->call->parts->store, d, err) &&
	     first_policy(e, in, &policy, err) && note_foreign(e, in, err);
	if (ok)
		note_first(e, in->adopt_id, &policy);
	sts_policy_release(&policy);
	return ok;
}

static void note_template(struct edit *e, const struct domain *was)
{
	struct store *s = e->call->parts->store;
	struct template before = { .name = "" }, after = { .name = "" };

	if (was->template_id == e->domain.template_id)
		return;
	template_by_id(s, was->template_id, &before, NULL);
	template_by_id(s, e->domain.template_id, &after, NULL);
	edit_note(e, "template", before.name, after.name);
	template_release(&before);
	template_release(&after);
}

static void note_settings(struct edit *e, const struct domain *was)
{
	note_template(e, was);
	if (!streq(was->label, e->domain.label))
		edit_note(e, "label", was->label, e->domain.label);
	if (!streq(was->rua, e->domain.rua))
		edit_note(e, "rua", was->rua, e->domain.rua);
	if (was->track_mx != e->domain.track_mx)
		edit_note(e, "track_mx", was->track_mx ? "yes" : "no",
			  e->domain.track_mx ? "yes" : "no");
}

static bool look_for_rua(struct edit *e, const char *was, struct err *err)
{
	return streq(was, e->domain.rua) ||
	       watch_reports_moved(e->call->parts->store, e->domain.id,
				   e->call->now, err);
}

static bool has_mx(const struct edit *e, const struct domain_add *in,
		   struct err *err)
{
	if (policy_input_has_mx(&in->policy) || in->adopt_id ||
	    !str_is_empty(in->settings.template))
		return true;
	err_set(err, ERR_INPUT, "%s: which hosts take its mail?",
		e->call->name);
	return err_hint(err, "say mx, the hosts; or preset, such as m365 or "
			     "google; or template");
}

/* To enforce only if it did, and if DNS still sends its mail where it did. */
static const char *not_back(enum sts_mode former, const struct watch *w,
			    const struct sts_policy *policy)
{
	if (former != STS_ENFORCE)
		return "it did not enforce before";
	if (mx_has_bad(&w->mx, policy))
		return "a record of its MX names no host";
	return mx_strays(&w->mx, policy) ? "its MX are others now" : NULL;
}

/* Nor without the hosts that DNS, or a cache, may send its mail to. */
static bool may_go_back(struct edit *e, const struct domain_add *in,
			const struct sts_policy *former,
			const struct sts_policy *policy, struct err *err)
{
	const char *why;
	bool is_seen;
	struct watch w;

	if (policy->mode != STS_ENFORCE || in->enforce.force)
		return policy->mode != STS_ENFORCE ||
		       !str_is_empty(in->common.reason) ||
		       err_set(err, ERR_INPUT, "force needs a reason");
	if (!watch_of(e->call->parts->store, &e->domain, &w, err))
		return false;
	is_seen = watch_sees_mx(&w, e->call->now);
	why = not_back(former->mode, &w, policy);
	if (!is_seen && former->mode == STS_ENFORCE)
		why = watch_misses_mx(&w)
			      ? "nobody answers for its MX"
			      : "its MX were not seen lately, and are looked "
				"at now";
	if (!why)
		return edit_may_drop(e, former, policy, err);
	edit_look_first(e, &w);
	err_set(err, is_seen || watch_misses_mx(&w) ? ERR_REFUSED : ERR_LOOKING,
		"%s does not go back to enforce at once: %s", e->domain.name,
		why);
	return err_hint(err,
			"mtastsctl domain add %.80s --mode testing keeps it; "
			"then mtastsctl policy diff %.80s, and mtastsctl "
			"policy enforce %.80s",
			e->domain.name, e->domain.name, e->domain.name);
}

/* Hosts that are said count more than those of its template. */
static bool keep_hosts(struct edit *e, const struct domain_add *in,
		       struct err *err)
{
	if (!policy_input_has_mx(&in->policy) || !e->domain.template_id)
		return true;
	return edit_keep_policy(e, err) &&
	       domain_update(e->call->parts->store, &e->domain, err);
}

/* It was on its way out: it stays, with the policy that it had before. */
static bool add_back(struct edit *e, const struct domain_add *in,
		     struct err *err)
{
	const struct domain was = e->domain;
	struct sts_policy former = { 0 }, policy = { 0 };
	bool ok;

	if (in->adopt_id || in->adopt_body)
		return err_set(err, ERR_REFUSED, "%s is hosted here, with a "
						 "policy of its own",
			       e->domain.name);
	if (!leaving_former_policy(e->call->parts->store, &e->domain,
				   e->call->now, &former, err))
		return false;
	sts_policy_copy(&policy, &former);
	ok = apply_settings(e->call->parts->store, &in->settings, &e->domain,
			    err) &&
	     policy_input_apply(&in->policy, e->domain.name, &policy, err) &&
	     may_go_back(e, in, &former, &policy, err) &&
	     leaving_resume(e, &policy, err) && keep_hosts(e, in, err) &&
	     look_for_rua(e, was.rua, err);
	sts_policy_release(&former);
	sts_policy_release(&policy);
	return ok;
}

static bool add(struct edit *e, void *input, struct err *err)
{
	const struct domain_add *in = input;
	const struct domain none = { .name = "" };

	if (api_domain(e->call, &e->domain, err))
		return e->domain.leaving ? add_back(e, in, err)
					 : add_again(e, in, err);
	if (err->kind != ERR_NOT_FOUND)
		return false;
	*err = (struct err)ERR_INIT;
	if (!has_mx(e, in, err) || !add_new(e, in, err))
		return false;
	note_settings(e, &none);
	return true;
}

bool api_domain_add(struct api_call *call, struct err *err)
{
	static const struct edit_kind kind = { "domain.added", "added", add };
	struct domain_add in = { .policy = POLICY_INPUT_INIT };

	return json_in_read(call->body, add_fields, ARRAY_LEN(add_fields), &in,
			    err) &&
	       domain_name_normalise(in.name, call->name, err) &&
	       edit_run(call, &kind, &in, err);
}

struct domain_set {
	struct edit_input common;
	struct settings settings;
	bool keep_policy; /* with a template: until that changes */
};

static const struct json_in_field set_fields[] = {
	EDIT_FIELDS,
	{ "label", JSON_IN_TEXT, offsetof(struct domain_set, settings.label),
	  false },
	{ "rua", JSON_IN_TEXTS, offsetof(struct domain_set, settings.rua),
	  false },
	{ "track_mx", JSON_IN_TEXT,
	  offsetof(struct domain_set, settings.track_mx), false },
	{ "template", JSON_IN_TEXT,
	  offsetof(struct domain_set, settings.template), false },
	{ "keep_policy", JSON_IN_BOOL, offsetof(struct domain_set, keep_policy),
	  false },
};

/* On its way out it follows once it stays (leaving_resume()). */
static bool follow(struct edit *e, const struct domain_set *in, struct err *err)
{
	if (str_is_empty(in->settings.template) || e->domain.leaving)
		return true;
	return in->keep_policy ? edit_keep_policy(e, err)
			       : edit_follow_template(e, err);
}

static bool set(struct edit *e, void *input, struct err *err)
{
	const struct domain_set *in = input;
	struct domain was;

	if (!api_domain(e->call, &e->domain, err))
		return false;
	was = e->domain;
	if (!apply_settings(e->call->parts->store, &in->settings, &e->domain,
			    err))
		return false;
	note_settings(e, &was);
	if (!follow(e, in, err))
		return false;
	return json_array_size(e->changes) == 0 ||
	       (domain_update(e->call->parts->store, &e->domain, err) &&
		look_for_rua(e, was.rua, err));
}

bool api_domain_set(struct api_call *call, struct err *err)
{
	static const struct edit_kind kind = { "domain.changed",
					       "settings changed", set };
	struct domain_set in = { 0 };

	return json_in_read(call->body, set_fields, ARRAY_LEN(set_fields), &in,
			    err) &&
	       edit_run(call, &kind, &in, err);
}
