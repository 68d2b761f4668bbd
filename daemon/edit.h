/*
 * A change that an admin asks for: what every mutation of the API has in
 * common.
 *
 * Begin; the handler's own function changes rows and notes what was and what
 * is; one event says it in the trail; commit, project, poke the engine,
 * answer. With dry_run all of it happens but for the end, which is a
 * roll-back: what it reports is what would have been. Nothing noted means
 * that it was so already, which is success and leaves no trace.
 *
 * Control thread only.
 */
#ifndef DAEMON_EDIT_H
#define DAEMON_EDIT_H

#include "daemon/api.h"
#include "daemon/json_in.h"

/* What every change's body may carry; the first member of its input. */
struct edit_input {
	const char *reason;
	bool dry_run;
};

#define EDIT_FIELDS                                                            \
	{ "reason", JSON_IN_TEXT, offsetof(struct edit_input, reason), false }, \
	{ "dry_run", JSON_IN_BOOL, offsetof(struct edit_input, dry_run), false }

struct edit {
	struct api_call *call;
	struct domain domain;	/* the handler's function loads it; all zero:
				   the change is to the whole box */
	const char *reason;	/* the admin's; NULL: none */
	bool is_removed;
	bool wants_look;	/* at its DNS, if nothing comes of the change */
	json_t *changes;	/* [{ "field", "before", "after" }] */
};

/* `before` or `after` empty: there was, or is, none. */
void edit_note(struct edit *e, const char *field, const char *before,
	       const char *after);

struct edit_kind {
	const char *kind;	/* the event's: "domain.added" */
	const char *verb;	/* how its sentence begins: "added" */
	bool (*change)(struct edit *e, void *input, struct err *err);
};

/* `input` begins with a struct edit_input. */
bool edit_run(struct api_call *call, const struct edit_kind *kind, void *input,
	      struct err *err);

#endif
