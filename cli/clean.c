#include "cli/clean.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"

#define LONGEST 10	/* "\u{10ffff}" */

/* C0, DEL, C1; line separators; marks and overrides of direction. */
static bool is_harmful(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x61c ||
	       (c >= 0x200e && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

char *clean_text(const char *text)
{
	size_t left = strlen(text), n;
	char *out = xmalloc(left * LONGEST + 1), *p = out;

	for (; left; text += n, left -= n) {
		uint32_t c = 0;

		n = utf8_char(text, left, &c);
		if (!n || (n == 1 && is_harmful(c)))
			p += sprintf(p, "\\x%02x", (unsigned char)*text);
		else if (is_harmful(c))
			p += sprintf(p, "\\u{%" PRIx32 "}", c);
		else
			p = mempcpy(p, text, n);
		n = n ? n : 1;
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

json_t *clean_new(const char *text)
{
	json_t *value = json_string(text);
	char *clean;

	if (value)
		return value;
	clean = clean_text(text);
	value = json_string(clean);
	free(clean);
	return value;
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
