/*
 * mtastsctl domain import, export: many domains from a file, and into one.
 *
 * An import is as many additions as there are lines, each a change by itself:
 * it may be broken off at any moment and done again, for what is there
 * already, as it is, is success.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/change.h"
#include "cli/fleet.h"
#include "cli/fleet_ask.h"
#include "cli/fleet_entry.h"
#include "cli/onboarding.h"
#include "cli/say.h"
#include "cli/targets.h"

/* ---- import ---- */

struct import {
	struct fleet fleet;
	struct table plan; /* of a dry run */
	long added, back, there;
};

static const char *const plan_header[] = { "LINE", "NAME", "WHAT", "SETTINGS" };

/* What was on its way out, and is in the file, stays. */
static const char *deed_of(const json_t *answer)
{
	if (!json_is_true(value_at(answer, "changed")))
		return "already there";
	return change_takes_back(answer) ? "take back" : "add";
}

static void plan(struct import *in, const json_t *answer)
{
	const json_t *changes = value_at(answer, "changes"), *change;
	char *text = xstrdup(""), *longer;
	char line[24];
	size_t i;

	json_array_foreach(changes, i, change)
	{
		longer = xasprintf("%s%s%s %s", text, i ? "; " : "",
				   text_at(change, "field"),
				   text_at(change, "after"));
		free(text);
		text = longer;
	}
	snprintf(line, sizeof(line), "%ld", in->fleet.line.first);
	table_row(&in->plan,
		  (const char *const[]){ line, text_at(answer, "name"),
					 deed_of(answer), text });
	free(text);
}

static void told(struct import *in, const json_t *answer)
{
	const struct options *o = &in->fleet.cli->options;

	if (o->json)
		say_json(answer);
	else if (o->dry_run)
		plan(in, answer);
}

static void count(struct import *in, const json_t *answer)
{
	if (!json_is_true(value_at(answer, "changed")))
		in->there++;
	else if (change_takes_back(answer))
		in->back++;
	else
		in->added++;
}

static enum exit_code import_one(struct fleet *f, json_t *entry,
				 struct err *err)
{
	struct import *in = (struct import *)f;
	long limit = f->cli->options.limit;
	enum exit_code code;
	json_t *answer;

	code = fleet_ask_to_add(f->cli, entry, false, &answer, err);
	if (code != EXIT_FINE)
		return code;
	count(in, answer);
	told(in, answer);
	mx_looks_add(f->looks, answer, f->line.first);
	json_decref(answer);
	if (limit && in->added + in->back >= limit)
		f->is_stopped = true;
	return code;
}

static void import_summary(const struct import *in)
{
	const struct fleet *f = &in->fleet;
	json_t *all;

	if (!f->cli->options.json) {
		printf("%s%ld added, ", fleet_would(f->cli), in->added);
		if (in->back)
			printf("%ld taken back, ", in->back);
		printf("%ld already there, %ld refused", in->there, f->refused);
		if (f->failed)
			printf(", %ld failed", f->failed);
		fleet_say_put_off(f);
		fleet_say_strays(f);
		putchar('\n');
		return;
	}
	all = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "added",
			(json_int_t)in->added, "taken_back",
			(json_int_t)in->back, "already_there",
			(json_int_t)in->there, "refused",
			(json_int_t)f->refused, "failed", (json_int_t)f->failed,
			"put_off", (json_int_t)f->put_off);
	say_json(all);
	json_decref(all);
}

enum exit_code cmd_domain_import(struct cli *cli)
{
	const struct options *o = &cli->options;
	struct import in = { .added = 0 };

	/* A dry run does not see what an earlier line of it would have done. */
	if (!fleet_begin(&in.fleet, cli, o->dry_run))
		return EXIT_USAGE;
	table_init(&in.plan, plan_header, ARRAY_LEN(plan_header));
	fleet_read(&in.fleet, import_one);
	table_print(&in.plan, stdout);
	table_release(&in.plan);
	import_summary(&in);
	fleet_end(&in.fleet);
	if (in.added && !o->json && !o->dry_run)
		onboarding_say(cli);
	return in.fleet.worst;
}

/* ---- export ---- */

struct export
{
	bool is_json;
	long count;
};

static void export_one(json_t *domain, void *arg)
{
	struct export *out = arg;
	json_t *entry;

	if (targets_is_leaving(domain))
		return;
	entry = fleet_entry_of_domain(domain);
	if (out->is_json) {
		fputs(out->count ? ",\n" : "", stdout);
		json_dumpf(entry, stdout, JSON_COMPACT);
	} else {
		fleet_entry_csv_line(entry, stdout);
	}
	out->count++;
	json_decref(entry);
}

/* A file that was cut off must not pass for a smaller fleet. */
static bool is_written(struct err *err)
{
	if (!fflush(stdout) && !ferror(stdout))
		return true;
	err_sys(err, "the export is not whole: standard output");
	return err_hint(err, "do not use what was written");
}

enum exit_code cmd_domain_export(struct cli *cli)
{
	struct export out = { .is_json = cli->options.json };
	struct err err = ERR_INIT;
	enum fleet_format format;
	enum exit_code code;

	if (!fleet_format_parse(cli->options.format, &format, &err)) {
		say_failure(NULL, &err);
		return EXIT_USAGE;
	}
	out.is_json = out.is_json || format == FLEET_JSON;
	api_keep_exact(cli->api);
	if (out.is_json)
		fputs("{\"domains\": [\n", stdout);
	else
		fleet_entry_csv_header(stdout);
	code = targets_domains(cli, export_one, &out, &err);
	if (code == EXIT_FINE && out.is_json)
		fputs(out.count ? "\n]}\n" : "]}\n", stdout);
	if (code == EXIT_FINE && !is_written(&err))
		code = EXIT_ERRORS;
	if (code != EXIT_FINE)
		say_failure(NULL, &err);
	return code;
}
