/*
 * /v1/domains/NAME/cert/revoke: tell the CA not to trust a certificate any
 * more.
 *
 * Here only the wish is written (acme/revoke_ask.h); the engine replaces what
 * is served and tells the CA.
 */
#include "acme/revoke_ask.h"

#include "acme/revoke_reason.h"
#include "base/mem.h"
#include "daemon/api.h"
#include "daemon/edit.h"

struct revoke_input {
	struct edit_input common;
	const char *why;
	bool now, cancel;
};

static bool read_why(const char *why, int *reason, struct err *err)
{
	if (!why || revoke_reason_parse(why, reason))
		return true;
	err_set(err, ERR_INPUT, "no certificate is revoked for such a reason");
	return err_hint(err, "reasons: unspecified, keyCompromise, "
			     "affiliationChanged, superseded, "
			     "cessationOfOperation, privilegeWithdrawn");
}

static bool cancel(struct edit *e, struct err *err)
{
	bool is_news;

	if (!revoke_cancel(e->call->parts->store, &e->domain, &is_news, err))
		return false;
	if (is_news)
		edit_note(e, "revocation", "asked for", "");
	return true;
}

static bool revoke(struct edit *e, void *input, struct err *err)
{
	const struct revoke_input *in = input;
	struct revoke_wish wish = { .reason = REVOKE_UNSPECIFIED,
				    .at_once = in->now };
	bool is_news;

	if (!read_why(in->why, &wish.reason, err) ||
	    !api_domain(e->call, &e->domain, err))
		return false;
	if (in->cancel)
		return cancel(e, err);
	if (!revoke_ask(e->call->parts->store, &e->domain, &wish, e->call->now,
			&is_news, err))
		return false;
	if (!is_news)
		return true;
	edit_note(e, "revocation", "", in->now ? "now" : "once it is replaced");
	edit_note(e, "why", "", revoke_reason_name(wish.reason));
	return true;
}

static const struct json_in_field fields[] = {
	EDIT_FIELDS,
	{ "why", JSON_IN_TEXT, offsetof(struct revoke_input, why), false },
	{ "now", JSON_IN_BOOL, offsetof(struct revoke_input, now), false },
	{ "cancel", JSON_IN_BOOL, offsetof(struct revoke_input, cancel), false },
};

bool api_cert_revoke(struct api_call *call, struct err *err)
{
	static const struct edit_kind kind = { "cert.revocation-asked",
					       "revocation asked for", revoke };
	struct revoke_input in = { .why = NULL };

	if (!json_in_read(call->body, fields, ARRAY_LEN(fields), &in, err))
		return false;
	if (in.cancel && (in.why || in.now))
		return err_set(err, ERR_INPUT, "cancel goes with nothing else");
	return edit_run(call, &kind, &in, err);
}
