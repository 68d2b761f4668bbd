#include "cli/change.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/clean.h"
#include "cli/say.h"

static const char *const plan_header[] = { "NAME", "WHAT", "NOW", "THEN" };

void change_add_text(json_t *body, const char *key, const char *text)
{
	if (text)
		json_object_set_new(body, key, clean_new(text));
}

void change_add_list(json_t *body, const char *key, const struct words *list,
		     bool is_given)
{
	json_t *array;

	if (!is_given)
		return;
	array = json_array();
	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(array, clean_new(list->item[i]));
	json_object_set_new(body, key, array);
}

void change_add_policy(const struct cli *cli, json_t *body)
{
	const struct options *o = &cli->options;

	change_add_list(body, "mx", &o->mx, o->given & OPTION(MX));
	change_add_text(body, "preset", o->preset);
	change_add_text(body, "mode", o->mode);
	if (o->given & OPTION(MAX_AGE))
		json_object_set_new(body, "max_age",
				    json_integer(o->max_age));
}

void change_add_enforce(const struct cli *cli, json_t *body)
{
	if (cli->options.force)
		json_object_set_new(body, "force", json_true());
	if (cli->options.keep_stale)
		json_object_set_new(body, "keep_stale", json_true());
	if (cli->options.without_reports)
		json_object_set_new(body, "without_reports", json_true());
}

json_t *change_body(const struct cli *cli)
{
	json_t *body = json_object();

	change_add_text(body, "reason", cli->options.reason);
	if (cli->options.dry_run)
		json_object_set_new(body, "dry_run", json_true());
	return body;
}

bool change_takes_back(const json_t *answer)
{
	const json_t *changes = value_at(answer, "changes"), *one;
	size_t i;

	json_array_foreach(changes, i, one)
	{
		if (streq(text_at(one, "field"), "state"))
			return true;
	}
	return false;
}

#define SAME_SHOWN 3 /* of those that it is so already, a row each */

static void add_same(struct cli *cli, const char *name)
{
	if (cli->plan_same++ < SAME_SHOWN)
		table_row(&cli->plan,
			  (const char *const[]){ name, "nothing", NULL, NULL });
}

void change_plan(struct cli *cli, const char *name, const json_t *answer)
{
	const json_t *changes = value_at(answer, "changes"), *change;
	size_t i;

	if (!cli->plan.columns)
		table_init(&cli->plan, plan_header, ARRAY_LEN(plan_header));
	if (!json_array_size(changes))
		add_same(cli, name);
	json_array_foreach(changes, i, change) {
		table_row(&cli->plan,
			  (const char *const[]){ name, text_at(change, "field"),
						 text_at(change, "before"),
						 text_at(change, "after") });
	}
}

void change_print_plan(struct cli *cli)
{
	table_print(&cli->plan, stdout);
	if (cli->plan_same > SAME_SHOWN)
		printf("and nothing of %ld more\n",
		       cli->plan_same - SAME_SHOWN);
	table_release(&cli->plan);
}

static const char *plan_about(const struct cli *cli, const json_t *answer)
{
	const char *name = text_at(answer, "name");

	if (*name)
		return name;
	return cli->plan_about ? cli->plan_about : "the box";
}

enum exit_code change_send(struct cli *cli, const char *method, char *path,
			   json_t *body, json_t **answer, bool *told,
			   struct err *err)
{
	enum exit_code code = api_do(cli->api, method, path, body, answer, err);

	free(path);
	json_decref(body);
	*told = cli->options.json || cli->options.dry_run;
	if (code == EXIT_ERRORS && err->kind == ERR_AGAIN)
		return EXIT_TEMPFAIL;
	if (code != EXIT_FINE)
		return code;
	cli->changed += json_is_true(value_at(*answer, "changed"));
	if (cli->options.json && (!cli->options.wait || cli->options.dry_run))
		say_json(*answer);
	else if (cli->options.dry_run)
		change_plan(cli, plan_about(cli, *answer), *answer);
	return code;
}
