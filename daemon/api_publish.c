/*
 * /v1/domains/NAME/publish: the operator's own zone is told again all that it
 * is to have of the domain, and of the box; as after the zone was made anew.
 * /v1/zone/take: it is this box's from now on, whoever's it was.
 */
#include "base/mem.h"
#include "daemon/api.h"
#include "daemon/edit.h"
#include "store/box.h"
#include "store/publication.h"

static const struct json_in_field fields[] = { EDIT_FIELDS };

static bool is_on(const struct edit *e, struct err *err)
{
	if (publish_is_on(&e->call->parts->config->publish))
		return true;
	err_set(err, ERR_REFUSED, "no zone is published by this box");
	return err_hint(err, "set delegate_zone, and publish_server or "
			     "publish_hook: mtastsd.conf(5)");
}

/* What is due from now on is not waited for. */
static bool tell_zone(struct api_call *call, const struct edit_kind *kind,
		      struct err *err)
{
	struct edit_input in = { 0 };

	if (!json_in_read(call->body, fields, ARRAY_LEN(fields), &in, err) ||
	    !edit_run(call, kind, &in, err))
		return false;
	if (call->parts->publisher && !in.dry_run)
		publisher_hurry(call->parts->publisher);
	return true;
}

static bool publish(struct edit *e, void *input, struct err *err)
{
	struct store *s = e->call->parts->store;

	(void)input;
	if (!api_domain(e->call, &e->domain, err) || !is_on(e, err))
		return false;
	edit_note(e, "zone", "", "to be told again");
	return publication_again(s, e->domain.name, err) &&
	       publication_again(s, "", err);
}

bool api_publish(struct api_call *call, struct err *err)
{
	static const struct edit_kind kind = { "zone.again", "publish",
					       publish };

	return tell_zone(call, &kind, err);
}

/* ---- the whole zone ---- */

/* By a hook there is nothing to take, but for a box that comes of a backup. */
static bool may_take(const struct edit *e, struct err *err)
{
	if (!is_on(e, err))
		return false;
	if (*e->call->parts->config->publish.server ||
	    box_holds_zone_back(e->call->parts->store))
		return true;
	err_set(err, ERR_REFUSED, "publish_hook knows no boxes");
	return err_hint(err, "the hook publishes for whoever runs it");
}

static bool take(struct edit *e, void *input, struct err *err)
{
	struct store *s = e->call->parts->store;

	(void)input;
	if (!may_take(e, err))
		return false;
	edit_note(e, "zone", "", "this box's");
	return box_take_zone(s, *e->call->parts->config->publish.server != '\0',
			     err) &&
	       publication_doubt(s, err) && publication_again(s, "", err);
}

bool api_zone_take(struct api_call *call, struct err *err)
{
	static const struct edit_kind kind = { "zone.taken", "zone", take };

	return tell_zone(call, &kind, err);
}
