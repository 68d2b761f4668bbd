#include "cli/screen.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/mem.h"

#define DOTS "..."

size_t screen_columns(FILE *to)
{
	struct winsize size = { .ws_col = 0 };
	int fd = fileno(to);

	if (fd < 0 || !isatty(fd) || ioctl(fd, TIOCGWINSZ, &size) < 0)
		return 0;
	return size.ws_col;
}

static bool begins_character(char byte)
{
	return ((unsigned char)byte & 0xc0) != 0x80;
}

size_t screen_width(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += begins_character(*text);
	return n;
}

/* Bytes of its first so many characters. */
static size_t length_of(const char *text, size_t characters)
{
	size_t i = 0, n = 0;

	for (; text[i]; i++)
		if (begins_character(text[i]) && n++ == characters)
			break;
	return i;
}

char *screen_shortened(const char *text, size_t width)
{
	size_t all = screen_width(text), kept, tail;

	if (all <= width)
		return xstrdup(text);
	if (width < sizeof(DOTS))
		return xstrndup(text, length_of(text, width));
	kept = width - (sizeof(DOTS) - 1);
	tail = kept / 2;
	return xasprintf("%.*s" DOTS "%s", (int)length_of(text, kept - tail),
			 text, text + length_of(text, all - tail));
}

void screen_wrap(const char *text, size_t indent, size_t columns, FILE *to)
{
	size_t column = indent;

	if (!columns) {
		fprintf(to, "%s\n", text);
		return;
	}
	while (*text) {
		size_t len = strcspn(text, " ");
		char *word = xstrndup(text, len);
		size_t width = screen_width(word);
		bool is_first = column == indent;

		if (!is_first && column + 1 + width > columns) {
			fprintf(to, "\n%*s", (int)indent, "");
			column = indent;
		} else if (!is_first) {
			fputc(' ', to);
			column++;
		}
		fputs(word, to);
		column += width;
		text += len;
		text += strspn(text, " ");
		free(word);
	}
	fputc('\n', to);
}
