/*
 * mtastsctl policy enforce and readiness.
 *
 * The daemon looks at the domain from outside, and at its DNS, before it answers:
 * the looks are asked for, and waited for.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/change.h"
#include "cli/command.h"
#include "cli/policy_say.h"
#include "cli/say.h"
#include "cli/targets.h"

#define LOOK_TRIES 480	/* quarters of a second: two minutes */

static enum exit_code readiness_of(struct cli *cli, const char *name,
				   json_t **r, struct err *err)
{
	char *path = api_domain_path(name, "/policy/readiness");
	enum exit_code code = api_do(cli->api, "GET", path, NULL, r, err);

	free(path);
	return code;
}

static enum exit_code ask_for_look(struct cli *cli, const char *name,
				   struct err *err)
{
	char *path = api_domain_path(name, "/check");
	json_t *answer = NULL;
	enum exit_code code = api_do(cli->api, "POST", path, NULL, &answer,
				     err);

	free(path);
	json_decref(answer);
	return code;
}

static enum exit_code too_long(const char *name, struct err *err)
{
	err_set(err, ERR_AGAIN,
		"%s: it is being looked at, which is not over "
		"yet",
		name);
	err_hint(err, "try again later; or override with --force");
	return EXIT_TEMPFAIL;
}

/* With what it found; the socket that is for reading only has the last one. */
static enum exit_code look(struct cli *cli, const char *name, json_t **r,
			   struct err *err)
{
	enum exit_code code = ask_for_look(cli, name, err);

	if (code == EXIT_REFUSED) {
		*err = (struct err)ERR_INIT;
		return readiness_of(cli, name, r, err);
	}
	for (int i = 0; code == EXIT_FINE; i++) {
		code = readiness_of(cli, name, r, err);
		if (code != EXIT_FINE || !json_is_true(value_at(*r, "looking")))
			break;
		json_decref(*r);
		*r = NULL;
		if (i == LOOK_TRIES)
			return too_long(name, err);
		usleep(250000);
	}
	return code;
}

/* ---- readiness ---- */

static void show(const json_t *r)
{
	const json_t *list = value_at(r, "reasons"), *one;
	size_t i;

	printf("%s: %s\n", text_at(r, "name"),
	       json_is_true(value_at(r, "ready")) ? "ready for enforce"
						  : "not ready for enforce");
	json_array_foreach(list, i, one) {
		printf("  %-22s %s\n", text_at(one, "id"),
		       text_at(one, "text"));
		if (*text_at(one, "hint"))
			printf("  %-22s %s\n", "", text_at(one, "hint"));
	}
	list = value_at(r, "notes");
	json_array_foreach(list, i, one) {
		printf("  %-22s %s\n", "note", json_string_value(one));
	}
}

static enum exit_code readiness(struct cli *cli, const char *name,
				struct err *err)
{
	json_t *r = NULL;
	enum exit_code code = look(cli, name, &r, err);

	if (code == EXIT_FINE && cli->options.json)
		say_json(r);
	else if (code == EXIT_FINE)
		show(r);
	if (code == EXIT_FINE && !json_is_true(value_at(r, "ready")))
		code = EXIT_WARNINGS;
	json_decref(r);
	return code;
}

enum exit_code cmd_policy_readiness(struct cli *cli)
{
	return targets_each(cli, readiness);
}

/* ---- enforce ---- */

static void say_notes(const json_t *r, const char *name)
{
	const json_t *list = value_at(r, "notes"), *one;
	size_t i;

	json_array_foreach(list, i, one) {
		printf("%s: note: %s\n", name, json_string_value(one));
	}
}

static enum exit_code enforce(struct cli *cli, const char *name,
			      struct err *err)
{
	json_t *body = change_body(cli), *answer, *seen = NULL;
	enum exit_code code = EXIT_FINE;
	bool told;

	if (!cli->options.force)
		code = look(cli, name, &seen, err);
	if (code != EXIT_FINE) {
		json_decref(body);
		return code;
	}
	change_add_enforce(cli, body);
	code = change_send(cli, "POST",
			   api_domain_path(name, "/policy/enforce"), body,
			   &answer, &told, err);
	if (code == EXIT_FINE && !told) {
		policy_say_set(answer);
		say_notes(seen, name);
	}
	json_decref(answer);
	json_decref(seen);
	return code;
}

enum exit_code cmd_policy_enforce(struct cli *cli)
{
	return targets_each(cli, enforce);
}
