#include "daemon/config_text.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"

#define FILE_MAX_SIZE (1024 * 1024)

/* What may stand before // and C's comments: else they are part of a word. */
static bool ends_word(char c)
{
	return strchr(" \t\r\n={}(),+\"'", c) != NULL;
}

static char *skip_quoted(char *p)
{
	char quote = *p++;

	while (*p && *p != quote)
		p += *p == '\\' && p[1] ? 2 : 1;
	return *p ? p + 1 : p;
}

static void blank(char *p, const char *end)
{
	for (; p < end; p++)
		if (*p != '\n')
			*p = ' ';
}

/* The end of the comment that begins here; NULL: none does. */
static char *comment_end(char *p, bool is_word_start)
{
	char *end;

	if (*p == '#' || (is_word_start && str_starts(p, "//")))
		return p + strcspn(p, "\n");
	if (!is_word_start || !str_starts(p, "/*"))
		return NULL;
	end = strstr(p + 2, "*/");
	return end ? end + 2 : p + strlen(p);
}

void config_text_blank(char *text)
{
	bool is_word_start = true;
	char *p = text, *end;

	while (*p) {
		end = comment_end(p, is_word_start);
		if (end) {
			blank(p, end);
			is_word_start = true;
			p = end;
		} else if (*p == '"' || *p == '\'') {
			p = skip_quoted(p);
			is_word_start = true;
		} else {
			is_word_start = ends_word(*p++);
		}
	}
}

char *config_text_read(const char *path, struct err *err)
{
	FILE *f = fopen(path, "re");
	char piece[4096], *text = NULL;
	bool fits = true;
	struct buf b;
	size_t n;

	if (!f) {
		err_sys(err, "%s", path);
		return NULL;
	}
	buf_init(&b, FILE_MAX_SIZE);
	while (fits && (n = fread(piece, 1, sizeof(piece), f)) > 0)
		fits = buf_add(&b, piece, n);
	fits = fits && buf_puts(&b, "\n");
	if (ferror(f))
		err_sys(err, "%s", path);
	else if (!fits || strlen(b.data) < b.len)
		err_set(err, ERR_INPUT,
			"%s is not a text of at most a "
			"megabyte",
			path);
	else
		text = buf_take(&b);
	buf_release(&b);
	fclose(f);
	if (text)
		config_text_blank(text);
	return text;
}
