/*
 * /v1/certs and /v1/domains/NAME/cert: the certificates served, and renewal
 * by hand.
 *
 * Asking for one only marks the row and makes it due: the engine's next tick
 * does the rest, as at any other time.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "base/when.h"
#include "daemon/api.h"
#include "daemon/edit.h"
#include "daemon/json_view.h"

static json_t *view_row(const struct api_call *call, const struct domain *d)
{
	struct domain_facts facts;
	json_t *row = NULL;

	if (!d->cert_id)
		return NULL;
	domain_facts_load(&facts, call->parts->store, d, call->now);
	if (facts.has_cert)
		row = json_pack("{s:s, s:o}", "name", d->name, "certificate",
				view_cert(&facts));
	domain_facts_release(&facts);
	return row;
}

bool api_cert_list(struct api_call *call, struct err *err)
{
	return api_list(call, "certs", view_row, err);
}

static bool no_certificate(const struct domain *d, struct err *err)
{
	err_set(err, ERR_NOT_FOUND, "%s has no certificate yet", d->name);
	return err_hint(err, "it is %s: mtastsctl domain show %s says what it "
			     "waits for",
			domain_state_name(d->state), d->name);
}

bool api_cert_show(struct api_call *call, struct err *err)
{
	struct domain d;
	json_t *pem;
	char *text;

	if (!api_domain(call, &d, err))
		return false;
	if (!d.cert_id)
		return no_certificate(&d, err);
	text = cert_pem(call->parts->store, d.cert_id, err);
	if (!text)
		return false;
	pem = json_string(text);
	free(text);
	call->answer = view_row(call, &d);
	if (!call->answer) {
		json_decref(pem);
		return no_certificate(&d, err);
	}
	json_object_set_new(call->answer, "pem", pem);
	return true;
}

/* Is one being made, or about to be? Then there is nothing to add. */
static bool is_under_way(struct edit *e, bool *is, struct err *err)
{
	const struct domain *d = &e->domain;
	struct order order;

	*is = (d->due_at && d->due_at <= e->call->now &&
	       (d->renew_forced || d->state != DOMAIN_LIVE)) ||
	      order_of_domain(e->call->parts->store, d->id, &order, err);
	if (*is || err->kind == ERR_NOT_FOUND) {
		*err = (struct err)ERR_INIT;
		return true;
	}
	return false;
}

/*
 * Now, whatever it waits for: the renewal of a live domain, the next order
 * of one whose last failed, the next DNS look of one that waits for it.
 */
static bool renew(struct edit *e, void *input, struct err *err)
{
	static const char *const what[] = {
		[DOMAIN_WAITING_FOR_DNS] = "DNS look",
		[DOMAIN_ISSUING] = "order",
		[DOMAIN_LIVE] = "renewal",
	};
	char was[INSTANT_TEXT];
	struct domain *d = &e->domain;
	bool under_way;

	(void)input;
	if (!api_domain(e->call, d, err) || !is_under_way(e, &under_way, err))
		return false;
	if (under_way)
		return true;
	if (!api_may_order(e->call, &e->domain, err))
		return false;
	if (d->due_at)
		instant_format(d->due_at, was);
	edit_note(e, what[d->state], d->due_at ? was : "", "now");
	d->renew_forced = d->state != DOMAIN_WAITING_FOR_DNS;
	d->due_at = e->call->now;
	return domain_update(e->call->parts->store, d, err);
}

static const struct json_in_field fields[] = { EDIT_FIELDS };

bool api_cert_renew(struct api_call *call, struct err *err)
{
	static const struct edit_kind kind = { "cert.renewal-asked",
					       "renewal asked for", renew };
	struct edit_input in = { 0 };

	return json_in_read(call->body, fields, ARRAY_LEN(fields), &in, err) &&
	       edit_run(call, &kind, &in, err);
}
