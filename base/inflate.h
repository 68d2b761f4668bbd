/*
 * What gzip made small, large again (RFC 1952), within limits: a megabyte can
 * stand for a gigabyte, and costs no more here than the limit.
 *
 * Several members in a row are one text. Behind the last one zeros and white
 * space are passed over; whatever else is there is damage.
 *
 * No I/O, no clock. Any thread.
 */
#ifndef BASE_INFLATE_H
#define BASE_INFLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* Up to so many bytes of output no ratio is asked for. */
#define INFLATE_FREE_BYTES 65536

/* Does it begin as gzip does, with 1f 8b? */
bool inflate_is_gzip(const void *data, size_t len);

/*
 * `out` is a buffer with its maximum, which is the limit; it is emptied first.
 * `ratio`, at least 1, is how many bytes one may become; deflate cannot do
 * more than 1032.
 *
 * ERR_REFUSED: over a limit, the text says which. ERR_INPUT: no gzip, cut
 * off, or damaged. On failure `out` is empty and holds no memory.
 */
bool inflate_gzip(const void *data, size_t len, size_t ratio, struct buf *out,
		  struct err *err);

#endif
