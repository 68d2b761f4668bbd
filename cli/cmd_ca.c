/*
 * mtastsctl ca list, rollover. (ca show: cli/cmd_ca_show.c)
 */
#include <stdio.h>
#include <time.h>

#include "base/mem.h"
#include "cli/ca_names.h"
#include "cli/change.h"
#include "cli/command.h"
#include "cli/say.h"

static const char *const header[] = { "NAME",	 "ROLE",      "USED",
				      "ACCOUNT", "IN FLIGHT", "PROVEN",
				      "DIRECTORY" };

static void show_table(const json_t *cas)
{
	struct table t;
	json_t *ca;
	size_t i;

	table_init(&t, header, ARRAY_LEN(header));
	json_array_foreach(cas, i, ca) {
		const char *proven = text_at(ca, "proven");
		char flight[24];

		snprintf(flight, sizeof(flight), "%lld",
			 json_integer_value(value_at(ca, "in_flight")));
		table_row(&t, (const char *const[]){
				      text_at(ca, "name"),
				      text_at(ca, "role"),
				      json_is_true(value_at(ca, "used"))
					      ? "yes" : "no",
				      text_at(ca, "account"), flight,
				      *proven ? proven : "never",
				      text_at(ca, "directory") });
	}
	table_print(&t, stdout);
	table_release(&t);
}

static void show_problem(const json_t *ca, time_t now)
{
	char since[WHEN_TEXT], next[WHEN_TEXT];

	printf("\n%s: %s\n", text_at(ca, "name"), text_at(ca, "problem"));
	if (*text_at(ca, "hint"))
		printf("  %s\n", text_at(ca, "hint"));
	if (*when_at(ca, "down_since", now, since))
		printf("  down since  %s\n", since);
	if (*when_at(ca, "next_try", now, next))
		printf("  next try    %s\n", next);
}

static void show_problems(const json_t *cas)
{
	time_t now = time(NULL);
	json_t *ca;
	size_t i;

	json_array_foreach(cas, i, ca) {
		if (*text_at(ca, "problem"))
			show_problem(ca, now);
	}
}

enum exit_code cmd_ca_list(struct cli *cli)
{
	struct err err = ERR_INIT;
	enum exit_code code;
	json_t *answer;

	code = api_do(cli->api, "GET", "/v1/cas", NULL, &answer, &err);
	if (code != EXIT_FINE) {
		say_failure(NULL, &err);
		return code;
	}
	if (cli->options.json) {
		say_json(answer);
	} else {
		show_table(value_at(answer, "cas"));
		show_problems(value_at(answer, "cas"));
	}
	json_decref(answer);
	return code;
}

/* ---- rollover ---- */

static void say_rollover(const char *ca, const json_t *answer, bool is_new)
{
	bool changed = json_is_true(value_at(answer, "changed"));
	const json_t *first = json_array_get(value_at(answer, "changes"), 0);

	if (!is_new) {
		printf("%s: %s; mtastsctl ca show %s says how it goes\n", ca,
		       changed ? "asked for another account key"
			       : "under way already", ca);
		return;
	}
	printf("%s: a new account is registered with the next order\n"
	       "  its URL is another one: CAA records with accounturi and\n"
	       "  _validation-persist records that name %s must be changed\n",
	       ca, *text_at(first, "before") ? text_at(first, "before")
					     : "the old one");
}

static enum exit_code roll(struct cli *cli, const char *name, struct err *err)
{
	bool is_new = cli->options.new_account, told;
	json_t *body = change_body(cli), *answer;
	enum exit_code code;

	if (is_new)
		json_object_set_new(body, "new_account", json_true());
	code = change_send(cli, "POST", api_ca_path(name, "/rollover"), body,
			   &answer, &told, err);
	if (code == EXIT_FINE && !told)
		say_rollover(name, answer, is_new);
	json_decref(answer);
	return code;
}

enum exit_code cmd_ca_rollover(struct cli *cli)
{
	return ca_names_one(cli, roll);
}
