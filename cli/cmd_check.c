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
	json_t *settings, *domain, *records, *history;
};

static void known_release(struct known *k)
{
	json_decref(k->settings);
	json_decref(k->domain);
	json_decref(k->records);
	json_decref(k->history);
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
	enum exit_code code, ignored;

	k->settings = ask(cli, xstrdup("/v1/check"), &code, err);
	if (code != EXIT_FINE)
		return code;
	k->domain = ask(cli, api_domain_path(name, ""), &code, err);
	if (code != EXIT_FINE && err->kind == ERR_NOT_FOUND) {
		*err = (struct err)ERR_INIT;
		return EXIT_FINE;
	}
	if (code != EXIT_FINE)
		return code;
	look_again(cli, name);
	k->records = ask(cli, api_domain_path(name, "/records"), &code, err);
	k->history = ask(cli, api_domain_path(name, "/policy/history"),
			 &ignored, NULL);
	return code;
}

/* ---- what is expected ---- */

static void add_past(struct check_expected *e, const json_t *history)
{
	const json_t *v;
	size_t i;

	json_array_foreach(value_at(history, "versions"), i, v)
	{
		const char *id = text_at(v, "id");

		if (!streq(id, e->id) && e->past_count < CHECK_IDS_MAX)
			str_copy(e->past_id[e->past_count++], STS_ID_SIZE, id);
	}
}

static void add_addresses(struct check_expected *e, const json_t *records)
{
	const json_t *r;
	size_t i;

	json_array_foreach(value_at(records, "records"), i, r)
	{
		const char *type = text_at(r, "type");

		if ((streq(type, "A") || streq(type, "AAAA")) &&
		    e->address_count < ARRAY_LEN(e->address))
			str_copy(e->address[e->address_count++],
				 DNS_ADDRESS_TEXT, text_at(r, "value"));
	}
}

static void add_collectors(struct check_expected *e, const json_t *domain)
{
	const json_t *rua;
	size_t i;

	json_array_foreach(value_at(domain, "rua"), i, rua)
	{
		if (e->collector_count < ARRAY_LEN(e->collector))
			str_copy(e->collector[e->collector_count++],
				 CHECK_WORDS, json_string_value(rua));
	}
}

static void add_trouble(struct check_expected *e, const json_t *domain)
{
	const json_t *first = own_trouble(domain);
	const char *next = text_at(domain, "next.what");

	if (!first)
		return;
	snprintf(e->trouble, sizeof(e->trouble), "%.250s%s%s%s%s",
		 text_at(first, "text"), *next ? "; next: " : "", next,
		 *next ? " at " : "", text_at(domain, "next.at"));
	e->trouble_is_error = streq(text_at(first, "level"), "error");
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
	struct check_expected *e = &facts->expected;
	const struct known *k = arg;

	if (!k->domain)
		return;
	e->is_hosted = true;
	str_copy(e->id, sizeof(e->id), text_at(k->domain, "policy.id"));
	e->body = json_string_value(value_at(k->domain, "policy.body"));
	instant_parse(text_at(k->domain, "policy.created"), &e->policy_since);
	add_past(e, k->history);
	add_addresses(e, k->records);
	add_collectors(e, k->domain);
	add_trouble(e, k->domain);
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
		if (known.domain)
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
