#include "base/b64.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			       "abcdefghijklmnopqrstuvwxyz"
			       "0123456789-_";

char *b64url_encode(const void *data, size_t len)
{
	const unsigned char *in = data;
	char *out = xmalloc(len / 3 * 4 + 5), *p = out;
	uint32_t bits = 0;
	int held = 0;

	for (size_t i = 0; i < len; i++) {
		bits = bits << 8 | in[i];
		for (held += 8; held >= 6; held -= 6)
			*p++ = alphabet[bits >> (held - 6) & 63];
	}
	if (held)
		*p++ = alphabet[bits << (6 - held) & 63];
	*p = '\0';
	return out;
}

bool b64url_decode(const char *text, unsigned char **out, size_t *len)
{
	size_t n = strlen(text), used = 0;
	unsigned char *bytes = xmalloc(n + 1);
	uint32_t bits = 0;
	int held = 0;

	for (size_t i = 0; i < n; i++) {
		const char *at = strchr(alphabet, text[i]);

		if (!at)
			goto bad;
		bits = bits << 6 | (uint32_t)(at - alphabet);
		held += 6;
		if (held >= 8) {
			held -= 8;
			bytes[used++] = (unsigned char)(bits >> held);
		}
	}
	if (n % 4 == 1 || (bits & ((1u << held) - 1)))
		goto bad;	/* cut short, or bits that encode nothing */
	bytes[used] = 0;
	*out = bytes;
	*len = used;
	return true;
bad:
	free(bytes);
	return false;
}
