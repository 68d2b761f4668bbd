#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .data = xcalloc(1, 1), .cap = 1, .max = max };
}

void buf_release(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ 0 };
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->data[0] = '\0';
}

static bool make_room(struct buf *b, size_t extra)
{
	size_t want;

	if (extra > b->max - b->len)
		return false;
	want = b->len + extra + 1;
	if (want <= b->cap)
		return true;
	if (want < b->cap * 2)
		want = b->cap * 2;
	if (want > b->max + 1)
		want = b->max + 1;
	b->data = xrealloc_array(b->data, want, 1);
	b->cap = want;
	return true;
}

bool buf_add(struct buf *b, const void *data, size_t len)
{
	if (!make_room(b, len))
		return false;
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
	return true;
}

bool buf_puts(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

bool buf_printf(struct buf *b, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	bool ok;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();	/* out of memory: the one cause there is */
	ok = buf_add(b, text, (size_t)n);
	free(text);
	return ok;
}

char *buf_take(struct buf *b)
{
	char *data = b->data;

	buf_init(b, b->max);
	return data;
}
