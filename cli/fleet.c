#include "cli/fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/change.h"
#include "cli/names.h"
#include "cli/say.h"

bool fleet_begin(struct fleet *f, struct cli *cli, bool is_once)
{
	enum fleet_format format;
	struct err err = ERR_INIT;

	*f = (struct fleet){ .cli = cli };
	if (fleet_format_parse(cli->options.format, &format, &err))
		f->file = fleet_open(cli->names[0], format, &err);
	if (!f->file) {
		say_failure(NULL, &err);
		return false;
	}
	f->seen = is_once ? names_new() : NULL;
	progress_init(&f->progress);
	f->looks = mx_looks_new(cli, &f->progress);
	f->ids = announced_ids_new(cli);
	return true;
}

void fleet_end(struct fleet *f)
{
	progress_clear(&f->progress);
	fleet_close(f->file);
	names_free(f->seen);
}

const char *fleet_would(const struct cli *cli)
{
	return cli->options.dry_run ? "would be " : "";
}

void fleet_say_put_off(const struct fleet *f)
{
	if (f->put_off)
		printf("; %ld put off: run it again", f->put_off);
}

void fleet_say_strays(const struct fleet *f)
{
	if (f->strays)
		printf("; %ld with MX that %s", f->strays,
		       f->strays == 1 ? "its policy does not name"
				      : "their policies do not name");
}

/* ---- failures ---- */

static void say_as_json(const struct fleet *f, const char *name,
			const struct err *err, bool has_line)
{
	json_t *d = json_pack("{s:s?, s:{s:s, s:s, s:s}}", "name", name,
			      "error", "kind", err_kind_name(err->kind),
			      "message", err->text, "hint", err->hint);

	if (d && has_line)
		json_object_set_new(d, "line", json_integer(f->line.first));
	if (d)
		say_json(d);
	json_decref(d);
}

/* "line 17", or "lines 17 to 19". */
static char *place_of(const struct fleet_line *line)
{
	return line->last > line->first
		       ? xasprintf("lines %ld to %ld", line->first, line->last)
		       : xasprintf("line %ld", line->first);
}

static void say_line(const struct fleet *f, const char *name,
		     const struct err *err)
{
	struct err said = *err;
	char *place = place_of(&f->line);

	if (name && !strstr(err->text, name))
		err_prefix(&said, "%s", name);
	err_prefix(&said, "%s", place);
	say_failure(NULL, &said);
	free(place);
}

static void say(struct fleet *f, const char *name, const struct err *err,
		bool has_line)
{
	progress_clear(&f->progress);
	if (has_line)
		say_line(f, name, err);
	else
		say_failure(name, err);
	if (f->cli->options.json)
		say_as_json(f, name, err, has_line);
}

/* A failure of the daemon may pass, or hold for all that follow. */
static void stop_if_vain(struct fleet *f, enum exit_code code)
{
	struct err err = ERR_INIT;

	f->failed_in_a_row++;
	f->is_stopped = code == EXIT_UNREACHABLE ||
			f->failed_in_a_row >= FLEET_FAILURES_MAX;
	if (!f->is_stopped)
		return;
	err_set(&err, ERR_AGAIN, "given up");
	err_hint(&err, "run it again: what is done already is left as it is");
	say_failure(NULL, &err);
}

void fleet_failed(struct fleet *f, const char *name, enum exit_code code,
		  const struct err *err, bool has_line)
{
	f->worst = exit_worse(f->worst, code);
	say(f, name, err, has_line);
	if (code == EXIT_REFUSED) {
		f->refused++;
		return;
	}
	if (code == EXIT_TEMPFAIL) {
		f->put_off++;
		return;
	}
	f->failed++;
	stop_if_vain(f, code);
}

/* ---- a line ---- */

/* --label is for those that have none. */
static void add_label(const struct fleet *f, json_t *entry)
{
	const char *label = f->cli->options.label;

	if (label && !*text_at(entry, "label"))
		change_add_text(entry, "label", label);
}

static bool is_first(const struct fleet *f, const char *name, struct err *err)
{
	long line = f->seen ? names_add(f->seen, name, f->line.first) : 0;

	if (!line)
		return true;
	err_set(err, ERR_REFUSED, "%s is on line %ld already", name, line);
	return err_hint(err, "name each domain once");
}

static void take_entry(struct fleet *f, fleet_fn *one)
{
	const char *name = text_at(f->line.entry, "name");
	enum exit_code code = EXIT_REFUSED;
	struct err err = ERR_INIT;

	f->entries++;
	add_label(f, f->line.entry);
	if (is_first(f, name, &err))
		code = one(f, f->line.entry, &err);
	if (code == EXIT_FINE) {
		f->failed_in_a_row = 0;
		return;
	}
	fleet_failed(f, name, code, &err, true);
}

/* ---- reading ahead, so that looks at DNS go on side by side ---- */

#define AHEAD 64

struct step {
	enum fleet_step is;
	struct fleet_line line;
	struct err err; /* of what is no entry */
	struct announced_id *id;
};

static void read_step(struct fleet *f, struct step *s)
{
	*s = (struct step){ .err = ERR_INIT };
	s->is = fleet_next(f->file, &s->line, &s->err);
	if (s->is == FLEET_ENTRY)
		s->id = announced_ids_ask(f->ids,
					  text_at(s->line.entry, "name"));
}

static void take_step(struct fleet *f, fleet_fn *one, struct step *s)
{
	f->line = s->line;
	if (s->is == FLEET_BROKEN)
		f->is_broken = true;
	if (s->is == FLEET_ENTRY) {
		announced_id_take(s->id, f->line.entry);
		take_entry(f, one);
	} else {
		fleet_failed(f, NULL, EXIT_REFUSED, &s->err, true);
		f->entries++;
	}
	json_decref(f->line.entry);
	progress_show(&f->progress, fleet_percent(f->file), f->entries);
}

/* It was read ahead, and nobody wants it any more. */
static void drop_step(struct step *s)
{
	announced_id_take(s->id, NULL);
	json_decref(s->line.entry);
}

/* The next one goes where the one was that has just been taken. */
static void read_all(struct fleet *f, fleet_fn *one, struct step *step)
{
	size_t read = 0, taken = 0;
	bool is_over = false;

	while (!f->is_stopped && (!is_over || taken < read)) {
		while (!is_over && read - taken < AHEAD) {
			read_step(f, &step[read % AHEAD]);
			is_over = step[read % AHEAD].is == FLEET_END;
			read += !is_over;
		}
		if (taken < read)
			take_step(f, one, &step[taken++ % AHEAD]);
	}
	while (taken < read)
		drop_step(&step[taken++ % AHEAD]);
}

void fleet_read(struct fleet *f, fleet_fn *one)
{
	struct step *step = xcalloc(AHEAD, sizeof(*step));

	read_all(f, one, step);
	free(step);
	announced_ids_free(f->ids);
	f->ids = NULL;
	f->strays = mx_looks_free(f->looks);
	f->looks = NULL;
	progress_clear(&f->progress);
}
