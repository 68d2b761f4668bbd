/*
 * mtastsctl template ...
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/when.h"
#include "cli/change.h"
#include "cli/command.h"
#include "cli/say.h"
#include "cli/targets.h"

static const char *const header[] = { "NAME", "PRESET", "MAX-AGE", "DOMAINS",
				      "MX" };

/* "" for one that leaves it to its domains. */
static const char *age_of(const json_t *t, char out[static DURATION_TEXT])
{
	long age = (long)json_integer_value(value_at(t, "max_age"));

	return age ? duration_format(age, out) : "";
}

static void row(const json_t *t, struct table *table)
{
	char *mx = joined_at(t, "mx", " "), age[DURATION_TEXT], domains[24];

	snprintf(domains, sizeof(domains), "%lld",
		 json_integer_value(value_at(t, "domains")));
	table_row(table, (const char *const[]){ text_at(t, "name"),
						text_at(t, "preset"),
						age_of(t, age), domains, mx });
	free(mx);
}

static enum exit_code list(struct cli *cli, struct err *err)
{
	const json_t *one;
	struct table table;
	json_t *answer = NULL;
	enum exit_code code = api_do(cli->api, "GET", "/v1/templates", NULL,
				     &answer, err);
	size_t i;

	if (code != EXIT_FINE)
		return code;
	table_init(&table, header, ARRAY_LEN(header));
	json_array_foreach(value_at(answer, "templates"), i, one)
	{
		row(one, &table);
	}
	if (cli->options.json)
		say_json(answer);
	else
		table_print(&table, stdout);
	if (!table.cells.count && !cli->options.json)
		fputs("mtastsctl: there is no template (mtastsctl template set "
		      "NAME --mx HOST makes one)\n",
		      stderr);
	table_release(&table);
	json_decref(answer);
	return code;
}

enum exit_code cmd_template_list(struct cli *cli)
{
	struct err err = ERR_INIT;
	enum exit_code code = list(cli, &err);

	if (code != EXIT_FINE)
		say_failure(NULL, &err);
	return code;
}

static enum exit_code show(struct cli *cli, const char *name, struct err *err)
{
	char *path = api_template_path(name, ""), *mx, age[DURATION_TEXT];
	json_t *t = NULL;
	enum exit_code code = api_do(cli->api, "GET", path, NULL, &t, err);
	long long domains;

	free(path);
	if (code != EXIT_FINE)
		return code;
	mx = joined_at(t, "mx", ", ");
	domains = json_integer_value(value_at(t, "domains"));
	if (cli->options.json)
		say_json(t);
	else
		printf("%s: preset %s, mx %s, max_age %s; %lld domain%s\n",
		       text_at(t, "name"),
		       *text_at(t, "preset") ? text_at(t, "preset") : "none",
		       *mx ? mx : "none",
		       *age_of(t, age) ? age : "of each domain", domains,
		       domains == 1 ? "" : "s");
	free(mx);
	json_decref(t);
	return code;
}

enum exit_code cmd_template_show(struct cli *cli)
{
	return targets_each(cli, show);
}

static enum exit_code change(struct cli *cli, const char *method,
			     const char *name, json_t *body, bool *told,
			     bool *changed, struct err *err)
{
	char *about = xasprintf("template %s", name);
	enum exit_code code;
	json_t *answer;

	cli->plan_about = about;
	code = change_send(cli, method, api_template_path(name, ""), body,
			   &answer, told, err);
	*changed = json_is_true(value_at(answer, "changed"));
	json_decref(answer);
	cli->plan_about = NULL;
	free(about);
	return code;
}

/* ---- what a change would do to its domains ---- */

struct tally {
	long follow, stay;
};

/* One that cannot follow is a row, too. */
static void preview_one(struct cli *cli, json_t *domain, struct tally *t)
{
	bool stays = *text_at(domain, "problem");

	*(stays ? &t->stay : &t->follow) += 1;
	if (cli->options.json)
		say_json(domain);
	else if (!stays)
		change_plan(cli, text_at(domain, "name"), domain);
	else
		table_row(&cli->plan,
			  (const char *const[]){
				  text_at(domain, "name"), "stays as it is",
				  text_at(domain, "problem"), NULL });
}

static enum exit_code preview_page(struct cli *cli, const char *name,
				   const json_t *after, json_t **page,
				   struct err *err)
{
	char *path = api_template_path(name, "/preview");
	json_t *body = json_object();
	enum exit_code code;

	change_add_policy(cli, body);
	if (json_is_integer(after))
		json_object_set(body, "after", (json_t *)after);
	code = api_do(cli->api, "POST", path, body, page, err);
	json_decref(body);
	free(path);
	return code;
}

static void say_tally(const char *name, const struct tally *t)
{
	printf("template %s: %ld domain%s would get a new version", name,
	       t->follow, t->follow == 1 ? "" : "s");
	if (t->stay)
		printf(", %ld would stay as %s", t->stay,
		       t->stay == 1 ? "it is" : "they are");
	putchar('\n');
}

static enum exit_code preview(struct cli *cli, const char *name,
			      struct err *err)
{
	json_t *page = NULL, *next = json_null(), *domain;
	struct tally t = { 0, 0 };
	enum exit_code code;
	size_t i;

	do {
		code = preview_page(cli, name, next, &page, err);
		json_decref(next);
		if (code != EXIT_FINE)
			return code;
		json_array_foreach(json_object_get(page, "domains"), i, domain)
		{
			preview_one(cli, domain, &t);
		}
		next = json_incref(json_object_get(page, "next"));
		json_decref(page);
	} while (json_is_integer(next));
	json_decref(next);
	if (!cli->options.json)
		say_tally(name, &t);
	return code;
}

static enum exit_code say_set(struct cli *cli, const char *name, bool changed,
			      struct err *err)
{
	char *path = api_template_path(name, "");
	long long domains;
	json_t *t = NULL;
	enum exit_code code = api_do(cli->api, "GET", path, NULL, &t, err);

	free(path);
	if (code != EXIT_FINE)
		return code;
	domains = json_integer_value(value_at(t, "domains"));
	json_decref(t);
	if (!changed)
		printf("template %s: already so\n", name);
	else if (!domains)
		printf("template %s: set; for domain add or set, with "
		       "--template %s\n",
		       name, name);
	else
		printf("template %s: set; %lld domain%s it; new versions are "
		       "made now, and their ids are to be published\n",
		       name, domains, domains == 1 ? " follows" : "s follow");
	return code;
}

static enum exit_code set(struct cli *cli, const char *name, struct err *err)
{
	json_t *body = change_body(cli);
	bool told, changed;
	enum exit_code code;

	change_add_policy(cli, body);
	code = change(cli, "PUT", name, body, &told, &changed, err);
	if (code == EXIT_FINE && cli->options.dry_run)
		return preview(cli, name, err);
	return code == EXIT_FINE && !told ? say_set(cli, name, changed, err)
					  : code;
}

enum exit_code cmd_template_set(struct cli *cli)
{
	return targets_each(cli, set);
}

static enum exit_code remove_it(struct cli *cli, const char *name,
				struct err *err)
{
	bool told, changed;
	enum exit_code code = change(cli, "DELETE", name, change_body(cli),
				     &told, &changed, err);

	if (code == EXIT_FINE && !told)
		printf("template %s: removed\n", name);
	return code;
}

enum exit_code cmd_template_remove(struct cli *cli)
{
	return targets_each(cli, remove_it);
}
