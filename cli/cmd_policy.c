/*
 * mtastsctl policy ...
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/change.h"
#include "cli/command.h"
#include "cli/dns_look.h"
#include "cli/mx_looks.h"
#include "cli/policy_say.h"
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

/* ---- history ---- */

#define COUNTED_WITHIN                                                         \
	15 /* seconds: SERVED_TOLD of store/served.h, and some
			     of grace */

/* What was fetched just now is counted some seconds later. */
static bool is_counted(const json_t *v, time_t now)
{
	return *text_at(v, "replaced") &&
	       age_at(v, "replaced", now) > COUNTED_WITHIN;
}

static void show_served(const json_t *v)
{
	long long fetches = json_integer_value(value_at(v, "fetches"));

	if (!*text_at(v, "last_served"))
		puts(is_counted(v, time(NULL)) ? "#   never served"
					       : "#   no fetch counted yet");
	else
		printf("#   served from %s to %s, %lld %s counted\n",
		       text_at(v, "first_served"), text_at(v, "last_served"),
		       fetches, fetches == 1 ? "fetch" : "fetches");
}

/* Of an older mtastsd it is not known. */
static void show_author(const json_t *v)
{
	const char *actor = text_at(v, "actor"), *reason = text_at(v, "reason");
	const char *channel = text_at(v, "channel");
	bool is_plain = !*channel || streq(channel, "box");

	if (*actor)
		printf("#   made by %s%s%s%s%s%s\n", actor,
		       is_plain ? "" : " via ", is_plain ? "" : channel,
		       *reason ? " (" : "", reason, *reason ? ")" : "");
}

/* In the order in which it comes about. */
static void show_version(const json_t *v)
{
	show(v);
	show_author(v);
	if (*text_at(v, "announced"))
		printf("#   announced %s\n", text_at(v, "announced"));
	show_served(v);
	if (*text_at(v, "replaced"))
		printf("#   replaced %s\n", text_at(v, "replaced"));
}

static enum exit_code history_page(struct cli *cli, const char *name,
				   const json_t *last, json_t **page,
				   struct err *err)
{
	char *path = api_domain_path(name, "/policy/history"), before[24];
	enum exit_code code;

	snprintf(before, sizeof(before), "%lld", json_integer_value(last));
	path = api_path_with(path, "before",
			     json_is_integer(last) ? before : NULL);
	code = api_do(cli->api, "GET", path, NULL, page, err);
	free(path);
	return code;
}

/* All of it as one document: { "name", "versions": [ ... ] }. */
static enum exit_code history_of(struct cli *cli, const char *name,
				 json_t *all, struct err *err)
{
	json_t *page = NULL, *next = json_null();
	enum exit_code code;

	do {
		code = history_page(cli, name, next, &page, err);
		json_decref(next);
		if (code != EXIT_FINE)
			return code;
		json_array_extend(json_object_get(all, "versions"),
				  json_object_get(page, "versions"));
		json_object_set(all, "name", json_object_get(page, "name"));
		next = json_incref(json_object_get(page, "next"));
		json_decref(page);
	} while (json_is_integer(next));
	json_decref(next);
	return EXIT_FINE;
}

static enum exit_code history_one(struct cli *cli, const char *name,
				  struct err *err)
{
	json_t *all = json_pack("{s:[]}", "versions"), *version;
	enum exit_code code = history_of(cli, name, all, err);
	size_t i;

	if (code == EXIT_FINE && cli->options.json) {
		say_json(all);
	} else if (code == EXIT_FINE) {
		printf("%s\n", text_at(all, "name"));
		json_array_foreach(json_object_get(all, "versions"), i,
				   version) {
			show_version(version);
		}
	}
	json_decref(all);
	return code;
}

enum exit_code cmd_policy_history(struct cli *cli)
{
	return targets_each(cli, history_one);
}

/* ---- changes ---- */

/* It is half of a way out: the other half is not forgotten so easily there. */
static void say_none(const json_t *answer)
{
	const char *name = text_at(answer, "name");

	if (streq(text_at(answer, "domain.policy.mode"), "none"))
		printf("%s: to take the domain away: mtastsctl domain remove "
		       "%s, which says when its records may go\n",
		       name, name);
}

/* The way out of enforce works for those that hear of it. */
static void say_until(const json_t *answer)
{
	char when[WHEN_TEXT];

	if (streq(text_at(answer, "domain.policy.mode"), "testing") &&
	    *text_at(answer, "enforced_until"))
		printf("%s: senders that follow ids stop refusing once DNS "
		       "shows the new id and its TTL is over; the last may "
		       "refuse until %s\n", text_at(answer, "name"),
		       when_at(answer, "enforced_until", time(NULL), when));
}

static enum exit_code put(struct cli *cli, const char *name, const char *mode,
			  struct err *err)
{
	json_t *body = change_body(cli), *answer;
	enum exit_code code;
	bool told;

	change_add_policy(cli, body);
	change_add_text(body, "mode", mode);
	change_add_enforce(cli, body);
	code = change_send(cli, "PUT", api_domain_path(name, "/policy"), body,
			   &answer, &told, err);
	if (code == EXIT_FINE && !told) {
		policy_say_set(answer);
		if (mode)
			say_until(answer);
		say_none(answer);
	}
	if (code == EXIT_FINE && cli->looks)
		mx_looks_add(cli->looks, answer, 0);
	json_decref(answer);
	return code;
}

/* Hosts may go, and DNS may name them by now. */
static enum exit_code set(struct cli *cli, const char *name, struct err *err)
{
	if (cli->options.given & (OPTION(MX) | OPTION(PRESET)))
		dns_look_if_old(cli, name);
	return put(cli, name, cli->options.mode, err);
}

/* Hosts that are named are compared with those of DNS. */
static enum exit_code set_all(struct cli *cli)
{
	enum exit_code code;

	if (cli->options.given & (OPTION(MX) | OPTION(PRESET)))
		cli->looks = mx_looks_new(cli, NULL);
	code = targets_each(cli, set);
	mx_looks_free(cli->looks);
	return code;
}

enum exit_code cmd_policy_set(struct cli *cli)
{
	struct err err = ERR_INIT;

	if (cli->options.given & (OPTION(MODE) | OPTION(MX) | OPTION(PRESET) |
				  OPTION(MAX_AGE)))
		return set_all(cli);
	err_set(&err, ERR_INPUT, "policy set: nothing to set");
	err_hint(&err, "--mx HOST, --preset PROVIDER, --mode MODE or "
		       "--max-age DURATION");
	say_failure(NULL, &err);
	return EXIT_USAGE;
}

static enum exit_code rollback(struct cli *cli, const char *name,
			       struct err *err)
{
	json_t *body = change_body(cli), *answer;
	enum exit_code code;
	bool told;

	dns_look_if_old(cli, name);
	if (cli->options.given & OPTION(TO))
		json_object_set_new(body, "to", json_integer(cli->options.to));
	change_add_enforce(cli, body);
	code = change_send(cli, "POST",
			   api_domain_path(name, "/policy/rollback"), body,
			   &answer, &told, err);
	if (code == EXIT_FINE && !told)
		policy_say_set(answer);
	json_decref(answer);
	return code;
}

enum exit_code cmd_policy_rollback(struct cli *cli)
{
	return targets_each(cli, rollback);
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

/* ---- announced by hand ---- */

static enum exit_code announce(struct cli *cli, const char *name,
			       struct err *err)
{
	json_t *body = change_body(cli), *answer;
	enum exit_code code;
	bool told;

	code = change_send(cli, "POST",
			   api_domain_path(name, "/policy/announce"), body,
			   &answer, &told, err);
	if (code == EXIT_FINE && !told) {
		printf("%s: %s by hand, until this box fetches the policy "
		       "itself\n",
		       text_at(answer, "name"),
		       json_is_true(value_at(answer, "changed"))
			       ? "announced"
			       : "already announced");
		policy_say_record(value_at(answer, "domain"));
	}
	json_decref(answer);
	return code;
}

enum exit_code cmd_policy_announce(struct cli *cli)
{
	return targets_each(cli, announce);
}
