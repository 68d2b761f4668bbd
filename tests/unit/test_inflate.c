/* gzip, good and bad, from zlib's own other half. */
#include "base/inflate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define ZLIB_CONST
#include <zlib.h>

#include "base/mem.h"
#include "base/str.h"

#define RATIO 200
#define FREE  INFLATE_FREE_BYTES
#define MB    1048576UL

enum { RAW = -MAX_WBITS, ZLIB = MAX_WBITS, GZIP = MAX_WBITS + 16 };

struct bytes {
	unsigned char *data;
	size_t len;
};

static struct bytes deflated(const void *text, size_t len, int format)
{
	z_stream z = { 0 };
	struct bytes out;
	size_t room;

	assert_int_equal(
		deflateInit2(&z, 9, Z_DEFLATED, format, 9, Z_DEFAULT_STRATEGY),
		Z_OK);
	room = deflateBound(&z, len);
	out.data = xmalloc(room);
	z.next_in = text;
	z.avail_in = (uInt)len;
	z.next_out = out.data;
	z.avail_out = (uInt)room;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	out.len = room - z.avail_out;
	deflateEnd(&z);
	return out;
}

static void append(struct bytes *to, const void *data, size_t len)
{
	to->data = xrealloc_array(to->data, to->len + len, 1);
	memcpy(to->data + to->len, data, len);
	to->len += len;
}

/* Text that deflate cannot make much of. */
static char *noise(size_t len)
{
	char *text = xmalloc(len + 1);
	unsigned seed = 1;

	for (size_t i = 0; i < len; i++)
		text[i] = (char)('a' + rand_r(&seed) % 26);
	text[len] = '\0';
	return text;
}

/* Inflates a copy that is just as long, so that a read behind it is seen. */
static bool inflates(const void *data, size_t len, size_t max, struct buf *out,
		     struct err *err)
{
	void *copy = xmemdup(data, len);
	bool ok;

	*err = (struct err)ERR_INIT;
	buf_init(out, max);
	ok = inflate_gzip(copy, len, RATIO, out, err);
	free(copy);
	if (!ok) {
		assert_int_equal(out->len, 0);
		assert_int_equal(out->cap, 0);
		assert_int_equal(out->max, max);
		assert_true(err->kind == ERR_INPUT || err->kind == ERR_REFUSED);
		assert_string_not_equal(err->text, "");
	}
	return ok;
}

static void what_was_deflated_comes_back(void **state)
{
	static const size_t sizes[] = { 0,     1,     100,   16383,
					16384, 16385, 65536, 100000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		char *text = noise(sizes[i]);
		struct bytes gz = deflated(text, sizes[i], GZIP);
		struct err err;
		struct buf out;

		print_message("%zu bytes\n", sizes[i]);
		assert_true(inflate_is_gzip(gz.data, gz.len));
		assert_true(inflates(gz.data, gz.len, sizes[i], &out, &err));
		assert_int_equal(out.len, sizes[i]);
		assert_string_equal(out.data, text);
		buf_release(&out);
		if (sizes[i]) {
			assert_false(inflates(gz.data, gz.len, sizes[i] - 1,
					      &out, &err));
			assert_int_equal(err.kind, ERR_REFUSED);
		}
		free(text);
		free(gz.data);
	}
}

static void a_buffer_in_use_is_emptied_first(void **state)
{
	struct bytes gz = deflated("new", 3, GZIP);
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	buf_puts(&out, "old");
	assert_true(inflate_gzip(gz.data, gz.len, RATIO, &out, NULL));
	assert_string_equal(out.data, "new");
	assert_false(inflate_gzip("old", 3, RATIO, &out, NULL));
	assert_int_equal(out.len, 0);
	buf_release(&out);
	free(gz.data);
}

static void only_gzip_is_gzip(void **state)
{
	static const int others[] = { RAW, ZLIB };
	struct err err;
	struct buf out;

	(void)state;
	assert_false(inflate_is_gzip("", 0));
	assert_false(inflate_is_gzip("\x1f", 1));
	assert_false(inflate_is_gzip("{}", 2));
	assert_true(inflate_is_gzip("\x1f\x8b", 2));
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		struct bytes z = deflated("text", 4, others[i]);

		assert_false(inflates(z.data, z.len, 100, &out, &err));
		assert_int_equal(err.kind, ERR_INPUT);
		assert_string_equal(err.text, "it is not gzip");
		free(z.data);
	}
}

static void each_shorter_piece_is_cut_off(void **state)
{
	char *text = noise(300);
	struct bytes gz = deflated(text, 300, GZIP);
	struct err err;
	struct buf out;

	(void)state;
	for (size_t len = 2; len < gz.len; len++) {
		assert_false(inflates(gz.data, len, 1000, &out, &err));
		assert_int_equal(err.kind, ERR_INPUT);
		assert_string_equal(err.text, "the gzip data is cut off");
	}
	free(text);
	free(gz.data);
}

/* Bits of the header that say when and where it was made may turn. */
static void a_turned_bit_never_changes_the_text(void **state)
{
	char *text = noise(300);
	struct bytes gz = deflated(text, 300, GZIP);
	size_t passed = 0;
	struct err err;
	struct buf out;

	(void)state;
	for (size_t bit = 0; bit < 8 * gz.len; bit++) {
		gz.data[bit / 8] ^= (unsigned char)(1 << bit % 8);
		if (inflates(gz.data, gz.len, 1000, &out, &err)) {
			passed++;
			assert_string_equal(out.data, text);
			buf_release(&out);
		} else {
			assert_int_equal(err.kind, ERR_INPUT);
		}
		gz.data[bit / 8] ^= (unsigned char)(1 << bit % 8);
	}
	print_message("%zu bits did not matter\n", passed);
	assert_in_range(passed, 1, 8 * 7);
	free(text);
	free(gz.data);
}

static void members_in_a_row_are_one_text(void **state)
{
	struct bytes all = { NULL, 0 };
	struct bytes one = deflated("one ", 4, GZIP);
	struct bytes none = deflated("", 0, GZIP);
	struct bytes two = deflated("two", 3, GZIP);
	struct err err;
	struct buf out;

	(void)state;
	append(&all, one.data, one.len);
	append(&all, none.data, none.len);
	append(&all, two.data, two.len);
	assert_true(inflates(all.data, all.len, 7, &out, &err));
	assert_string_equal(out.data, "one two");
	buf_release(&out);
	assert_false(inflates(all.data, all.len, 6, &out, &err));
	assert_int_equal(err.kind, ERR_REFUSED);

	/* the last one cut off, and damaged */
	assert_false(inflates(all.data, all.len - 1, 100, &out, &err));
	assert_string_equal(err.text, "the gzip data is cut off");
	all.data[all.len - 1] ^= 1;
	assert_false(inflates(all.data, all.len, 100, &out, &err));
	assert_string_equal(err.text,
			    "the gzip data is damaged: incorrect length check");
	free(all.data);
	free(one.data);
	free(none.data);
	free(two.data);
}

/* The ratio is that of all: each is a small part of what came before it. */
static void many_members_are_as_good_as_one(void **state)
{
	char *text = noise(1000);
	struct bytes one = deflated(text, 1000, GZIP), all = { NULL, 0 };
	struct err err;
	struct buf out;

	(void)state;
	for (int n = 0; n < 500; n++)
		append(&all, one.data, one.len);
	assert_true(inflates(all.data, all.len, 500000, &out, &err));
	assert_int_equal(out.len, 500000);
	buf_release(&out);
	free(all.data);
	free(one.data);
	free(text);
}

static const struct {
	const char *bytes;
	size_t len;
	bool ok;
} tails[] = {
	{ "\0\0\0\0", 4, true },  { "\r\n", 2, true },
	{ " \t\n\0", 4, true },	  { "x", 1, false },
	{ "\n\nx", 3, false },	  { "\x1f", 1, false },
	{ "\x1f\x8b", 2, false }, { "\x1f\x8b\0\0\0\0\0\0\0\0", 10, false },
};

static void behind_the_end_there_is_nothing_much(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
		struct bytes gz = deflated("text", 4, GZIP);
		struct err err;
		struct buf out;

		print_message("tail %zu\n", i);
		append(&gz, tails[i].bytes, tails[i].len);
		assert_int_equal(inflates(gz.data, gz.len, 100, &out, &err),
				 tails[i].ok);
		if (tails[i].ok)
			assert_string_equal(out.data, "text");
		else
			assert_int_equal(err.kind, ERR_INPUT);
		buf_release(&out);
		free(gz.data);
	}
}

/* ---- limits ---- */

static bool zeros_inflate(size_t len, size_t ratio, struct err *err)
{
	char *zeros = xcalloc(len, 1);
	struct bytes gz = deflated(zeros, len, GZIP);
	struct buf out;
	bool ok;

	buf_init(&out, len);
	ok = inflate_gzip(gz.data, gz.len, ratio, &out, err);
	buf_release(&out);
	free(zeros);
	free(gz.data);
	return ok;
}

static void the_ratio_matters_where_it_is_much(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_true(zeros_inflate(FREE, 2, &err));
	assert_false(zeros_inflate(FREE + 1, 200, &err));
	assert_int_equal(err.kind, ERR_REFUSED);
	assert_string_equal(err.text,
			    "it inflates to more than 200 times its size");
	assert_true(zeros_inflate(FREE + 1, 1032, &err));
	assert_true(zeros_inflate(MB, 1032, &err));
	assert_false(zeros_inflate(MB, 900, &err));
}

/* As much of zeros as is asked for, made of one piece again and again. */
static struct bytes bomb(size_t size)
{
	static const char header[] = "\x1f\x8b\x08\0\0\0\0\0\0\xff";
	size_t piece = 4 * MB;
	unsigned char *zeros = xcalloc(piece, 1), *room = xmalloc(MB);
	z_stream z = { .next_in = zeros,
		       .avail_in = (uInt)piece,
		       .next_out = room,
		       .avail_out = (uInt)MB };
	struct bytes gz = { NULL, 0 };

	assert_int_equal(
		deflateInit2(&z, 9, Z_DEFLATED, RAW, 9, Z_DEFAULT_STRATEGY),
		Z_OK);
	assert_int_equal(deflate(&z, Z_FULL_FLUSH), Z_OK);
	append(&gz, header, sizeof(header) - 1);
	for (size_t made = 0; made < size; made += piece)
		append(&gz, room, MB - z.avail_out);
	deflateEnd(&z);
	free(zeros);
	free(room);
	return gz;
}

static long peak_kb(void)
{
	struct rusage use;

	getrusage(RUSAGE_SELF, &use);
	return use.ru_maxrss;
}

static void a_bomb_costs_no_more_than_the_limit(void **state)
{
	struct bytes gz = bomb(1024 * MB);
	struct err err = ERR_INIT;
	long before = peak_kb();
	struct buf out;

	(void)state;
	print_message("%zu bytes\n", gz.len);
	assert_in_range(gz.len, 1000000, 1200000);
	buf_init(&out, 2 * MB);
	assert_false(inflate_gzip(gz.data, gz.len, RATIO, &out, &err));
	assert_string_equal(err.text,
			    "it inflates to more than 200 times its size");
	assert_false(inflate_gzip(gz.data, gz.len, 2000, &out, &err));
	assert_int_equal(err.kind, ERR_REFUSED);
	assert_string_equal(err.text, "inflated it is more than 2097152 bytes");
	assert_int_equal(out.cap, 0);
	assert_true(peak_kb() - before < 8 * 1024);
	free(gz.data);
}

static void random_damage_is_survived(void **state)
{
	char *text = noise(2000);
	struct bytes gz = deflated(text, 2000, GZIP);
	unsigned seed = 20261128;
	struct err err;
	struct buf out;

	(void)state;
	for (int n = 0; n < 20000; n++) {
		unsigned char *copy = xmemdup(gz.data, gz.len);

		for (int hits = 1 + rand_r(&seed) % 8; hits; hits--)
			copy[2 + (size_t)rand_r(&seed) % (gz.len - 2)] =
				(unsigned char)rand_r(&seed);
		if (inflates(copy, gz.len, 4000, &out, &err))
			assert_string_equal(out.data, text);
		buf_release(&out);
		free(copy);
	}
	free(text);
	free(gz.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bomb_costs_no_more_than_the_limit),
		cmocka_unit_test(what_was_deflated_comes_back),
		cmocka_unit_test(a_buffer_in_use_is_emptied_first),
		cmocka_unit_test(only_gzip_is_gzip),
		cmocka_unit_test(each_shorter_piece_is_cut_off),
		cmocka_unit_test(a_turned_bit_never_changes_the_text),
		cmocka_unit_test(members_in_a_row_are_one_text),
		cmocka_unit_test(many_members_are_as_good_as_one),
		cmocka_unit_test(behind_the_end_there_is_nothing_much),
		cmocka_unit_test(the_ratio_matters_where_it_is_much),
		cmocka_unit_test(random_damage_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
