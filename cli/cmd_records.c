/*
 * mtastsctl domain records: for people, for a zone file, for nsupdate.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/say.h"
#include "cli/targets.h"

/* ---- for people ---- */

static const char *const plain_header[] = { "NAME", "TYPE", "VALUE", "" };

static const char *why(const json_t *r)
{
	return json_is_true(value_at(r, "there"))
		       ? "is in DNS already: leave it"
		       : text_at(r, "why");
}

/* The records of this sort, below a headline; nothing if there are none. */
static void show_sort(const json_t *answer, const char *sort,
		      const char *headline)
{
	const json_t *list = value_at(answer, "records"), *r;
	struct table t;
	size_t i;

	table_init(&t, plain_header, ARRAY_LEN(plain_header));
	t.below = TABLE_COLUMN(3);
	json_array_foreach(list, i, r)
	{
		if (streq(text_at(r, "publish"), sort))
			table_row(&t, (const char *const[]){
					      text_at(r, "name"),
					      text_at(r, "type"),
					      text_at(r, "value"), why(r) });
	}
	if (t.cells.count) {
		printf("\n%s\n", headline);
		table_print(&t, stdout);
	}
	table_release(&t);
}

static void show_own_zone(const json_t *zone)
{
	const json_t *list = value_at(zone, "records"), *r;
	struct table t;
	size_t i;

	if (!json_is_object(zone))
		return;
	printf("\nIn your own zone %s, %s\n", text_at(zone, "zone"),
	       json_is_true(value_at(zone, "is_published"))
		       ? "where this box publishes them by itself:"
		       : "where you publish them, after each change:");
	table_init(&t, plain_header, ARRAY_LEN(plain_header));
	t.below = TABLE_COLUMN(3);
	json_array_foreach(list, i, r)
	{
		table_row(&t, (const char *const[]){ text_at(r, "name"),
						     text_at(r, "type"),
						     text_at(r, "value"), "" });
	}
	if (t.cells.count)
		table_print(&t, stdout);
	else
		puts("nothing yet");
	table_release(&t);
}

/* Who just looks at the records need not be sent to look at them. */
static bool waits_for_records(const json_t *answer)
{
	return streq(text_at(answer, "state"), "waiting-for-dns") &&
	       streq(text_at(answer, "waits.is"), "no-certificate") &&
	       !*text_at(answer, "waits.fetched");
}

/* What is left out, in a line of its own; where: the records are from it. */
static void show_waits(const json_t *answer, const char *before,
		       const char *where)
{
	if (!json_is_object(value_at(answer, "waits")))
		return;
	printf("%s%s %s waits: %s; ", before, text_at(answer, "waits.name"),
	       text_at(answer, "waits.type"), text_at(answer, "waits.why"));
	if (waits_for_records(answer))
		printf("publish the records %s; %s\n", where,
		       json_is_object(value_at(answer, "own_zone"))
			       ? "the rest is done by itself"
			       : "when the box has its certificate, this "
				 "command "
				 "shows that one, too");
	else
		printf("%s\n", text_at(answer, "waits.todo"));
}

static void show_notes(const json_t *answer, const char *before)
{
	const json_t *notes = value_at(answer, "notes"), *note;
	size_t i;

	json_array_foreach(notes, i, note)
	{
		printf("%snote: %s\n", before, json_string_value(note));
	}
}

static void show_text(const json_t *answer)
{
	bool is_delegated = json_is_object(value_at(answer, "own_zone"));
	bool is_cutover = json_is_true(value_at(answer, "cutover"));

	printf("%s is %s\n", text_at(answer, "name"), text_at(answer, "state"));
	show_sort(answer, "now",
		  is_delegated ? "To be set once, by who has the domain:"
		  : is_cutover ? "To be published, or changed to this at the "
				 "cutover:"
			       : "To be published:");
	show_sort(answer, "instead",
		  "The other way, where a CNAME cannot be "
		  "set:");
	show_own_zone(value_at(answer, "own_zone"));
	show_waits(answer, "\n", "above");
	if (json_array_size(value_at(answer, "notes")))
		putchar('\n');
	show_notes(answer, "");
}

/* ---- for programs ---- */

static void show_lines(const json_t *lines)
{
	const json_t *line;
	size_t i;

	json_array_foreach(lines, i, line)
	{
		printf("%s\n", json_string_value(line));
	}
}

static void show_zone(const json_t *answer)
{
	show_lines(value_at(answer, "zone"));
	show_waits(answer, "; ", "above");
	show_notes(answer, "; ");
}

static void show_nsupdate(const json_t *answer)
{
	show_waits(answer, "; ", "below");
	show_lines(value_at(answer, "nsupdate"));
}

static const struct {
	const char *word;
	void (*show)(const json_t *answer);
} formats[] = {
	{ "text", show_text },
	{ "zone", show_zone },
	{ "json", say_json },
	{ "nsupdate", show_nsupdate },
};

static size_t format_of(const struct cli *cli)
{
	const char *word = cli->options.format;
	size_t i = 0;

	while (word && i < ARRAY_LEN(formats) && !streq(formats[i].word, word))
		i++;
	return i;
}

static enum exit_code records_one(struct cli *cli, const char *name,
				  struct err *err)
{
	return targets_get(cli, name, "/records", formats[format_of(cli)].show,
			   err);
}

enum exit_code cmd_domain_records(struct cli *cli)
{
	struct err err = ERR_INIT;

	if (format_of(cli) < ARRAY_LEN(formats))
		return targets_each(cli, records_one);
	err_set(&err, ERR_INPUT, "--format: \"%.40s\" is not known",
		cli->options.format);
	err_hint(&err, "text, zone, json or nsupdate");
	say_failure(NULL, &err);
	return EXIT_USAGE;
}
