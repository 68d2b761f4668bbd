/*
 * A policy as a client describes it: shared by `domain add`, which makes the
 * first version, and `policy set`, which changes some of the current one.
 */
#ifndef DAEMON_POLICY_INPUT_H
#define DAEMON_POLICY_INPUT_H

#include <jansson.h>

#include "base/err.h"
#include "policy/sts_policy.h"

/* What is NULL, or -1, is not said. */
struct policy_input {
	const char *mode;
	const char *preset;
	const json_t *mx;	/* strings; with a preset: besides its hosts */
	long max_age;
};

#define POLICY_INPUT_INIT { .max_age = -1 }

/* For a table of struct json_in_field: where it stands in an input struct. */
#define POLICY_INPUT_FIELDS(type, member)                                      \
	{ "mode", JSON_IN_TEXT, offsetof(struct type, member.mode), false },   \
	{ "preset", JSON_IN_TEXT, offsetof(struct type, member.preset),        \
	  false },                                                             \
	{ "mx", JSON_IN_TEXTS, offsetof(struct type, member.mx), false },      \
	{ "max_age", JSON_IN_COUNT, offsetof(struct type, member.max_age),     \
	  false }

bool policy_input_has_mx(const struct policy_input *in);

/* Applies what is said to *p, which must be a policy, and validates it. */
bool policy_input_apply(const struct policy_input *in, const char *domain,
			struct sts_policy *p, struct err *err);

/* "mode testing, max_age 7d, mx a.example b.example". The caller frees. */
char *policy_input_describe(const struct sts_policy *p);

#endif
