#include "base/inflate.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define ZLIB_CONST
#include <zlib.h>

#include "base/mem.h"

#define GZIP_ONLY (16 + MAX_WBITS)
#define CHUNK	  16384

static const unsigned char magic[] = { 0x1f, 0x8b };

bool inflate_is_gzip(const void *data, size_t len)
{
	return len >= sizeof(magic) && memcmp(data, magic, sizeof(magic)) == 0;
}

static void *allocate(void *arg, unsigned count, unsigned size)
{
	(void)arg;
	return xcalloc(count, size);
}

static void release(void *arg, void *p)
{
	(void)arg;
	free(p);
}

static bool keep(const unsigned char *chunk, size_t len, size_t taken,
		 size_t ratio, struct buf *out, struct err *err)
{
	if (!buf_add(out, chunk, len))
		return err_set(err, ERR_REFUSED,
			       "inflated it is more than %zu bytes", out->max);
	if (out->len > INFLATE_FREE_BYTES && out->len / ratio > taken)
		return err_set(err, ERR_REFUSED,
			       "it inflates to more than %zu times its size",
			       ratio);
	return true;
}

static bool is_damaged(const z_stream *z, int rc, struct err *err)
{
	if (rc == Z_BUF_ERROR)
		return err_set(err, ERR_INPUT, "the gzip data is cut off");
	return err_set(err, ERR_INPUT, "the gzip data is damaged%s%s",
		       z->msg ? ": " : "", z->msg ? z->msg : "");
}

/* One member: its trailer is checked by zlib. */
static bool inflate_member(z_stream *z, const unsigned char *from, size_t ratio,
			   struct buf *out, struct err *err)
{
	unsigned char chunk[CHUNK];
	int rc;

	do {
		z->next_out = chunk;
		z->avail_out = sizeof(chunk);
		rc = inflate(z, Z_NO_FLUSH);
		if (rc != Z_OK && rc != Z_STREAM_END)
			return is_damaged(z, rc, err);
		if (!keep(chunk, sizeof(chunk) - z->avail_out,
			  (size_t)(z->next_in - from), ratio, out, err))
			return false;
	} while (rc != Z_STREAM_END);
	return true;
}

/* Zeros too: each string has one, at its end. */
static bool is_padding(const z_stream *z)
{
	for (uInt i = 0; i < z->avail_in; i++)
		if (!strchr(" \t\r\n", z->next_in[i]))
			return false;
	return true;
}

static bool inflate_members(z_stream *z, size_t ratio, struct buf *out,
			    struct err *err)
{
	const unsigned char *from = z->next_in;

	do {
		if (!inflate_member(z, from, ratio, out, err))
			return false;
		inflateReset(z);
	} while (inflate_is_gzip(z->next_in, z->avail_in));
	if (is_padding(z))
		return true;
	return err_set(err, ERR_INPUT,
		       "the gzip data is damaged: %u bytes of something else "
		       "behind its end",
		       z->avail_in);
}

bool inflate_gzip(const void *data, size_t len, size_t ratio, struct buf *out,
		  struct err *err)
{
	z_stream z = { .zalloc = allocate, .zfree = release };
	size_t max = out->max;
	bool ok;
	int rc;

	buf_clear(out);
	if (len > UINT_MAX)
		return err_set(err, ERR_REFUSED, "the gzip data is too long");
	if (!inflate_is_gzip(data, len))
		return err_set(err, ERR_INPUT, "it is not gzip");
	z.next_in = data;
	z.avail_in = (uInt)len;
	rc = inflateInit2(&z, GZIP_ONLY);
	assert(rc == Z_OK); /* memory aborts, and all else is ours */
	(void)rc;
	ok = inflate_members(&z, ratio, out, err);
	inflateEnd(&z);
	if (!ok) {
		buf_release(out);
		buf_init(out, max);
	}
	return ok;
}
