/*
 * mtastsctl report summary, list, show.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/when.h"
#include "cli/clean.h"
#include "cli/command.h"
#include "cli/report_csv.h"
#include "cli/report_view.h"
#include "cli/say.h"

#define PAGE	  200
#define LINES_MAX "5000" /* of each list of a summary, for a program */

static enum exit_code get(struct cli *cli, char *path, json_t **answer)
{
	struct err err = ERR_INIT;
	enum exit_code code = api_do(cli->api, "GET", path, NULL, answer, &err);

	free(path);
	if (code != EXIT_FINE)
		say_failure(NULL, &err);
	return code;
}

/*
 * A table for a program has every byte as it came. On a terminal it is looked
 * at, and what strangers wrote may act on that.
 */
static void keep_exact_csv(const struct cli *cli)
{
	if (cli->options.csv && !isatty(STDOUT_FILENO))
		api_keep_exact(cli->api);
}

/* name= and since=, as asked. */
static char *about(const struct cli *cli, char *path)
{
	const struct options *o = &cli->options;
	char since[INSTANT_TEXT];

	if (o->given & OPTION(SINCE))
		path = api_path_with(path, "since",
				     instant_format(time(NULL) - o->since,
						    since));
	return api_path_with(path, "name",
			     cli->name_count ? cli->names[0] : NULL);
}

/* ---- summary ---- */

/* As everywhere: 1 says that something wants to be looked at. */
static enum exit_code code_of(const json_t *answer)
{
	return json_integer_value(value_at(answer, "failed")) ||
			       json_array_size(value_at(answer, "results"))
		       ? EXIT_WARNINGS
		       : EXIT_FINE;
}

/* People get what fits a screen, programs all that there is. */
static char *summary_path(const struct cli *cli)
{
	bool is_text = !cli->options.csv && !cli->options.json;

	return api_path_with(about(cli, xstrdup("/v1/reports/summary")),
			     "limit", is_text ? NULL : LINES_MAX);
}

/* Nobody is to take a part for the whole. */
static void say_cut(const json_t *answer)
{
	const char *list;
	json_t *n;

	json_object_foreach(json_object_get(answer, "more"), list, n)
	{
		if (json_integer_value(n) > 0)
			fprintf(stderr,
				"mtastsctl: %s: %lld more are left out, those "
				"with the fewest failures\n",
				list, json_integer_value(n));
	}
}

enum exit_code cmd_report_summary(struct cli *cli)
{
	enum exit_code code;
	json_t *answer;

	keep_exact_csv(cli);
	code = get(cli, summary_path(cli), &answer);
	if (code != EXIT_FINE)
		return code;
	if (cli->options.json || cli->options.csv)
		say_cut(answer);
	if (cli->options.json)
		say_json(answer);
	else if (cli->options.csv)
		report_view_summary_csv(answer, stdout);
	else
		report_view_summary(answer, stdout);
	code = code_of(answer);
	json_decref(answer);
	return code;
}

/* ---- list ---- */

static char *page_path(const struct cli *cli, const char *before, long limit)
{
	char *path = about(cli, xstrdup("/v1/reports"));
	char text[24];

	snprintf(text, sizeof(text), "%ld", limit < PAGE ? limit : PAGE);
	path = api_path_with(path, "limit", text);
	path = api_path_with(path, "failed",
			     cli->options.failed ? "true" : NULL);
	return api_path_with(path, "before", *before ? before : NULL);
}

/* A row of people's one table waits for the last page. */
static void take_page(const struct cli *cli, json_t *reports, json_t *rows)
{
	const json_t *r;
	size_t i;

	if (cli->options.csv) {
		report_view_list_csv(reports, stdout);
	} else if (cli->options.json) {
		json_array_foreach(reports, i, r)
		{
			say_json(r);
		}
	} else {
		json_array_extend(rows, reports);
	}
}

/* None is no failure; but somebody may look for one that is of another day. */
static void print_rows(const struct cli *cli, const json_t *rows)
{
	const struct options *o = &cli->options;

	if (json_array_size(rows)) {
		report_view_list(rows, stdout);
		return;
	}
	printf("%s: no TLS reports%s%s\n",
	       cli->name_count ? cli->names[0] : "all domains",
	       o->given & OPTION(SINCE) ? " of those days" : "",
	       o->failed ? " that tell of failures" : "");
}

/* *before is where the next one begins, "" if there is none. */
static enum exit_code one_page(struct cli *cli, long *limit,
			       char before[static 24], json_t *rows)
{
	const json_t *next;
	json_t *answer, *reports;
	enum exit_code code;

	code = get(cli, page_path(cli, before, *limit), &answer);
	if (code != EXIT_FINE)
		return code;
	reports = json_object_get(answer, "reports");
	next = value_at(answer, "next");
	take_page(cli, reports, rows);
	*limit -= (long)json_array_size(reports);
	before[0] = '\0';
	if (json_is_integer(next))
		snprintf(before, 24, "%lld", json_integer_value(next));
	json_decref(answer);
	return EXIT_FINE;
}

static enum exit_code list_pages(struct cli *cli, long limit)
{
	bool is_text = !cli->options.csv && !cli->options.json;
	json_t *rows = json_array();
	char before[24] = "";
	enum exit_code code;

	do
		code = one_page(cli, &limit, before, rows);
	while (code == EXIT_FINE && *before && limit > 0);
	if (code == EXIT_FINE && is_text) {
		print_rows(cli, rows);
		if (*before)
			puts("... and more: --limit");
	}
	json_decref(rows);
	return code;
}

/*
 * Newest first; a document per report with --json. People get a screen or two,
 * and are told if that is not all; programs get all.
 */
enum exit_code cmd_report_list(struct cli *cli)
{
	bool is_text = !cli->options.csv && !cli->options.json;
	long limit = cli->options.limit ? cli->options.limit
		     : is_text		? PAGE
					: LONG_MAX;

	keep_exact_csv(cli);
	if (cli->options.csv)
		report_view_csv_header(stdout);
	return list_pages(cli, limit);
}

/* ---- show ---- */

static bool is_number(const char *text)
{
	size_t len = strlen(text);

	return len && len < 19 && strspn(text, "0123456789") == len;
}

static void print_one(json_t *report)
{
	report_view_split(report);
	clean_json(report);
	report_view_one(report, stdout);
}

enum exit_code cmd_report_show(struct cli *cli)
{
	struct err err = ERR_INIT;
	enum exit_code code;
	json_t *answer;

	if (cli->name_count != 1 || !is_number(cli->names[0])) {
		err_set(&err, ERR_INPUT, "report show: which one?");
		err_hint(&err, "mtastsctl report list has the numbers");
		say_failure(NULL, &err);
		return EXIT_USAGE;
	}
	if (!cli->options.csv)
		api_keep_exact(cli->api); /* lines are cut apart first */
	keep_exact_csv(cli);
	code = get(cli, xasprintf("/v1/reports/%s", cli->names[0]), &answer);
	if (code != EXIT_FINE)
		return code;
	if (cli->options.json)
		say_json(answer);
	else if (cli->options.csv)
		report_csv_one(answer, stdout);
	else
		print_one(answer);
	json_decref(answer);
	return EXIT_FINE;
}
