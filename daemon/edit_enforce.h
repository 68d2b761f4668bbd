/*
 * May a policy go to mode enforce? The same gate for every verb that could.
 */
#ifndef DAEMON_EDIT_ENFORCE_H
#define DAEMON_EDIT_ENFORCE_H

#include "daemon/edit.h"

struct enforce_input {
	bool force;		/* for `reason`, which must be there */
	bool without_reports;	/* none are known, and that is fine */
	bool keep_stale;	/* hosts in no MX are meant to be there */
};

#define ENFORCE_FIELDS(type, member)                                           \
	{ "force", JSON_IN_BOOL, offsetof(struct type, member.force), false }, \
		{ "without_reports", JSON_IN_BOOL,                             \
		  offsetof(struct type, member.without_reports), false },      \
	{                                                                      \
		"keep_stale", JSON_IN_BOOL,                                    \
			offsetof(struct type, member.keep_stale), false        \
	}

/* ERR_REFUSED with what speaks against it; what was overridden is noted. */
bool edit_may_enforce(struct edit *e, const struct enforce_input *in,
		      const char *reason, struct err *err);

#endif
