/*
 * mtastsctl policy ...
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/change.h"
#include "cli/command.h"
#include "cli/say.h"
#include "cli/targets.h"

/* The body as it is served, but for its CRs. */
static void show(const json_t *policy)
{
	printf("# version %lld, id %s, made %s\n",
	       json_integer_value(value_at(policy, "version")),
	       text_at(policy, "id"), text_at(policy, "created"));
	for (const char *c = text_at(policy, "body"); *c; c++)
		if (*c != '\r')
			putchar(*c);
}

static enum exit_code show_one(struct cli *cli, const char *name,
			       struct err *err)
{
	return targets_get(cli, name, "/policy", show, err);
}

enum exit_code cmd_policy_show(struct cli *cli)
{
	return targets_each(cli, show_one);
}

/* A new version is not known to senders before its id is in DNS. */
static void say_set(const json_t *answer)
{
	const json_t *policy = value_at(answer, "domain.policy");
	const char *name = text_at(answer, "name");

	if (!json_is_true(value_at(answer, "changed"))) {
		printf("%s: already so, mode %s\n", name,
		       text_at(policy, "mode"));
		return;
	}
	printf("%s: version %lld, mode %s; %s publish: "
	       "_mta-sts.%s. TXT \"v=STSv1; id=%s;\"\n", name,
	       json_integer_value(value_at(policy, "version")),
	       text_at(policy, "mode"),
	       streq(text_at(answer, "domain.state"), "live") ? "now"
							      : "once live",
	       name, text_at(policy, "id"));
}

static enum exit_code put(struct cli *cli, const char *name, const char *mode,
			  struct err *err)
{
	json_t *body = change_body(cli), *answer;
	enum exit_code code;
	bool told;

	change_add_policy(cli, body);
	change_add_text(body, "mode", mode);
	code = change_send(cli, "PUT", api_domain_path(name, "/policy"), body,
			   &answer, &told, err);
	if (code == EXIT_FINE && !told)
		say_set(answer);
	json_decref(answer);
	return code;
}

static enum exit_code set(struct cli *cli, const char *name, struct err *err)
{
	return put(cli, name, cli->options.mode, err);
}

enum exit_code cmd_policy_set(struct cli *cli)
{
	struct err err = ERR_INIT;

	if (cli->options.given & (OPTION(MODE) | OPTION(MX) | OPTION(PRESET) |
				  OPTION(MAX_AGE)))
		return targets_each(cli, set);
	err_set(&err, ERR_INPUT, "policy set: nothing to set");
	err_hint(&err, "--mx HOST, --preset PROVIDER, --mode MODE or "
		       "--max-age DURATION");
	say_failure(NULL, &err);
	return EXIT_USAGE;
}

static enum exit_code testing(struct cli *cli, const char *name,
			      struct err *err)
{
	return put(cli, name, "testing", err);
}

enum exit_code cmd_policy_testing(struct cli *cli)
{
	return targets_each(cli, testing);
}

static enum exit_code enforce(struct cli *cli, const char *name,
			      struct err *err)
{
	return put(cli, name, "enforce", err);
}

enum exit_code cmd_policy_enforce(struct cli *cli)
{
	return targets_each(cli, enforce);
}
