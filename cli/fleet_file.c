#include "cli/fleet_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/csv.h"
#include "cli/fleet_entry.h"

#define ENTRY_MAX CSV_RECORD_MAX

struct fleet_file {
	FILE *from;
	enum fleet_format format;
	bool is_begun, is_over;
	off_t size; /* 0: not known */
	off_t read;
	/* CSV */
	struct csv csv;
	struct fleet_header header;
	/* JSON */
	long line;	  /* of what is read next */
	size_t entry_len; /* of the entry being read, so far */
	size_t entries;
	bool in_object; /* {"domains": [ */
};

bool fleet_format_parse(const char *text, enum fleet_format *format,
			struct err *err)
{
	*format = streq(text, "csv")	? FLEET_CSV
		  : streq(text, "json") ? FLEET_JSON
					: FLEET_ANY;
	return !text || *format != FLEET_ANY ||
	       err_set(err, ERR_INPUT, "--format is csv or json");
}

/* ---- bytes ---- */

static int get(struct fleet_file *f)
{
	int c = getc_unlocked(f->from);

	f->read += c != EOF;
	f->line += c == '\n';
	return c;
}

static void unget(struct fleet_file *f, int c)
{
	if (c == EOF)
		return;
	f->read--;
	f->line -= c == '\n';
	ungetc(c, f->from);
}

/* What is no blank, taken. */
static int get_word(struct fleet_file *f)
{
	int c;

	do {
		c = get(f);
	} while (c == ' ' || c == '\t' || c == '\r' || c == '\n');
	return c;
}

/* What is no blank, left where it is. */
static int peek(struct fleet_file *f)
{
	int c = get_word(f);

	unget(f, c);
	return c;
}

static enum fleet_step broken(struct fleet_file *f, struct fleet_line *line,
			      struct err *err)
{
	f->is_over = true;
	if (ferror(f->from))
		err_sys(err, "the file cannot be read");
	line->last = f->line;
	return FLEET_BROKEN;
}

/* ---- JSON ---- */

/* A byte at a time, so that none behind the entry is taken. */
static size_t entry_bytes(void *to, size_t room, void *arg)
{
	struct fleet_file *f = arg;
	int c;

	if (!room || f->entry_len++ == ENTRY_MAX)
		return 0;
	c = get(f);
	*(char *)to = (char)c;
	return c != EOF;
}

static bool entry_is_broken(const struct fleet_file *f, const json_error_t *why,
			    struct err *err)
{
	if (f->entry_len > ENTRY_MAX)
		err_set(err, ERR_INPUT, "an entry longer than %d bytes",
			ENTRY_MAX);
	else
		err_set(err, ERR_INPUT, "the JSON is broken: %s", why->text);
	return err_hint(err, "nothing was read from there on: put it right, "
			     "and do it again");
}

static enum fleet_step json_entry(struct fleet_file *f, struct fleet_line *line,
				  struct err *err)
{
	json_error_t why;
	json_t *value;

	f->entry_len = 0;
	line->first = f->line;
	value = json_load_callback(
		entry_bytes, f, JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES,
		&why);
	line->last = f->line;
	if (!value) {
		entry_is_broken(f, &why, err);
		return broken(f, line, err);
	}
	f->entries++;
	line->entry = fleet_entry_from_json(value, err);
	json_decref(value);
	return line->entry ? FLEET_ENTRY : FLEET_BAD;
}

static bool no_list(struct err *err)
{
	err_set(err, ERR_INPUT, "the JSON is no list of domains");
	return err_hint(err, "it is [{...}, ...] or {\"domains\": [{...}, "
			     "...]}, as domain export writes it");
}

static bool json_begin(struct fleet_file *f, struct err *err)
{
	static const char key[] = "\"domains\"";
	int c = get_word(f);

	f->in_object = c == '{';
	if (f->in_object) {
		c = get_word(f);
		for (const char *k = key; *k; k++, c = get(f))
			if (c != *k)
				return no_list(err);
		unget(f, c);
		if (get_word(f) != ':')
			return no_list(err);
		c = get_word(f);
	}
	return c == '[' || no_list(err);
}

/* Behind the list nothing may follow. */
static enum fleet_step json_end(struct fleet_file *f, struct fleet_line *line,
				struct err *err)
{
	get_word(f);
	line->first = f->line;
	if ((f->in_object && get_word(f) != '}') || get_word(f) != EOF) {
		err_set(err, ERR_INPUT,
			"something follows the list, or its "
			"end is missing");
		err_hint(err, "is this one JSON document?");
		return broken(f, line, err);
	}
	f->is_over = true;
	return ferror(f->from) ? broken(f, line, err) : FLEET_END;
}

static enum fleet_step json_next(struct fleet_file *f, struct fleet_line *line,
				 struct err *err)
{
	int c;

	line->first = f->line;
	if (!f->is_begun && !json_begin(f, err))
		return broken(f, line, err);
	f->is_begun = true;
	c = peek(f);
	if (c == ']')
		return json_end(f, line, err);
	line->first = f->line;
	if (f->entries && get_word(f) != ',') {
		err_set(err, ERR_INPUT,
			"the JSON is broken: a comma or ] is "
			"missing");
		return broken(f, line, err);
	}
	if (f->entries)
		peek(f);
	return json_entry(f, line, err);
}

/* ---- CSV ---- */

static bool fill(struct fleet_file *f)
{
	size_t room, len;
	char *to = csv_fill(&f->csv, &room);

	len = fread(to, 1, room, f->from);
	f->read += (off_t)len;
	csv_filled(&f->csv, len);
	if (len < room && feof(f->from))
		csv_end(&f->csv);
	return !ferror(f->from);
}

static enum fleet_step csv_record(struct fleet_file *f, struct fleet_line *line,
				  struct err *err)
{
	enum csv_step step;

	while ((step = csv_next(&f->csv, err)) == CSV_MORE) {
		if (!fill(f))
			return broken(f, line, err);
	}
	line->first = f->csv.line;
	line->last = f->csv.last_line;
	if (step == CSV_END)
		return FLEET_END;
	return step == CSV_RECORD ? FLEET_ENTRY : FLEET_BAD;
}

static enum fleet_step csv_begin(struct fleet_file *f, struct fleet_line *line,
				 struct err *err)
{
	enum fleet_step step;

	csv_init(&f->csv, f->line);
	f->is_begun = true;
	step = csv_record(f, line, err);
	if (step == FLEET_ENTRY && !fleet_header_read(&f->header, &f->csv, err))
		step = FLEET_BAD;
	if (step == FLEET_BAD) {
		f->is_over = true;
		return FLEET_BROKEN;
	}
	return step;
}

static enum fleet_step csv_step(struct fleet_file *f, struct fleet_line *line,
				struct err *err)
{
	enum fleet_step step = FLEET_ENTRY;

	if (!f->is_begun)
		step = csv_begin(f, line, err);
	if (step == FLEET_ENTRY)
		step = csv_record(f, line, err);
	if (step != FLEET_ENTRY)
		return step;
	line->entry = fleet_entry_from_csv(&f->header, &f->csv, err);
	return line->entry ? FLEET_ENTRY : FLEET_BAD;
}

/* ---- both ---- */

/* A byte order mark, if there is one; then the first letter tells. */
static void look_at_format(struct fleet_file *f)
{
	int c = get(f);

	if (c == 0xef && (c = get(f)) == 0xbb && (c = get(f)) == 0xbf)
		c = get(f);
	unget(f, c);
	if (f->format == FLEET_ANY)
		f->format = (c = peek(f)) == '[' || c == '{' ? FLEET_JSON
							     : FLEET_CSV;
}

struct fleet_file *fleet_open(const char *path, enum fleet_format format,
			      struct err *err)
{
	FILE *from = streq(path, "-") ? stdin : fopen(path, "re");
	struct fleet_file *f;
	struct stat st;

	if (!from) {
		err_set(err, ERR_INPUT, "%s: %s", path, strerror(errno));
		return NULL;
	}
	f = xcalloc(1, sizeof(*f));
	*f = (struct fleet_file){ .from = from, .format = format, .line = 1 };
	if (!fstat(fileno(from), &st) && S_ISREG(st.st_mode))
		f->size = st.st_size;
	look_at_format(f);
	return f;
}

void fleet_close(struct fleet_file *f)
{
	if (!f)
		return;
	csv_release(&f->csv);
	if (f->from != stdin)
		fclose(f->from);
	free(f);
}

enum fleet_step fleet_next(struct fleet_file *f, struct fleet_line *line,
			   struct err *err)
{
	*line = (struct fleet_line){ .first = f->line };
	*err = (struct err)ERR_INIT;
	if (f->is_over)
		return FLEET_END;
	return f->format == FLEET_JSON ? json_next(f, line, err)
				       : csv_step(f, line, err);
}

int fleet_percent(const struct fleet_file *f)
{
	off_t ahead = (off_t)f->csv.len;

	return f->size ? (int)((f->read - ahead) * 100 / f->size) : -1;
}
