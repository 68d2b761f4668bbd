#include "cli/mail_box.h"

#include <ctype.h>
#include <string.h>

#define MARK	 "From "
#define MARK_LEN 5

/* A line, or as much of it as there is room for. */
static size_t read_piece(FILE *from, char *to, size_t size)
{
	size_t len = 0;
	int c = 0;

	while (len < size && c != '\n' && (c = getc_unlocked(from)) != EOF)
		to[len++] = (char)c;
	return len;
}

static bool is_mark(const char *line, size_t len)
{
	return len >= MARK_LEN && memcmp(line, MARK, MARK_LEN) == 0;
}

static bool is_blank(const char *line, size_t len)
{
	return (len == 1 && line[0] == '\n') ||
	       (len == 2 && line[0] == '\r' && line[1] == '\n');
}

static void skip_line(FILE *from)
{
	int c;

	do {
		c = getc_unlocked(from);
	} while (c != '\n' && c != EOF);
}

static size_t next_piece(struct mail_box *b, char piece[static MAIL_BOX_PIECE])
{
	size_t len = b->held_len;

	if (!len)
		return read_piece(b->from, piece, MAIL_BOX_PIECE);
	memcpy(piece, b->held, len);
	b->held_len = 0;
	return len;
}

/* The rest of the line is taken too. */
static bool find_first(struct mail_box *b)
{
	size_t len = read_piece(b->from, b->held, MARK_LEN);

	b->is_begun = true;
	if (is_mark(b->held, len)) {
		skip_line(b->from);
		return b->is_piped || !feof(b->from);
	}
	b->held_len = len;
	b->is_single = true;
	return b->is_piped;
}

/* " 10:00", as every program writes it there. */
static bool has_time(const char *line, size_t len)
{
	for (size_t i = 0; i + 6 <= len; i++)
		if (line[i] == ' ' && isdigit((unsigned char)line[i + 1]) &&
		    isdigit((unsigned char)line[i + 2]) && line[i + 3] == ':' &&
		    isdigit((unsigned char)line[i + 4]) &&
		    isdigit((unsigned char)line[i + 5]))
			return true;
	return false;
}

/* "Name:" (RFC 5322, 2.2) */
static bool is_field(const char *line, size_t len)
{
	size_t i = 0;

	while (i < len && line[i] > ' ' && line[i] <= '~' && line[i] != ':')
		i++;
	return i && i < len && line[i] == ':';
}

/* Of a line that is a mark: does it begin a message? */
static bool begins_message(struct mail_box *b, const char *line, size_t len)
{
	bool is_line = line[len - 1] == '\n';

	if (!b->is_piped) {
		if (!is_line)
			skip_line(b->from);
		return true;
	}
	if (b->is_single || !is_line || !has_time(line, len))
		return false;
	b->held_len = read_piece(b->from, b->held, sizeof(b->held));
	return is_field(b->held, b->held_len);
}

static bool has_next(struct mail_box *b)
{
	if (!b->is_begun)
		return find_first(b);
	return b->held_len || !(feof(b->from) || ferror(b->from));
}

bool mail_box_next(struct mail_box *b, struct buf *message, bool *is_whole)
{
	bool begins_line = true, after_blank = false;
	char piece[MAIL_BOX_PIECE];
	size_t len;

	buf_clear(message);
	*is_whole = true;
	if (!has_next(b))
		return false;
	while ((len = next_piece(b, piece)) > 0) {
		if (begins_line && after_blank && is_mark(piece, len) &&
		    begins_message(b, piece, len))
			return true;
		if (*is_whole && !buf_add(message, piece, len))
			*is_whole = false;
		after_blank = begins_line && is_blank(piece, len);
		begins_line = piece[len - 1] == '\n';
	}
	return true;
}

void mail_skip_envelope(const char **data, size_t *len)
{
	const char *end = memchr(*data, '\n', *len);

	if (!is_mark(*data, *len) || !end)
		return;
	*len -= (size_t)(end + 1 - *data);
	*data = end + 1;
}
