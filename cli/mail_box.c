#include "cli/mail_box.h"

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

/* The rest of the line is taken too. */
static bool find_first(struct mail_box *b)
{
	char mark[MARK_LEN];
	size_t len;

	b->is_begun = true;
	len = read_piece(b->from, mark, sizeof(mark));
	if (!is_mark(mark, len))
		return false;
	skip_line(b->from);
	return true;
}

bool mail_box_next(struct mail_box *b, struct buf *message, bool *is_whole)
{
	bool begins_line = true, after_blank = false;
	char piece[4096];
	size_t len;

	buf_clear(message);
	*is_whole = true;
	if ((!b->is_begun && !find_first(b)) || feof(b->from))
		return false;
	while ((len = read_piece(b->from, piece, sizeof(piece))) > 0) {
		bool ends_line = piece[len - 1] == '\n';

		if (begins_line && after_blank && is_mark(piece, len)) {
			if (!ends_line)
				skip_line(b->from);
			return true;
		}
		if (*is_whole && !buf_add(message, piece, len))
			*is_whole = false;
		after_blank = begins_line && is_blank(piece, len);
		begins_line = ends_line;
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
