/*
 * mtastsctl domain ...
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "cli/change.h"
#include "cli/command.h"
#include "cli/onboarding.h"
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
	change_add_policy(cli, body);
	return body;
}

static void say_added(const json_t *answer)
{
	char *title = title_of(value_at(answer, "domain"));

	if (json_is_true(value_at(answer, "changed")))
		printf("%s: added, %s; records to publish: "
		       "mtastsctl domain records %s\n", title,
		       text_at(answer, "domain.state"),
		       text_at(answer, "name"));
	else
		printf("%s: already so, %s\n", title,
		       text_at(answer, "domain.state"));
	fflush(stdout);
	free(title);
}

static enum exit_code add(struct cli *cli, const char *name, struct err *err)
{
	enum exit_code code;
	json_t *answer;
	bool told;

	code = change_send(cli, "POST", xstrdup("/v1/domains"),
			   add_body(cli, name), &answer, &told, err);
	if (code != EXIT_FINE)
		return code;
	if (!told)
		say_added(answer);
	if (cli->options.wait && !cli->options.dry_run)
		wait_add(&cli->wait, answer, NULL);
	json_decref(answer);
	return code;
}

enum exit_code cmd_domain_add(struct cli *cli)
{
	enum exit_code code = targets_each_labelled(cli, add);
	const struct options *o = &cli->options;

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

/* ---- set, remove ---- */

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
	if (!is_there)
		printf("%s: take _smtp._tls.%s out of DNS\n", name, name);
	json_decref(answer);
	return code;
}

static enum exit_code set(struct cli *cli, const char *name, struct err *err)
{
	const struct options *o = &cli->options;
	json_t *body = change_body(cli), *answer;
	enum exit_code code;
	bool told;

	change_add_text(body, "label", o->label);
	change_add_list(body, "rua", &o->rua, o->given & OPTION(RUA));
	code = change_send(cli, "PATCH", api_domain_path(name, ""), body,
			   &answer, &told, err);
	if (code == EXIT_FINE && !told)
		say_changed(answer, "changed");
	if (code == EXIT_FINE && !told && o->given & OPTION(RUA))
		code = say_reports(cli, text_at(answer, "name"), err);
	json_decref(answer);
	return code;
}

enum exit_code cmd_domain_set(struct cli *cli)
{
	struct err err = ERR_INIT;

	if (cli->options.given & (OPTION(LABEL) | OPTION(RUA)))
		return targets_each_labelled(cli, set);
	err_set(&err, ERR_INPUT, "domain set: nothing to set");
	err_hint(&err, "--label LABEL or --rua URI");
	say_failure(NULL, &err);
	return EXIT_USAGE;
}

/* In days or hours, rounded up. */
static const char *at_most(long seconds, char out[static DURATION_TEXT])
{
	long unit = seconds > WHEN_DAY ? WHEN_DAY : WHEN_HOUR;

	return duration_format((seconds + unit - 1) / unit * unit, out);
}

/* They hold what they have fetched, whether it is still served or not. */
static void say_holders(const json_t *answer)
{
	long left = (long)json_integer_value(value_at(answer, "enforced_for"));
	char text[DURATION_TEXT];

	if (left)
		printf("%s: senders go on refusing other hosts for up to %s: "
		       "see \"Taking a domain away\" in mtastsctl(1)\n",
		       text_at(answer, "name"), at_most(left, text));
}

static enum exit_code remove_it(struct cli *cli, const char *name,
				struct err *err)
{
	enum exit_code code;
	json_t *answer;
	bool told;

	code = change_send(cli, "DELETE", api_domain_path(name, ""),
			   change_body(cli), &answer, &told, err);
	if (code == EXIT_FINE && !told)
		say_changed(answer, "removed; take mta-sts, _mta-sts and "
				    "_smtp._tls of it out of DNS");
	if (code == EXIT_FINE && !cli->options.json)
		say_holders(answer);
	json_decref(answer);
	return code;
}

enum exit_code cmd_domain_remove(struct cli *cli)
{
	return targets_each(cli, remove_it);
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

enum exit_code cmd_domain_list(struct cli *cli)
{
	return targets_list(cli, "/v1/domains", "domains", list_header,
			    ARRAY_LEN(list_header), list_row);
}

/* ---- show ---- */

/* "title       text", and nothing if there is no text. */
static void field(const char *title, const char *text)
{
	if (*text)
		printf("  %-12s %s\n", title, text);
}

static void show_findings(const json_t *d)
{
	const json_t *list = value_at(d, "findings"), *f;
	size_t i;

	json_array_foreach(list, i, f) {
		printf("  %-12s %s: %s\n", text_at(f, "level"),
		       text_at(f, "id"), text_at(f, "text"));
		field("", text_at(f, "hint"));
	}
}

static void show_policy(const json_t *d, time_t now)
{
	const json_t *p = value_at(d, "policy");
	char age[DURATION_TEXT], made[WHEN_TEXT];
	char *mx = joined_at(p, "mx", ", ");

	if (json_is_object(p)) {
		printf("  %-12s version %lld, id %s, made %s\n", "policy",
		       json_integer_value(value_at(p, "version")),
		       text_at(p, "id"), when_at(p, "created", now, made));
		field("  mode", text_at(p, "mode"));
		field("  max_age",
		      duration_format(
			      (long)json_integer_value(value_at(p, "max_age")),
			      age));
		field("  mx", mx);
	}
	free(mx);
}

static void show_cert(const json_t *d, time_t now)
{
	const json_t *c = value_at(d, "certificate");
	char when[WHEN_TEXT];

	if (!json_is_object(c)) {
		field("certificate", "none yet");
		return;
	}
	field("certificate", text_at(c, "serial"));
	field("  issued by", text_at(c, "issuer"));
	field("  from ca",
	      *text_at(c, "ca") ? text_at(c, "ca") : "none: it was imported");
	field("  since", when_at(c, "not_before", now, when));
	field("  until", when_at(c, "not_after", now, when));
	field("  renewal", when_at(c, "renew_at", now, when));
}

static void show_work(const json_t *d, time_t now)
{
	char when[WHEN_TEXT];

	if (json_is_object(value_at(d, "order")))
		printf("  %-12s %s, since %s\n", "order",
		       text_at(d, "order.state"),
		       when_at(d, "order.since", now, when));
	if (json_is_object(value_at(d, "next")))
		printf("  %-12s %s at %s\n", "next", text_at(d, "next.what"),
		       when_at(d, "next.at", now, when));
}

static void show_told(const json_t *d)
{
	const json_t *list = value_at(d, "publication.records"), *r;
	size_t i;

	json_array_foreach(list, i, r)
	{
		printf("  %-12s %s %s %s\n", i ? "" : "published",
		       text_at(r, "name"), text_at(r, "type"),
		       text_at(r, "value"));
	}
}

static void show_publication(const json_t *d, time_t now)
{
	const char *state = text_at(d, "publication.state");
	char at[WHEN_TEXT];

	show_told(d);
	if (streq(state, "published"))
		field("  since", when_at(d, "publication.at", now, at));
	if (streq(state, "waiting"))
		field("to publish", "waits for its turn; mtastsctl status "
				    "says if something is in the way");
	if (streq(state, "nothing"))
		field("published", streq(text_at(d, "state"), "live")
					   ? "nothing"
					   : "nothing before it is live");
}

static void show(const json_t *d)
{
	char *title = title_of(d), *rua = joined_at(d, "rua", ", ");
	time_t now = time(NULL);
	char since[WHEN_TEXT];

	printf("%s\n  %-12s %s, since %s\n", title, "state",
	       text_at(d, "state"), when_at(d, "state_since", now, since));
	field("health", text_at(d, "health"));
	show_findings(d);
	field("label", text_at(d, "label"));
	show_policy(d, now);
	show_cert(d, now);
	show_work(d, now);
	field("reports to", rua);
	show_publication(d, now);
	free(title);
	free(rua);
}

static enum exit_code show_one(struct cli *cli, const char *name,
			       struct err *err)
{
	return targets_get(cli, name, "", show, err);
}

enum exit_code cmd_domain_show(struct cli *cli)
{
	return targets_each(cli, show_one);
}
