#include "cli/mail_box.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

#define ROOM 40

/* Messages as "[...]", with "!" before what was cut. */
static const struct {
	const char *text, *seen;
} cases[] = {
	{ "", "" },
	{ "From", "" },
	{ "A: b\n\nc\n", "" },
	{ "From x\nA: b\n\nc\n", "[A: b\n\nc\n]" },
	{ "From x\n", "[]" },
	{ "From x\nA:\n\nb\n\nFrom y\nC:\n", "[A:\n\nb\n\n][C:\n]" },
	{ "From x\r\nA:\r\n\r\nFrom y\r\nC:\r\n", "[A:\r\n\r\n][C:\r\n]" },
	{ "From x\nA:\n\nb\nFrom y\n", "[A:\n\nb\nFrom y\n]" },
	{ "From x\nA:\n\n>From y\n", "[A:\n\n>From y\n]" },
	{ "From x\nA:\n\nFromage\n", "[A:\n\nFromage\n]" },
	{ "From x\n0123456789012345678901234567890123456789\n\nFrom y\nA:\n",
	  "![A:\n]" },
};

#define MARK "From x@y.test Sat Nov 21 10:00:00 2026\n"

/* A pipe: what is a message of its own only behind a line that is none of text. */
static const struct {
	const char *text, *seen;
} piped[] = {
	{ "", "[]" },
	{ "A: b\n\nc\n", "[A: b\n\nc\n]" },
	{ MARK "A:\n\nb\n\n" MARK "C:\n", "[A:\n\nb\n\n][C:\n]" },
	{ MARK "A:\n\n" MARK "C:\n\n" MARK "D: e\n",
	  "[A:\n\n][C:\n\n][D: e\n]" },
	/* without the first line, a time, a header or an empty line before */
	{ "A:\n\n" MARK "C:\n", "[A:\n\n" MARK "C:\n]" },
	{ MARK "A:\n\nFrom here on\nC:\n", "[A:\n\nFrom here on\nC:\n]" },
	{ MARK "A:\n\nFrom x 9:00\nB\n", "[A:\n\nFrom x 9:00\nB\n]" },
	{ MARK "A:\n\n" MARK "text: \n", "[A:\n\n][text: \n]" },
	{ MARK "A:\n\n" MARK "a text\n", "[A:\n\n" MARK "a text\n]" },
	{ MARK "A:\n\n" MARK "\nC:\n", "[A:\n\n" MARK "\nC:\n]" },
	{ MARK "A:\n\n" MARK, "[A:\n\n" MARK "]" },
	{ MARK "A:\n\nb\n" MARK "C:\n", "[A:\n\nb\n" MARK "C:\n]" },
	{ MARK "A:\n\n>" MARK "C:\n", "[A:\n\n>" MARK "C:\n]" },
};

static void a_pipe_may_have_several(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(piped); i++) {
		FILE *from = tmpfile();
		struct mail_box box = { .from = from, .is_piped = true };
		struct buf message, seen;
		bool is_whole;

		print_message("%s\n", piped[i].text);
		fputs(piped[i].text, from);
		rewind(from);
		buf_init(&message, 1000);
		buf_init(&seen, 1000);
		while (mail_box_next(&box, &message, &is_whole))
			buf_printf(&seen, "[%s]", message.data);
		assert_string_equal(seen.data, piped[i].seen);
		buf_release(&message);
		buf_release(&seen);
		fclose(from);
	}
}

static void boxes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		FILE *from = fmemopen((char *)cases[i].text,
				      strlen(cases[i].text) + 1, "r");
		struct mail_box box = { .from = from };
		struct buf message, seen;
		bool is_whole;

		print_message("%s\n", cases[i].text);
		assert_int_equal(fseek(from, 0, SEEK_SET), 0);
		buf_init(&message, ROOM);
		buf_init(&seen, 1000);
		while (mail_box_next(&box, &message, &is_whole)) {
			/* fmemopen() gives the NUL behind the text, too. */
			if (is_whole)
				buf_printf(&seen, "[%s]", message.data);
			else
				buf_puts(&seen, "!");
		}
		assert_string_equal(seen.data, cases[i].seen);
		buf_release(&message);
		buf_release(&seen);
		fclose(from);
	}
}

/* A disk that gives a message, and then an error for ever. */
static ssize_t read_some(void *given, char *buf, size_t size)
{
	static const char text[] = "From x\nA: b\n\nhello";

	if (*(bool *)given || size < sizeof(text)) {
		errno = EIO;
		return -1;
	}
	*(bool *)given = true;
	memcpy(buf, text, sizeof(text) - 1);
	return sizeof(text) - 1;
}

static void a_file_that_cannot_be_read_ends(void **state)
{
	cookie_io_functions_t disk = { .read = read_some };
	bool given = false, is_whole;
	FILE *from = fopencookie(&given, "r", disk);
	struct mail_box box = { .from = from };
	struct buf message;
	unsigned n = 0;

	(void)state;
	buf_init(&message, ROOM);
	while (n < 10 && mail_box_next(&box, &message, &is_whole))
		n++;
	assert_int_equal(n, 1);
	assert_true(ferror(from));
	buf_release(&message);
	fclose(from);
}

static const struct {
	const char *text, *left;
} envelopes[] = {
	{ "From x y\nA: b\n", "A: b\n" },
	{ "From: x\nA: b\n", NULL },
	{ "A: b\n", NULL },
	{ "From x", NULL },
	{ "", NULL },
};

static void an_envelope_is_skipped(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(envelopes); i++) {
		const char *data = envelopes[i].text;
		const char *left = envelopes[i].left;
		size_t len = strlen(data);

		mail_skip_envelope(&data, &len);
		assert_string_equal(data, left ? left : envelopes[i].text);
		assert_int_equal(len, strlen(data));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(boxes),
		cmocka_unit_test(a_pipe_may_have_several),
		cmocka_unit_test(a_file_that_cannot_be_read_ends),
		cmocka_unit_test(an_envelope_is_skipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
