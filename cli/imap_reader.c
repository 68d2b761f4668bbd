#include "cli/imap_reader.h"

#include <limits.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

void imap_reader_init(struct imap_reader *r, size_t literal_max)
{
	*r = (struct imap_reader){ .is_done = true };
	buf_init(&r->line, IMAP_LINE_MAX);
	buf_init(&r->literal, literal_max);
}

void imap_reader_release(struct imap_reader *r)
{
	buf_release(&r->line);
	buf_release(&r->literal);
}

void imap_reader_feed(struct imap_reader *r, const char *data, size_t len)
{
	r->at = data;
	r->left = len;
}

static void begin(struct imap_reader *r)
{
	buf_clear(&r->line);
	buf_clear(&r->literal);
	r->has_literal = r->is_too_large = false;
	r->read_until = 0;
	r->is_done = false;
}

static void take(struct imap_reader *r, size_t len)
{
	r->at += len;
	r->left -= len;
}

static void take_literal(struct imap_reader *r)
{
	size_t len = r->left < r->literal_left ? r->left : r->literal_left;

	if (!r->is_too_large)
		buf_add(&r->literal, r->at, len);
	r->literal_left -= len;
	take(r, len);
}

/* Does the line end in "{123}"? */
static bool announces(const struct imap_reader *r, long *size)
{
	const char *open = strrchr(r->line.data + r->read_until, '{');
	size_t len = open ? strlen(open) : 0;

	return len > 2 && open[len - 1] == '}' &&
	       strlen(r->line.data) == r->line.len &&
	       str_to_long(open + 1, len - 2, LONG_MAX, size);
}

static void begin_literal(struct imap_reader *r, long size)
{
	buf_clear(&r->literal);
	r->is_too_large = (size_t)size > r->literal.max;
	r->literal_left = (size_t)size;
	r->read_until = r->line.len;
	r->has_literal = true;
}

/* A whole line is there: without its end. */
static void cut_end(struct buf *line)
{
	line->len--;
	if (line->len && line->data[line->len - 1] == '\r')
		line->len--;
	line->data[line->len] = '\0';
}

/* False: the line did not end yet, or is broken: *is_ok. */
static bool take_line(struct imap_reader *r, bool *is_ok, struct err *err)
{
	const char *end = memchr(r->at, '\n', r->left);
	size_t len = end ? (size_t)(end - r->at) + 1 : r->left;

	*is_ok = buf_add(&r->line, r->at, len);
	if (!*is_ok)
		return err_set(err, ERR_INPUT,
			       "the IMAP server sends a line "
			       "without an end");
	take(r, len);
	if (end)
		cut_end(&r->line);
	return end;
}

enum imap_step imap_reader_next(struct imap_reader *r, struct err *err)
{
	long size;
	bool is_ok = true;

	if (r->is_done)
		begin(r);
	while (r->left) {
		if (r->literal_left) {
			take_literal(r);
			continue;
		}
		if (!take_line(r, &is_ok, err))
			return is_ok ? IMAP_MORE : IMAP_BROKEN;
		r->is_done = !announces(r, &size);
		if (r->is_done)
			return IMAP_RESPONSE;
		begin_literal(r, size);
	}
	return IMAP_MORE;
}

/* ---- words in a response ---- */

static bool is_edge(char c)
{
	return !c || strchr(" ()[]", c);
}

bool imap_number(const char *line, const char *word, long *number)
{
	size_t len = strlen(word);
	const char *at = line;

	while ((at = strcasestr(at, word))) {
		bool is_word = (at == line || is_edge(at[-1])) &&
			       at[len] == ' ';

		at += len;
		if (is_word && str_to_long(at + 1, strspn(at + 1, "0123456789"),
					   UINT_MAX, number))
			return true;
	}
	return false;
}
