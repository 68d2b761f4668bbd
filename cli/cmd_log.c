/*
 * mtastsctl log: the trail, and what happens from now on.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "cli/command.h"
#include "cli/say.h"

#define FOLLOW_PAUSE_MS 300
#define SHOWN	     "100"	/* events, unless asked otherwise */
#define FOLLOWED     "1000"	/* at once, at most */

static char *path_of(const struct cli *cli, const char *after)
{
	const struct options *o = &cli->options;
	char limit[24], since[INSTANT_TEXT];
	char *path = xstrdup("/v1/log");

	snprintf(limit, sizeof(limit), "%ld", o->limit);
	path = api_path_with(path, "limit",
			     after ? FOLLOWED : o->limit ? limit : SHOWN);
	path = api_path_with(path, "after", after);
	path = api_path_with(path, "name",
			     cli->name_count ? cli->names[0] : NULL);
	path = api_path_with(path, "actor", o->actor);
	path = api_path_with(path, "label", o->label);
	if (o->given & OPTION(SINCE))
		path = api_path_with(path, "since",
				     instant_format(time(NULL) - o->since,
						    since));
	return path;
}

static void show(const json_t *e)
{
	const char *reason = text_at(e, "reason"), *name = text_at(e, "name");
	const char *channel = text_at(e, "channel");
	bool is_plain = !*channel || streq(channel, "box");

	printf("%s  %-7s  %s  %s, by %s%s%s", text_at(e, "at"),
	       text_at(e, "level"), *name ? name : "-", text_at(e, "text"),
	       text_at(e, "actor"), is_plain ? "" : " via ",
	       is_plain ? "" : channel);
	printf("%s%s%s\n", *reason ? " (" : "", reason, *reason ? ")" : "");
}

/* With --json one document, or when it never ends, one per event. */
static void print(const struct cli *cli, const json_t *answer)
{
	const json_t *events = value_at(answer, "events"), *event;
	size_t i;

	if (cli->options.json && !cli->options.follow) {
		say_json(answer);
		return;
	}
	json_array_foreach(events, i, event) {
		if (cli->options.json)
			say_json(event);
		else
			show(event);
	}
	fflush(stdout);
}

/* No failure, but a name is easily mistyped. */
static void say_if_none(const struct cli *cli, const json_t *answer)
{
	if (json_array_size(value_at(answer, "events")) || cli->options.json)
		return;
	fprintf(stderr, "mtastsctl: nothing of that is in the trail%s%s\n",
		cli->name_count ? ": " : "",
		cli->name_count ? cli->names[0] : "");
}

static enum exit_code one_look(struct cli *cli, const char *after,
			       char last[static 24])
{
	char *path = path_of(cli, after);
	struct err err = ERR_INIT;
	enum exit_code code;
	json_t *answer;

	code = api_do(cli->api, "GET", path, NULL, &answer, &err);
	free(path);
	if (code != EXIT_FINE) {
		say_failure(NULL, &err);
		return code;
	}
	print(cli, answer);
	if (!after && !cli->options.follow)
		say_if_none(cli, answer);
	snprintf(last, 24, "%lld",
		 json_integer_value(value_at(answer, "last")));
	json_decref(answer);
	return code;
}

enum exit_code cmd_log(struct cli *cli)
{
	char last[24];
	enum exit_code code = one_look(cli, NULL, last);

	while (code == EXIT_FINE && cli->options.follow && !ferror(stdout)) {
		usleep(FOLLOW_PAUSE_MS * 1000);
		code = one_look(cli, last, last);
	}
	return code;
}
