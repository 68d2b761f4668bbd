#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* What an empty buffer shows (cap is 0): nothing to free, never written. */
static char nothing[1];

void buf_init(struct buf *b, size_t max)
{
	assert(max < SIZE_MAX);	/* the NUL must be countable */
	*b = (struct buf){ .data = nothing, .max = max };
}

void buf_release(struct buf *b)
{
	if (b->cap)
		free(b->data);
	*b = (struct buf){ 0 };
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	if (b->cap)
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
	b->data = xrealloc_array(b->cap ? b->data : NULL, want, 1);
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
	char *data = b->cap ? b->data : xstrdup("");

	buf_init(b, b->max);
	return data;
}
