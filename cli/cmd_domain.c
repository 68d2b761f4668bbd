/*
 * mtastsctl domain ...
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "cli/adopt.h"
#include "cli/announced_ids.h"
#include "cli/change.h"
#include "cli/command.h"
#include "cli/dns_look.h"
#include "cli/mx_looks.h"
#include "cli/mx_read.h"
#include "cli/onboarding.h"
#include "cli/plan.h"
#include "cli/policy_say.h"
#include "cli/say.h"
#include "cli/targets.h"
#include "cli/wait.h"

/* ---- add ---- */

static json_t *add_body(const struct cli *cli, const char *name)
{
	const struct options *o = &cli->options;
	json_t *body = change_body(cli);

	change_add_text(body, "name", name);
	change_add_text(body, "label", o->label);
	change_add_list(body, "rua", &o->rua, o->given & OPTION(RUA));
	change_add_text(body, "track_mx", o->track_mx);
	change_add_text(body, "template", o->template);
	change_add_policy(cli, body);
	change_add_enforce(cli, body);
	if (o->no_adopt)
		json_object_set_new(body, "no_adopt", json_true());
	return body;
}

/* What senders go on with: it is all that --adopt is about. */
static void say_adopted(const json_t *answer)
{
	const json_t *p = value_at(answer, "domain.policy");
	char *mx = joined_at(p, "mx", ", "), age[DURATION_TEXT];

	printf("%s: adopted as it is: id %s, mode %s, max_age %s, mx %s\n",
	       text_at(answer, "name"), text_at(p, "id"), text_at(p, "mode"),
	       duration_format((long)json_integer_value(value_at(p, "max_age")),
			       age),
	       mx);
	free(mx);
}

static void say_added(const json_t *answer, bool is_adopted)
{
	char *title = title_of(value_at(answer, "domain"));
	const char *state = text_at(answer, "domain.state");

	if (!json_is_true(value_at(answer, "changed"))) {
		printf("%s: already so, %s\n", title, state);
	} else if (change_takes_back(answer)) {
		printf("%s: it stays, %s\n", title, state);
		policy_say_set(answer);
	} else {
		if (is_adopted)
			say_adopted(answer);
		printf("%s: added, %s; records to publish: "
		       "mtastsctl domain records %s\n",
		       title, state, text_at(answer, "name"));
	}
	fflush(stdout);
	free(title);
}

static bool is_new(struct cli *cli, const char *name)
{
	struct err err = ERR_INIT;
	char *path = api_domain_path(name, "");
	json_t *there = NULL;

	api_do(cli->api, "GET", path, NULL, &there, &err);
	free(path);
	json_decref(there);
	return err.kind == ERR_NOT_FOUND;
}

/* Nobody said which hosts take its mail: DNS may say. */
static enum exit_code find_mx(struct cli *cli, const char *name, json_t *body,
			      struct err *err)
{
	const struct options *o = &cli->options;
	enum exit_code code;
	json_t *mx;

	if (o->adopt)
		return adopt_policy(cli, name, body, err);
	if (o->given & (OPTION(MX) | OPTION(PRESET)) ||
	    !str_is_empty(o->template) || !is_new(cli, name))
		return EXIT_FINE;
	code = mx_read(cli, name, &mx, err);
	if (mx)
		json_object_set_new(body, "mx", mx);
	return code;
}

static enum exit_code add(struct cli *cli, const char *name, struct err *err)
{
	json_t *body = add_body(cli, name), *answer;
	struct announced_id *id = cli->options.adopt
					  ? NULL
					  : announced_ids_ask(cli->ids, name);
	enum exit_code code = find_mx(cli, name, body, err);
	bool told;

	announced_id_take(id, body);
	dns_look_if_old(cli, name); /* it may go back to enforce */
	if (code != EXIT_FINE) {
		json_decref(body);
		return code;
	}
	code = change_send(cli, "POST", xstrdup("/v1/domains"), body, &answer,
			   &told, err);
	if (code != EXIT_FINE)
		return code;
	if (!told)
		say_added(answer, cli->options.adopt);
	mx_looks_add(cli->looks, answer, 0);
	if (cli->options.wait && !cli->options.dry_run)
		wait_add(&cli->wait, answer, NULL);
	json_decref(answer);
	return code;
}

enum exit_code cmd_domain_add(struct cli *cli)
{
	const struct options *o = &cli->options;
	enum exit_code code;

	cli->looks = mx_looks_new(cli, NULL);
	cli->ids = announced_ids_new(cli);
	code = targets_each_labelled(cli, add);
	announced_ids_free(cli->ids);
	mx_looks_free(cli->looks);
	if (!o->json && !o->dry_run && (cli->name_count > 1 || o->file))
		onboarding_say(cli);
	return code;
}

/* ---- publish ---- */

static enum exit_code publish(struct cli *cli, const char *name,
			      struct err *err)
{
	enum exit_code code;
	json_t *answer;
	bool told;

	code = change_send(cli, "POST", api_domain_path(name, "/publish"),
			   change_body(cli), &answer, &told, err);
	if (code == EXIT_FINE && !told)
		printf("%s: your zone is told again\n",
		       text_at(answer, "name"));
	json_decref(answer);
	return code;
}

enum exit_code cmd_domain_publish(struct cli *cli)
{
	return targets_each(cli, publish);
}

/* ---- set ---- */

static void say_changed(const json_t *answer, const char *done)
{
	bool changed = json_is_true(value_at(answer, "changed"));

	printf("%s: %s\n", text_at(answer, "name"),
	       changed ? done : "already so");
}

/* A rua is nothing but a record to publish: here it is. */
static enum exit_code say_reports(struct cli *cli, const char *name,
				  struct err *err)
{
	char *path = api_domain_path(name, "/records");
	enum exit_code code;
	json_t *answer, *r;
	bool is_there = false;
	size_t i;

	code = api_do(cli->api, "GET", path, NULL, &answer, err);
	free(path);
	if (code != EXIT_FINE)
		return code;
	json_array_foreach(json_object_get(answer, "records"), i, r)
	{
		if (!str_starts(text_at(r, "name"), "_smtp._tls.") ||
		    streq(text_at(r, "publish"), "instead"))
			continue;
		printf("%s: %s %s\n", name,
		       streq(text_at(r, "type"), "CNAME")
			       ? "to be set once, if it is not yet:"
			       : "now publish:",
		       text_at(r, "line"));
		is_there = true;
	}
	if (!is_there && !streq(text_at(answer, "state"), "handing-over"))
		printf("%s: take _smtp._tls.%s out of DNS\n", name, name);
	json_decref(answer);
	return code;
}

/* By the template. */
static bool has_new_version(const json_t *answer)
{
	const json_t *changes = value_at(answer, "changes"), *one;
	size_t i;

	json_array_foreach(changes, i, one)
	{
		if (streq(text_at(one, "field"), "version"))
			return true;
	}
	return false;
}

/* Its own hosts and max_age may have been replaced: that is not to be missed. */
static void say_new_version(const json_t *answer)
{
	policy_say_changes(answer);
	policy_say_set(answer);
}

static enum exit_code set(struct cli *cli, const char *name, struct err *err)
{
	const struct options *o = &cli->options;
	json_t *body = change_body(cli), *answer;
	enum exit_code code;
	bool told;

	change_add_text(body, "label", o->label);
	change_add_list(body, "rua", &o->rua, o->given & OPTION(RUA));
	change_add_text(body, "track_mx", o->track_mx);
	change_add_text(body, "template", o->template);
	if (cli->options.given & OPTION(TEMPLATE))
		dns_look_if_old(cli, name);
	code = change_send(cli, "PATCH", api_domain_path(name, ""), body,
			   &answer, &told, err);
	if (code == EXIT_FINE && !told)
		say_changed(answer, "changed");
	if (code == EXIT_FINE && !told && has_new_version(answer))
		say_new_version(answer);
	if (code == EXIT_FINE && has_new_version(answer))
		mx_looks_add(cli->looks, answer, 0);
	if (code == EXIT_FINE && !told && o->given & OPTION(RUA))
		code = say_reports(cli, text_at(answer, "name"), err);
	json_decref(answer);
	return code;
}

enum exit_code cmd_domain_set(struct cli *cli)
{
	struct err err = ERR_INIT;
	enum exit_code code;

	if (cli->options.given & (OPTION(LABEL) | OPTION(RUA) |
				  OPTION(TRACK_MX) | OPTION(TEMPLATE))) {
		cli->looks = mx_looks_new(cli, NULL);
		code = targets_each_labelled(cli, set);
		mx_looks_free(cli->looks);
		return code;
	}
	err_set(&err, ERR_INPUT, "domain set: nothing to set");
	err_hint(&err, "--label LABEL, --rua URI, --template NAME or "
		       "--track-mx yes|no");
	say_failure(NULL, &err);
	return EXIT_USAGE;
}

/* ---- list ---- */

static const char *const list_header[] = { "NAME",   "STATE",	"HEALTH",
					   "MODE",   "EXPIRES", "LABEL",
					   "PROBLEM" };

static void list_row(const json_t *d, struct table *t)
{
	const json_t *first = json_array_get(value_at(d, "findings"), 0);
	char *title = title_of(d);

	table_row(t, (const char *const[]){
			     title, text_at(d, "state"),
			     text_at(d, "health"),
			     text_at(d, "policy.mode"),
			     text_at(d, "certificate.not_after"),
			     text_at(d, "label"), text_at(first, "id") });
	free(title);
}

static enum exit_code plan(struct cli *cli)
{
	struct err err = ERR_INIT;
	enum exit_code code;
	json_t *all = NULL;
	long a_day;

	if (!cli->options.state)
		cli->options.state = "waiting-for-dns";
	if (!plan_parse(cli->options.plan, &a_day, &err)) {
		say_failure(NULL, &err);
		return EXIT_USAGE;
	}
	code = targets_collect(cli, "/v1/domains", "domains", &all, &err);
	if (code == EXIT_FINE)
		code = plan_print(cli, all, a_day);
	else
		say_failure(NULL, &err);
	json_decref(all);
	return code;
}

enum exit_code cmd_domain_list(struct cli *cli)
{
	if (cli->options.plan)
		return plan(cli);
	return targets_list(cli, "/v1/domains", "domains", list_header,
			    ARRAY_LEN(list_header), 0, TABLE_COLUMN(6),
			    list_row);
}
