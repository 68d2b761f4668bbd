#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

bool streq(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

bool streq_case(const char *a, const char *b)
{
	return a && b && strcasecmp(a, b) == 0;
}

bool str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *s, const char *suffix)
{
	size_t len = strlen(s), tail = strlen(suffix);

	return len >= tail && streq(s + len - tail, suffix);
}

bool str_is_empty(const char *s)
{
	return !s || !*s;
}

void str_lower(char *s)
{
	for (; *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s - 'A' + 'a');
}

bool str_copy(char *out, size_t size, const char *s)
{
	size_t len = strlen(s);

	out[0] = '\0';
	if (len >= size)
		return false;
	memcpy(out, s, len + 1);
	return true;
}

bool str_to_long(const char *s, size_t len, long max, long *out)
{
	long value = 0;

	if (!len)
		return false;
	for (size_t i = 0; i < len; i++) {
		long digit = s[i] - '0';

		if (digit < 0 || digit > 9 || digit > max ||
		    value > (max - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*out = value;
	return true;
}

char *str_printable(const char *s, size_t max)
{
	size_t len = strnlen(s, max);
	char *out = xmalloc(len * 4 + 1), *p = out;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c >= 0x20 && c <= 0x7e)
			*p++ = (char)c;
		else
			p += sprintf(p, "\\x%02x", c);
	}
	*p = '\0';
	return out;
}

char *str_quoted(const char *s, size_t max)
{
	char *clean = str_printable(s, max), *out;

	out = xasprintf("\"%s%s\"", clean,
			strnlen(s, max + 1) > max ? "..." : "");
	free(clean);
	return out;
}
