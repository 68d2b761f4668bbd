/*
 * /v1/cas: the certificate authorities, in order of preference, and what
 * stands between them and an order; and another key for our account there.
 */
#include "acme/rollover.h"
#include "base/mem.h"
#include "base/str.h"
#include "daemon/api.h"
#include "daemon/ca_view.h"
#include "daemon/edit.h"
#include "daemon/json_view.h"

bool api_ca_list(struct api_call *call, struct err *err)
{
	struct engine *engine = call->parts->engine;
	struct engine_ca_status ca;
	json_t *list = json_array();

	(void)err;
	for (size_t i = 0; i < engine_ca_count(engine); i++) {
		engine_ca_status(engine, i, &ca);
		json_array_append_new(list, view_ca(&ca));
	}
	call->answer = json_pack("{s:o}", "cas", list);
	return true;
}

static bool find(const struct api_call *call, struct engine_ca_status *ca,
		 struct err *err)
{
	struct engine *engine = call->parts->engine;

	for (size_t i = 0; i < engine_ca_count(engine); i++) {
		engine_ca_status(engine, i, ca);
		if (streq(ca->name, call->name))
			return true;
	}
	err_set(err, ERR_NOT_FOUND, "no such CA is configured");
	return err_hint(err, "mtastsctl ca list shows which are");
}

bool api_ca_show(struct api_call *call, struct err *err)
{
	struct engine_ca_status ca;

	if (!find(call, &ca, err))
		return false;
	call->answer = ca_view(call->parts, &ca, call->now);
	return true;
}

/* ---- another key ---- */

struct rollover_input {
	struct edit_input common;
	bool new_account;
};

static bool replace(struct edit *e, struct err *err)
{
	char was[URL_SIZE];

	if (!rollover_new_account(e->call->parts->engine, e->call->name, was,
				  err))
		return false;
	edit_note(e, "account", was, "a new one, with a fresh key");
	return true;
}

static bool roll(struct edit *e, void *input, struct err *err)
{
	const struct rollover_input *in = input;
	struct engine_ca_status ca;
	bool is_news;

	if (!find(e->call, &ca, err))
		return false;
	if (!api_may_order(e->call, NULL, err))
		return false;
	if (in->new_account)
		return replace(e, err);
	if (!rollover_ask(e->call->parts->engine, e->call->name, &is_news, err))
		return false;
	if (is_news)
		edit_note(e, "account key", "as it is", "another");
	return true;
}

static const struct json_in_field fields[] = {
	EDIT_FIELDS,
	{ "new_account", JSON_IN_BOOL,
	  offsetof(struct rollover_input, new_account), false },
};

bool api_ca_rollover(struct api_call *call, struct err *err)
{
	static const struct edit_kind kind = { "account.rollover-asked",
					       "account rollover asked for",
					       roll };
	struct rollover_input in = { .new_account = false };

	return json_in_read(call->body, fields, ARRAY_LEN(fields), &in, err) &&
	       edit_run(call, &kind, &in, err);
}
