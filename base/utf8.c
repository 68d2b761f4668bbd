#include "base/utf8.h"

#include <string.h>

#include "base/mem.h"

#define CODE_MAX 0x10ffff

/* By the length of a character: the mark of its first byte, its least code. */
static const struct {
	unsigned char mask, mark;
	uint32_t least;
} forms[] = {
	{ 0x80, 0x00, 0 },
	{ 0xe0, 0xc0, 0x80 },
	{ 0xf0, 0xe0, 0x800 },
	{ 0xf8, 0xf0, 0x10000 },
};

/* What is never shown as it is. */
static const struct {
	uint32_t from, to;
} unseen[] = {
	{ 0x00, 0x1f },	      /* controls */
	{ 0x7f, 0x9f },	      /* more of them */
	{ 0xad, 0xad },	      /* a hyphen that may not be there */
	{ 0x61c, 0x61c },     /* direction */
	{ 0x180e, 0x180e },   /* no width */
	{ 0x200b, 0x200f },   /* no width, direction */
	{ 0x2028, 0x202e },   /* ends of lines, direction */
	{ 0x2060, 0x206f },   /* no width, direction */
	{ 0xfdd0, 0xfdef },   /* no characters */
	{ 0xfeff, 0xfeff },   /* a mark of byte order */
	{ 0xfff0, 0xfffb },   /* annotations */
	{ 0xe0000, 0xe0fff }, /* tags */
};

size_t utf8_char(const char *s, size_t len, uint32_t *code)
{
	const unsigned char *at = (const unsigned char *)s;
	size_t n = 0;

	while (n < ARRAY_LEN(forms) && (at[0] & forms[n].mask) != forms[n].mark)
		n++;
	if (n == ARRAY_LEN(forms) || n >= len)
		return 0;
	*code = at[0] & (unsigned char)~forms[n].mask;
	for (size_t i = 1; i <= n; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (at[i] & 0x3f);
	}
	if (*code < forms[n].least || *code > CODE_MAX ||
	    (*code >= 0xd800 && *code <= 0xdfff))
		return 0;
	return n + 1;
}

bool utf8_is_valid(const char *s, size_t len)
{
	uint32_t code;
	size_t n;

	for (; len; s += n, len -= n) {
		n = utf8_char(s, len, &code);
		if (!n)
			return false;
	}
	return true;
}

void utf8_mend(char *s, size_t len)
{
	uint32_t code;
	size_t n;

	for (; len; s += n, len -= n) {
		n = utf8_char(s, len, &code);
		if (!n) {
			*s = '?';
			n = 1;
		}
	}
}

static bool is_unseen(uint32_t code)
{
	for (size_t i = 0; i < ARRAY_LEN(unseen); i++)
		if (code >= unseen[i].from && code <= unseen[i].to)
			return true;
	return (code & 0xfffe) == 0xfffe;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* One character, as it is shown; how much of `s` it was. */
static size_t put_plain(const char *s, size_t len, char out[static 4],
			size_t *put)
{
	uint32_t code = 0;
	size_t n = utf8_char(s, len, &code);

	*put = 1;
	*out = '?';
	if (is_blank(*s)) {
		*out = ' ';
	} else if (n && !is_unseen(code)) {
		memcpy(out, s, n);
		*put = n;
	}
	return n ? n : 1;
}

char *utf8_plain(const char *s, size_t len, size_t max)
{
	char *line, one[4];
	size_t used = 0, n, put;

	while (len && is_blank(*s))
		s++, len--;
	line = xmalloc((len < max ? len : max) + 1);
	for (; len; s += n, len -= n) {
		n = put_plain(s, len, one, &put);
		if (put > max - used)
			break;
		memcpy(line + used, one, put);
		used += put;
	}
	while (used && line[used - 1] == ' ')
		used--;
	line[used] = '\0';
	return line;
}
