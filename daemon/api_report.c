/*
 * /v1/reports: a TLS report that came by mail or from a file, as it is: gzip
 * or JSON. It takes the way of those that are posted by HTTPS
 * (daemon/intake.h), and the answer waits until it is durable.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "daemon/api.h"
#include "daemon/intake.h"
#include "policy/domain_name.h"

static const int statuses[] = {
	[INTAKE_STORED] = 200,	  [INTAKE_KNOWN] = 200,
	[INTAKE_EMPTY] = 200,	  [INTAKE_NOT_OURS] = 200,
	[INTAKE_NO_REPORT] = 422, [INTAKE_OVER_LIMIT] = 413,
	[INTAKE_TOO_MANY] = 429,  [INTAKE_LATER] = 503,
};

static json_t *view_answer(const struct intake_answer *a)
{
	json_t *domains = json_array();

	for (size_t i = 0; i < a->domain_count; i++)
		json_array_append_new(domains, json_string(a->domain[i]));
	return json_pack("{s:s, s:s, s:s, s:o, s:I}", "outcome",
			 intake_outcome_name(a->outcome), "organization",
			 a->report->organization, "report_id", a->report->id,
			 "domains", domains, "dropped", (json_int_t)a->dropped);
}

/* After a 503 nothing else is tried; what is early holds up no other. */
static void on_done(const struct intake_answer *a, void *arg)
{
	int status = a->is_early ? 429 : statuses[a->outcome];

	if (status == 200)
		api_later_answer(arg, view_answer(a));
	else
		api_later_fail(arg, status, &a->err);
}

static bool read_via(const struct api_call *call, enum report_via *via,
		     struct err *err)
{
	static const enum report_via known[] = { REPORT_MAIL, REPORT_IMAP,
						 REPORT_FILE };
	const char *text = api_query(call, "via");

	*via = REPORT_FILE;
	if (!text)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		*via = known[i];
		if (streq(report_via_name(known[i]), text))
			return true;
	}
	err_set(err, ERR_INPUT, "reports do not come by \"%.40s\"", text);
	return err_hint(err, "via: mail, imap or file");
}

static bool read_signer(const struct api_call *call,
			char out[static DOMAIN_NAME_SIZE], struct err *err)
{
	const char *text = api_query(call, "signed_by");

	return !text || domain_name_normalise(text, out, err);
}

static bool read_about(const struct api_call *call,
		       char out[static DOMAIN_NAME_SIZE], struct err *err)
{
	const char *text = api_query(call, "about");

	return !text || host_name_normalise(text, out, err);
}

bool api_report_add(struct api_call *call, struct err *err)
{
	struct intake_ask ask = { .is_trusted = call->is_trusted,
				  .len = call->raw_len,
				  .done = on_done };

	if (!call->parts->intake)
		return err_set(err, ERR_AGAIN, "no reports are taken just now");
	if (!read_via(call, &ask.via, err) ||
	    !read_signer(call, ask.signed_by, err) ||
	    !read_about(call, ask.about, err))
		return false;
	ask.body = xmalloc(call->raw_len + 1);
	memcpy(ask.body, call->raw, call->raw_len);
	ask.body[call->raw_len] = '\0';
	ask.arg = api_defer(call);
	intake_take(call->parts->intake, &ask);
	return true;
}
