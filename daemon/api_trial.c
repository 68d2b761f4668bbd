/*
 * /v1/domains/NAME/cert/try: proves that a CA issues for a name, and changes
 * nothing of what is served.
 *
 * Asking only marks the row: the engine's next tick makes the trial order, and
 * what becomes of it stands in the trail.
 */
#include "base/mem.h"
#include "daemon/api.h"
#include "daemon/edit.h"
#include "store/order.h"

struct trial_input {
	struct edit_input common;
	const char *ca;
};

static bool no_such_ca(const char *name, struct err *err)
{
	err_set(err, ERR_INPUT, "no CA \"%.60s\" is configured", name);
	return err_hint(err, "mtastsctl ca list shows which are");
}

/* A CA would not find the challenge, and that costs a failed validation. */
static bool leads_here(const struct domain *d, struct err *err)
{
	if (d->state != DOMAIN_WAITING_FOR_DNS)
		return true;
	err_set(err, ERR_REFUSED, "%s does not lead here yet", d->name);
	return err_hint(err, "mtastsctl domain show %s says what it waits for",
			d->name);
}

/*
 * Asked for, or under way, with this CA: then there is nothing to add. One at
 * a time is enough.
 */
static bool is_under_way(const struct edit *e, int64_t ca_id, bool *is,
			 struct err *err)
{
	const struct domain *d = &e->domain;
	struct order o;

	*is = d->try_ca == ca_id;
	if (*is)
		return true;
	if (!order_trial_of_domain(e->call->parts->store, d->id, &o, err)) {
		if (err->kind != ERR_NOT_FOUND)
			return false;
		*err = (struct err)ERR_INIT;
		return true;
	}
	*is = o.ca_id == ca_id;
	if (*is)
		return true;
	err_set(err, ERR_REFUSED, "a trial with another CA is under way");
	return err_hint(err, "ask again when it has ended: mtastsctl log %s",
			d->name);
}

static bool ask(struct edit *e, void *input, struct err *err)
{
	const struct trial_input *in = input;
	struct domain *d = &e->domain;
	int64_t ca_id = engine_ca_id(e->call->parts->engine, in->ca);
	bool under_way;

	if (!api_domain(e->call, d, err))
		return false;
	if (!ca_id)
		return no_such_ca(in->ca, err);
	if (!leads_here(d, err) || !is_under_way(e, ca_id, &under_way, err))
		return false;
	if (under_way)
		return true;
	if (!api_may_order(e->call, &e->domain, err))
		return false;
	edit_note(e, "ca", "", in->ca);
	d->try_ca = ca_id;
	return domain_update(e->call->parts->store, d, err);
}

static const struct json_in_field fields[] = {
	EDIT_FIELDS,
	{ "ca", JSON_IN_TEXT, offsetof(struct trial_input, ca), true },
};

bool api_cert_try(struct api_call *call, struct err *err)
{
	static const struct edit_kind kind = { "trial.asked",
					       "trial asked for", ask };
	struct trial_input in = { .ca = NULL };

	return json_in_read(call->body, fields, ARRAY_LEN(fields), &in, err) &&
	       edit_run(call, &kind, &in, err);
}
