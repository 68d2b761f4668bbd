/*
 * A byte buffer that cannot be made without a maximum: what a peer sends
 * grows up to the cap and not a byte further.
 *
 * The text is always followed by a NUL that does not count.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data;	/* owned; never NULL after buf_init */
	size_t len;
	size_t cap;
	size_t max;	/* most bytes it will hold, NUL not counted */
};

void buf_init(struct buf *b, size_t max);
void buf_release(struct buf *b);
void buf_clear(struct buf *b);		/* keeps the memory */

/* False, and nothing is added, if it would exceed the maximum. */
bool buf_add(struct buf *b, const void *data, size_t len);
bool buf_puts(struct buf *b, const char *s);
bool buf_printf(struct buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Hands the text over to the caller, who frees it; *b is empty again, and
 * has nothing to release.
 */
char *buf_take(struct buf *b);

#endif
