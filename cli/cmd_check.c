/*
 * mtastsctl domain check: the same as mtasts-check, for domains of this box
 * and others; for the former with what the daemon expects to be seen.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "cli/check_options.h"
#include "cli/check_run.h"
#include "cli/command.h"
#include "cli/say.h"
#include "cli/targets.h"

#define HTTP_PORT 80

/* Texts live as long as these. */
struct known {
	json_t *settings;
	json_t *expected; /* NULL: it is not hosted here */
};

static void known_release(struct known *k)
{
	json_decref(k->settings);
	json_decref(k->expected);
}

/* NULL, with *code, if there is none. Takes path. */
static json_t *ask(struct cli *cli, char *path, enum exit_code *code,
		   struct err *err)
{
	json_t *answer = NULL;

	*code = api_do(cli->api, "GET", path, NULL, &answer, err);
	free(path);
	return *code == EXIT_FINE ? answer : NULL;
}

/* The daemon may as well see what is seen here; its own view is not waited
   for. */
static void look_again(struct cli *cli, const char *name)
{
	char *path = api_domain_path(name, "/look");
	struct err ignored = ERR_INIT;
	json_t *answer = NULL;

	api_do(cli->api, "POST", path, NULL, &answer, &ignored);
	free(path);
	json_decref(answer);
}

/* A domain that is not hosted here is no failure. */
static enum exit_code ask_all(struct cli *cli, const char *name,
			      struct known *k, struct err *err)
{
	enum exit_code code;

	k->settings = ask(cli, xstrdup("/v1/check"), &code, err);
	if (code != EXIT_FINE)
		return code;
	k->expected = ask(cli, api_domain_path(name, "/expected"), &code, err);
	if (code != EXIT_FINE && err->kind == ERR_NOT_FOUND) {
		*err = (struct err)ERR_INIT;
		return EXIT_FINE;
	}
	if (code == EXIT_FINE)
		look_again(cli, name);
	return code;
}

/* ---- what is expected ---- */

/* As many texts as there is room for, each in its row of `size` bytes. */
static size_t take_texts(const json_t *list, void *rows, size_t size,
			 size_t most)
{
	size_t n = json_array_size(list);
	char *row = rows;

	if (n > most)
		n = most;
	for (size_t i = 0; i < n; i++)
		snprintf(row + i * size, size, "%s",
			 json_string_value(json_array_get(list, i)));
	return n;
}

#define TAKE(list, rows)                                                       \
	take_texts(list, rows, sizeof(*(rows)), ARRAY_LEN(rows))

static void add_reports(struct check_expected *e, const json_t *told)
{
	e->has_reports = json_is_object(told);
	e->sessions = json_integer_value(value_at(told, "sessions"));
	e->failures = json_integer_value(value_at(told, "failures"));
	e->silent_days = json_integer_value(value_at(told, "silent_days"));
}

static void add_expected(struct check_expected *e, const json_t *is)
{
	e->is_hosted = true;
	str_copy(e->id, sizeof(e->id), text_at(is, "id"));
	e->body = json_string_value(value_at(is, "body"));
	instant_parse(text_at(is, "since"), &e->policy_since);
	instant_parse(text_at(is, "removable"), &e->removable_at);
	instant_parse(text_at(is, "foreign_until"), &e->foreign_until);
	e->past_count = TAKE(value_at(is, "past_ids"), e->past_id);
	e->address_count = TAKE(value_at(is, "addresses"), e->address);
	e->collector_count = TAKE(value_at(is, "rua"), e->collector);
	str_copy(e->trouble, sizeof(e->trouble), text_at(is, "trouble"));
	e->trouble_is_error = json_is_true(value_at(is, "trouble_is_error"));
	str_copy(e->waits, sizeof(e->waits), text_at(is, "waits"));
	str_copy(e->sts_cname, sizeof(e->sts_cname), text_at(is, "sts_cname"));
	str_copy(e->report_cname, sizeof(e->report_cname),
		 text_at(is, "report_cname"));
	e->is_published = json_is_true(value_at(is, "published"));
	e->is_handed_over = json_is_true(value_at(is, "handed_over"));
	add_reports(e, value_at(is, "reports"));
}

static void add_identities(struct check_ca *ca, const json_t *names)
{
	const json_t *name;
	size_t i;

	json_array_foreach(names, i, name)
	{
		if (ca->identity_count < ARRAY_LEN(ca->identity))
			str_copy(ca->identity[ca->identity_count++],
				 DNS_CAA_VALUE, json_string_value(name));
	}
}

static void add_cas(struct check_facts *facts, const json_t *cas)
{
	const json_t *one;
	size_t i;

	json_array_foreach(cas, i, one)
	{
		struct check_ca *ca = &facts->ca[facts->ca_count];

		if (facts->ca_count == ARRAY_LEN(facts->ca))
			return;
		facts->ca_count++;
		str_copy(ca->name, sizeof(ca->name), text_at(one, "name"));
		str_copy(ca->account, sizeof(ca->account),
			 text_at(one, "account_url"));
		add_identities(ca, value_at(one, "caa_identities"));
	}
}

static void add_known(struct check_facts *facts, void *arg)
{
	const struct known *k = arg;

	if (!k->expected)
		return;
	add_expected(&facts->expected, k->expected);
	add_cas(facts, value_at(k->settings, "cas"));
}

/* ---- how it is looked at ---- */

static enum exit_code check(struct cli *cli, const char *name, struct err *err)
{
	const struct options *o = &cli->options;
	const char *resolvers[DNS_SERVERS_MAX];
	struct outside_options outside;
	struct known known = { NULL };
	enum exit_code code;

	code = ask_all(cli, name, &known, err);
	if (code == EXIT_FINE) {
		check_options_fill(&outside, resolvers, o, known.settings);
		if (known.expected)
			outside.http_port = o->http_port ? o->http_port
							 : HTTP_PORT;
		code = check_run(name, &outside, o->json, add_known, &known,
				 err);
	}
	known_release(&known);
	return code;
}

enum exit_code cmd_domain_check(struct cli *cli)
{
	struct err err = ERR_INIT;

	if (!check_options_are_good(&cli->options, &err)) {
		say_failure(NULL, &err);
		return EXIT_USAGE;
	}
	loop_init_library();
	return targets_each(cli, check);
}
