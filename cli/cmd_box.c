/*
 * mtastsctl freeze, thaw, zone take.
 */
#include <stdio.h>

#include "base/mem.h"
#include "cli/change.h"
#include "cli/command.h"
#include "cli/say.h"

static enum exit_code change(struct cli *cli, const char *path,
			     const char *done, const char *already)
{
	struct err err = ERR_INIT;
	enum exit_code code;
	json_t *answer;
	bool told;

	code = change_send(cli, "POST", xstrdup(path), change_body(cli),
			   &answer, &told, &err);
	if (code != EXIT_FINE)
		say_failure(NULL, &err);
	else if (!told)
		puts(json_is_true(value_at(answer, "changed")) ? done
							       : already);
	json_decref(answer);
	return code;
}

enum exit_code cmd_freeze(struct cli *cli)
{
	return change(cli, "/v1/freeze",
		      "frozen: it serves on and begins no order; what is under "
		      "way goes on to its end",
		      "frozen already");
}

enum exit_code cmd_thaw(struct cli *cli)
{
	return change(cli, "/v1/thaw", "thawed: orders are made again",
		      "not frozen");
}

enum exit_code cmd_zone_take(struct cli *cli)
{
	return change(
		cli, "/v1/zone/take",
		"your own zone is told all of it by this box now; another "
		"box that publishes it stops, and says so",
		"taken already");
}
