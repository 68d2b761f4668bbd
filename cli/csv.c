#include "cli/csv.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define WINDOW (2 * CSV_RECORD_MAX)

/* A look at one record: how far it has come. */
struct scan {
	const char *from, *end; /* what there is to read */
	const char *p;
	char *out;  /* where the next byte of a field goes */
	long lines; /* line ends passed */
	bool in_quotes;
};

void csv_init(struct csv *c, long line)
{
	*c = (struct csv){ .next_line = line };
	c->window = xmalloc(WINDOW);
	c->text = xmalloc(CSV_RECORD_MAX + 2);
}

void csv_release(struct csv *c)
{
	free(c->window);
	free(c->text);
	*c = (struct csv){ .count = 0 };
}

char *csv_fill(struct csv *c, size_t *room)
{
	memmove(c->window, c->window + c->start, c->len);
	c->start = 0;
	*room = WINDOW - c->len;
	return c->window + c->len;
}

void csv_filled(struct csv *c, size_t len)
{
	assert(c->start + c->len + len <= WINDOW);
	c->len += len;
}

void csv_end(struct csv *c)
{
	c->is_ended = true;
}

/* ---- going on ---- */

static void take(struct csv *c, const char *to)
{
	size_t len = (size_t)(to - (c->window + c->start));

	c->start += len;
	c->len -= len;
}

/* Past the end of the line at `p`, or to the end of what there is. */
static const char *line_end(const char *p, const char *end)
{
	const char *lf = memchr(p, '\n', (size_t)(end - p));

	return lf ? lf + 1 : end;
}

/* The record is given up; what follows its line `to` is the next one. */
static enum csv_step bad(struct csv *c, const char *to, long lines)
{
	c->last_line = c->line + lines;
	c->next_line = c->last_line + 1;
	c->is_skipping = to[-1] != '\n';
	take(c, to);
	return CSV_BAD;
}

/* What one line lacks may be its own: those behind it are read again. */
static enum csv_step bad_line(struct csv *c, const struct scan *s)
{
	return bad(c, line_end(s->from, s->end), 0);
}

/* Wrong at s->p: the rest of that line goes too. */
static enum csv_step bad_here(struct csv *c, const struct scan *s)
{
	return bad(c, line_end(s->p, s->end), s->lines);
}

/* ---- one record ---- */

static void keep(struct scan *s)
{
	s->lines += *s->p == '\n';
	*s->out++ = *s->p++;
}

/* Over what stands in quotation marks. */
static void quoted(struct scan *s)
{
	s->in_quotes = true;
	s->p++;
	while (s->p < s->end && *s->p) {
		if (*s->p != '"') {
			keep(s);
			continue;
		}
		if (s->p + 1 == s->end || s->p[1] != '"') {
			s->in_quotes = false;
			s->p++;
			return;
		}
		s->p++;
		keep(s);
	}
}

static void plain(struct scan *s)
{
	while (s->p < s->end && *s->p && !strchr(",\"\r\n", *s->p))
		keep(s);
}

/* To what ends the field: a comma, an end of line, or what must not be. */
static void scan_field(struct csv *c, struct scan *s)
{
	bool is_quoted = s->p < s->end && *s->p == '"';

	c->quoted |= (uint32_t)is_quoted << c->count;
	c->field[c->count++] = s->out;
	if (is_quoted)
		quoted(s);
	else
		plain(s);
	*s->out++ = '\0';
}

/* At the end of a line? *past is behind it. */
static bool is_line_end(const struct scan *s, const char **past)
{
	size_t len = *s->p == '\r' && s->p + 1 < s->end ? 2 : 1;

	*past = s->p + len;
	return s->p[len - 1] == '\n';
}

static bool unexpected(const struct scan *s, struct err *err)
{
	if (!*s->p) {
		err_set(err, ERR_INPUT, "there is a NUL byte in it");
		return err_hint(err, "save the file as UTF-8 text");
	}
	if (*s->p == '\r') {
		err_set(err, ERR_INPUT,
			"there is a carriage return in it that "
			"ends no line");
		return err_hint(err, "lines end in LF or CRLF");
	}
	err_set(err, ERR_INPUT,
		"quotation marks are around a part of a field "
		"only");
	return err_hint(err, "put them around the whole field, and double "
			     "those inside: \"say \"\"so\"\"\"");
}

static enum csv_step unfinished(struct csv *c, const struct scan *s,
				struct err *err)
{
	bool is_long = s->end - s->from >= CSV_RECORD_MAX;

	if (!is_long && !c->is_ended)
		return CSV_MORE;
	if (s->in_quotes) {
		err_set(err, ERR_INPUT,
			"a quotation mark is opened and never "
			"closed");
		err_hint(err, "close it before the comma or the end of the "
			      "line");
		return bad_line(c, s);
	}
	if (!is_long)
		return CSV_RECORD;
	err_set(err, ERR_INPUT, "it is longer than %d bytes", CSV_RECORD_MAX);
	err_hint(err, "is this a CSV file?");
	return bad_line(c, s);
}

static enum csv_step record_ends(struct csv *c, const struct scan *s,
				 const char *past)
{
	c->last_line = c->line + s->lines;
	c->next_line = c->last_line + 1;
	take(c, past);
	return CSV_RECORD;
}

/* Field by field. */
static enum csv_step scan_record(struct csv *c, struct scan *s, struct err *err)
{
	const char *past = s->end;
	enum csv_step step;

	for (;; s->p++) {
		if (c->count == CSV_FIELDS_MAX) {
			err_set(err, ERR_INPUT, "it has more than %d fields",
				CSV_FIELDS_MAX);
			return bad_here(c, s);
		}
		scan_field(c, s);
		if (s->p == s->end) {
			step = unfinished(c, s, err);
			return step == CSV_RECORD ? record_ends(c, s, s->end)
						  : step;
		}
		if (*s->p == ',')
			continue;
		if (is_line_end(s, &past))
			return record_ends(c, s, past);
		/* A CR at the end of the window: what comes next? */
		if (*s->p == '\r' && s->p + 1 == s->end && !c->is_ended)
			return unfinished(c, s, err);
		unexpected(s, err);
		return bad_here(c, s);
	}
}

/* ---- from the beginning ---- */

/* What is left of a bad line. False: it goes on behind the window. */
static bool skip_rest(struct csv *c)
{
	const char *p = c->window + c->start, *to = line_end(p, p + c->len);

	if (c->is_skipping)
		c->is_skipping = !c->len || to[-1] != '\n';
	else
		to = p;
	take(c, to);
	return !c->is_skipping;
}

static void skip_empty_lines(struct csv *c)
{
	for (;;) {
		const char *p = c->window + c->start;
		size_t len = c->len > 1 && *p == '\r' ? 2 : 1;

		if (c->len < len || p[len - 1] != '\n')
			return;
		take(c, p + len);
		c->next_line++;
	}
}

enum csv_step csv_next(struct csv *c, struct err *err)
{
	struct scan s;

	c->count = 0;
	c->quoted = 0;
	if (!skip_rest(c))
		return c->is_ended ? CSV_END : CSV_MORE;
	skip_empty_lines(c);
	if (!c->len)
		return c->is_ended ? CSV_END : CSV_MORE;
	c->line = c->last_line = c->next_line;
	s = (struct scan){ .from = c->window + c->start, .out = c->text };
	s.p = s.from;
	s.end = s.from + (c->len < CSV_RECORD_MAX ? c->len : CSV_RECORD_MAX);
	return scan_record(c, &s, err);
}

/* ---- writing ---- */

char *csv_quoted(const char *text)
{
	char *out, *p;

	if (*text && !strpbrk(text, ",\"\r\n") && *text != ' ' &&
	    text[strlen(text) - 1] != ' ')
		return xstrdup(text);
	if (!*text)
		return xstrdup("");
	out = p = xmalloc(2 * strlen(text) + 3);
	*p++ = '"';
	for (; *text; text++) {
		if (*text == '"')
			*p++ = '"';
		*p++ = *text;
	}
	*p++ = '"';
	*p = '\0';
	return out;
}

char *csv_safe(const char *text)
{
	bool is_formula = *text && strchr("=+-@\t\r\n", *text);
	char *guarded = xasprintf("%s%s", is_formula ? "'" : "", text);
	char *quoted = csv_quoted(guarded);

	free(guarded);
	return quoted;
}
