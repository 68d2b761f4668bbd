#include "cli/doctor_view.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/clean.h"
#include "cli/screen.h"

#define INDENT	    10
#define TITLES_MOST 1024

static const char *const names[] = {
	[DOCTOR_UNSEEN] = "not seen",
	[DOCTOR_NOTE] = "note",
	[DOCTOR_WARNING] = "warning",
	[DOCTOR_ERROR] = "error",
};

const char *doctor_level_name(enum doctor_level level)
{
	return names[level];
}

/* For one reason several looks may have seen nothing. */
static bool is_alike(const struct doctor_note *a, const struct doctor_note *b)
{
	return a->level == DOCTOR_UNSEEN && b->level == DOCTOR_UNSEEN &&
	       streq(a->err.text, b->err.text);
}

static bool is_first(const struct doctor_result *r, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (is_alike(&r->note[i], &r->note[at]))
			return false;
	return true;
}

/* "the ports, the clock: " of what was not seen; else "". */
static char *titles_of(const struct doctor_result *r, size_t at)
{
	struct buf b;
	char *text;

	buf_init(&b, TITLES_MOST);
	for (size_t i = at; i < r->count; i++)
		if (is_alike(&r->note[i], &r->note[at]))
			buf_printf(&b, "%s%s", b.len ? ", " : "",
				   r->note[i].title);
	if (b.len)
		buf_puts(&b, ": ");
	text = buf_take(&b);
	buf_release(&b);
	return text;
}

static void print_note(const struct doctor_result *r, size_t at, FILE *to)
{
	const struct doctor_note *note = &r->note[at];
	char *text = clean_text(note->err.text);
	char *hint = clean_text(note->err.hint);
	char *titles = titles_of(r, at);
	char *line = xasprintf("%s%s%s%s", titles, text, *hint ? " - " : "",
			       hint);

	fprintf(to, "%-8s  ", names[note->level]);
	screen_wrap(line, INDENT, screen_columns(to), to);
	free(line);
	free(titles);
	free(text);
	free(hint);
}

static enum doctor_level worst(const struct doctor_result *r)
{
	return r->count ? r->note[0].level : DOCTOR_UNSEEN;
}

void doctor_view_print(const struct doctor_result *r, FILE *to)
{
	for (size_t i = 0; i < r->count; i++)
		if (is_first(r, i))
			print_note(r, i, to);
	if (!r->count || r->note[r->count - 1].level > DOCTOR_UNSEEN) {
		if (worst(r) < DOCTOR_WARNING)
			fputs("all is well\n", to);
	} else if (worst(r) < DOCTOR_WARNING) {
		fputs("all that was seen is well\n", to);
	}
}

enum exit_code doctor_view_code(const struct doctor_result *r)
{
	static const enum exit_code codes[] = {
		[DOCTOR_UNSEEN] = EXIT_FINE,
		[DOCTOR_NOTE] = EXIT_FINE,
		[DOCTOR_WARNING] = EXIT_WARNINGS,
		[DOCTOR_ERROR] = EXIT_ERRORS,
	};

	return codes[worst(r)];
}

static const char *health_of(const struct doctor_result *r)
{
	return worst(r) < DOCTOR_WARNING ? "ok" : names[worst(r)];
}

json_t *doctor_view_json(const struct doctor_result *r)
{
	json_t *found = json_array(), *unseen = json_array();

	for (size_t i = 0; i < r->count; i++) {
		const struct doctor_note *note = &r->note[i];
		bool is_unseen = note->level == DOCTOR_UNSEEN;

		json_array_append_new(
			is_unseen ? unseen : found,
			json_pack("{s:s, s:s, s:s, s:o, s:o}", "look",
				  note->look, "id", note->id, "level",
				  is_unseen ? "unseen" : names[note->level],
				  "text", clean_new(note->err.text), "hint",
				  clean_new(note->err.hint)));
	}
	return json_pack("{s:s, s:o, s:o}", "health", health_of(r), "findings",
			 found, "unseen", unseen);
}
