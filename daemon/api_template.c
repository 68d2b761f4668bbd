/*
 * /v1/templates: what the policies of many domains have in common.
 *
 * A change reaches the domains that follow it within seconds, a few at a
 * time: each gets a new version, in its own mode.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "daemon/api.h"
#include "daemon/edit.h"
#include "daemon/edit_policy.h"
#include "daemon/json_view.h"
#include "daemon/policy_input.h"
#include "daemon/template_roll.h"
#include "store/template.h"

static json_t *view(struct store *s, const struct template *t)
{
	json_t *mx = json_array();

	for (size_t i = 0; i < t->hosts.mx_count; i++)
		json_array_append_new(mx, json_string(t->hosts.mx[i]));
	return json_pack("{s:s, s:s, s:o, s:I, s:I}", "name", t->name,
			 "preset", t->preset, "mx", mx, "max_age",
			 (json_int_t)t->max_age, "domains",
			 (json_int_t)template_domains(s, t, NULL));
}

struct listing {
	struct store *store;
	json_t *list;
};

static void add(const struct template *t, void *arg)
{
	struct listing *l = arg;

	json_array_append_new(l->list, view(l->store, t));
}

bool api_template_list(struct api_call *call, struct err *err)
{
	struct listing l = { call->parts->store, json_array() };
	bool ok = template_each(l.store, add, &l, err);

	call->answer = json_pack("{s:o}", "templates", l.list);
	return ok;
}

bool api_template_show(struct api_call *call, struct err *err)
{
	struct template t;

	if (!template_by_name(call->parts->store, call->name, &t, err))
		return false;
	call->answer = view(call->parts->store, &t);
	template_release(&t);
	return true;
}

struct template_set {
	struct edit_input common;
	struct policy_input policy;
};

static const struct json_in_field set_fields[] = {
	EDIT_FIELDS,
	POLICY_INPUT_FIELDS(template_set, policy),
};

static bool is_name(const char *name, struct err *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_.";

	if (strlen(name) < TEMPLATE_NAME_SIZE && !name[strspn(name, allowed)])
		return true;
	err_set(err, ERR_INPUT, "a template's name has at most %d letters, "
				"digits, dots, hyphens and underscores",
		TEMPLATE_NAME_SIZE - 1);
	return false;
}

static bool has_no_mode(const struct policy_input *in, struct err *err)
{
	if (!in->mode)
		return true;
	err_set(err, ERR_INPUT, "a template has no mode");
	return err_hint(err, "each domain goes its own way to enforce");
}

static bool read_hosts(const json_t *list, struct sts_policy *p,
		       struct err *err)
{
	const json_t *host;
	size_t i;

	sts_policy_release(p);
	*p = (struct sts_policy){ .mx_count = 0 };
	json_array_foreach(list, i, host) {
		if (!sts_policy_add_mx(p, json_string_value(host), err))
			return false;
	}
	return true;
}

/* What is said goes in; it must make a policy for some domain or other. */
static bool apply(const struct policy_input *in, struct template *t,
		  struct err *err)
{
	struct sts_policy probe = { .mode = STS_TESTING,
				    .max_age = STS_MAX_AGE_DEFAULT };
	bool ok;

	if (in->preset && !str_copy(t->preset, sizeof(t->preset), in->preset))
		return err_set(err, ERR_INPUT, "there is no such preset");
	if (in->mx && !read_hosts(in->mx, &t->hosts, err))
		return false;
	if (in->max_age >= 0)
		t->max_age = in->max_age;
	ok = template_apply(t, "example.com", &probe, err);
	sts_policy_release(&probe);
	return ok;
}

/* As it is, or a new one: then *is_there is false. */
static bool load(const struct api_call *call, struct template *t,
		 bool *is_there, struct err *err)
{
	struct err none = ERR_INIT;

	*is_there = template_by_name(call->parts->store, call->name, t, &none);
	if (!*is_there && none.kind != ERR_NOT_FOUND) {
		*err = none;
		return false;
	}
	str_copy(t->name, sizeof(t->name), call->name);
	return true;
}

static void note(struct edit *e, const struct template *was,
		 const struct template *is)
{
	struct sts_policy before = was->hosts, after = is->hosts;

	edit_note(e, "template", "", is->name);
	if (!streq(was->preset, is->preset))
		edit_note(e, "preset", was->preset, is->preset);
	before.max_age = was->max_age;
	after.max_age = is->max_age;
	edit_note_policy(e, &before, &after);
}

static bool differs(const struct template *a, const struct template *b)
{
	return a->max_age != b->max_age || !streq(a->preset, b->preset) ||
	       !sts_policy_equal(&a->hosts, &b->hosts);
}

static bool set_it(struct edit *e, void *input, struct err *err)
{
	const struct template_set *in = input;
	struct store *s = e->call->parts->store;
	struct template t = { .id = 0 }, was;
	bool is_there, ok;

	if (!is_name(e->call->name, err) || !has_no_mode(&in->policy, err) ||
	    !load(e->call, &t, &is_there, err))
		return false;
	was = t;
	sts_policy_copy(&was.hosts, &t.hosts);
	ok = apply(&in->policy, &t, err);
	if (ok && (!is_there || differs(&t, &was))) {
		note(e, &was, &t);
		ok = template_write(s, &t, err);
	}
	template_release(&was);
	template_release(&t);
	return ok;
}

bool api_template_set(struct api_call *call, struct err *err)
{
	static const struct edit_kind kind = { "template.changed",
					       "template changed", set_it };
	struct template_set in = { .policy = POLICY_INPUT_INIT };

	return json_in_read(call->body, set_fields, ARRAY_LEN(set_fields), &in,
			    err) &&
	       edit_run(call, &kind, &in, err);
}

/* ---- what it would do to its domains ---- */

#define PREVIEWED 50 /* at once */

struct preview {
	struct policy_input policy;
	long after; /* the id of a domain */
};

static const struct json_in_field preview_fields[] = {
	POLICY_INPUT_FIELDS(preview, policy),
	{ "after", JSON_IN_COUNT, offsetof(struct preview, after), false },
};

/* { "name", "changes", "problem" }, or NULL: nothing. Takes no part in it. */
static json_t *would(struct api_call *call, const struct template *t,
		     int64_t id)
{
	struct edit e = { .call = call };
	struct store *s = call->parts->store;
	struct policy_version is;
	struct sts_policy wanted;
	struct err why = ERR_INIT;
	json_t *view = NULL;
	enum mx_drop drop;

	if (!domain_by_id(s, id, &e.domain, NULL) || e.domain.leaving ||
	    !policy_version_current(s, &e.domain, &is, NULL))
		return NULL;
	e.changes = json_array();
	drop = template_roll_would(s, &e.domain, t, &is.policy, call->now,
				   &wanted, &why);
	if (drop == MX_DROP_FINE || drop == MX_DROP_LOOK)
		edit_note_policy(&e, &is.policy, &wanted);
	if (drop == MX_DROP_LOOK) /* it says then what it sees now */
		why = (struct err)ERR_INIT;
	if (*why.text || json_array_size(e.changes))
		view = json_pack("{s:s, s:O, s:o}", "name", e.domain.name,
				 "changes", e.changes, "problem",
				 *why.text ? view_text(why.text) : json_null());
	json_decref(e.changes);
	sts_policy_release(&wanted);
	policy_version_release(&is);
	return view;
}

static json_t *view_preview(struct api_call *call, const struct template *t,
			    const int64_t *ids, size_t n)
{
	json_t *list = json_array(), *one;

	for (size_t i = 0; i < n; i++) {
		one = would(call, t, ids[i]);
		if (one)
			json_array_append_new(list, one);
	}
	return json_pack("{s:o, s:o}", "domains", list, "next",
			 n == PREVIEWED ? json_integer(ids[n - 1])
					: json_null());
}

bool api_template_preview(struct api_call *call, struct err *err)
{
	struct preview in = { .policy = POLICY_INPUT_INIT };
	struct template t = { .id = 0 };
	int64_t ids[PREVIEWED];
	bool is_there, ok;
	size_t n = 0;

	ok = json_in_read(call->body, preview_fields, ARRAY_LEN(preview_fields),
			  &in, err) &&
	     is_name(call->name, err) && load(call, &t, &is_there, err) &&
	     apply(&in.policy, &t, err);
	if (ok && t.id)
		n = template_followers(call->parts->store, &t, in.after, ids,
				       PREVIEWED, err);
	if (ok)
		call->answer = view_preview(call, &t, ids, n);
	template_release(&t);
	return ok;
}

static bool remove_it(struct edit *e, void *input, struct err *err)
{
	struct store *s = e->call->parts->store;
	struct template t;
	long used;
	bool ok = false;

	(void)input;
	if (!template_by_name(s, e->call->name, &t, err))
		return false;
	used = template_domains(s, &t, err);
	if (used > 0) {
		err_set(err, ERR_REFUSED,
			used == 1 ? "%ld domain follows template %s"
				  : "%ld domains follow template %s",
			used, t.name);
		err_hint(err, "mtastsctl domain set NAME --template '' lets "
			      "one go, with the policy that it has");
	} else if (!used) {
		edit_note(e, "template", t.name, "");
		ok = template_delete(s, &t, err);
	}
	template_release(&t);
	return ok;
}

static const struct json_in_field remove_fields[] = { EDIT_FIELDS };

bool api_template_remove(struct api_call *call, struct err *err)
{
	static const struct edit_kind kind = { "template.removed",
					       "template removed", remove_it };
	struct edit_input in = { NULL };

	return json_in_read(call->body, remove_fields,
			    ARRAY_LEN(remove_fields), &in, err) &&
	       edit_run(call, &kind, &in, err);
}
