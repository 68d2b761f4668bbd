/*
 * POST /v1/backup: state.db, all keys included, as a sealed stream.
 *
 * It changes nothing; it is no GET, for who may only look may not have keys. The
 * trail says who took one.
 */
#include <stddef.h>

#include "base/log.h"
#include "base/mem.h"
#include "daemon/api.h"
#include "daemon/backup_door.h"
#include "daemon/json_in.h"
#include "store/trail.h"

#define REASON_MAX 1000

struct input {
	const char *reason;
};

static const struct json_in_field fields[] = {
	{ "reason", JSON_IN_TEXT, offsetof(struct input, reason), false },
};

static bool add_event(const struct api_call *call, const char *reason,
		      struct err *err)
{
	struct store *s = call->parts->store;

	if (!store_begin(s, err))
		return false;
	if (trail_add(s,
		      &(struct trail){ .at = call->now,
				       .kind = "box.backup",
				       .actor = call->actor,
				       .channel = call->channel,
				       .reason = reason,
				       .text = "a backup was asked for" },
		      err))
		return store_commit(s, err);
	store_rollback(s);
	return false;
}

/* A box that cannot write needs its backup all the more. */
static void note(const struct api_call *call, const char *reason)
{
	struct err err = ERR_INIT;

	if (!add_event(call, reason, &err))
		log_warn("backup: asked for by %s; the trail cannot be "
			 "written: %s",
			 call->actor, err.text);
}

bool api_backup(struct api_call *call, struct err *err)
{
	struct backup_door *door = call->parts->backup_door;
	struct input in = { NULL };

	if (!json_in_read(call->body, fields, ARRAY_LEN(fields), &in, err) ||
	    !api_check_text("reason", in.reason, REASON_MAX, err) ||
	    !backup_door_is_free(door, err))
		return false;
	note(call, in.reason);
	backup_door_send(door, api_defer(call), call->now);
	return true;
}
