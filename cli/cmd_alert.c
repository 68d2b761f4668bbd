/*
 * mtastsctl alert list, silence, test.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "cli/change.h"
#include "cli/command.h"
#include "cli/say.h"

#define SHOWN "200" /* alerts, unless asked otherwise */

/* ---- list ---- */

static const char *const header[] = { "ID",    "LEVEL", "KIND", "SUBJECT",
				      "SINCE", "STATE", "TEXT" };

static const char *state_of(const json_t *a)
{
	if (*text_at(a, "ended"))
		return "over";
	return *text_at(a, "silenced_until") ? "silenced" : "open";
}

static void show_table(const json_t *alerts)
{
	struct table t;
	json_t *a;
	size_t i;

	table_init(&t, header, ARRAY_LEN(header));
	t.below = TABLE_COLUMN(6);
	t.shrinks = TABLE_COLUMN(3);
	json_array_foreach(alerts, i, a)
	{
		char id[24];

		snprintf(id, sizeof(id), "%lld",
			 json_integer_value(value_at(a, "id")));
		table_row(&t,
			  (const char *const[]){
				  id, text_at(a, "level"), text_at(a, "kind"),
				  text_at(a, "subject"), text_at(a, "since"),
				  state_of(a), text_at(a, "text") });
	}
	table_print(&t, stdout);
	table_release(&t);
}

static void show_sinks(const json_t *sinks)
{
	time_t now = time(NULL);
	const json_t *sink;
	size_t i;

	json_array_foreach(sinks, i, sink)
	{
		char oldest[WHEN_TEXT];
		long long waiting = json_integer_value(
			value_at(sink, "waiting"));

		if (!*text_at(sink, "problem"))
			continue;
		printf("\n%s: %s\n", text_at(sink, "sink"),
		       text_at(sink, "problem"));
		if (waiting)
			printf("  %lld waiting, the oldest since %s\n", waiting,
			       when_at(sink, "oldest", now, oldest));
	}
}

static void show_heartbeat(const json_t *beat)
{
	if (json_is_true(value_at(beat, "held")))
		puts("\nthe heartbeat is held back: something is grave");
	else if (*text_at(beat, "problem"))
		printf("\nheartbeat: %s\n", text_at(beat, "problem"));
}

static void show(const json_t *answer)
{
	const json_t *alerts = value_at(answer, "alerts");

	if (json_array_size(alerts))
		show_table(alerts);
	else
		puts("no alerts");
	if (json_is_integer(value_at(answer, "next")))
		puts("... and more: --limit, --kind");
	show_sinks(value_at(answer, "sinks"));
	show_heartbeat(value_at(answer, "heartbeat"));
}

/* News, such as a domain that may enforce now, is no trouble. */
static enum exit_code code_of(const json_t *answer)
{
	if (json_integer_value(value_at(answer, "grave")))
		return EXIT_ERRORS;
	return json_integer_value(value_at(answer, "open")) >
			       json_integer_value(value_at(answer, "news"))
		       ? EXIT_WARNINGS
		       : EXIT_FINE;
}

static char *list_path(const struct cli *cli)
{
	const struct options *o = &cli->options;
	char limit[24] = SHOWN;
	char *path = xstrdup("/v1/alerts");

	if (o->limit)
		snprintf(limit, sizeof(limit), "%ld", o->limit);
	path = api_path_with(path, "limit", limit);
	path = api_path_with(path, "kind", o->kind);
	return api_path_with(path, "ended", o->ended ? "true" : NULL);
}

enum exit_code cmd_alert_list(struct cli *cli)
{
	struct err err = ERR_INIT;
	char *path = list_path(cli);
	enum exit_code code;
	json_t *answer;

	code = api_do(cli->api, "GET", path, NULL, &answer, &err);
	free(path);
	if (code != EXIT_FINE) {
		say_failure(NULL, &err);
		return code;
	}
	if (cli->options.json)
		say_json(answer);
	else
		show(answer);
	code = code_of(answer);
	json_decref(answer);
	return code;
}

/* ---- silence ---- */

static enum exit_code usage(const char *text, const char *hint)
{
	struct err err = ERR_INIT;

	err_set(&err, ERR_INPUT, "%s", text);
	err_hint(&err, "%s", hint);
	say_failure(NULL, &err);
	return EXIT_USAGE;
}

static enum exit_code silence(struct cli *cli, const char *alert)
{
	const struct options *o = &cli->options;
	json_t *body = change_body(cli), *answer;
	struct err err = ERR_INIT;
	char lasts[DURATION_TEXT];
	enum exit_code code;
	bool told;

	json_object_set_new(body, "alert", json_string(alert));
	json_object_set_new(body, "seconds",
			    json_integer(o->cancel ? 0 : o->for_long));
	code = change_send(cli, "POST", xstrdup("/v1/alerts/silence"), body,
			   &answer, &told, &err);
	if (code != EXIT_FINE)
		say_failure(alert, &err);
	else if (!told && o->cancel)
		printf("%s: told again\n", alert);
	else if (!told)
		printf("%s: silent for %s\n", alert,
		       duration_format(o->for_long, lasts));
	json_decref(answer);
	return code;
}

enum exit_code cmd_alert_silence(struct cli *cli)
{
	const struct options *o = &cli->options;
	enum exit_code worst = EXIT_FINE, code;

	if (!cli->name_count)
		return usage("which alert?", "give ids or kinds; mtastsctl "
					     "alert list shows them");
	if (o->cancel == (o->for_long > 0))
		return usage("for how long?", "--for 12h, or --cancel");
	for (size_t i = 0; i < cli->name_count; i++) {
		code = silence(cli, cli->names[i]);
		worst = exit_worse(worst, code);
		if (code == EXIT_UNREACHABLE)
			break;
	}
	return worst;
}

/* ---- test ---- */

static void say_sinks(const json_t *answer)
{
	const json_t *sink;
	size_t i;

	fputs("a test is on its way to:", stdout);
	json_array_foreach(value_at(answer, "sinks"), i, sink)
	{
		printf("%s %s", i ? "," : "", text_at(sink, "sink"));
	}
	puts("\nmtastsctl alert list says what does not get through");
}

/* Who waits for it to fall silent now would think that nobody listens. */
static void say_heartbeat(const json_t *beat)
{
	if (json_is_true(value_at(beat, "held")))
		puts("the heartbeat is held back, and not for this test: "
		     "something is grave");
	else if (json_is_object(beat))
		puts("the heartbeat goes on, a test does not stop it: to see "
		     "that its silence is noticed, stop mtastsd for a while");
}

enum exit_code cmd_alert_test(struct cli *cli)
{
	struct err err = ERR_INIT;
	enum exit_code code;
	json_t *answer;
	bool told;

	code = change_send(cli, "POST", xstrdup("/v1/alerts/test"),
			   change_body(cli), &answer, &told, &err);
	if (code != EXIT_FINE)
		say_failure(NULL, &err);
	if (code == EXIT_FINE && !told) {
		say_sinks(answer);
		say_heartbeat(value_at(answer, "heartbeat"));
	}
	json_decref(answer);
	return code;
}
