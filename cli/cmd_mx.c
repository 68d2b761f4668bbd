/*
 * mtastsctl policy mx, diff and accept: mail hosts that move.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/str.h"
#include "cli/change.h"
#include "cli/clean.h"
#include "cli/command.h"
#include "cli/dns_look.h"
#include "cli/policy_say.h"
#include "cli/say.h"
#include "cli/targets.h"

/* ---- a planned move ---- */

/* From when MX may name the new host. */
static void say_dates(const json_t *answer)
{
	const json_t *known = value_at(answer, "known");
	const char *name = text_at(answer, "name");
	time_t now = time(NULL);
	char when[WHEN_TEXT];

	if (!json_is_object(known))
		return;
	if (json_is_true(value_at(known, "now"))) {
		printf("%s: every sender knows it: MX may name it now\n", name);
		policy_say_foreign(value_at(answer, "domain"));
		return;
	}
	printf("%s: MX may name it, for senders that follow ids, %s\n", name,
	       *text_at(known, "by_id")
		       ? when_at(known, "by_id", now, when)
		       : "once DNS shows the new id, and the former one's TTL (an "
			 "hour at least) is over");
	printf("%s: ... and for every sender at %s\n", name,
	       when_at(known, "by_all", now, when));
	policy_say_foreign(value_at(answer, "domain"));
}

/* NAME... add HOST...: where the names end, or the end of all words. */
static size_t find_verb(const struct cli *cli)
{
	size_t at = 0;

	while (at < cli->name_count && !streq(cli->names[at], "add") &&
	       !streq(cli->names[at], "drop"))
		at++;
	return at;
}

static bool read_words(struct cli *cli, struct err *err)
{
	size_t at = find_verb(cli), words = cli->name_count;

	if (at + 1 >= words) {
		err_set(err, ERR_INPUT,
			"policy mx: it takes domains, add or drop, and hosts");
		return err_hint(err,
				"mtastsctl policy mx %.120s add "
				"mx2.example.com",
				at ? cli->names[0] : "example.com");
	}
	cli->hosts = json_array();
	for (size_t i = at + 1; i < words; i++)
		json_array_append_new(cli->hosts, clean_new(cli->names[i]));
	cli->name_count = at;
	return true;
}

static bool is_drop(const struct cli *cli)
{
	return streq(cli->names[cli->name_count], "drop");
}

/* What DNS says now decides; of many it is the daemon that asks. */
static void look_first(struct cli *cli, const char *name)
{
	if (!is_drop(cli) || cli->options.force)
		return;
	if (cli->name_count == 1)
		dns_look(cli, name);
	else
		dns_look_if_old(cli, name);
}

static enum exit_code move(struct cli *cli, const char *name, struct err *err)
{
	json_t *body = change_body(cli), *answer;
	enum exit_code code;
	bool told;

	look_first(cli, name);
	json_object_set(body, cli->names[cli->name_count], cli->hosts);
	if (cli->options.force)
		json_object_set_new(body, "force", json_true());
	code = change_send(cli, "POST", api_domain_path(name, "/policy/mx"),
			   body, &answer, &told, err);
	if (code == EXIT_FINE && !told) {
		policy_say_set(answer);
		say_dates(answer);
	}
	json_decref(answer);
	return code;
}

enum exit_code cmd_policy_mx(struct cli *cli)
{
	struct err err = ERR_INIT;
	enum exit_code code;

	if (!read_words(cli, &err)) {
		say_failure(NULL, &err);
		return EXIT_USAGE;
	}
	code = targets_each(cli, move);
	json_decref(cli->hosts);
	return code;
}

/* ---- what DNS has moved away from ---- */

static void say_lines(const json_t *p, const char *key, const char *sign,
		      const char *why)
{
	const json_t *host;
	size_t i;

	json_array_foreach(value_at(p, key), i, host)
	{
		printf("%s mx: %s%s\n", sign, json_string_value(host), why);
	}
}

static void say_bad_names(const json_t *p)
{
	const json_t *bad;
	size_t i;

	json_array_foreach(value_at(p, "bad_names"), i, bad)
	{
		printf("! %s is in an MX record, and is no host name: no "
		       "policy can name it\n",
		       json_string_value(bad));
	}
}

/* What is compared is as old as the look is. */
static void say_looked(const json_t *p)
{
	const char *name = text_at(p, "name");
	char when[WHEN_TEXT];

	if (*text_at(p, "looked"))
		printf("%s: MX as DNS showed it at %s\n", name,
		       when_at(p, "looked", time(NULL), when));
	else
		printf("%s: DNS has not said yet what its MX is: mtastsctl "
		       "domain check %s looks at it\n",
		       name, name);
}

static void show_diff(const json_t *p)
{
	const char *name = text_at(p, "name");

	say_looked(p);
	if (!*text_at(p, "looked"))
		return;
	if (!json_array_size(value_at(p, "bad_names")) &&
	    !json_array_size(value_at(p, "add")) &&
	    !json_array_size(value_at(p, "unused"))) {
		printf("%s: the policy and MX agree\n", name);
		return;
	}
	say_bad_names(p);
	say_lines(p, "add", "+", "");
	say_lines(p, "unused", " ", "	(in no MX; kept)");
	if (!json_is_true(value_at(p, "agreed")))
		printf("the resolvers do not agree on its MX\n");
}

static enum exit_code diff(struct cli *cli, const char *name, struct err *err)
{
	dns_look_if_old(cli, name);
	return targets_get(cli, name, "/policy/proposal", show_diff, err);
}

enum exit_code cmd_policy_diff(struct cli *cli)
{
	return targets_each(cli, diff);
}

static void say_accepted(const json_t *answer)
{
	char *hosts = joined_at(answer, "added", ", ");

	say_looked(answer);
	if (*hosts)
		printf("%s: added %s\n", text_at(answer, "name"), hosts);
	policy_say_set(answer);
	free(hosts);
}

static enum exit_code accept_it(struct cli *cli, const char *name,
				struct err *err)
{
	json_t *body = change_body(cli), *answer;
	enum exit_code code;
	bool told;

	dns_look_if_old(cli, name);
	if (cli->options.force)
		json_object_set_new(body, "force", json_true());
	code = change_send(cli, "POST", api_domain_path(name, "/policy/accept"),
			   body, &answer, &told, err);
	if (code == EXIT_FINE && !told)
		say_accepted(answer);
	json_decref(answer);
	return code;
}

enum exit_code cmd_policy_accept(struct cli *cli)
{
	return targets_each(cli, accept_it);
}
