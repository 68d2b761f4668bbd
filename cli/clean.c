#include "cli/clean.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define LONGEST 10	/* "\u{10ffff}" */

/* Length of the UTF-8 sequence at s, and its character; 0 if it is none. */
static size_t decode(const unsigned char *s, unsigned long *character)
{
	static const struct {
		unsigned char mask, lead;
	} forms[] = { { 0x80, 0 }, { 0xe0, 0xc0 }, { 0xf0, 0xe0 },
		      { 0xf8, 0xf0 } };

	for (size_t n = 0; n < ARRAY_LEN(forms); n++) {
		if ((s[0] & forms[n].mask) != forms[n].lead)
			continue;
		*character = s[0] & (unsigned char)~forms[n].mask;
		for (size_t i = 1; i <= n; i++) {
			if ((s[i] & 0xc0) != 0x80)
				return 0;
			*character = *character << 6 | (s[i] & 0x3f);
		}
		return n + 1;
	}
	return 0;
}

/* C0, DEL, C1; line separators; marks and overrides of direction. */
static bool is_harmful(unsigned long c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x61c ||
	       (c >= 0x200e && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

char *clean_text(const char *text)
{
	char *out = xmalloc(strlen(text) * LONGEST + 1), *p = out;

	while (*text) {
		unsigned long c = 0;
		size_t n = decode((const unsigned char *)text, &c);

		if (!n || (n == 1 && is_harmful(c)))
			p += sprintf(p, "\\x%02x", (unsigned char)*text);
		else if (is_harmful(c))
			p += sprintf(p, "\\u{%lx}", c);
		else
			p = mempcpy(p, text, n);
		text += n ? n : 1;
	}
	*p = '\0';
	return out;
}

static void clean_string(json_t *value)
{
	char *clean = clean_text(json_string_value(value));

	json_string_set(value, clean);
	free(clean);
}

void clean_json(json_t *value)
{
	const char *key;
	json_t *item;
	size_t i;

	if (json_is_string(value))
		clean_string(value);
	json_array_foreach(value, i, item) {
		clean_json(item);
	}
	json_object_foreach(value, key, item) {
		if (!streq(key, "body") && !streq(key, "pem"))
			clean_json(item);
	}
}
