/*
 * mtastsctl cert ...
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "cli/change.h"
#include "cli/command.h"
#include "cli/say.h"
#include "cli/targets.h"

/* ---- list ---- */

static const char *const list_header[] = { "NAME",    "SERIAL",	 "ISSUER",
					   "EXPIRES", "RENEWAL" };

static void list_row(const json_t *row, struct table *t)
{
	table_row(t, (const char *const[]){
			     text_at(row, "name"),
			     text_at(row, "certificate.serial"),
			     text_at(row, "certificate.issuer"),
			     text_at(row, "certificate.not_after"),
			     text_at(row, "certificate.renew_at") });
}

enum exit_code cmd_cert_list(struct cli *cli)
{
	return targets_list(cli, "/v1/certs", "certs", list_header,
			    ARRAY_LEN(list_header), TABLE_COLUMN(2), 0,
			    list_row);
}

/* ---- show ---- */

static void show_revocation(const json_t *cert)
{
	const json_t *r = value_at(cert, "revocation");

	if (json_is_object(r))
		printf("  revoked    %s, for the reason: %s\n",
		       *text_at(r, "at") ? text_at(r, "at")
					 : text_at(r, "state"),
		       text_at(r, "why"));
}

/* The chain comes last: openssl x509 skips what stands before it. */
static void show(const json_t *row)
{
	const json_t *c = value_at(row, "certificate");
	time_t now = time(NULL);
	char when[WHEN_TEXT];

	printf("%s\n", text_at(row, "name"));
	printf("  serial     %s\n", text_at(c, "serial"));
	printf("  issued by  %s (%s%s)\n", text_at(c, "issuer"),
	       *text_at(c, "ca") ? "ca " : "imported", text_at(c, "ca"));
	printf("  since      %s\n", when_at(c, "not_before", now, when));
	printf("  until      %s\n", when_at(c, "not_after", now, when));
	printf("  renewal    %s\n", *text_at(c, "renew_at")
					    ? when_at(c, "renew_at", now, when)
					    : "none: it is handed over");
	show_revocation(c);
	printf("%s", text_at(row, "pem"));
}

static enum exit_code show_one(struct cli *cli, const char *name,
			       struct err *err)
{
	return targets_get(cli, name, "/cert", show, err);
}

enum exit_code cmd_cert_show(struct cli *cli)
{
	return targets_each(cli, show_one);
}

/* ---- renew ---- */

static void say_renewal(const json_t *answer)
{
	const char *serial = text_at(answer, "domain.certificate.serial");

	printf("%s: %s, %s%s\n", text_at(answer, "name"),
	       json_is_true(value_at(answer, "changed"))
		       ? "asked for a certificate now"
		       : "under way already",
	       *serial ? "serial so far " : "none so far", serial);
}

static enum exit_code renew(struct cli *cli, const char *name, struct err *err)
{
	enum exit_code code;
	json_t *answer;
	bool told;

	code = change_send(cli, "POST", api_domain_path(name, "/cert/renew"),
			   change_body(cli), &answer, &told, err);
	if (code != EXIT_FINE)
		return code;
	if (!told)
		say_renewal(answer);
	if (cli->options.wait && !cli->options.dry_run)
		wait_add(&cli->wait, answer,
			 text_at(answer, "domain.certificate.serial"));
	json_decref(answer);
	return code;
}

enum exit_code cmd_cert_renew(struct cli *cli)
{
	return targets_each(cli, renew);
}

/* ---- try ---- */

static enum exit_code try_one(struct cli *cli, const char *name,
			      struct err *err)
{
	const char *ca = cli->options.ca;
	json_t *body = change_body(cli), *answer;
	enum exit_code code;
	bool told;

	change_add_text(body, "ca", ca);
	code = change_send(cli, "POST", api_domain_path(name, "/cert/try"),
			   body, &answer, &told, err);
	if (code != EXIT_FINE)
		return code;
	if (!told)
		printf("%s: trial with %s %s\n", text_at(answer, "name"), ca,
		       json_is_true(value_at(answer, "changed"))
			       ? "asked for" : "under way already");
	if (cli->options.wait && !cli->options.dry_run)
		wait_add_trial(&cli->wait, answer, ca);
	json_decref(answer);
	return code;
}

enum exit_code cmd_cert_try(struct cli *cli)
{
	struct err err = ERR_INIT;

	if (cli->options.ca && *cli->options.ca)
		return targets_each(cli, try_one);
	err_set(&err, ERR_INPUT, "cert try: with which CA?");
	err_hint(&err, "--ca CA; mtastsctl ca list shows them");
	say_failure(NULL, &err);
	return EXIT_USAGE;
}

/* ---- revoke ---- */

static void say_revocation(const struct options *o, const json_t *answer)
{
	const char *name = text_at(answer, "name");
	bool changed = json_is_true(value_at(answer, "changed"));

	if (o->cancel)
		printf("%s: %s\n", name, changed ? "not revoked"
						 : "nothing was to be revoked");
	else if (!changed)
		printf("%s: asked for already\n", name);
	else
		printf("%s: certificate %s is revoked %s\n", name,
		       text_at(answer, "domain.certificate.serial"),
		       o->now ? "now, and replaced"
			      : "once its replacement is served");
}

static enum exit_code revoke(struct cli *cli, const char *name,
			     struct err *err)
{
	const struct options *o = &cli->options;
	json_t *body = change_body(cli), *answer;
	enum exit_code code;
	bool told;

	change_add_text(body, "why", o->why);
	if (o->now)
		json_object_set_new(body, "now", json_true());
	if (o->cancel)
		json_object_set_new(body, "cancel", json_true());
	code = change_send(cli, "POST", api_domain_path(name, "/cert/revoke"),
			   body, &answer, &told, err);
	if (code == EXIT_FINE && !told)
		say_revocation(o, answer);
	json_decref(answer);
	return code;
}

enum exit_code cmd_cert_revoke(struct cli *cli)
{
	return targets_each(cli, revoke);
}
