/*
 * /v1/box: what the daemon runs with, for who looks at the machine.
 *
 * /v1/freeze and /v1/thaw: serve, but never order; and order again.
 *
 * Only the flag is written here: what is under way goes on to its end, and
 * the engine begins nothing while it is set.
 */
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/mem.h"
#include "daemon/api.h"
#include "daemon/box_view.h"
#include "daemon/edit.h"
#include "store/box.h"

static const struct json_in_field fields[] = { EDIT_FIELDS };

static bool freeze(struct edit *e, void *input, struct err *err)
{
	const struct edit_input *in = input;
	struct store *s = e->call->parts->store;
	struct box_freeze f = { .since = e->call->now };

	if (box_is_frozen(s))
		return true;
	snprintf(f.actor, sizeof(f.actor), "%s", e->call->actor);
	snprintf(f.reason, sizeof(f.reason), "%s",
		 in->reason ? in->reason : "");
	edit_note(e, "new orders", "made", "none");
	return box_freeze(s, &f, err);
}

static bool thaw(struct edit *e, void *input, struct err *err)
{
	struct store *s = e->call->parts->store;

	(void)input;
	if (!box_is_frozen(s))
		return true;
	edit_note(e, "new orders", "none", "made");
	return box_thaw(s, err);
}

static bool run(struct api_call *call, const struct edit_kind *kind,
		struct err *err)
{
	struct edit_input in = { 0 };

	return json_in_read(call->body, fields, ARRAY_LEN(fields), &in, err) &&
	       edit_run(call, kind, &in, err);
}

bool api_freeze(struct api_call *call, struct err *err)
{
	static const struct edit_kind kind = { "box.frozen", "frozen", freeze };

	return run(call, &kind, err);
}

bool api_thaw(struct api_call *call, struct err *err)
{
	static const struct edit_kind kind = { "box.thawed", "thawed", thaw };

	return run(call, &kind, err);
}

/* It needs no store. */
bool api_box_show(struct api_call *call, struct err *err)
{
	const struct admin_parts *parts = call->parts;
	const char *path = parts->config_state ? parts->config_state->path : "";
	struct rlimit files = { .rlim_cur = 0 };

	(void)err;
	getrlimit(RLIMIT_NOFILE, &files);
	call->answer = box_view(parts->config, path);
	json_object_set_new(call->answer, "process",
			    json_pack("{s:I, s:I, s:I}", "pid",
				      (json_int_t)getpid(), "uid",
				      (json_int_t)geteuid(), "files",
				      (json_int_t)files.rlim_cur));
	return true;
}
